"""The sessions that bars belong to, end with and are measured by."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.markets.calendars import (
    Days,
    closed_schedule,
    exchange_calendar,
    local_dates,
    nanoseconds,
    sessions,
    to_day,
    years_around,
)
from btkit.markets.interval import DAYS_PER_WEEK, Interval

# The first Monday, as a day since 1970.
MONDAY = 4
SATURDAY = 5
MIDWEEK, MIDMONTH = 3, 15


def session_dates(index: pd.DatetimeIndex, *, calendar: str = "XNYS") -> Days:
    """Return the session that each intraday bar belongs to.

    Parameters
    ----------
    index
        UTC open times of bars; naive ones are taken as UTC.
    calendar
        A name of `exchange_calendars`.

    Returns
    -------
    Days
        The date on the exchange's clock; for an exchange whose session opens on the evening
        before, the date of the session.

    Raises
    ------
    UsageError
        If no exchange has that name.
    """
    utc = index.tz_localize("UTC") if index.tz is None else index
    if calendar == "XNYS":
        # Sessions of the default exchange never cross midnight: no schedule is needed.
        return local_dates(utc, "America/New_York")
    if not len(utc):
        return np.array([], dtype="datetime64[D]")
    exchange = _exchange(utc, calendar)
    dates = local_dates(utc, exchange.tz)
    labels = exchange.sessions.to_numpy().astype("datetime64[D]")
    opens, closes = nanoseconds(exchange.opens), nanoseconds(exchange.closes)
    bars = nanoseconds(utc)
    position = np.minimum(closes.searchsorted(bars, side="right"), len(labels) - 1)
    inside = (bars >= opens[position]) & (bars < closes[position])
    return np.where(inside, labels[position], dates)


def session_ends(index: pd.DatetimeIndex, *, calendar: str = "XNYS") -> npt.NDArray[np.int64]:
    """Return the last bar of each session: where intraday returns end (SEMANTICS 5).

    Parameters
    ----------
    index
        Ascending UTC open times of bars; naive ones are taken as UTC.
    calendar
        A name of `exchange_calendars`.

    Returns
    -------
    ndarray of int64, shape (n_sessions,)
        Positions, ascending; the last is that of the last bar. A session without bars has none.
        A bar outside of all sessions counts for the next one, and after the last session for
        that; in years that the exchange's sessions are not recorded for, the date on its clock
        is the session.

    Raises
    ------
    UsageError
        If no exchange has that name.

    Examples
    --------
    >>> session_ends(pd.DatetimeIndex(["2024-01-04 15:00", "2024-01-04 16:00", "2024-01-05 15:00"]))
    array([1, 2])
    """
    if not len(index):
        return np.array([], dtype=np.int64)
    utc = index.tz_localize("UTC") if index.tz is None else index
    exchange = _exchange(utc, calendar)
    opens, closes = nanoseconds(exchange.opens), nanoseconds(exchange.closes)
    bars = nanoseconds(utc)
    last = int(closes.searchsorted(bars[-1], side="right"))
    recorded = last < len(closes)
    if recorded and bars[0] >= opens[0]:
        # The bar before each close ends its session; there are far fewer closes than bars.
        ends = np.unique(np.append(bars.searchsorted(closes[:last]), len(bars))) - 1
        ends = ends[ends >= 0]
    else:
        ends = _ends_beyond_records(utc, exchange)
    # What trades after the last session's close belongs to it: the next one never opened.
    if len(ends) > 1 and recorded and bars[-1] < opens[last]:
        ends = np.delete(ends, -2)
    return ends


def _ends_beyond_records(utc: pd.DatetimeIndex, exchange: Any) -> npt.NDArray[np.int64]:  # noqa: ANN401 - untyped
    labels = exchange.sessions.to_numpy().astype("datetime64[D]")
    position = nanoseconds(exchange.closes).searchsorted(nanoseconds(utc), side="right")
    recorded = position < len(labels)
    position[~recorded] = 0
    label = labels[position]
    dates = local_dates(utc, exchange.tz)
    unknown = ~recorded | (dates < labels[0])
    label[unknown] = dates[unknown]
    return np.flatnonzero(np.append(label[1:] != label[:-1], True))


def last_sessions(index: pd.DatetimeIndex, interval: Interval, *, calendar: str = "XNYS") -> Days:
    """Return the last session of the period that each daily or longer bar spans.

    Parameters
    ----------
    index
        Dates of bars. Weeks and months may be keyed by any of their days, but all alike: a key of
        several weeks or months is their first or their last day, whichever most keys are nearer.
    interval
        Daily or longer.
    calendar
        A name of `exchange_calendars`.

    Returns
    -------
    Days
        Of a daily bar its date. Where the exchange's sessions are not recorded, the last weekday.

    Raises
    ------
    UsageError
        If no exchange has that name.

    Examples
    --------
    >>> last_sessions(pd.DatetimeIndex(["2024-03-25"]), Interval.parse("1w"))
    array(['2024-03-28'], dtype='datetime64[D]')
    """
    last = last_days(index, interval)
    if interval.is_daily or not len(last):
        return last
    listed = _session_days(calendar, *years_around(last.min(), last.max()))
    position = listed.searchsorted(last, side="right") - 1
    recorded = (last >= listed[0]) & (last <= listed[-1])
    return np.where(recorded, listed[np.maximum(position, 0)], _weekday_before(last))


def bar_dates(index: pd.DatetimeIndex, interval: Interval, *, calendar: str = "XNYS") -> Days:
    """Return the session that each bar belongs to, of longer bars the last one.

    Parameters
    ----------
    index, calendar
        As for `session_dates` and `last_sessions`.
    interval
        Of the bars.

    Raises
    ------
    UsageError
        If no exchange has that name.
    """
    if interval.is_intraday:
        return session_dates(index, calendar=calendar)
    return last_sessions(index, interval, calendar=calendar)


def last_days(index: pd.DatetimeIndex, interval: Interval) -> Days:
    """Return the last calendar day of the period that each daily or longer bar spans.

    Parameters
    ----------
    index, interval
        As for `last_sessions`.

    Returns
    -------
    Days
        Sundays of weeks, a week keyed by its Sunday being the one that begins there.
    """
    days = index.tz_localize(None).to_numpy().astype("datetime64[D]")
    if interval.is_daily or not len(days):
        return days
    if interval.unit == "w":
        # Counted from a Sunday: a week labelled by its Sunday is the one that begins there.
        number = days.astype(np.int64) + 1 - MONDAY
        weekday = number % DAYS_PER_WEEK
        ahead = 0 if _mostly(weekday > MIDWEEK) else interval.count - 1
        last = number - weekday + MONDAY + DAYS_PER_WEEK * (ahead + 1) - 1
        return last.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    day = days.astype(np.int64) - months.astype("datetime64[D]").astype(np.int64) + 1
    ahead = 0 if _mostly(day > MIDMONTH) else interval.count - 1
    following = (months.astype(np.int64) + ahead + 1).astype("datetime64[M]")
    return (following.astype("datetime64[D]").astype(np.int64) - 1).astype("datetime64[D]")


def _mostly(found: npt.NDArray[np.bool_]) -> bool:
    return int(np.count_nonzero(found)) * 2 > len(found)


def still_forming(
    index: pd.DatetimeIndex, interval: Interval, *, calendar: str, now: dt.datetime
) -> npt.NDArray[np.bool_]:
    """Return which bars are not over yet.

    Parameters
    ----------
    index
        Ascending times of bars.
    interval
        Theirs.
    calendar
        A name of `exchange_calendars`: an intraday bar ends with its session at the latest, a
        longer one with the close of its last session.
    now
        A time with its zone.

    Returns
    -------
    ndarray of bool, shape (n_bars,)
    """
    forming = np.zeros(len(index), dtype=np.bool_)
    moment = pd.Timestamp(now).tz_convert("UTC")
    earliest = moment - interval.length - pd.Timedelta(days=1)
    tail = int(index.searchsorted(earliest if index.tz is not None else earliest.tz_localize(None)))
    if tail == len(index):
        return forming
    late = index[tail:]
    if interval.is_intraday:
        forming[tail:] = _closes(late, interval, calendar) > moment
        return forming
    today = np.datetime64(moment.date(), "D")
    last = last_sessions(late, interval, calendar=calendar)
    closed = closed_schedule(calendar, pd.Timestamp(today), pd.Timestamp(today), now=now)
    open_today = len(sessions(today, today, calendar=calendar)) > len(closed)
    forming[tail:] = (last > today) | ((last == today) & open_today)
    return forming


def _closes(index: pd.DatetimeIndex, interval: Interval, calendar: str) -> pd.DatetimeIndex:
    exchange = _exchange(index, calendar)
    opens, closes = nanoseconds(exchange.opens), nanoseconds(exchange.closes)
    bars, ends = nanoseconds(index), nanoseconds(index + interval.length)
    position = np.minimum(closes.searchsorted(bars, side="right"), len(closes) - 1)
    inside = (bars >= opens[position]) & (bars < closes[position])
    ends = np.where(inside, np.minimum(ends, closes[position]), ends)
    return pd.DatetimeIndex(ends).tz_localize("UTC")


def _exchange(utc: pd.DatetimeIndex, calendar: str) -> Any:  # noqa: ANN401 - untyped
    return exchange_calendar(calendar, *years_around(to_day(utc[0]), to_day(utc[-1])))


@lru_cache(maxsize=8)
def _session_days(calendar: str, first_year: int, last_year: int) -> Days:
    days: Days = exchange_calendar(calendar, first_year, last_year).sessions.to_numpy(
        dtype="datetime64[D]"
    )
    return days


def _weekday_before(days: Days) -> Days:
    number = days.astype(np.int64)
    beyond = np.maximum((number - MONDAY) % DAYS_PER_WEEK - SATURDAY + 1, 0)
    return (number - beyond).astype("datetime64[D]")
