"""Exchange sessions: which bars a range should have, and which of them have closed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import numpy as np
import pandas as pd

from btkit.indicators.calendars import exchange_calendar, years_around


def session_dates(calendar: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """Return the sessions of an exchange from `first` to `last`, both included.

    Parameters
    ----------
    calendar
        A name that exchange_calendars knows, such as ``XNYS``.
    first, last
        Naive dates.

    Raises
    ------
    UsageError
        There is no such calendar.
    """
    return pd.DatetimeIndex(schedule(calendar, first, last).index)


def schedule(calendar: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """Return opening and closing times of the sessions from `first` to `last`.

    Parameters
    ----------
    calendar
        A name that exchange_calendars knows, such as ``XNYS``.
    first, last
        Naive dates, both included.

    Returns
    -------
    DataFrame
        Columns ``open`` and ``close``, UTC, indexed by session date.

    Raises
    ------
    UsageError
        There is no such calendar.
    """
    years = years_around(first.to_datetime64(), last.to_datetime64())
    times: pd.DataFrame = exchange_calendar(calendar, *years).schedule[["open", "close"]]
    inside = times[(times.index >= first) & (times.index <= last)]
    return inside.set_axis(pd.DatetimeIndex(inside.index).as_unit("ns"), axis="index")


def closed_schedule(
    calendar: str, first: pd.Timestamp, last: pd.Timestamp, *, now: dt.datetime
) -> pd.DataFrame:
    """Return the `schedule` of those sessions that have closed by `now`.

    Parameters
    ----------
    calendar, first, last
        As for `schedule`.
    now
        A time with its zone.
    """
    times = schedule(calendar, first, last)
    return times[times["close"] <= pd.Timestamp(now)]


def missing_ranges(
    sessions: pd.DatetimeIndex, present: pd.DatetimeIndex
) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Group the sessions without a bar into ranges of neighbours.

    Parameters
    ----------
    sessions
        All sessions of a range, sorted.
    present
        Dates that have a bar.

    Returns
    -------
    list of tuple
        First and last missing session of each range.
    """
    missing = ~np.asarray(sessions.isin(present))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], missing, [False])).astype(np.int8)))
    return [
        (sessions[first], sessions[stop - 1])
        for first, stop in zip(edges[::2], edges[1::2], strict=True)
    ]


def gap_documents(gaps: Iterable[tuple[pd.Timestamp, pd.Timestamp]]) -> list[dict[str, str]]:
    """Return gaps as plain JSON: ``{"start", "end"}``, dates, both included.

    Parameters
    ----------
    gaps
        Pairs of naive dates.
    """
    return [
        {"start": first.date().isoformat(), "end": last.date().isoformat()}
        for first, last in sorted(gaps)
    ]
