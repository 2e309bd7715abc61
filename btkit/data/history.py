"""How much history a run needs before its first day (SEMANTICS 1.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from btkit.indicators import OTHER_WARMUP
from btkit.markets import Interval, slower_bars

# Days of history per bar, generously: short sessions, holidays, and a margin in days.
DAYS_PER_SESSION: Final = 365.25 / 252 * 1.05
SHORTEST_SESSION_MINUTES: Final = 240
MARGIN_DAYS: Final = 30
WARMUP_BARS: Final = 2_000
"""Bars before the first day of a run that it sees, so that no indicator depends on who asks."""


@dataclass(frozen=True)
class History:
    """What a run wants of the bars before its first day.

    Parameters
    ----------
    warmup
        Bars of its own interval.
    slower
        Slower intervals, of each of which it sees 600 earlier bars.
    lead
        Bars just before the first day whose history is wanted, too, such as those that a model is
        trained on before its first decision: the other two count from the first of them.
    """

    warmup: int
    slower: Sequence[Interval] = ()
    lead: int = 0

    def days(self, interval: Interval) -> int:
        """Return how many days back that is, about, and rather too many."""
        before = max(
            _days(interval, self.warmup),
            *(_days(slower, OTHER_WARMUP + 1) for slower in self.slower),
            0,
        )
        return before + _days(interval, self.lead)

    def first(
        self, index: pd.DatetimeIndex, place: int, *, interval: Interval, calendar: str
    ) -> tuple[int, bool]:
        """Return the first bar that is wanted, and whether bars reach back as far as is wanted.

        Parameters
        ----------
        index
            Ascending times of bars.
        place
            That of the first deciding one.
        interval, calendar
            Theirs.
        """
        reaches, place = place >= self.warmup + self.lead, max(0, place - self.lead)
        first = max(0, place - self.warmup)
        for slower in self.slower:
            made = slower_bars(index[:place], interval, slower, calendar=calendar)
            extra = made.complete - OTHER_WARMUP
            reaches &= extra >= 0
            begun = np.flatnonzero(made.period == max(extra, 0))
            # One bar more shows that nothing of that slower bar is missing.
            first = min(first, max(0, int(begun[0]) - 1) if extra >= 0 else 0)
        return first, reaches

    def seen_from(self, index: pd.DatetimeIndex, place: int, first: int) -> str | None:
        """Return the time of the first bar of the warm-up; None where it is the first of all."""
        begin = max(0, place - self.lead - self.warmup)
        return index[begin].isoformat() if begin > first else None


def _days(interval: Interval, bars: int) -> int:
    if bars == 0:
        return 0
    if interval.is_longer:
        return interval.length.days * bars + MARGIN_DAYS
    sessions = float(bars)
    if interval.minutes is not None:
        sessions = bars / max(1, SHORTEST_SESSION_MINUTES // interval.minutes)
    return math.ceil(sessions * DAYS_PER_SESSION) + MARGIN_DAYS
