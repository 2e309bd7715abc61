"""Bar intervals: which one an index has, and how many bars of it make a year."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from btkit.errors import UsageError
from btkit.indicators.calendars import session_minutes

INTERVALS = ("1m", "5m", "15m", "1h", "4h", "1d", "1w")
INTRADAY_MINUTES = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240}
SESSIONS_PER_YEAR, WEEKS_PER_YEAR = 252.0, 52.0
MINUTES_PER_DAY = 1440
# Weeks are seven days apart, or a day or two off where the key is the first or last session.
WEEK_DAYS = (5, 10)


def infer_interval(index: pd.DatetimeIndex, *, told: str | None = None) -> str:
    """Return the interval of bars from their times.

    Parameters
    ----------
    index
        Ascending times of bars.
    told
        What whoever loaded the bars says, one of `INTERVALS`; anything else says nothing. It
        decides where the times cannot: for fewer than two bars, and for intraday bars that
        sessions cut short, such as two 4-hour bars that open 2.5 hours apart.

    Returns
    -------
    str
        One of `INTERVALS`; ``"1d"`` for fewer than two bars of which nothing is told. The lower
        quartile of the distances decides, which neither nights and weekends nor a few missing
        or stray bars move.

    Raises
    ------
    UsageError
        If the distances are those of no interval that btkit knows.

    Examples
    --------
    >>> infer_interval(pd.DatetimeIndex(["2024-01-04", "2024-01-05", "2024-01-08"]))
    '1d'
    """
    if len(index) < 2:  # noqa: PLR2004 - it takes two to have a distance
        return told if told in INTERVALS else "1d"
    distances = np.diff(index.as_unit("s").asi8)
    # Sorted by itself: of many equal distances NumPy's percentile takes ten times as long.
    distances.sort()
    minutes = float(distances[(distances.size - 1) // 4]) / 60.0
    for interval, length in INTRADAY_MINUTES.items():
        if minutes == length:
            return interval
    days = minutes / MINUTES_PER_DAY
    shortest_week, longest_week = WEEK_DAYS
    if 1.0 <= days < shortest_week:
        return "1d"
    if shortest_week <= days <= longest_week:
        return "1w"
    if told in INTRADAY_MINUTES and minutes < INTRADAY_MINUTES[told]:
        return told
    raise UsageError(
        f"Bars are {minutes:g} minutes apart, which is none of the intervals "
        f"{', '.join(INTERVALS)}.",
        hint="Resample the bars to one of them.",
        details={"minutes": minutes, "intervals": list(INTERVALS)},
    )


def bars_per_year(interval: str, calendar: str = "XNYS") -> float:
    """Return how many bars of an interval make a year, for annualising.

    Parameters
    ----------
    interval
        One of `INTERVALS`.
    calendar
        A name of `exchange_calendars`; only intraday intervals depend on it.

    Returns
    -------
    float
        252 for daily bars, 52 for weekly ones, 252 x bars per session for intraday ones; a
        session's last, shorter bar counts as one.

    Raises
    ------
    UsageError
        If the interval or the calendar is not known.

    Examples
    --------
    >>> bars_per_year("15m")
    6552.0
    """
    if interval == "1d":
        return SESSIONS_PER_YEAR
    if interval == "1w":
        return WEEKS_PER_YEAR
    if interval not in INTRADAY_MINUTES:
        raise UsageError(
            f"There is no interval {interval!r}.",
            hint=f"Use one of {', '.join(INTERVALS)}.",
            details={"interval": interval, "intervals": list(INTERVALS)},
        )
    return SESSIONS_PER_YEAR * math.ceil(session_minutes(calendar) / INTRADAY_MINUTES[interval])
