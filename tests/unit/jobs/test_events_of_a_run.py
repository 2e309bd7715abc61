"""A run, its report, a sweep and what comes back to it later read the same events."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from support.broken_off import numbers, write_bars
from support.random_bars import make_bars
from support.specs import rules

import btkit as bt
from btkit.errors import SpecError
from btkit.jobs import list_runs, load_document, resume, run, verify
from btkit.jobs.verbs import sweep, walk_forward

SPEC = rules(
    entry_conditions=["talk_within_{days}d", "not in_position"],
    exit_conditions=["talk_day"],
    position_sizing_formula="capital * 0.4 / close",
    parameters={"days": 4},
)
EVENTS = """name,date,symbol,known_from
talk,2020-01-22,TINY,
talk,2020-02-12,,2020-02-05
talk,2020-03-04,OTHER,
talk,2020-03-18,,
fork,2020-02-20,,
"""


class Stopped:
    """Progress that stops the run, as Ctrl-C does, once so much is done."""

    def __init__(self, bar):
        self.bar = bar

    @contextmanager
    def stage(self, _name):
        yield lambda _text: None

    def count(self, done, _total, _unit):
        if done >= self.bar:
            raise KeyboardInterrupt


@pytest.fixture
def place(settings, tmp_path):
    days = write_bars(tmp_path / "bars")
    file = tmp_path / "events.csv"
    file.write_text(EVENTS, encoding="utf-8")
    known = settings.model_copy(
        update={
            "data_source": "files",
            "data_dir": tmp_path / "bars",
            "events": file,
            "min_trades_required": 1,
        }
    )
    return known, days, file


def test_a_run_trades_by_the_events_of_its_symbol(place):
    settings, days, _ = place
    result = run(SPEC, "TINY", *days, settings=settings)
    # Seen four days ahead at the close, filled at the next open; left at the open after the talk.
    assert [str(when.date()) for when in result.trades["entry_date"]] == [
        "2020-01-21", "2020-02-11", "2020-03-17"
    ]  # fmt: skip
    assert [str(when.date()) for when in result.trades["exit_date"]] == [
        "2020-01-23", "2020-02-13", "2020-03-19"
    ]  # fmt: skip
    assert [warning["code"] for warning in result.warnings if "calendar" in warning["code"]] == [
        "calendar_ends"
    ]


def test_the_report_has_what_was_read_and_verify_needs_no_file(place):
    settings, days, file = place
    run_id = run(SPEC, "TINY", *days, settings=settings).run_id
    provenance = load_document(run_id, settings=settings)["provenance"]
    assert provenance["events"] == {
        "talk": [
            {"date": "2020-01-22", "symbol": "TINY", "known_from": None},
            {"date": "2020-02-12", "symbol": None, "known_from": "2020-02-05"},
            {"date": "2020-03-18", "symbol": None, "known_from": None},
        ]
    }
    assert len(provenance["events_hash"]) == 64
    file.unlink()
    assert verify(run_id, settings=settings)["reproduced"]
    without = settings.model_copy(update={"events": None})
    assert verify(run_id, settings=without)["reproduced"]
    plain = run(rules(), "TINY", *days, settings=without).run_id
    kept = load_document(plain, settings=without)["provenance"]
    assert (kept["events_hash"], kept["events"]) == (None, {})


def test_a_run_that_is_resumed_reads_what_it_began_with(place):
    settings, days, file = place
    settings = settings.model_copy(update={"checkpoint_bars": 1})
    whole = numbers(run(SPEC, "TINY", *days, settings=settings).run_id, settings)
    with pytest.raises(KeyboardInterrupt):
        run(SPEC, "TINY", *days, settings=settings, progress=Stopped(30))
    file.write_text(EVENTS.replace("2020-03-18", "2020-03-10"), encoding="utf-8")
    (broken,) = [row for row in list_runs(settings=settings) if row["status"] == "cancelled"]
    resumed = resume(broken["run_id"], settings=settings)
    assert numbers(resumed.run_id, settings) == whole


def test_a_sweep_may_choose_among_events(place):
    settings, days, file = place
    file.write_text("name,date\nday1,2020-01-22\nday2,2020-02-12\n", encoding="utf-8")
    spec = SPEC | {
        "entry_conditions": ["day{k}_day"],
        "exit_conditions": [],
        "parameters": {"k": 1},
    }
    swept = sweep(spec, "TINY", *days, parameters={"k": [1, 2]}, settings=settings)
    assert list(swept.spec.events_read("TINY").calendars) == ["day1", "day2"]
    for rank in (1, 2):
        alone = swept.run(rank)
        entered = str(alone.trades["entry_date"].iloc[0].date())
        assert entered == {1: "2020-01-23", 2: "2020-02-13"}[alone.spec.parameters["k"]]
    file.write_text(file.read_text() + "day2,2020-03-10\n", encoding="utf-8")
    again = sweep(spec, "TINY", *days, parameters={"k": [1, 2]}, settings=settings)
    assert again.sweep_id != swept.sweep_id


@pytest.mark.parametrize("kind", ["sweep", "walk-forward"])
def test_what_was_stopped_goes_on_with_the_events_that_it_began_with(place, kind):
    settings, days, file = place
    settings = settings.model_copy(update={"checkpoint_bars": 1})
    ask = {
        "sweep": lambda **more: sweep(
            SPEC, "TINY", *days, parameters={"days": [1, 4, 30]}, settings=settings, **more
        ),
        "walk-forward": lambda **more: walk_forward(
            SPEC, "TINY", *days, windows=1, is_ratio=0.5, optimize={"days": [2, 4]},
            settings=settings, **more,
        ),
    }[kind]  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        ask(progress=Stopped(1))
    (job,) = [row for row in list_runs(settings=settings) if row["kind"] == kind]
    file.unlink()
    resume(job["run_id"], settings=settings.model_copy(update={"events": None}))
    (job,) = [row for row in list_runs(settings=settings) if row["kind"] == kind]
    assert job["status"] == "complete"


def test_a_sweep_over_the_days_is_so_many_runs(place):
    settings, days, file = place
    swept = sweep(SPEC, "TINY", *days, parameters={"days": [1, 4, 30]}, settings=settings)
    for place_, count in enumerate((1, 4, 30)):
        alone = run({**SPEC, "parameters": {"days": count}}, "TINY", *days, settings=settings)
        assert swept.table["total_return"].iloc[place_] == alone.metrics.total_return
        assert swept.table["total_trades"].iloc[place_] == alone.metrics.total_trades
    # Other dates are another question, those of an event that is not read are not.
    same = sweep(SPEC, "TINY", *days, parameters={"days": [1, 4, 30]}, settings=settings)
    assert same.sweep_id == swept.sweep_id
    file.write_text(EVENTS.replace("2020-03-18", "2020-03-17"), encoding="utf-8")
    other = sweep(SPEC, "TINY", *days, parameters={"days": [1, 4, 30]}, settings=settings)
    assert other.sweep_id != swept.sweep_id


def test_a_walk_forward_hands_the_events_to_its_parts(place):
    settings, days, _ = place
    made = walk_forward(
        SPEC, "TINY", *days, windows=1, is_ratio=0.5, optimize={"days": [2, 4]}, settings=settings
    )
    (outside,) = made.out_of_sample
    assert len(outside.trades)
    assert [row["date"] for row in made.report.provenance.events["talk"]] == [
        "2020-01-22", "2020-02-12", "2020-03-18"
    ]  # fmt: skip


def test_simulate_reads_no_environment(place, monkeypatch):
    _, _, file = place
    monkeypatch.setenv("BT_EVENTS", str(file))
    bars = make_bars(60)
    with pytest.raises(SpecError, match="talk_within_4d"):
        bt.simulate(SPEC, bars)
    # Bars without a symbol have the dates of all.
    spec = rules(entry_conditions=["days_to_fork == 3000"], exit_conditions=["talk_day"])
    assert bt.simulate(bt.load_spec(spec), bars).features["talk_day"].sum() == 0
