"""SEMANTICS 2.11: what `of` reads, bar by bar: which bars of another instrument are known.

Written from the text, with loops and nothing of what works on whole arrays.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence

import pandas as pd

from btkit.crosscheck.evaluation import AsOfCall
from btkit.crosscheck.over_time import OverTime
from btkit.crosscheck.slower import Session, sessions_of, values_on
from btkit.indicators import OtherBars
from btkit.markets import Interval, bar_dates

SEEN = 600
"""1.3: `of` sees 600 earlier bars of its own interval."""
OLDEST = 5
"""2.11: A bar is at most so many sessions old."""


class Closes:
    """2.11: When the bars of one instrument close, by its own calendar.

    Parameters
    ----------
    index
        Their times.
    interval
        Theirs.
    calendar
        A name of `exchange_calendars`.
    """

    def __init__(self, index: pd.DatetimeIndex, interval: Interval, calendar: str) -> None:
        self.interval, self.minutes = interval, interval.minutes
        self.times: list[dt.datetime] = list(index.tz_localize(None).to_pydatetime())
        self.sessions = sessions_of(index, calendar, timed=True)
        self.ends = [session.closes for session in self.sessions]
        self.by_day = {session.day: session for session in self.sessions}
        # Of a week or a longer period that is its last session.
        self.days: list[dt.datetime] = [
            dt.datetime.combine(day, dt.time())
            for day in bar_dates(index, interval, calendar=calendar).tolist()
        ]

    def session_of(self, i: int) -> Session | None:
        """Return the session that has a part of a bar; None outside of all."""
        if self.minutes is None:
            return self.by_day.get(self.days[i])
        place = bisect_right(self.ends, self.times[i])
        if place == len(self.sessions):
            return None
        session = self.sessions[place]
        return session if self.end_of(i) > session.opens else None

    def end_of(self, i: int) -> dt.datetime:
        """Return when a bar within sessions ends by its length."""
        return self.times[i] + dt.timedelta(minutes=self.minutes or 0)

    def close_of(self, i: int) -> dt.datetime:
        """2.11: A bar closes with its session, an intraday one after its length if sooner."""
        session = self.session_of(i)
        if self.minutes is not None:
            return self.end_of(i) if session is None else min(self.end_of(i), session.closes)
        if session is not None:
            return session.closes
        # A day that is none closes at the hour of the session before.
        before = [session for session in self.sessions if session.day < self.days[i]][-1]
        return before.closes + (self.days[i] - before.day)

    def session_close_of(self, i: int) -> dt.datetime:
        """Return when the session of a bar closes, of one outside of all the bar itself."""
        session = self.session_of(i)
        return self.close_of(i) if session is None else max(session.closes, self.close_of(i))


class Beside:
    """2.11: Which bar of another instrument is known at each bar.

    Parameters
    ----------
    own, other
        The closes of both.
    """

    def __init__(self, own: Closes, other: Closes) -> None:
        self.own, self.other = own, other
        self.closes = [own.close_of(i) for i in range(len(own.times))]
        self.other_closes = [other.close_of(j) for j in range(len(other.times))]
        self.session_closes = [other.session_close_of(j) for j in range(len(other.times))]

    def moment(self, i: int) -> dt.datetime:
        """Return when a bar closes: where one is cut short, when the next begins."""
        if self.own.minutes is None:
            return self.closes[i]
        return min([self.closes[i], *self.own.times[i + 1 : i + 2]])

    def is_closed(self, j: int, i: int) -> bool:
        """2.11: The other's bar closed no later than this one."""
        return self.other_closes[j] <= self.moment(i)

    def age(self, j: int, i: int) -> int:
        """2.11: Return its age in sessions of its own calendar that closed since."""
        ends = self.other.ends
        return bisect_right(ends, self.moment(i)) - bisect_right(ends, self.session_closes[j])

    def earlier(self, start: int) -> int:
        """1.3: Return how many closed before the first deciding bar does."""
        return sum(close < self.moment(start) for close in self.other_closes)

    def counts(self) -> list[int]:
        """Return how many bars of the other have closed when each bar closes."""
        counts: list[int] = []
        for i in range(len(self.closes)):
            count = counts[-1] if counts else 0
            while count < len(self.other_closes) and self.is_closed(count, i):
                count += 1
            counts.append(count)
        return counts

    def first(self, start: int) -> int:
        """1.3: Return the first bar of the other that is there."""
        return max(0, self.earlier(start) - SEEN)

    def known(self, start: int) -> list[int | None]:
        """2.11: Return the bar that each bar reads, the last that closed; None for none."""
        first = self.first(start)
        return [
            count - 1 if count > first and self.age(count - 1, i) <= OLDEST else None
            for i, count in enumerate(self.counts())
        ]


def column_beside(
    call: AsOfCall,
    bars: pd.DataFrame,
    interval: Interval,
    *,
    calendar: str,
    start: int,
    other: OtherBars,
    kind: type[Beside] = Beside,
    over_time: type[OverTime] = OverTime,
) -> list[object]:
    """Return what a call of `of` is at each bar: a value, None, or what stands for an error.

    Parameters
    ----------
    call
        What is called.
    bars
        Checked and adjusted.
    interval, calendar
        Of them.
    start
        The first deciding bar.
    other
        The other instrument.
    kind, over_time
        The rules by which its bars are known, and of calls over time.
    """
    if not len(other.bars):
        return [None] * len(bars)
    theirs = pd.DatetimeIndex(other.bars.index)
    beside = kind(
        Closes(pd.DatetimeIndex(bars.index), interval, calendar),
        Closes(theirs, interval, other.calendar),
    )
    known = beside.known(start)
    # Later bars than the last that closed nobody may see.
    first = beside.first(start)
    seen = other.bars.iloc[first : beside.counts()[-1]]
    values: Sequence[object] = []
    if len(seen):
        values = values_on(
            seen,
            call.text,
            interval,
            calendar=other.calendar,
            events=dict(other.events),
            declared={name: seen[name].tolist() for name in other.columns},
            over_time=over_time,
        )
    return [None if j is None else values[j - first] for j in known]
