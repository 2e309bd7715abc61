"""Which bars of a finer interval lie inside each bar (SEMANTICS 9.8)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from btkit.errors import UsageError
from btkit.markets.bar_sessions import bar_dates, last_days
from btkit.markets.calendars import Days, nanoseconds
from btkit.markets.closes import DAY
from btkit.markets.interval import DAYS_PER_WEEK, Interval
from btkit.markets.session_times import Integers, Sessions, session_places


def check_finer(interval: Interval, finer: Interval) -> None:
    """Refuse a finer interval whose bars do not fill those of an interval.

    Parameters
    ----------
    interval
        Of the bars.
    finer
        What is to lie inside them.

    Raises
    ------
    UsageError
        If it is not shorter, or does not nest: whole parts of an intraday interval, days in weeks
        and months.

    Examples
    --------
    >>> check_finer(Interval.DAY, Interval.parse("1m"))
    """
    hint = "name an interval below a day, such as 1m"
    if interval.minutes is not None:
        fits = finer.minutes is not None and finer.minutes < interval.minutes
        fits = fits and interval.minutes % (finer.minutes or 1) == 0
        hint = f"name an interval of which several make {interval}, such as 1m"
        if interval.minutes == 1:
            hint = "nothing is finer than 1m: leave it out"
    else:
        fits = finer.is_intraday or (finer.is_daily and interval.is_longer)
    if not fits:
        raise UsageError(
            f"bars of {finer} do not lie inside bars of {interval}",
            hint=hint,
            details={"interval": str(interval), "finer": str(finer)},
        )


def bar_spans(
    index: pd.DatetimeIndex, interval: Interval, *, calendar: str
) -> tuple[Integers, Integers]:
    """Return when each bar begins and is over, in nanoseconds since 1970.

    A daily bar spans its session, a longer one its sessions from the first opening to the last
    close, an intraday one its length, its session's close and the next bar's opening being the
    latest. A day that is no session has the hours of the session before it.

    Parameters
    ----------
    index
        Ascending times of bars.
    interval
        Theirs.
    calendar
        A name of `exchange_calendars`.

    Raises
    ------
    UsageError
        If no exchange has that name.

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2024-07-02", "2024-07-03"])  # the second ends at 13:00
    >>> begins, ends = bar_spans(days, Interval.DAY, calendar="XNYS")
    >>> (ends - begins) / 3.6e12
    array([6.5, 3.5])
    """
    if not len(index):
        none = np.array([], np.int64)
        return none, none
    if interval.is_intraday:
        places = session_places(index, interval, calendar=calendar)
        ends = places.ends.copy()
        ends[:-1] = np.minimum(ends[:-1], places.begins[1:])
        return places.begins, ends
    last = bar_dates(index, interval, calendar=calendar)
    first = last
    if interval.is_longer:
        whole, count = last_days(index, interval), interval.count
        if interval.unit == "w":
            first = whole - DAYS_PER_WEEK * count + 1
        else:
            first = (whole.astype("datetime64[M]") - count + 1).astype("datetime64[D]")
    sessions = Sessions.between(first.min(), last.max(), calendar)
    begins, _ = _hours(sessions, first, at_or_after=interval.is_longer)
    _, ends = _hours(sessions, last, at_or_after=False)
    return begins, ends


def _hours(sessions: Sessions, days: Days, *, at_or_after: bool) -> tuple[Integers, Integers]:
    if at_or_after:
        place = sessions.labels.searchsorted(days)
        return sessions.opens[place], sessions.closes[place]
    place = sessions.labels.searchsorted(days, side="right") - 1
    later = (days - sessions.labels[place]).astype(np.int64) * DAY
    return sessions.opens[place] + later, sessions.closes[place] + later


def bars_inside(
    index: pd.DatetimeIndex,
    interval: Interval,
    finer_index: pd.DatetimeIndex,
    finer: Interval,
    *,
    calendar: str,
) -> tuple[Integers, Integers]:
    """Return which finer bars lie inside each bar: those that open and close within it.

    Parameters
    ----------
    index, interval
        Ascending times of the bars, and their interval.
    finer_index, finer
        Those of the finer bars, see `check_finer`.
    calendar
        A name of `exchange_calendars`: of a daily bar only what lies in its session counts.

    Returns
    -------
    first, after : ndarray of int64, shape (n_bars,)
        The places of the first one, and of the one after the last; the same where there is none.

    Raises
    ------
    UsageError
        If no exchange has that name.

    Examples
    --------
    >>> half_hours = pd.date_range("2024-07-03 13:00", periods=10, freq="30min", tz="UTC")
    >>> day = pd.DatetimeIndex(["2024-07-03"])
    >>> bars_inside(day, Interval.DAY, half_hours, Interval.parse("30m"), calendar="XNYS")
    (array([1]), array([8]))
    """
    begins, ends = bar_spans(index, interval, calendar=calendar)
    if not len(finer_index) or not len(index):
        return np.zeros(len(index), np.int64), np.zeros(len(index), np.int64)
    if not finer.is_intraday:
        finer_begins, finer_ends = bar_spans(finer_index, finer, calendar=calendar)
        first = finer_begins.searchsorted(begins)
        return first, np.maximum(first, finer_ends.searchsorted(ends, side="right"))
    utc = finer_index if finer_index.tz is not None else finer_index.tz_localize("UTC")
    finer_begins = nanoseconds(utc)
    # Sessions are asked only of those at either end: there may be millions between.
    first, after = finer_begins.searchsorted(begins), finer_begins.searchsorted(ends)
    if not interval.is_intraday:
        # One that is cut by an opening belongs to that session.
        before = session_places(utc[np.maximum(first - 1, 0)], finer, calendar=calendar)
        first = first - ((first > 0) & before.inside & (before.opened == begins))
    last = session_places(utc[np.maximum(after - 1, 0)], finer, calendar=calendar)
    after = after - ((after > 0) & (last.ends > ends))
    return first, np.maximum(first, after)
