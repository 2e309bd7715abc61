"""Which bars of another instrument are known at each bar (SEMANTICS 2.11), worked out by hand."""

import pandas as pd
import pytest

from btkit.markets import Interval, known_bars

DAY, HOUR, WEEK, MONTH = (Interval.parse(label) for label in ("1d", "1h", "1w", "1mo"))


def dates(*days):
    return pd.DatetimeIndex([f"2024-{day}" for day in days])


def utc(*times):
    return pd.DatetimeIndex([f"2024-{time}" for time in times], tz="UTC")


def known(index, other, interval, own="XNYS", its="XNYS"):
    found = known_bars(index, other, interval, calendar=own, other_calendar=its)
    return found.last.tolist()


# Easter Monday 2024 is 1 April, May Day Monday 6 May: London is closed, New York is open. On
# 27 May both are closed; on 19 June New York alone.
@pytest.mark.parametrize(
    ("index", "other", "interval", "own", "its", "expected"),
    [
        # London closes at 15:30 UTC, New York at 20:00: it is known on its own day
        (dates("05-02", "05-03"), dates("05-02", "05-03"), DAY, "XNYS", "XLON", [0, 1]),
        # but New York's close comes after London's
        (dates("05-02", "05-03"), dates("05-02", "05-03"), DAY, "XLON", "XNYS", [-1, 0]),
        # Tokyo closes at 06:00 UTC
        (dates("05-08", "05-09"), dates("05-08", "05-09"), DAY, "XLON", "XTKS", [0, 1]),
        # a holiday of the other: its last bar stays
        (dates("05-03", "05-06", "05-07"), dates("05-03", "05-07"), DAY, "XNYS", "XLON", [0, 0, 1]),
        # a holiday of one's own: two bars have come
        (dates("06-18", "06-20"), dates("06-18", "06-19", "06-20"), DAY, "XNYS", "XLON", [0, 2]),
        # a day of a market that never closes ends at midnight UTC, after New York's close
        (dates("05-03", "05-06"), dates("05-02", "05-03", "05-04", "05-05", "05-06"), DAY,
         "XNYS", "24/7", [0, 3]),
        # and weekends have New York's Friday
        (dates("05-03", "05-04", "05-05", "05-06"), dates("05-03", "05-06"), DAY,
         "24/7", "XNYS", [0, 0, 0, 1]),
        # a bar on a day that is no session, at the hour of the session before
        (dates("05-03", "05-04", "05-06"), dates("05-04"), DAY, "XNYS", "XNYS", [-1, 0, 0]),
        # weeks close with their last session: on Thursday before Good Friday
        (dates("03-25", "04-01"), dates("03-25", "04-01"), WEEK, "XNYS", "XNYS", [0, 1]),
        # a month that closes later the same evening counts from the next month on
        (dates("04-01", "05-01"), dates("04-01", "05-01"), MONTH, "XLON", "XNYS", [-1, 0]),
        (dates("04-01", "05-01"), dates("04-01", "05-01"), MONTH, "XNYS", "XLON", [0, 1]),
        # hours: a bar is known when it is over, not when it begins
        (utc("05-02 13:30", "05-02 14:30"), utc("05-02 13:00", "05-02 14:00"), HOUR,
         "XNYS", "24/7", [0, 1]),
        # the last hour of New York is cut by the close at 20:00
        (utc("05-02 18:30", "05-02 19:30"), utc("05-02 18:00", "05-02 19:00"), HOUR,
         "XNYS", "24/7", [0, 1]),
        (utc("05-02 19:00", "05-02 20:00"), utc("05-02 18:30", "05-02 19:30"), HOUR,
         "24/7", "XNYS", [1, 1]),
        # a source that cuts by the clock: the first bar is over at 14:00, when the next one opens
        (utc("05-02 13:30", "05-02 14:00"), utc("05-02 13:15"), HOUR, "XNYS", "24/7", [-1, 0]),
        # the other's length counts in full, since its next bar may not be known
        (utc("05-02 13:00", "05-02 14:00"), utc("05-02 13:30", "05-02 14:00"), HOUR,
         "24/7", "XNYS", [-1, 1]),
    ],
)  # fmt: skip
def test_the_last_bar_that_closed_no_later(index, other, interval, own, its, expected):
    assert known(index, other, interval, own, its) == expected


def test_missed_sessions_are_those_of_the_other_that_closed_since():
    days = dates("05-02", "05-03", "05-06", "05-07", "05-08", "05-09", "05-10")
    in_new_york = known_bars(days, days[:1], DAY, calendar="XNYS", other_calendar="XNYS")
    assert in_new_york.missed.tolist() == [0, 1, 2, 3, 4, 5, 6]
    # on May Day London has no session
    its = known_bars(days, days[:1], DAY, calendar="XNYS", other_calendar="XLON")
    assert its.missed.tolist() == [0, 1, 1, 2, 3, 4, 5]
    # New York's session of the day is not over when London closes
    later = known_bars(days[1:], days[:1], DAY, calendar="XLON", other_calendar="XNYS")
    assert later.missed.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_bar_within_a_session_is_as_old_as_the_sessions_that_closed_after_its_own():
    other = utc("05-02 14:30")
    own = utc("05-02 15:30", "05-02 19:30", "05-03 13:30", "05-03 19:30", "05-06 19:30")
    found = known_bars(own, other, HOUR, calendar="XNYS", other_calendar="XNYS")
    assert found.missed.tolist() == [0, 0, 0, 1, 2]


def test_without_any_bar_none_is_known():
    days = dates("05-02", "05-03")
    assert known(days, days[:0], DAY) == [-1, -1]
    assert known(days[:0], days, DAY) == []
