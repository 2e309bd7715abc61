"""Dates on which something happens: what was foreseen of them, and how far they are known."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files

import numpy as np

from btkit.indicators.arrays import Array, Mask
from btkit.markets import Days

EARLIEST, LATEST = np.datetime64("0001-01-01", "D"), np.datetime64("9999-12-31", "D")
_ONE_DAY = np.timedelta64(1, "D")

KNOWN = {
    "fomc": (np.datetime64("2019-01-01", "D"), np.datetime64("2027-12-31", "D")),
    "cpi": (np.datetime64("2019-01-01", "D"), np.datetime64("2026-12-31", "D")),
}
"""The first and the last day that the package's own dates cover."""


@dataclass(frozen=True)
class Foreseen:
    """A date, and from when until when people counted on it, all days included.

    Parameters
    ----------
    day
        The date.
    since, until
        The first and the last day on which it was foreseen.
    """

    day: np.datetime64
    since: np.datetime64 = EARLIEST
    until: np.datetime64 = LATEST


@dataclass(frozen=True, eq=False)
class EventDates:
    """The dates of one event.

    Parameters
    ----------
    days
        On which it happened, ascending, each once.
    foreseen
        What people counted on, whether or not it happened.
    first, last
        Outside of these nothing is known, and values are missing.
    begins
        Before this day the dates may be incomplete.
    """

    days: Days
    foreseen: tuple[Foreseen, ...]
    first: np.datetime64
    last: np.datetime64
    begins: np.datetime64

    def on_the_day(self, dates: Days) -> Array:
        """Return 1.0 on the event's dates, 0.0 on others, NaN where they are not known.

        Parameters
        ----------
        dates
            Shape (n,), ascending.
        """
        return np.where(self._outside(dates), np.nan, _is_event_day(dates, self.days))

    def days_to(self, dates: Days) -> Array:
        """Return the calendar days to the next date that is foreseen, 0 on it, or else NaN.

        Parameters
        ----------
        dates
            Shape (n,), ascending.
        """
        return np.where(self._outside(dates), np.nan, self._ahead(dates))

    def within(self, dates: Days, days: int) -> Array:
        """Return 1.0 where a date is foreseen for 0 to `days` days ahead, 0.0 where none is.

        NaN where those days reach beyond what is known, unless there is one among them.

        Parameters
        ----------
        dates
            Shape (n,), ascending.
        days
            Calendar days, at least 0.
        """
        hit = self._ahead(dates) <= days
        return np.where(self._outside(dates, ahead=days) & ~hit, np.nan, hit)

    def in_doubt(self, dates: Days, values: Array) -> Mask:
        """Return where a value is missing for want of dates, or rests on incomplete ones.

        Parameters
        ----------
        dates
            Shape (n,).
        values
            What one of the other methods returned for them.
        """
        # Between the first day and the last date ahead a missing value means: not announced yet.
        waiting = (dates >= self.first) & (dates <= self._last_foreseen)
        return (np.isnan(values) & ~waiting) | (dates < self.begins)

    def _outside(self, dates: Days, *, ahead: int = 0) -> Mask:
        return (dates < self.first) | (dates > self.last - ahead * _ONE_DAY)

    def _ahead(self, dates: Days) -> Array:
        days = days_until_next(dates, self._always_foreseen)
        for one in self.foreseen:
            if one.since > EARLIEST or one.until < one.day:
                begin = dates.searchsorted(one.since)
                end = dates.searchsorted(min(one.until, one.day), side="right")
                left = (one.day - dates[begin:end]).astype(np.float64)
                days[begin:end] = np.fmin(days[begin:end], left)
        return days

    @cached_property
    def _last_foreseen(self) -> np.datetime64:
        return max((one.day for one in self.foreseen), default=EARLIEST)

    @cached_property
    def _always_foreseen(self) -> Days:
        days = [one.day for one in self.foreseen if one.since == EARLIEST and one.until >= one.day]
        return np.unique(np.array(days, dtype="datetime64[D]"))


NO_DATES = EventDates(np.array([], "datetime64[D]"), (), LATEST, EARLIEST, begins=LATEST)
"""Of an event of which nothing is known at all."""


@lru_cache(maxsize=4)
def announcements(name: str) -> EventDates:
    """Return the announcement dates that the package carries.

    Parameters
    ----------
    name
        ``"fomc"`` or ``"cpi"``. A row whose note is ``unscheduled`` was not foreseen; one that was
        ``withdrawn`` was counted on until the day before.
    """
    text = files("btkit.indicators").joinpath(f"data/{name}.csv").read_text(encoding="utf-8")
    happened, foreseen = [], []
    for row in csv.DictReader(text.splitlines()):
        day = np.datetime64(row["date"], "D")
        withdrawn = row.get("withdrawn")
        if withdrawn:
            foreseen.append(
                Foreseen(day, until=np.datetime64(withdrawn, "D") + np.timedelta64(-1, "D"))
            )
            continue
        happened.append(day)
        if row["note"] != "unscheduled":
            foreseen.append(Foreseen(day))
    first, last = KNOWN[name]
    return EventDates(np.array(sorted(happened)), tuple(foreseen), first, last, begins=first)


def days_until_next(dates: Days, events: Days) -> Array:
    """Return the calendar days to the next event.

    Parameters
    ----------
    dates
        Shape (n,).
    events
        Ascending.

    Returns
    -------
    Array
        Shape (n,), 0 on the event's own day, NaN after the last event.
    """
    known = np.append(events, np.datetime64("NaT"))
    days = known[events.searchsorted(dates)] - dates
    return np.where(np.isnat(days), np.nan, days.astype(np.int64))


def _is_event_day(dates: Days, events: Days) -> Mask:
    on_the_day = np.zeros(len(dates), np.bool_)
    ends = dates.searchsorted(events, side="right")
    for begin, end in zip(dates.searchsorted(events), ends, strict=True):
        on_the_day[begin:end] = True
    return on_the_day
