"""Where intraday returns end: the last bar of each session."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from btkit.errors import UsageError
from btkit.markets import Annualisation, Interval, schedule, session_ends


def bars_of(calendar, first, last, minutes):
    return [
        pd.date_range(row.open, row.close, freq=f"{minutes}min", inclusive="left").tz_localize(None)
        for row in schedule(calendar, pd.Timestamp(first), pd.Timestamp(last)).itertuples()
    ]


@given(
    calendar=st.sampled_from(
        ["XNYS", "NYSE", "CMES", "XHKG", "24/7", "24/5", "XTAE", "us_futures"]
    ),
    minutes=st.sampled_from([7, 30, 60, 240]),
    kept=st.floats(0.02, 1.0),
    seed=st.integers(0, 2**16),
)
def test_every_session_with_a_bar_ends_one_return(calendar, minutes, kept, seed):
    random = np.random.default_rng(seed)
    found = bars_of(calendar, "2024-03-04", "2024-03-22", minutes)
    thinned = [times[random.random(len(times)) < kept] for times in found]
    index = pd.DatetimeIndex(np.concatenate(thinned)).tz_localize("UTC")
    wanted = np.cumsum([len(times) for times in thinned if len(times)]) - 1
    assert session_ends(index, calendar=calendar).tolist() == wanted.tolist()
    naive = index.tz_localize(None).as_unit("s")
    assert session_ends(naive, calendar=calendar).tolist() == wanted.tolist()


@pytest.mark.parametrize(
    ("times", "ends"),
    [
        # New York opens at 14:30 UTC in winter. What trades after the close counts for the next
        # session, what trades before the open for that session,
        (["04 15:00", "04 22:00", "05 13:00", "05 15:00"], [0, 3]),
        # a weekend for Monday,
        (["05 15:00", "06 12:00", "07 12:00", "08 15:00"], [0, 3]),
        # and what follows the last close for the session before.
        (["04 15:00", "05 15:00", "05 22:00", "06 12:00"], [0, 3]),
        (["06 12:00", "06 13:00"], [1]),
        (["04 15:00"], [0]),
        ([], []),
    ],
)
def test_bars_outside_of_sessions_are_a_part_of_one(times, ends):
    index = pd.DatetimeIndex([f"2024-01-{time}" for time in times], tz="UTC")
    found = session_ends(index)
    assert found.tolist() == ends
    assert found.dtype == np.int64


def test_years_that_no_calendar_records_go_by_the_date():
    # Riyadh's calendar begins in 2021: 22:00 UTC is one o'clock of the next day there.
    index = pd.DatetimeIndex(
        ["2015-03-02 10:00", "2015-03-02 22:00", "2015-03-03 10:00", "2021-02-01 10:00",
         "2021-02-02 10:00"], tz="UTC",
    )  # fmt: skip
    assert session_ends(index, calendar="XSAU").tolist() == [0, 2, 3, 4]


def test_returns_of_daily_bars_and_of_a_stated_year_end_with_every_bar():
    index = pd.date_range("2024-01-04 15:00", periods=4, freq="h", tz="UTC")
    assert Annualisation.of("1d").period_ends(index.normalize()) is None
    assert Annualisation.of("1mo").period_ends(index) is None
    stated = Annualisation.of("1h", "XNYS", 1000.0)
    assert stated.period_ends(index) is None
    assert (stated.periods_per_year, stated.bars_per_year) == (1000.0, 1000.0)
    assert Annualisation(Interval.parse("1h")).period_ends(index).tolist() == [3]


def test_an_unknown_calendar_is_refused():
    with pytest.raises(UsageError, match="no exchange calendar 'MOON'"):
        session_ends(pd.DatetimeIndex(["2024-01-04 15:00"], tz="UTC"), calendar="MOON")
