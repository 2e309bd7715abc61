"""Joining VIX and implied volatility to bars by date: SEMANTICS 1.5."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.markets import Interval, last_sessions, sessions

MOST_SESSIONS_OLD: Final = 5


def join_by_date(
    values: pd.Series[float],
    bars: pd.DatetimeIndex,
    *,
    calendar: str,
    interval: Interval = Interval.DAY,
    same_day: bool = True,
) -> npt.NDArray[np.float64]:
    """Return for each bar the last value known at it, at most 5 sessions old, else NaN.

    A daily value is known at its day's close. So a daily bar may see its own date's value (unless
    not `same_day`: where its market closes before), a weekly or longer one that of its last
    session, and an intraday bar only those of earlier UTC dates.
    """
    known = values.dropna()
    joined = np.full(len(bars), np.nan)
    if known.empty or not len(bars):
        return joined
    intraday = bars.tz is not None
    days = bars.tz_localize(None).normalize() if intraday else bars
    if interval.is_longer:
        days = pd.DatetimeIndex(last_sessions(bars, interval, calendar=calendar)).as_unit("ns")
    side: Literal["left", "right"] = "right" if same_day and not intraday else "left"
    position = pd.DatetimeIndex(known.index).searchsorted(days, side=side) - 1
    found = np.flatnonzero(position >= 0)
    dates = pd.DatetimeIndex(known.index)[position[found]]
    fresh = sessions_old(dates, days[found], calendar=calendar) <= MOST_SESSIONS_OLD
    joined[found[fresh]] = known.to_numpy(dtype=np.float64)[position[found[fresh]]]
    return joined


def sessions_old(
    dates: pd.DatetimeIndex, days: pd.DatetimeIndex, *, calendar: str
) -> npt.NDArray[np.int64]:
    """Return how many sessions old values are, or a few more where that is at most 5 days.

    Parameters
    ----------
    dates, days
        Shape (n,): when each was known, and when it is used; naive dates.
    calendar
        The exchange calendar whose sessions are counted.
    """
    # There are never more sessions than days, so only older values need the calendar.
    age = np.array((days - dates).days, dtype=np.int64)
    old = age > MOST_SESSIONS_OLD
    if old.any():
        listed = sessions(dates[old].min(), days[old].max(), calendar=calendar)
        age[old] = listed.searchsorted(days[old], side="right") - listed.searchsorted(
            dates[old], side="right"
        )
    return age
