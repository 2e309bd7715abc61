"""Events that users bring: what their names say on each bar, and what was known when."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from btkit.errors import UsageError
from btkit.indicators import EventDay, FeatureSet, UserEvents
from btkit.indicators.user_events import refuse_event_name

NAN = math.nan
EVENTS = UserEvents(
    {
        "earnings": (
            EventDay(date(2024, 1, 25), "AAPL", date(2024, 1, 10)),
            EventDay(date(2024, 2, 1), "MSFT"),
            EventDay(date(2024, 5, 2), "AAPL", date(2024, 4, 12)),
        ),
        "halving": (EventDay(date(2024, 4, 20)),),
    }
)


def features(events, dates, symbol=None):
    index = pd.DatetimeIndex(dates)
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0), index=index)
    return FeatureSet(bars, bars_per_year=252.0, events=events.of(symbol))


@pytest.mark.parametrize(
    ("name", "day", "symbol", "expected"),
    [
        ("halving_day", "2024-04-20", None, 1),
        ("halving_day", "2024-04-19", "AAPL", 0),
        ("halving_day", "2010-01-04", None, 0),
        ("halving_day", "2024-04-21", None, NAN),  # the file ends
        ("days_to_halving", "2024-04-20", None, 0),
        ("days_to_halving", "2023-04-20", None, 366),
        ("days_to_halving", "2024-04-21", None, NAN),
        ("halving_within_0d", "2024-04-20", None, 1),
        ("halving_within_0d", "2024-04-19", None, 0),
        ("halving_within_30d", "2024-03-21", None, 1),
        ("halving_within_30d", "2024-03-20", None, 0),
        ("halving_within_99999d", "1999-01-04", None, 1),
        ("days_to_earnings", "2024-01-10", "AAPL", 15),
        ("days_to_earnings", "2024-01-10", "aapl", 15),
        ("days_to_earnings", "2024-01-09", "AAPL", NAN),  # not announced yet
        ("days_to_earnings", "2024-01-26", "AAPL", NAN),
        ("days_to_earnings", "2024-04-12", "AAPL", 20),
        ("days_to_earnings", "2024-01-10", "MSFT", 22),
        ("earnings_within_15d", "2024-01-10", "AAPL", 1),
        ("earnings_within_20d", "2024-01-09", "AAPL", 0),  # not announced yet
        ("earnings_day", "2024-01-25", "AAPL", 1),
        ("earnings_day", "2024-01-25", "MSFT", 0),
        ("earnings_day", "2024-01-25", "SPX", NAN),
        ("earnings_day", "2024-01-25", None, NAN),
        ("earnings_within_5d", "2024-01-19", "AAPL", 0),
        ("earnings_within_5d", "2024-01-20", "AAPL", 1),
        ("earnings_within_7d", "2024-01-18", "AAPL", 1),
        ("earnings_within_7d", "2024-05-03", "AAPL", NAN),
        ("earnings_within_5d", "2024-01-25", "SPX", 0),
        ("prev_halving_day", "2024-04-20", None, NAN),
    ],
)
def test_what_a_name_says(name, day, symbol, expected):
    found = features(EVENTS, [day], symbol).column(name)
    assert found.tolist() == pytest.approx([expected], nan_ok=True)


def plain(name, n, day, rows):
    """The rules of each name, read bar by bar."""
    if day > max(when for when, _ in rows) - (
        pd.Timedelta(days=n) if name == "within" else pd.Timedelta(0)
    ):
        outside = True
    else:
        outside = False
    visible = [when for when, known in rows if when >= day and (known is None or known <= day)]
    if name == "day":
        return NAN if outside else float(any(when == day for when, _ in rows))
    if name == "days_to":
        return NAN if outside or not visible else float((min(visible) - day).days)
    hit = any((when - day).days <= n for when in visible)
    return 1.0 if hit else NAN if outside else 0.0


MOMENTS = st.dates(date(2023, 12, 1), date(2024, 3, 1))


@given(
    st.lists(st.tuples(MOMENTS, st.none() | st.integers(0, 40)), min_size=1, max_size=8),
    st.integers(0, 20),
)
def test_every_name_is_what_a_plain_loop_says(rows, n):
    rows = [
        (day, None if ahead is None else day - pd.Timedelta(days=ahead).to_pytimedelta())
        for day, ahead in rows
    ]
    events = UserEvents({"talk": tuple(EventDay(day, None, known) for day, known in rows)})
    dates = pd.date_range("2023-11-20", "2024-03-10")
    found = features(events, dates)
    for kind, name in (
        ("day", "talk_day"), ("days_to", "days_to_talk"), ("within", f"talk_within_{n}d")
    ):  # fmt: skip
        expected = [plain(kind, n, day, rows) for day in dates.date]
        np.testing.assert_array_equal(found.column(name), expected, err_msg=name)


@given(st.integers(1, 99))
def test_no_bar_reads_what_only_later_bars_can_know(cut):
    # Rows that become known after a bar change nothing there.
    dates = pd.date_range("2024-01-01", periods=100)
    seen = dates[cut]
    later = UserEvents(
        {
            "talk": (
                EventDay(date(2024, 1, 15)),
                EventDay(seen.date(), None, seen.date()),
                EventDay(date(2024, 6, 1), None, seen.date()),
            )
        }
    )
    before = UserEvents(
        {"talk": (EventDay(date(2024, 1, 15)), EventDay(date(2024, 6, 1), None, date(2024, 6, 1)))}
    )
    for name in ("talk_day", "days_to_talk", "talk_within_10d"):
        np.testing.assert_array_equal(
            features(later, dates).column(name)[:cut], features(before, dates).column(name)[:cut]
        )


def test_what_is_not_known_is_told():
    dates = ["2023-01-03", "2024-01-25", "2024-02-05", "2024-05-03"]
    found = features(EVENTS, dates, "AAPL")
    # Before the first date the file may lack some, after the last one it ends.
    assert found.unknown("earnings_day").tolist() == [True, False, False, True]
    assert found.unknown("days_to_earnings").tolist() == [True, False, False, True]
    assert found.unknown("earnings_within_5d").tolist() == [True, False, False, True]
    assert not found.fallback("earnings_within_5d").any()
    without = features(EVENTS, dates, "SPX")
    assert without.fallback("earnings_within_7d").all()
    assert not without.unknown("earnings_within_7d").any()
    assert without.unknown("earnings_day").all()


def test_an_event_that_nobody_brought_has_no_column():
    with pytest.raises(UsageError, match="no indicator 'fork_day'"):
        features(EVENTS, ["2024-01-02"]).column("fork_day")
    with pytest.raises(UsageError, match="no indicator 'fomc_within_9d'"):
        features(EVENTS, ["2024-01-02"]).column("fomc_within_9d")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("fomc", "cannot be redefined"),
        ("cpi", "cannot be redefined"),
        ("fomc_meeting", "would make 'fomc_meeting_day'"),
        ("days_to_x", "reads like a name"),
        ("x_day", "reads like a name"),
        ("x_within_3d", "reads like a name"),
        ("prev_x", "reads like a name"),
        ("Earnings", "lower-case"),
        ("a b", "lower-case"),
        ("9a", "lower-case"),
        ("", "lower-case"),
        ("\u0435arnings", "lower-case"),
        ("x" * 51, "at most 50"),
        ("earnings", None),
        ("opec_meeting", None),
    ],
)
def test_names_that_an_event_cannot_have(name, why):
    refusal = refuse_event_name(name)
    assert (refusal is None) if why is None else (why in refusal)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("days_to_earning", "days_to_earnings"),
        ("prev_halvings_within_10d", "prev_halving_within_10d"),
        ("days_until_halving", "days_to_halving"),
        ("halvingday", "halving_day"),
        ("close", None),
    ],
)
def test_the_name_that_was_meant(written, meant):
    assert EVENTS.closest(written) == meant


def test_the_names_are_documented():
    names = [entry.name for entry in EVENTS.indicators()]
    assert names == [
        "earnings_day", "days_to_earnings", "earnings_within_<n>d",
        "halving_day", "days_to_halving", "halving_within_<n>d",
    ]  # fmt: skip
    within = EVENTS.indicators()[2]
    assert within.formula == "0 <= next earnings known of - date <= n"
    assert "0 to n calendar days ahead" in within.meaning


def test_what_is_kept_of_a_run_is_what_its_names_read():
    kept = EVENTS.only(["prev_days_to_earnings", "close", "fork_day"], symbols=["aapl"])
    assert list(kept.calendars) == ["earnings"]
    assert [one.symbol for one in kept.calendars["earnings"]] == ["AAPL", "AAPL"]
    assert UserEvents.from_json(kept.to_json()) == kept
    assert kept.fingerprint() != EVENTS.only(["earnings_day"], symbols=["MSFT"]).fingerprint()
    assert UserEvents().fingerprint() is None
    # A name without a date for this instrument is still a name.
    assert EVENTS.only(["earnings_day"], symbols=["SPX"]).knows("earnings_day")
