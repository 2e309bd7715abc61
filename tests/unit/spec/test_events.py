"""Events of one's own: the file, what of it is refused, and the names that specs may then read."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from support.specs import rules, spread

from btkit.errors import SpecError, UsageError
from btkit.indicators import EventDay
from btkit.settings import Settings
from btkit.spec import dump_spec, load_spec, read_events, spec_hash

CSV = """name,date,symbol,known_from
earnings,2024-05-02,AAPL,2024-04-12
earnings,2024-02-01,aapl,
halving,2024-04-20,,
halving,2024-04-20,,
"""


@pytest.fixture
def file(tmp_path):
    def write(text, *, encoding="utf-8"):
        path = tmp_path / "events.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_a_file_is_read(file):
    events = read_events(file(CSV))
    assert dict(events.calendars) == {
        "earnings": (
            EventDay(date(2024, 2, 1), "AAPL"),
            EventDay(date(2024, 5, 2), "AAPL", date(2024, 4, 12)),
        ),
        "halving": (EventDay(date(2024, 4, 20)),),
    }


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffName, Date\r\nhalving, 2024-04-20\r\n\r\n",
        "date,name,symbol,known_from\n2024-04-20,halving,,\n",
        'name,date,symbol\n"halving","2024-04-20"\n',
        "name,date\nhalving,2024-04-20 00:00:00\n",
    ],
)
def test_as_it_may_be_written(file, text):
    assert read_events(file(text)).calendars == {"halving": (EventDay(date(2024, 4, 20)),)}


def test_a_table_is_as_good_as_a_file(file):
    table = pd.read_csv(file(CSV), parse_dates=["date", "known_from"])
    assert read_events(table) == read_events(file(CSV))
    assert read_events(pd.DataFrame({"name": ["x"], "date": [date(2024, 1, 2)]})).knows("x_day")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column 'name' and has no column 'date'"),
        ("name,when\nx,2024-01-02\n", "has no column 'date' and has a column 'when'"),
        ("name,date\nfomc,2024-01-02\n", "Row 2 of .*: 'fomc' is an event of btkit's own"),
        ("name,date\ncpi,2024-01-02\n", "cannot be redefined"),
        (
            "name,date\nx,2024-01-02\nx,\nx,soon\n",
            r"Row 3 of .*: date is '', .*\(and 1 more rows\)",
        ),
        ("name,date\nx,01/02/2024\n", "'01/02/2024', which is no date"),
        ("name,date\nx,2024-01-02 15:30\n", "which is no date"),
        ("name,date,known_from\nx,2024-01-02,2024-01-03\n", "known_from 2024-01-03 is after"),
        ("name,date\nEarnings,2024-01-02\n", "lower-case"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(file, text, message):
    with pytest.raises(UsageError, match=message) as caught:
        read_events(file(text))
    assert "name, date" in caught.value.hint


def test_a_file_that_cannot_be_read(file, tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UsageError, match="cannot be read") as caught:
            read_events(path)
        assert "BT_EVENTS names a CSV file" in caught.value.hint
    with pytest.raises(UsageError, match="cannot be read"):
        read_events(file("name,date\nx\u00e9,2024-01-02\n", encoding="latin-1"))


@pytest.mark.parametrize("value", [5, b"x", ["events.csv"], pd.Series([1]), "a\0b"])
def test_what_are_no_events(value):
    with pytest.raises(UsageError) as caught:
        load_spec(rules(), events=value)
    assert "name, date" in caught.value.hint


def test_a_file_that_changed_is_read_again(file):
    assert not read_events(file(CSV)).knows("fork_day")
    assert read_events(file(CSV + "fork,2024-04-20,,\n")).knows("fork_day")


READS = rules(
    entry_conditions=["days_to_earnings > {days}", "not prev_halving_day"],
    exit_conditions=["earnings_within_{days}d or earnings_within_5d"],
    position_sizing_formula="100 - days_to_halving",
    parameters={"days": 3},
)


def test_conditions_may_read_what_a_file_has(file):
    path = file(CSV)
    by_setting = load_spec(READS, settings=Settings(events=path))
    by_argument = load_spec(READS, settings=Settings.model_construct(), events=path)
    assert by_setting == by_argument
    # They stay with the spec, and a change of it is checked with them.
    assert by_setting.replace(parameters={"days": 9}).events == by_setting.events
    with pytest.raises(SpecError, match="days_to_forks"):
        by_setting.replace(stop_conditions=["days_to_forks < 3"])
    read = by_setting.events_read("AAPL")
    assert {name: len(days) for name, days in read.calendars.items()} == {
        "earnings": 2, "halving": 1
    }  # fmt: skip
    assert [len(days) for days in by_setting.events_read("SPX").calendars.values()] == [0, 1]
    assert (
        load_spec(spread(stop_conditions=["halving_day"]), events=path)
        .events_read("X")
        .knows("days_to_halving")
    )
    # What a spec says is what its text says; the events are counted apart.
    assert dump_spec(by_setting) == dump_spec(
        load_spec(READS, events=file(CSV + "fork,2024-04-20,,\n"))
    )
    assert spec_hash(by_setting) == spec_hash(by_argument)


def test_the_environment_names_the_file(file, monkeypatch):
    monkeypatch.setenv("BT_EVENTS", str(file(CSV)))
    assert load_spec(READS).events.knows("halving_day")


def test_a_loaded_spec_takes_other_events(file):
    spec = load_spec(READS, events=file(CSV))
    other = load_spec(spec, events=file(CSV + "fork,2024-04-20,,\n"))
    assert other.events.knows("fork_day")
    with pytest.raises(SpecError, match="days_to_earnings"):
        load_spec(spec, events=pd.DataFrame({"name": ["halving"], "date": ["2024-04-20"]}))


@pytest.mark.parametrize(
    ("condition", "hint"),
    [
        ("days_to_earning > 3", "did you mean 'days_to_earnings'?"),
        ("earnings_in_5d", "did you mean 'earnings_"),
        ("halving_within_05d", "did you mean 'halving_within_5d'?"),
        ("halvings_day", "did you mean 'halving_day'?"),
        ("fomc_within_9d", "did you mean 'fomc_within_3d'?"),
    ],
)
def test_a_misspelt_name_is_told_with_the_one_that_was_meant(file, condition, hint):
    with pytest.raises(SpecError) as caught:
        load_spec(rules(entry_conditions=[condition]), events=file(CSV))
    (problem,) = caught.value.problems
    assert problem.message.startswith("unknown name")
    assert problem.hint.startswith(hint)
    assert ("BT_EVENTS" in problem.hint) is False


def test_without_a_file_the_hint_says_where_events_come_from():
    with pytest.raises(SpecError) as caught:
        load_spec(rules(entry_conditions=["days_to_halving > 3"]))
    (problem,) = caught.value.problems
    assert "BT_EVENTS names a CSV with the dates of events, such as halving" in problem.hint
