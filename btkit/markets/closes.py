"""When bars close, and which bars of another instrument have closed by then (SEMANTICS 2.11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from btkit.markets.bar_sessions import bar_dates
from btkit.markets.calendars import nanoseconds
from btkit.markets.interval import Interval
from btkit.markets.session_times import Integers, Sessions, session_places

DAY: Final = 24 * 60 * 60 * 10**9


@dataclass(frozen=True, eq=False)
class KnownBars:
    """Which bars of another instrument are known at each bar.

    Parameters
    ----------
    last
        int64, shape (n_bars,): the place of the last one that closed no later; -1 for none.
    missed
        int64, shape (n_bars,): how many sessions of its own calendar closed after that bar's, and
        no later than this bar; any number where there is none.
    closes
        int64, shape (n_others,): when each of the other bars closed, in nanoseconds since 1970.
    own_closes
        int64, shape (n_bars,): likewise of the bars themselves.
    """

    last: Integers
    missed: Integers
    closes: Integers
    own_closes: Integers


def known_bars(
    index: pd.DatetimeIndex,
    other: pd.DatetimeIndex,
    interval: Interval,
    *,
    calendar: str,
    other_calendar: str,
) -> KnownBars:
    """Return which bars of another instrument had closed when each bar closed.

    A daily bar closes with its session, a longer one with the last session of its period, an
    intraday one after its length or with its session: each by the calendar of its own exchange. A
    day that is no session closes at the hour of the session before it. Where a source cuts its
    bars by the clock, a bar is over when the next one opens; of the other instrument, whose next
    bar may not be known yet, that does not count.

    Parameters
    ----------
    index, other
        Ascending times of the bars, and of the other instrument's.
    interval
        Of both.
    calendar, other_calendar
        Names of `exchange_calendars`.

    Raises
    ------
    UsageError
        If no exchange has such a name.

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2024-05-02", "2024-05-03"])
    >>> known_bars(days, days, Interval.DAY, calendar="XNYS", other_calendar="XLON").last
    array([0, 1])
    >>> known_bars(days, days, Interval.DAY, calendar="XLON", other_calendar="XNYS").last
    array([-1,  0])
    """
    if not len(index) or not len(other):
        none, nowhere = np.array([], np.int64), np.full(len(index), -1)
        return KnownBars(nowhere, np.zeros(len(index), np.int64), none, nowhere)
    own_closes, _ = _closes(index, interval, calendar)
    if interval.is_intraday:
        own_closes[:-1] = np.minimum(own_closes[:-1], _utc(index)[1:])
    closes, sessions_close = _closes(other, interval, other_calendar)
    closes = np.maximum.accumulate(closes)
    last = closes.searchsorted(own_closes, side="right") - 1
    ends = np.array([closes[0], closes[-1], own_closes[0], own_closes[-1]])
    days = ends.astype("datetime64[ns]").astype("datetime64[D]")
    counted = Sessions.between(days.min(), days.max(), other_calendar).closes
    missed = counted.searchsorted(own_closes, side="right") - counted.searchsorted(
        sessions_close[last], side="right"
    )
    return KnownBars(last, np.maximum(missed, 0), closes, own_closes)


def _closes(
    index: pd.DatetimeIndex, interval: Interval, calendar: str
) -> tuple[Integers, Integers]:
    """Return when bars close, and when their sessions do; outside of all sessions that is one."""
    if interval.is_intraday:
        places = session_places(index, interval, calendar=calendar)
        return places.ends, np.where(places.inside, places.closed, places.ends)
    days = bar_dates(index, interval, calendar=calendar)
    sessions = Sessions.between(days.min(), days.max(), calendar)
    place = sessions.labels.searchsorted(days, side="right") - 1
    closes = sessions.closes[place] + (days - sessions.labels[place]).astype(np.int64) * DAY
    return closes, closes


def _utc(index: pd.DatetimeIndex) -> Integers:
    return nanoseconds(index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC"))
