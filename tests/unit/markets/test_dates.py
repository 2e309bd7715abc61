"""What is a day, a moment and a range of them, whoever says it."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from btkit.errors import UsageError
from btkit.markets import as_bar_time, read_day, read_days, read_moment, read_range

DAY = pd.Timestamp("2024-02-29")


@pytest.mark.parametrize(
    "value",
    ["2024-02-29", " 2024-02-29 ", "20240229", "2024-02-29T00:00:00", "2024-02-29 00:00",
     "2024-02-29T00:00:00+00:00", dt.date(2024, 2, 29), DAY, DAY.tz_localize("Asia/Tokyo"),
     dt.datetime(2024, 2, 29, 12),  # noqa: DTZ001 - naive on purpose
     np.datetime64("2024-02-29"), np.datetime64("2024-02-29T12", "s")],
)  # fmt: skip
def test_a_day_in_its_usual_forms(value):
    assert read_day(value, name="start") == dt.date(2024, 2, 29)
    assert read_range(value, value, intraday=False) == (DAY, DAY)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("29.02.2024", "not in the form"),
        ("01/02/2024", "not in the form"),
        ("2024-W09-4", "not in the form"),
        ("2024-060", "not in the form"),
        ("2024", "not in the form"),
        ("today", "not in the form"),
        ("NaT", "not in the form"),
        ("", "not in the form"),
        (None, "not in the form"),
        (20240229, "not in the form"),
        (2024.5, "not in the form"),
        (pd.NaT, "not in the form"),
        (np.datetime64("NaT"), "not in the form"),
        ("2024-13-01", "month must be in 1..12"),
        ("2023-02-29", "day is out of range"),
        ("2024-02-29T25:00", "25"),
        ("2024-02-29 soon", "soon"),
        ("1500-01-01", "not of the years 1678 to 2261"),
        (dt.date(2300, 1, 1), "not of the years"),
        (dt.date.max, "not of the years"),
    ],
)
def test_what_is_no_date_is_refused_by_all_alike(value, reason):
    for read in (read_day, read_moment):
        with pytest.raises(UsageError, match=reason) as caught:
            read(value, name="start")
        assert caught.value.message.startswith("start is ")
        assert "which is no date: " in caught.value.message
        assert caught.value.hint.startswith("Write dates as YYYY-MM-DD, such as 2018-12-31")
        assert caught.value.details["argument"] == "start"
    with pytest.raises(UsageError, match=r"^end is "):
        read_range("2024-01-01", value, intraday=True)


def test_a_text_that_says_a_time_of_day_is_no_day():
    with pytest.raises(UsageError, match="it has a time of day"):
        read_day("2024-02-29T10:00", name="start")
    assert read_moment("2024-02-29T10:00", name="start") == DAY + pd.Timedelta(hours=10)


def test_a_moment_has_the_zone_that_is_said():
    assert read_moment("2024-02-29 09:30", name="start").tz is None
    east = read_moment("20240229T0930-0500", name="start")
    assert east == pd.Timestamp("2024-02-29 14:30", tz="UTC")
    assert read_moment(dt.date(2024, 2, 29), name="start").unit == "ns"


def test_start_after_end():
    for read in (read_days, lambda *days: read_range(*days, intraday=True)):
        with pytest.raises(UsageError, match="is after") as no:
            read("2024-02-01", "2024-01-31")
        assert no.value.message == "start 2024-02-01 is after end 2024-01-31."
        assert no.value.hint == "Swap the two dates."


def test_an_intraday_end_without_a_time_of_day_is_the_whole_day():
    first, last = read_range("2024-02-29", dt.date(2024, 2, 29), intraday=True)
    assert first == pd.Timestamp("2024-02-29", tz="UTC")
    assert last == pd.Timestamp("2024-02-29 23:59:59.999999999", tz="UTC")
    assert read_range(DAY, "2024-02-29T00:00", intraday=True) == (first, first)


def test_intraday_times_are_utc_unless_they_say_otherwise():
    first, last = read_range("2024-01-31T09:30-05:00", "2024-01-31T15:00", intraday=True)
    assert first == pd.Timestamp("2024-01-31 14:30", tz="UTC")
    assert last == pd.Timestamp("2024-01-31 15:00", tz="UTC")


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_a_moment_as_bars_have_theirs(zone):
    bars = pd.DatetimeIndex(["2024-02-29"], tz=zone)
    assert as_bar_time(DAY, bars) == bars[0]
    east = DAY.tz_localize("America/New_York")
    # Of daily bars the date is meant, as it is written; of others the instant.
    assert as_bar_time(east, bars) == (DAY if zone is None else east)
