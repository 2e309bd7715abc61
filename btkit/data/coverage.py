"""How complete bars are: what the exchange's calendar and the source miss, and no bars fill."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.gaps import missing_ranges
from btkit.data.info import Coverage, Finding, finding
from btkit.data.source import Answer
from btkit.markets import ONE_DAY, Days, Interval, closed_schedule, last_days

Range = tuple[pd.Timestamp, pd.Timestamp]
Ranges = list[Range]

# Few exchanges have been shut for longer.
USUAL_SILENCE: Final = pd.Timedelta(days=7)
DAYS_PER_WEEK: Final = 7
MOST_NOTES: Final = 3
THIN_SESSION: Final = 0.5
FRIDAY: Final = 4
MONDAY: Final = np.datetime64("1970-01-05", "D")


@dataclass(frozen=True)
class Completeness:
    """What is missing of a requested range.

    Parameters
    ----------
    coverage
        ``complete`` or ``partial``.
    gaps
        Missing ranges of dates, both ends included.
    findings, notes
        As in `btkit.data.DataInfo`.
    """

    coverage: Coverage
    gaps: Ranges
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Span:
    """The range that bars should cover.

    Parameters
    ----------
    first, last
        As requested, both included: naive dates, or UTC times.
    interval
        Of the bars.
    calendar
        The exchange calendar.
    now
        The present time, with its zone; sessions that have not closed are not missed.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    interval: Interval
    calendar: str
    now: dt.datetime

    @property
    def days(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First and last date of the range, naive."""
        first, last = (time.tz_localize(None).normalize() for time in (self.first, self.last))
        return first, min(last, pd.Timestamp(self.now.astimezone(dt.UTC).date()))


def judge_coverage(answer: Answer, index: pd.DatetimeIndex, span: Span) -> Completeness:
    """Say how completely bars cover a range.

    The bars are compared with the sessions of the calendar, whatever the source says: a gap that
    it tells counts where no bars are, and a session without bars counts whether stated or not. Only
    what the source knows to agree with the calendar is taken as it is.
    """
    first, last = span.days
    if answer.gaps is not None and answer.exact_calendar == span.calendar:
        gaps = _clipped(answer.gaps, first, last)
        return Completeness("partial" if gaps else "complete", gaps)
    completeness, sessions, held = _by_calendar(index, span)
    if answer.gaps is None:
        return completeness
    stated = _clipped(answer.gaps, first, last)
    kept = [piece for gap in stated for piece in _without_held(gap, held, sessions)]
    gaps = _united([*kept, *completeness.gaps], sessions)
    # Whichever of its days the source names, a week is reported.
    margin = span.interval.length - ONE_DAY if span.interval.is_longer else 0 * ONE_DAY
    unstated = [
        day
        for gap in completeness.gaps
        for day in _between(sessions, gap)
        if not any(start - margin <= day <= end + margin for start, end in stated)
    ]
    notes = _disagreements(answer, stated, unstated, held)
    if answer.coverage in {"partial", "missing"} and not answer.gaps and not gaps:
        notes.append(
            f"The source calls its answer {answer.coverage} without saying where; no session "
            "inside the range lacks its bars."
        )
    return replace(completeness, coverage="partial" if gaps else "complete", gaps=gaps, notes=notes)


def _clipped(gaps: Ranges, first: pd.Timestamp, last: pd.Timestamp) -> Ranges:
    inside = [(max(start, first), min(end, last)) for start, end in gaps]
    return [(start, end) for start, end in inside if start <= end]


def _between(days: pd.DatetimeIndex, gap: Range) -> pd.DatetimeIndex:
    return days[days.searchsorted(gap[0]) : days.searchsorted(gap[1], side="right")]


def _without_held(gap: Range, held: pd.DatetimeIndex, sessions: pd.DatetimeIndex) -> Ranges:
    # The days with bars cut the gap into pieces.
    cuts = [gap[0] - ONE_DAY, *_between(held, gap), gap[1] + ONE_DAY]
    pieces = [(before + ONE_DAY, after - ONE_DAY) for before, after in pairwise(cuts)]
    return [
        piece
        for piece in pieces
        # A weekend lacks nothing. Longer than any holiday means that the calendar is unknown.
        if len(_between(sessions, piece)) or piece[1] - piece[0] > USUAL_SILENCE
    ]


def _united(gaps: Ranges, sessions: pd.DatetimeIndex) -> Ranges:
    united: Ranges = []
    for start, end in sorted(gaps):
        if united:
            earlier = united[-1]
            # Neighbours have no session between them.
            if start <= earlier[1] + ONE_DAY or (
                len(_between(sessions, (earlier[1] + ONE_DAY, start - ONE_DAY))) == 0
                and start - earlier[1] <= USUAL_SILENCE
            ):
                united[-1] = (earlier[0], max(end, earlier[1]))
                continue
        united.append((start, end))
    return united


def _disagreements(
    answer: Answer, stated: Ranges, unstated: list[pd.Timestamp], held: pd.DatetimeIndex
) -> list[str]:
    notes = []
    if unstated:
        says = f"calls the range {answer.coverage or 'complete'}"
        notes.append(
            f"The source {'tells other gaps' if stated else says}, but sessions without bars were "
            f"found that it does not tell, the first {unstated[0].date()}."
        )
    delivered = [(gap, days) for gap in stated if len(days := _between(held, gap))]
    for (start, end), days in delivered[:MOST_NOTES]:
        notes.append(
            f"The source tells a gap from {start.date()} to {end.date()}, but it delivered bars "
            f"of {len(days)} days in it, the first {days[0].date()}."
        )
    return notes


def _by_calendar(
    index: pd.DatetimeIndex, span: Span
) -> tuple[Completeness, pd.DatetimeIndex, pd.DatetimeIndex]:
    first, last = span.days
    schedule = closed_schedule(span.calendar, first, last, now=span.now)
    if span.interval.minutes is not None:
        return _intraday(index, schedule, span, minutes=span.interval.minutes)
    sessions = pd.DatetimeIndex(schedule.index)
    if span.interval.is_longer:
        return _longer(index, sessions, span)
    gaps = missing_ranges(sessions, index)
    findings = []
    strange = index[~index.isin(sessions) & (index <= last)]
    # The last date may be a session that has not closed yet.
    strange = strange[strange < last] if len(sessions) and last > sessions[-1] else strange
    if len(strange):
        message = f"Bars on days that are no session of the calendar {span.calendar}."
        findings.append(finding("bars_outside_sessions", message, strange))
    return Completeness("partial" if gaps else "complete", gaps, findings), sessions, index


def _longer(
    index: pd.DatetimeIndex, sessions: pd.DatetimeIndex, span: Span
) -> tuple[Completeness, pd.DatetimeIndex, pd.DatetimeIndex]:
    """Compare weeks or months with the calendar's, counted from those that have a bar."""
    first, last = span.days
    present = _periods(last_days(index, span.interval), span.interval)
    held = [_days_of(period, span.interval) for period in np.unique(present)]
    days = pd.DatetimeIndex(np.concatenate(held)) if held else sessions[:0]
    if not len(index):
        return Completeness("partial", [(first, last)]), sessions, days
    every = _periods(sessions.to_numpy().astype("datetime64[D]"), span.interval)
    count, phase = span.interval.count, present[0] % span.interval.count
    # The last day of a period of n is in a week or month of the same remainder.
    wanted = np.unique(every + (phase - every) % count)
    whole = [
        bounds
        for period in wanted
        if (bounds := _bounds_of(period, span.interval))[0] >= first and bounds[1] <= last
    ]
    starts = pd.DatetimeIndex([start for start, _ in whole])
    ends = dict(whole)
    missing = missing_ranges(starts, pd.DatetimeIndex([day[0] for day in held]))
    gaps = [(start, _last_weekday(ends[end])) for start, end in missing]
    return Completeness("partial" if gaps else "complete", gaps), sessions, days


def _periods(days: Days, interval: Interval) -> npt.NDArray[np.int64]:
    if interval.unit == "mo":
        return days.astype("datetime64[M]").astype(np.int64)
    return (days - MONDAY).astype(np.int64) // DAYS_PER_WEEK


def _bounds_of(period: int, interval: Interval) -> Range:
    # Of the period that ends with this week or month.
    first = int(period) - interval.count + 1
    if interval.unit == "mo":
        edges = np.array([first, period + 1]).astype("datetime64[M]").astype("datetime64[D]")
    else:
        edges = MONDAY + np.array([first, period + 1]) * np.timedelta64(DAYS_PER_WEEK, "D")
    return pd.Timestamp(edges[0]), pd.Timestamp(edges[1]) - ONE_DAY


def _days_of(period: int, interval: Interval) -> pd.DatetimeIndex:
    return pd.date_range(*_bounds_of(period, interval))


def _last_weekday(day: pd.Timestamp) -> pd.Timestamp:
    return day - max(0, day.day_of_week - FRIDAY) * ONE_DAY


def _intraday(
    index: pd.DatetimeIndex, schedule: pd.DataFrame, span: Span, *, minutes: int
) -> tuple[Completeness, pd.DatetimeIndex, pd.DatetimeIndex]:
    opens, closes = pd.DatetimeIndex(schedule["open"]), pd.DatetimeIndex(schedule["close"])
    whole = np.asarray((opens >= span.first) & (closes <= span.last))
    counts = index.searchsorted(closes) - index.searchsorted(opens)
    sessions = pd.DatetimeIndex(schedule.index)
    gaps = missing_ranges(sessions[whole], sessions[counts > 0])
    open_for = np.asarray((closes - opens) / pd.Timedelta(minutes=1))
    covered = counts * minutes / open_for
    thin = whole & (counts > 0) & (covered < THIN_SESSION)
    findings = []
    if thin.any():
        message = "Sessions with less than half of their bars."
        findings.append(finding("thin_sessions", message, sessions[thin]))
    outside = len(index) - int(counts.sum())
    if outside > THIN_SESSION * len(index):
        message = (
            f"Most bars lie outside the sessions of the calendar {span.calendar}; their times may "
            "not be in UTC, or the calendar may be another market's."
        )
        session = opens.searchsorted(index, side="right") - 1
        inside = (
            (session >= 0) & (index < closes[np.maximum(session, 0)])
            if len(closes)
            else np.zeros(len(index), bool)
        )
        findings.append(finding("bars_outside_sessions", message, index[~np.asarray(inside)]))
    completeness = Completeness("partial" if gaps else "complete", gaps, findings)
    # Where the source tells a gap, a few bars do not fill the session.
    return completeness, sessions, sessions[(counts > 0) & ~thin]
