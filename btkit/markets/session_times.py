"""When sessions open and close, and where in them bars stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.markets.bar_sessions import MONDAY
from btkit.markets.calendars import Days, exchange_calendar, nanoseconds, years_around
from btkit.markets.interval import DAYS_PER_WEEK, LONGEST_MONTH_DAYS, Interval

Integers = npt.NDArray[np.int64]
NONE: Final = -1
MINUTE: Final = 60 * 10**9
# So many recorded sessions show on which days of the week an exchange opens.
USUAL: Final = 20
# The first and the last session of a month that reaches beyond the bars must be known.
AROUND: Final = np.timedelta64(LONGEST_MONTH_DAYS, "D")


@dataclass(frozen=True, eq=False)
class Sessions:
    """Sessions of an exchange, in nanoseconds.

    Beyond the years that they are recorded for, each day of the week that the nearest recorded
    ones fall on is one, with the hours of the nearest.

    Parameters
    ----------
    labels
        Their dates, ascending.
    opens, closes
        int64, nanoseconds since 1970 in UTC.
    """

    labels: Days
    opens: Integers
    closes: Integers

    @classmethod
    def between(
        cls, first: np.datetime64, last: np.datetime64, calendar: str, *, timed: bool = True
    ) -> Self:
        """Return the sessions of two dates, of a month before and of a month after.

        Parameters
        ----------
        first, last
            Dates.
        calendar
            A name of `exchange_calendars`.
        timed
            Whether their hours are wanted, else they open and close at the midnight of their date.

        Raises
        ------
        UsageError
            If no exchange has that name.
        """
        exchange = exchange_calendar(calendar, *years_around(first - AROUND, last + AROUND))
        labels = exchange.sessions.to_numpy().astype("datetime64[D]")
        before = _usual_days(first - AROUND, labels[0], like=labels[:USUAL])
        after = _usual_days(labels[-1] + 1, last + AROUND, like=labels[-USUAL:])
        days = np.concatenate([before, labels, after])
        midnights = days.astype("datetime64[ns]").astype(np.int64)
        if not timed:
            return cls(days, midnights, midnights)
        recorded = slice(len(before), len(before) + len(labels))
        hours = []
        for known in (nanoseconds(exchange.opens), nanoseconds(exchange.closes)):
            since = known - midnights[recorded]
            padded = np.pad(since, (len(before), len(after)), mode="edge")
            hours.append(midnights + padded)
        return cls(days, *hours)

    def of(self, bars: Integers, ends: Integers) -> Integers:
        """Return the place of each bar's session, -1 for a bar that lies outside of all.

        Parameters
        ----------
        bars, ends
            When each bar begins and ends: one that is cut by an opening belongs to that session.
        """
        position = np.minimum(self.closes.searchsorted(bars, side="right"), len(self.labels) - 1)
        inside = (bars < self.closes[position]) & (ends > self.opens[position])
        return np.where(inside, position, NONE)

    @property
    def months(self) -> Integers:
        """The month of each session, counted from January 1970."""
        return self.labels.astype("datetime64[M]").astype(np.int64)


@dataclass(frozen=True, eq=False)
class SessionPlaces:
    """Where in its session each intraday bar stands.

    Parameters
    ----------
    sessions
        Those of the exchange.
    place
        int64, shape (n_bars,): each bar's among them, -1 for a bar that lies outside of all.
    before
        int64, shape (n_bars,): the last one that had closed when each bar opened, -1 for none.
    begins, ends
        int64, nanoseconds: when each bar opens, and when it is over, with its session at the
        latest. That of a bar outside of all sessions goes by its length alone.
    """

    sessions: Sessions
    place: Integers
    before: Integers
    begins: Integers
    ends: Integers

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """Whether each bar belongs to a session."""
        inside: npt.NDArray[np.bool_] = self.place != NONE
        return inside

    @property
    def opened(self) -> Integers:
        """When each bar's session opened; of a bar outside of all any number."""
        return self.sessions.opens[self.place]

    @property
    def closed(self) -> Integers:
        """When each bar's session closes; of a bar outside of all any number."""
        return self.sessions.closes[self.place]


def sessions_around(utc: pd.DatetimeIndex, calendar: str, *, timed: bool = True) -> Sessions:
    """Return the `Sessions` around some bars.

    Parameters
    ----------
    utc
        Ascending times of bars in UTC.
    calendar, timed
        As of `Sessions.between`.
    """
    if not len(utc):
        none = np.array([], dtype=np.int64)
        return Sessions(none.astype("datetime64[D]"), none, none)
    first, last = (np.datetime64(utc[i].tz_convert(None), "D") for i in (0, -1))
    return Sessions.between(first, last, calendar, timed=timed)


def session_places(index: pd.DatetimeIndex, interval: Interval, *, calendar: str) -> SessionPlaces:
    """Return where in its session each intraday bar stands.

    A bar counts as long as its interval says, whenever the next one opens: that one is not known
    yet.

    Parameters
    ----------
    index
        Ascending UTC open times of bars; naive ones are taken as UTC.
    interval
        Theirs, below a day.
    calendar
        A name of `exchange_calendars`.

    Raises
    ------
    UsageError
        If no exchange has that name.

    Examples
    --------
    >>> hours = pd.date_range("2024-07-03 13:30", periods=4, freq="h", tz="UTC")
    >>> places = session_places(hours, Interval.parse("1h"), calendar="XNYS")
    >>> (places.closed - places.ends) // MINUTE  # the half day ends at 17:00
    array([150,  90,  30,   0])
    """
    assert interval.minutes is not None
    utc = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
    begins = nanoseconds(utc)
    sessions = sessions_around(utc, calendar)
    ends = begins + interval.minutes * MINUTE
    place = sessions.of(begins, ends)
    cut = np.minimum(ends, sessions.closes[place])
    return SessionPlaces(
        sessions,
        place,
        sessions.closes.searchsorted(begins, side="right") - 1,
        begins,
        np.where(place == NONE, ends, cut),
    )


def month_places(days: Days, *, calendar: str) -> tuple[Integers, Integers, npt.NDArray[np.bool_]]:
    """Return which session of its month each date is, and how many come after it there.

    Parameters
    ----------
    days
        Dates.
    calendar
        A name of `exchange_calendars`.

    Returns
    -------
    of_month, left
        int64, shape (n_days,): 1 for the first session of a month, and 0 for the last.
    is_session
        bool, shape (n_days,): whether the date is a session; where it is none, the others are
        any numbers.

    Raises
    ------
    UsageError
        If no exchange has that name.

    Examples
    --------
    >>> days = np.array(["2024-03-01", "2024-03-28", "2024-03-29"], "datetime64[D]")
    >>> month_places(days, calendar="XNYS")  # Good Friday is on 29 March
    (array([ 1, 20, 20]), array([19,  0,  0]), array([ True,  True, False]))
    """
    if not len(days):
        none = np.array([], dtype=np.int64)
        return none, none, none.astype(np.bool_)
    sessions = Sessions.between(days.min(), days.max(), calendar, timed=False)
    place = sessions.labels.searchsorted(days, side="right") - 1
    month = days.astype("datetime64[M]").astype(np.int64)
    first = sessions.months.searchsorted(month)
    last = sessions.months.searchsorted(month, side="right") - 1
    return place - first + 1, last - place, sessions.labels[place] == days


def _usual_days(first: np.datetime64, end: np.datetime64, *, like: Days) -> Days:
    days = np.arange(first, end, dtype="datetime64[D]")
    known = (like.astype(np.int64) - MONDAY) % DAYS_PER_WEEK
    return days[np.isin((days.astype(np.int64) - MONDAY) % DAYS_PER_WEEK, known)]
