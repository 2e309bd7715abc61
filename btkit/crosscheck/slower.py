"""SEMANTICS 2.10: what `on` reads, bar by bar: which slower bars there are, and which are known.

Written from the text, with loops and nothing of what resamples whole arrays.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from btkit.crosscheck.evaluation import (
    RAISED,
    AsOfCall,
    Raised,
    declared_column,
    evaluate,
    names_in,
    plain_column,
)
from btkit.crosscheck.over_time import OverTime
from btkit.indicators import EventDates, FeatureSet, is_truth_value
from btkit.markets import Annualisation, Interval, schedule

SEEN = 600
"""1.3: `on` sees 600 earlier bars of its own interval."""

# Longer than a month: its last session must be known.
_MARGIN = pd.Timedelta(days=40)
# What every calendar that is recorded at all has years of.
_RECORDED = pd.Timestamp("1990-01-01"), pd.Timestamp("2039-12-31")


@dataclass(frozen=True)
class Session:
    """One session of a calendar, in UTC without a zone; of daily bars all three are its date."""

    day: dt.datetime
    opens: dt.datetime
    closes: dt.datetime


@dataclass(frozen=True)
class Period:
    """The span of one slower bar."""

    key: Hashable
    begins: dt.datetime
    closes: dt.datetime


class Resampling:
    """2.10: The slower bars that some bars make.

    Parameters
    ----------
    times
        Of the bars, in UTC without a zone.
    interval, slower
        Theirs, and the slower one.
    sessions
        Of the calendar, from well before the first bar until well after the last.
    """

    def __init__(
        self,
        times: Sequence[dt.datetime],
        interval: Interval,
        slower: Interval,
        sessions: Sequence[Session],
    ) -> None:
        self.times, self.sessions, self.slower = times, sessions, slower
        self.minutes = interval.minutes
        self.ends = [session.closes for session in sessions]
        self.spans: dict[Hashable, tuple[Session, Session]] = {}
        for session in sessions:
            first, _ = self.spans.setdefault(self.key_of(session), (session, session))
            self.spans[self.key_of(session)] = first, session
        self.groups: dict[Hashable, list[int]] = {}
        self.periods: dict[Hashable, Period] = {}
        for i in range(len(times)):
            period = self.period_of(i)
            if period is not None and self.has_beginning(period):
                self.groups.setdefault(period.key, []).append(i)
                self.periods[period.key] = period

    def key_of(self, session: Session) -> Hashable:
        """2.10: Sessions for 1d, Monday to Sunday for weeks, calendar months."""
        if self.slower.unit == "w":
            return session.day.isocalendar()[:2]
        if self.slower.unit == "mo":
            return session.day.year, session.day.month
        return session.day

    def session_of(self, i: int) -> Session | None:
        """Return the session that has a part of a bar; None outside of all."""
        when = self.times[i]
        if self.minutes is None:
            session = self.sessions[bisect_right(self.ends, when) - 1]
            return session if session.day == when else None
        place = bisect_right(self.ends, when)
        if place == len(self.sessions):
            return None
        session = self.sessions[place]
        return session if self.end_of(i) > session.opens else None

    def end_of(self, i: int) -> dt.datetime:
        """Return when a bar ends by its length, at the latest when the next one begins."""
        if self.minutes is None:
            return self.times[i]
        end = self.times[i] + dt.timedelta(minutes=self.minutes)
        return min([end, *self.times[i + 1 : i + 2]])

    def close_of(self, i: int) -> dt.datetime:
        """Return when a bar closes: with its session at the latest."""
        session = self.session_of(i)
        return self.end_of(i) if session is None else min(self.end_of(i), session.closes)

    def period_of(self, i: int) -> Period | None:
        """2.10: Intraday periods count from the session's open, the others are the calendar's."""
        session = self.session_of(i)
        if session is None:
            return None
        if self.slower.minutes is None:
            first, last = self.spans[self.key_of(session)]
            return Period(self.key_of(session), first.opens, last.closes)
        length = dt.timedelta(minutes=self.slower.minutes)
        begins = session.opens
        while begins + length <= self.times[i]:
            begins += length
        return Period(begins, begins, min(begins + length, session.closes))

    def has_beginning(self, period: Period) -> bool:
        """2.10: A slower bar whose beginning was not loaded is left out."""
        return period.begins >= self.times[0]

    def is_closed(self, period: Period, i: int) -> bool:
        """2.10: A period has closed at the close of its last session in the calendar."""
        return period.closes <= self.close_of(i)

    def known(self) -> list[int]:
        """Return how many slower bars have closed when each bar closes."""
        periods = list(self.periods.values())
        counts: list[int] = []
        for i in range(len(self.times)):
            count = counts[-1] if counts else 0
            while count < len(periods) and self.is_closed(periods[count], i):
                count += 1
            counts.append(count)
        return counts

    def rows(self, bars: pd.DataFrame) -> list[dict[str, Any]]:
        """2.10: Open first, high highest, low lowest, close last, volume sum; others last."""
        columns = {str(name): bars[name].tolist() for name in bars.columns}
        rows = []
        for members in self.groups.values():
            row = {name: column[members[-1]] for name, column in columns.items()}
            row["open"] = columns["open"][members[0]]
            row["high"] = max(columns["high"][i] for i in members)
            row["low"] = min(columns["low"][i] for i in members)
            row["volume"] = 0.0
            for i in members:
                row["volume"] += columns["volume"][i]
            rows.append(row)
        return rows


def slower_column(  # noqa: PLR0913 - a call, its bars, and each kind of rules
    call: AsOfCall,
    bars: pd.DataFrame,
    interval: Interval,
    *,
    calendar: str,
    start: int,
    events: dict[str, EventDates],
    declared: Sequence[str] = (),
    kind: type[Resampling] = Resampling,
    over_time: type[OverTime] = OverTime,
) -> list[object]:
    """Return what a call of `on` is at each bar: a value, None, or what stands for an error.

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
    events
        The user's.
    declared
        The columns that the spec declares.
    kind, over_time
        The rules of resampling, and of calls over time.
    """
    index = pd.DatetimeIndex(bars.index)
    slower = Interval.parse(call.where)
    times = list(index.tz_localize(None).to_pydatetime())
    made = kind(times, interval, slower, sessions_of(index, calendar, timed=interval.is_intraday))
    known, rows = made.known(), made.rows(bars)
    # 1.3: earlier slower bars than 600 before the run are not there.
    first = max(0, (known[start - 1] if start else 0) - SEEN)
    rows, keys = rows[first : known[-1]], list(made.groups)[first : known[-1]]
    if not rows:
        return [None] * len(times)
    values = values_on(
        pd.DataFrame(rows, index=_index(keys, slower)),
        call.text,
        slower,
        calendar=calendar,
        events=events,
        declared={name: [row[name] for row in rows] for name in declared},
        over_time=over_time,
    )
    return [values[count - first - 1] if count > first else None for count in known]


def values_on(
    bars: pd.DataFrame,
    text: str,
    interval: Interval,
    *,
    calendar: str,
    events: dict[str, EventDates],
    declared: Mapping[str, Sequence[object]],
    over_time: type[OverTime],
) -> list[object]:
    """Return what an expression is at each of some bars, or what stands for an error.

    Parameters
    ----------
    bars
        Prices and what else names are computed from.
    text
        The expression.
    interval, calendar, events
        Of these bars.
    declared
        The columns that the spec declares.
    over_time
        The rules of calls over time.
    """
    features = FeatureSet(
        bars,
        bars_per_year=Annualisation(interval, calendar).bars_per_year,
        calendar=calendar,
        interval=interval,
        events=events,
    )
    columns = {
        name: declared_column(declared, name)
        or plain_column(features.column(name).tolist(), boolean=is_truth_value(name))
        for name in sorted(names_in(text))
    }
    values: list[object] = []
    looking_back = over_time(columns, len(bars))
    looking_back.values([text])
    for scope in looking_back.scopes:
        try:
            values.append(evaluate(text, scope))
        except RAISED as error:
            values.append(Raised(str(error)))
    return values


def sessions_of(index: pd.DatetimeIndex, calendar: str, *, timed: bool) -> list[Session]:
    """Return a calendar's sessions, from well before the first of some times until well after.

    Parameters
    ----------
    index
        Ascending.
    calendar
        A name of `exchange_calendars`.
    timed
        Whether they have hours, else all three times of one are its date.
    """
    days = index.tz_localize(None).normalize()
    first, last = days[0] - _MARGIN, days[-1] + _MARGIN
    recorded = schedule(calendar, min(first, _RECORDED[0]), max(last, _RECORDED[1]))
    opens, closes = (
        pd.DatetimeIndex(recorded[name]).tz_convert(None) for name in ("open", "close")
    )
    begin, end = recorded.index.searchsorted(first), recorded.index.searchsorted(last, "right")
    known = [*range(begin, end), 0, -1]
    hours = {recorded.index[place]: (opens[place], closes[place]) for place in known}
    # In years that are not recorded a session is each day of the week on which the nearest twenty
    # recorded ones fall, with the hours of the nearest.
    for near, beyond in (
        (recorded.index[:20], pd.date_range(first, recorded.index[0], inclusive="left")),
        (recorded.index[:-21:-1], pd.date_range(recorded.index[-1], last, inclusive="right")),
    ):
        usual, nearest = {day.weekday() for day in near}, near[0]
        for day in beyond:
            if day.weekday() in usual:
                shift = day - nearest
                hours[day] = hours[nearest][0] + shift, hours[nearest][1] + shift
    return [
        Session(*(moment.to_pydatetime() for moment in (day, *(times if timed else (day, day)))))
        for day, times in sorted(hours.items())
        if first <= day <= last
    ]


def _index(keys: Sequence[Any], slower: Interval) -> pd.DatetimeIndex:
    if slower.unit == "w":
        return pd.DatetimeIndex([dt.date.fromisocalendar(year, week, 1) for year, week in keys])
    if slower.unit == "mo":
        return pd.DatetimeIndex([pd.Timestamp(year, month, 1) for year, month in keys])
    index = pd.DatetimeIndex(list(keys))
    return index.tz_localize("UTC") if slower.is_intraday else index
