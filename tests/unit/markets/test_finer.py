"""Which bars of a finer interval lie inside each bar."""

from __future__ import annotations

import pandas as pd
import pytest

from btkit.errors import UsageError
from btkit.markets import Interval, bar_spans, bars_inside, check_finer

DAY, WEEK, MONTH = (Interval.parse(text) for text in ("1d", "1w", "1mo"))
HOUR, HALF = Interval.parse("1h"), Interval.parse("30m")


def utc(*times):
    return pd.DatetimeIndex(pd.to_datetime(list(times)).tz_localize("UTC"))


def days(*dates):
    return pd.to_datetime(list(dates))


def inside(index, interval, finer_index, finer, calendar="XNYS"):
    first, after = bars_inside(index, interval, finer_index, finer, calendar=calendar)
    return list(zip(first.tolist(), after.tolist(), strict=True))


@pytest.mark.parametrize(
    ("interval", "finer"),
    [("1d", "1m"), ("1d", "7m"), ("1h", "30m"), ("1w", "1d"), ("3mo", "1d"), ("1mo", "1h")],
)
def test_what_nests_is_taken(interval, finer):
    check_finer(Interval.parse(interval), Interval.parse(finer))


@pytest.mark.parametrize(
    ("interval", "finer"),
    [
        ("1d", "1d"),
        ("1d", "1w"),
        ("1h", "1h"),
        ("1h", "1d"),
        ("1h", "7m"),
        ("1m", "1m"),
        ("1mo", "1w"),
        ("1w", "1w"),
    ],
)
def test_what_does_not_is_refused(interval, finer):
    with pytest.raises(UsageError, match=f"bars of {finer} do not lie inside bars of {interval}"):
        check_finer(Interval.parse(interval), Interval.parse(finer))


def test_hours_of_a_session_and_what_lies_outside_of_it():
    # New York in winter: 14:30 to 21:00. The second hour is cut by the opening.
    hourly = utc(*(f"2024-01-03 {hour:02}:00" for hour in (13, 14, 15, 19, 20, 21)))
    assert inside(days("2024-01-02", "2024-01-03", "2024-01-04"), DAY, hourly, HOUR) == [
        (0, 0),
        (1, 5),
        (6, 6),
    ]


def test_a_session_that_opens_the_evening_before():
    # Futures: the session of 3 January opens at 23:00 UTC on the 2nd and closes at 23:00.
    hourly = utc("2024-01-02 22:00", "2024-01-02 23:00", "2024-01-03 22:00", "2024-01-03 23:00")
    assert inside(days("2024-01-03"), DAY, hourly, HOUR, "CMES") == [(1, 3)]


def test_intraday_bars_end_with_their_length_their_session_or_the_next_bar():
    # By the clock the first hour ends early.
    coarse = utc("2024-01-03 14:30", "2024-01-03 15:00", "2024-01-03 20:00")
    halves = utc(*(f"2024-01-03 {time}" for time in ("14:30", "15:00", "15:30", "16:00", "20:30")))
    assert inside(coarse, HOUR, halves, HALF) == [(0, 1), (1, 3), (4, 5)]


def test_weeks_and_months_have_their_sessions():
    # Good Friday is on 29 March.
    daily = days("2024-03-22", "2024-03-25", "2024-03-28", "2024-04-01", "2024-04-30")
    assert inside(days("2024-03-25", "2024-04-01"), WEEK, daily, DAY) == [(1, 3), (3, 4)]
    assert inside(days("2024-03-01", "2024-04-01"), MONTH, daily, DAY) == [(0, 3), (3, 5)]
    begins, ends = bar_spans(days("2024-03-25"), WEEK, calendar="XNYS")
    spans = pd.to_datetime([begins[0], ends[0]])
    assert spans.tolist() == [
        pd.Timestamp("2024-03-25 13:30"),
        pd.Timestamp("2024-03-28 20:00"),
    ]


def test_of_nothing_nothing_lies_inside():
    assert inside(days("2024-01-03"), DAY, utc(), HOUR) == [(0, 0)]
    assert inside(days(), DAY, utc("2024-01-03 15:00"), HOUR) == []
