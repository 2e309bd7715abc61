"""Every calendar that a spec may name runs, on daily and on hourly bars."""

from __future__ import annotations

import exchange_calendars
import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.markets import (
    Interval,
    last_sessions,
    monthly_expiries,
    schedule,
    session_dates,
    session_minutes,
    sessions,
    sessions_per_year,
)
from btkit.spec import load_spec

FIRST, LAST = "2024-09-02", "2024-10-11"
NAMES = exchange_calendars.get_calendar_names(include_aliases=False)
SPEC = {
    "name": "every calendar",
    "entry_conditions": ["dte >= 0", "not opex_week or hv_5 > 0", "not in_position"],
    "exit_conditions": ["bars_held >= 2"],
    "stop_conditions": [],
    "position_sizing_formula": "capital / close / 2",
}


def bars_at(index):
    close = 100.0 + np.arange(len(index)) % 5
    return pd.DataFrame(
        {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1.0},
        index=index,
    )


def hours_of(calendar):
    return [
        pd.date_range(row.open, row.close, freq="h", inclusive="left").tz_localize(None)
        for row in schedule(calendar, pd.Timestamp(FIRST), pd.Timestamp(LAST)).itertuples()
    ]


@pytest.mark.parametrize("calendar", NAMES)
def test_a_calendar_runs_on_daily_and_hourly_bars(calendar):
    spec = load_spec(SPEC | {"calendar": calendar})
    days = sessions(FIRST, LAST, calendar=calendar)
    daily = bt.simulate(spec, bars_at(days))
    assert (daily.interval, daily.periods_per_year) == ("1d", sessions_per_year(calendar))
    assert daily.metrics.total_trades > 0
    hours = hours_of(calendar)
    index = pd.DatetimeIndex(np.concatenate(hours)).tz_localize("UTC")
    hourly = bt.simulate(spec, bars_at(index))
    assert hourly.interval == "1h"
    assert hourly.metrics.total_trades > 0
    labels = np.repeat(days.to_numpy().astype("datetime64[D]"), [len(one) for one in hours])
    assert (session_dates(index, calendar=calendar) == labels).all()
    assert len(hourly.annualisation.period_ends(index)) == len(days)
    assert 0 < session_minutes(calendar) <= 1440
    assert len(monthly_expiries(FIRST, LAST, calendar=calendar)) == 1
    week = last_sessions(days, Interval.parse("1w"), calendar=calendar)
    assert set(week) <= set(labels) | set(sessions(LAST, "2024-10-13", calendar=calendar))


# exchange_calendars 4.13.2 under pandas 3.0.6, which its offsets were written for: the sessions of
# 1998 to 2025, how many are at a weekend, and the sum of their numbers of days since 1970. Only of
# Moscow, whose table names Sunday 2009-01-11 (day 14,255), that pandas misses one.
REFERENCE = {
    "ASEX": (6952, 0, 106579154),
    "XBEL": (7052, 0, 108145274),
    "XBOM": (6930, 2, 106195670),
    "XBSE": (7023, 0, 107724009),
    "XCYS": (6911, 0, 106004151),
    "XKRX": (6951, 46, 106350013),
    "XMOS": (7031 + 1, 40 + 1, 107919647 + 14255),
    "XTAE": (6896, 1379, 105734083),
}


@pytest.mark.parametrize("calendar", REFERENCE)
def test_the_librarys_own_offsets_work_under_any_pandas(calendar):
    days = sessions("1998-01-01", "2025-12-31", calendar=calendar)
    numbers = days.to_numpy().astype("datetime64[D]").astype(np.int64)
    at_weekends = int((days.day_of_week >= 5).sum())
    assert (len(days), at_weekends, int(numbers.sum())) == REFERENCE[calendar]


def test_days_that_an_exchange_itself_names():
    # Orthodox Easter: Athens keeps Good Friday on 3 May 2024.
    assert pd.Timestamp("2024-05-03") not in sessions("2024-05-01", "2024-05-10", calendar="ASEX")
    # Tel Aviv traded on Sundays until 4 January 2026, and keeps the New Year and Sukkot.
    listed = sessions("2024-10-01", "2024-10-31", calendar="XTAE")
    assert not listed.isin(pd.DatetimeIndex(["2024-10-03", "2024-10-17"])).any()
    assert pd.Timestamp("2024-10-27") in listed
    assert pd.Timestamp("2026-01-11") not in sessions("2026-01-05", "2026-01-31", calendar="XTAE")
    # Moscow traded on Sunday, 11 January 2009, in place of a holiday.
    assert pd.Timestamp("2009-01-11") in sessions("2009-01-01", "2009-01-31", calendar="XMOS")
