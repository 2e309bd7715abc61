"""Sessions, expiries, and the session dates of intraday bars."""

import numpy as np
import pandas as pd
import pytest

from btkit.errors import UsageError
from btkit.markets import monthly_expiries, schedule, session_dates, session_minutes, sessions


@pytest.mark.parametrize(
    "expiry",
    [
        "2019-04-18",  # Good Friday 2019-04-19
        "2014-04-17",  # Good Friday 2014-04-18
        "2008-03-20",  # Good Friday 2008-03-21
        "2026-06-18",  # Juneteenth 2026-06-19
        "2025-04-17",  # Good Friday 2025-04-18
        "2000-04-20",  # Good Friday 2000-04-21
        "2021-06-18",  # Juneteenth fell on a Saturday and was not yet observed
        "2024-03-15",
        "2001-09-21",  # the second week after the exchange had closed
    ],
)
def test_an_expiry_is_the_third_friday_or_the_session_before(expiry):
    start = pd.Timestamp(expiry).replace(day=1)
    found = monthly_expiries(start, start + pd.offsets.MonthEnd())
    assert found.tolist() == [pd.Timestamp(expiry).date()]


def test_every_month_has_one_expiry_on_a_session():
    found = pd.DatetimeIndex(monthly_expiries("1990-01-01", "2039-12-31"))
    assert len(found) == 50 * 12
    assert found.to_period("M").is_unique
    assert found.isin(sessions("1990-01-01", "2039-12-31")).all()
    assert set(found.day_name()) == {"Thursday", "Friday"}
    assert found.day.min() >= 14
    assert found.day.max() <= 21


def test_expiry_limits_are_included():
    assert len(monthly_expiries("2019-04-18", "2019-04-18")) == 1
    assert len(monthly_expiries("2019-04-19", "2019-05-16")) == 0


@pytest.mark.parametrize(
    ("first", "last", "calendar", "expected"),
    [
        ("1955-05-01", "1955-05-31", "XHKG", "1955-05-20"),  # recorded from 1960
        ("2060-01-01", "2060-01-31", "XHKG", "2060-01-16"),  # recorded to 2049
        ("1896-05-01", "1896-05-31", "XNYS", "1896-05-15"),
        ("2024-03-01", "2024-03-31", "24/7", "2024-03-15"),
    ],
)
def test_unrecorded_years_fall_back_to_third_fridays(first, last, calendar, expected):
    found = monthly_expiries(first, last, calendar=calendar)
    assert found.tolist() == [pd.Timestamp(expected).date()]


def test_expiries_cannot_be_changed_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        monthly_expiries("2024-01-01", "2024-12-31")[0] = np.datetime64("2000-01-01")


def test_sessions_leave_out_weekends_and_holidays():
    found = sessions("2024-12-23", "2024-12-29")
    assert found.tolist() == [
        pd.Timestamp(day) for day in ("2024-12-23", "2024-12-24", "2024-12-26", "2024-12-27")
    ]
    assert found.tz is None
    assert sessions("2001-09-10", "2001-09-17").strftime("%d").tolist() == ["10", "17"]


def test_sessions_of_an_empty_or_unrecorded_range():
    assert len(sessions("2024-01-06", "2024-01-07")) == 0
    assert len(sessions("2024-01-07", "2024-01-01")) == 0
    assert len(sessions("1950-01-01", "1959-12-31", calendar="XHKG")) == 0


@pytest.mark.parametrize("take", [sessions, monthly_expiries])
def test_an_unknown_calendar_is_refused(take):
    with pytest.raises(UsageError, match="no exchange calendar 'NOWHERE'"):
        take("2024-01-01", "2024-12-31", calendar="NOWHERE")


@pytest.mark.parametrize(
    ("calendar", "minutes"),
    [("XNYS", 390), ("NYSE", 390), ("XLON", 510), ("XHKG", 330), ("24/7", 1440)],
)
def test_session_minutes_leave_the_lunch_break_out(calendar, minutes):
    # NYSE is the library's other name for XNYS, and takes the way through its schedule.
    assert session_minutes(calendar) == minutes


@pytest.mark.parametrize(
    ("moment", "calendar", "expected"),
    [
        ("2024-01-10 14:30", "XNYS", "2024-01-10"),
        ("2024-01-11 01:00", "XNYS", "2024-01-10"),  # 20:00 in New York
        ("2024-07-11 03:59", "XNYS", "2024-07-10"),  # 23:59 in New York
        ("2024-07-11 04:00", "XNYS", "2024-07-11"),
        ("2024-01-11 01:00", "NYSE", "2024-01-10"),
        ("2024-01-09 00:00", "XTKS", "2024-01-09"),  # 09:00 in Tokyo
        ("2024-01-08 22:00", "XTKS", "2024-01-09"),  # 07:00 in Tokyo, before the open
        ("2024-01-09 23:30", "CMES", "2024-01-10"),  # the evening session of the 10th
        ("2024-01-10 15:00", "CMES", "2024-01-10"),
    ],
)
def test_intraday_bars_belong_to_a_session(moment, calendar, expected):
    index = pd.DatetimeIndex([moment], tz="UTC")
    assert session_dates(index, calendar=calendar).tolist() == [pd.Timestamp(expected).date()]
    naive = pd.DatetimeIndex([moment])
    assert session_dates(naive, calendar=calendar).tolist() == [pd.Timestamp(expected).date()]


def test_no_bars_have_no_session_dates():
    for calendar in ("XNYS", "XLON"):
        assert len(session_dates(pd.DatetimeIndex([], tz="UTC"), calendar=calendar)) == 0


@pytest.mark.parametrize("calendar", ["XNYS", "24/7", "CMES", "XASX"])
@pytest.mark.parametrize("first", ["1678-01-02", "2261-12-01"])
def test_schedules_reach_as_far_as_nanoseconds(calendar, first):
    begin = pd.Timestamp(first)
    days = schedule(calendar, begin, begin + pd.Timedelta(days=20))
    assert ((days.index >= begin) & (days.index <= begin + pd.Timedelta(days=20))).all()
