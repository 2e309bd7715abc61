"""How complete bars are: what the exchange's calendar and the source miss, and no bars fill."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from btkit.data.info import Coverage, Finding, finding
from btkit.data.sessions import closed_schedule, missing_ranges
from btkit.data.source import Answer
from btkit.data.times import INTERVAL_MINUTES, ONE_DAY, is_intraday

Range = tuple[pd.Timestamp, pd.Timestamp]
Ranges = list[Range]

# Few exchanges have been shut for longer.
USUAL_SILENCE: Final = pd.Timedelta(days=7)
DAYS_PER_WEEK: Final = 7
MOST_NOTES: Final = 3
THIN_SESSION: Final = 0.5
FRIDAY: Final = 4


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
        ``1m`` to ``1w``.
    calendar
        The exchange calendar.
    now
        The present time, with its zone; sessions that have not closed are not missed.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    interval: str
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
    it tells counts where no bars are, and a session without bars counts whether told or not.

    Parameters
    ----------
    answer
        What the source said; only what it knows to agree with the calendar is taken as it is.
    index
        Shape (n_bars,): times of the bars inside the range, sorted.
    span
        The range.
    """
    first, last = span.days
    if answer.gaps is not None and answer.exact_calendar == span.calendar:
        gaps = _clipped(answer.gaps, first, last)
        return Completeness("partial" if gaps else "complete", gaps)
    completeness, sessions, held = _by_calendar(index, span)
    if answer.gaps is None:
        return completeness
    told = _clipped(answer.gaps, first, last)
    kept = [piece for gap in told for piece in _without_held(gap, held, sessions)]
    gaps = _united([*kept, *completeness.gaps], sessions)
    # Whichever of its days the source names, a week is told.
    margin = (DAYS_PER_WEEK - 1) * ONE_DAY if span.interval == "1w" else 0 * ONE_DAY
    untold = [
        day
        for gap in completeness.gaps
        for day in _between(sessions, gap)
        if not any(start - margin <= day <= end + margin for start, end in told)
    ]
    notes = _disagreements(answer, told, untold, held)
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
    answer: Answer, told: Ranges, untold: list[pd.Timestamp], held: pd.DatetimeIndex
) -> list[str]:
    notes = []
    if untold:
        says = f"calls the range {answer.coverage or 'complete'}"
        notes.append(
            f"The source {'tells other gaps' if told else says}, but sessions without bars were "
            f"found that it does not tell, the first {untold[0].date()}."
        )
    delivered = [(gap, days) for gap in told if len(days := _between(held, gap))]
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
    if is_intraday(span.interval):
        return _intraday(index, schedule, span)
    sessions = pd.DatetimeIndex(schedule.index)
    if span.interval == "1w":
        mondays = _mondays(index).unique()
        held = pd.DatetimeIndex(
            np.concatenate([mondays + day * ONE_DAY for day in range(DAYS_PER_WEEK)])
        )
        return _weekly(index, sessions, span), sessions, held.sort_values()
    gaps = missing_ranges(sessions, index)
    findings = []
    strange = index[~index.isin(sessions) & (index <= last)]
    # The last date may be a session that has not closed yet.
    strange = strange[strange < last] if len(sessions) and last > sessions[-1] else strange
    if len(strange):
        message = f"Bars on days that are no session of the calendar {span.calendar}."
        findings.append(finding("bars_outside_sessions", message, strange))
    return Completeness("partial" if gaps else "complete", gaps, findings), sessions, index


def _weekly(index: pd.DatetimeIndex, sessions: pd.DatetimeIndex, span: Span) -> Completeness:
    first, last = span.days
    weeks = _mondays(sessions).unique()
    whole = weeks[(weeks >= first) & (weeks + 6 * ONE_DAY <= last)]
    gaps = [
        (start, end + FRIDAY * ONE_DAY) for start, end in missing_ranges(whole, _mondays(index))
    ]
    return Completeness("partial" if gaps else "complete", gaps)


def _mondays(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    # A week labelled by its Sunday is the one that begins there.
    shifted = days + ONE_DAY
    sunday = days.day_of_week == 6  # noqa: PLR2004 - pandas counts Monday as 0
    base = shifted.where(sunday, days)
    return pd.DatetimeIndex(base - pd.to_timedelta(base.day_of_week, unit="D"))


def _intraday(
    index: pd.DatetimeIndex, schedule: pd.DataFrame, span: Span
) -> tuple[Completeness, pd.DatetimeIndex, pd.DatetimeIndex]:
    opens, closes = pd.DatetimeIndex(schedule["open"]), pd.DatetimeIndex(schedule["close"])
    whole = np.asarray((opens >= span.first) & (closes <= span.last))
    counts = index.searchsorted(closes) - index.searchsorted(opens)
    sessions = pd.DatetimeIndex(schedule.index)
    gaps = missing_ranges(sessions[whole], sessions[counts > 0])
    minutes = np.asarray((closes - opens) / pd.Timedelta(minutes=1))
    covered = counts * INTERVAL_MINUTES[span.interval] / minutes
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
