"""Bars of a slower interval, and when each of them is known (SEMANTICS 2.10)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from btkit.errors import UsageError
from btkit.markets.bar_sessions import MONDAY
from btkit.markets.calendars import Days, nanoseconds
from btkit.markets.interval import DAYS_PER_WEEK, Interval
from btkit.markets.session_times import MINUTE, NONE, Integers, Sessions, sessions_around


@dataclass(frozen=True, eq=False)
class SlowerBars:
    """The bars of a slower interval that a run of bars makes.

    Parameters
    ----------
    index
        Their keys: dates of sessions, Mondays of weeks, firsts of months; of intraday ones the
        UTC time at which their period begins. Shape (n_slower,).
    interval
        Theirs.
    period
        int64, shape (n_bars,): the slower bar that each bar is a part of; -1 for a bar outside of
        all sessions, and for the parts of one whose beginning was not loaded.
    last_closed
        int64, shape (n_bars,): the last slower bar that has closed when each bar closes; -1 for
        none.

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2024-03-25", "2024-03-27", "2024-03-28", "2024-04-01"])
    >>> weeks = slower_bars(days, Interval.DAY, "1w")  # Good Friday is on 29 March
    >>> weeks.period, weeks.last_closed
    (array([0, 0, 0, 1]), array([-1, -1,  0,  0]))
    """

    index: pd.DatetimeIndex
    interval: Interval
    period: Integers
    last_closed: Integers

    def __len__(self) -> int:
        """Return the number of slower bars."""
        return len(self.index)

    @property
    def complete(self) -> int:
        """How many of them, from the first, have closed when the last bar closes."""
        return int(self.last_closed[-1]) + 1 if len(self.last_closed) else 0

    def frame(self, bars: pd.DataFrame) -> pd.DataFrame:
        """Return the slower bars themselves.

        Parameters
        ----------
        bars
            The bars that they are made of. Of open a slower bar has the first, of high the
            highest, of low the lowest, of volume the sum, oldest to newest; of any other column
            the value on its last bar, missing or not.

        Returns
        -------
        DataFrame
            Shape (n_slower, n_columns), indexed by `index`; the last one may not be complete.
        """
        columns = {name: self._column(name, bars[name]) for name in bars.columns}
        return pd.DataFrame(columns, index=self.index)

    @cached_property
    def _members(self) -> Integers:
        return np.flatnonzero(self.period != NONE)

    @cached_property
    def _starts(self) -> Integers:
        inside = self.period[self._members]
        return np.flatnonzero(np.append(True, inside[1:] != inside[:-1])[: len(inside)])

    def _column(self, name: Hashable, values: pd.Series[float]) -> pd.Series[float]:
        inside = values.iloc[self._members]
        if name == "volume":
            # Weights are added one by one in their order, as a plain loop would.
            sums = np.bincount(self.period[self._members], weights=inside.to_numpy(np.float64))
            return pd.Series(sums[: len(self)], self.index, dtype=np.float64)
        if name in {"high", "low"} and len(self):
            extreme = np.maximum if name == "high" else np.minimum
            return pd.Series(extreme.reduceat(inside.to_numpy(), self._starts), self.index)
        ends = np.append(self._starts[1:], len(inside))[: len(self)] - 1
        chosen = inside.iloc[self._starts if name == "open" else ends]
        return chosen.set_axis(self.index, axis="index")


def slower_bars(
    index: pd.DatetimeIndex,
    interval: Interval | str,
    slower: Interval | str,
    *,
    calendar: str = "XNYS",
) -> SlowerBars:
    """Return which bars of a slower interval a run of bars makes, and when each has closed.

    Periods are the calendar's: its sessions, weeks from Monday to Sunday, calendar months; those
    of minutes and hours count from the opening of each session, so that the last one of a session
    may be short. A period has closed at the close of its last session in the calendar, whether or
    not a bar is there: where Friday is a holiday, the week closes on Thursday. Calendars know
    closures that nobody foresaw as well (September 2001). A period without a bar has no slower
    bar, one whose beginning lies before the first bar none either. A bar that lies outside of all
    sessions is part of none; one that is cut by an opening belongs to that session. Beyond the
    years that an exchange's sessions are recorded for, each day of the week that the nearest
    recorded ones fall on is one, with the hours of the nearest.

    Parameters
    ----------
    index
        Ascending times of bars: UTC opening times of intraday ones, else dates.
    interval
        Theirs.
    slower
        A whole multiple of an intraday `interval`, or 1d, 1w or 1mo.
    calendar
        A name of `exchange_calendars`.

    Raises
    ------
    UsageError
        If bars of `interval` do not make bars of `slower`, or no exchange has that name.

    Examples
    --------
    >>> half_hours = pd.date_range("2024-07-03 13:30", periods=7, freq="30min", tz="UTC")
    >>> slower_bars(half_hours, "30m", "2h").last_closed  # the half day ends at 17:00
    array([-1, -1, -1,  0,  0,  0,  1])
    """
    interval, slower = Interval.parse(interval), Interval.parse(slower)
    check_slower(interval, slower)
    if not len(index):
        none = np.array([], dtype=np.int64)
        return SlowerBars(index, slower, none, none)
    utc = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
    sessions = sessions_around(utc, calendar, timed=interval.is_intraday)
    bars = nanoseconds(utc)
    session, ends = _ends(bars, sessions, interval)
    began, closes = _periods(sessions, bars, session, slower)
    members = np.flatnonzero((session != NONE) & (began >= bars[0]))
    inside = began[members]
    first = np.append(True, inside[1:] != inside[:-1])[: len(inside)]
    period = np.full(len(bars), NONE)
    period[members] = np.cumsum(first) - 1
    leading = members[first]
    return SlowerBars(
        _keys(sessions.labels[session[leading]], began[leading], slower, index),
        slower,
        period,
        closes[leading].searchsorted(ends, side="right") - 1,
    )


def check_slower(interval: Interval, slower: Interval) -> None:
    """Refuse a slower interval whose periods the bars do not fill.

    Parameters
    ----------
    interval
        Of the bars.
    slower
        What is to be made of them.

    Raises
    ------
    UsageError
        If it is not a whole multiple of an intraday interval, nor 1d, 1w or 1mo of bars that
        nest in it: weeks do not nest in months.

    Examples
    --------
    >>> check_slower(Interval.parse("5m"), Interval.parse("1h"))
    """
    if interval.minutes is not None and slower.minutes is not None:
        fits = slower.minutes > interval.minutes and slower.minutes % interval.minutes == 0
        hint = f"Name a whole multiple of {interval}, or 1d, 1w or 1mo."
    else:
        ranks = ("d", "w", "mo")
        fits = slower.count == 1 and slower.unit in ranks[0 if interval.is_intraday else 1 :]
        fits = fits and not interval.is_longer
        hint = (
            "Nothing slower nests in such bars: load daily ones."
            if interval.is_longer
            else "Name 1w or 1mo."
            if interval.is_daily
            else f"Name a whole multiple of {interval}, or 1d, 1w or 1mo."
        )
    if not fits:
        raise UsageError(
            f"Bars of {interval} do not make bars of {slower}.",
            hint=hint,
            details={"interval": str(interval), "slower": str(slower)},
        )


def _ends(bars: Integers, sessions: Sessions, interval: Interval) -> tuple[Integers, Integers]:
    """Return each bar's session, -1 for none, and when it ends."""
    if interval.minutes is None:
        position = np.minimum(sessions.closes.searchsorted(bars), len(sessions.labels) - 1)
        return np.where(sessions.closes[position] == bars, position, NONE), bars
    ends = bars + interval.minutes * MINUTE
    # Where a source cuts its bars by the clock and by the opening, one ends early.
    ends[:-1] = np.minimum(ends[:-1], bars[1:])
    session = sessions.of(bars, ends)
    cut = np.minimum(ends, sessions.closes[session])
    return session, np.where(session == NONE, ends, cut)


def _periods(
    sessions: Sessions, bars: Integers, session: Integers, slower: Interval
) -> tuple[Integers, Integers]:
    """Return when the period of each bar begins and closes."""
    if slower.minutes is not None:
        length = slower.minutes * MINUTE
        opens, closes = sessions.opens[session], sessions.closes[session]
        began = opens + np.maximum(bars - opens, 0) // length * length
        return began, np.minimum(began + length, closes)
    days = sessions.labels.astype(np.int64)
    if slower.is_daily:
        group = days
    elif slower.unit == "w":
        group = (days - MONDAY) // DAYS_PER_WEEK
    else:
        group = sessions.months
    first = group.searchsorted(group[session])
    last = group.searchsorted(group[session], side="right") - 1
    return sessions.opens[first], sessions.closes[last]


def _keys(
    days: Days, began: Integers, slower: Interval, like: pd.DatetimeIndex
) -> pd.DatetimeIndex:
    if slower.is_intraday:
        return pd.DatetimeIndex(began).tz_localize("UTC").as_unit(like.unit)
    if slower.unit == "w":
        number = days.astype(np.int64)
        days = (number - (number - MONDAY) % DAYS_PER_WEEK).astype("datetime64[D]")
    elif slower.unit == "mo":
        days = days.astype("datetime64[M]").astype("datetime64[D]")
    return pd.DatetimeIndex(days).as_unit(like.unit)
