"""The bars that bundles are asked about, and how far back what they are asked by may look."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from btkit.markets import bar_dates

if TYPE_CHECKING:
    from btkit.markets import Days, Interval


@dataclass(frozen=True)
class AskedBars:
    """The bars that bundles are asked about.

    Parameters
    ----------
    bars
        Every bar, warm-up included.
    symbol, interval, calendar
        Of the bars; no symbol where they do not say it.
    start, begin
        The first deciding bar, and the first one that features of the bars' own interval see;
        those of slower timeframes see 600 of their own before `start`.
    """

    bars: pd.DataFrame
    symbol: str | None
    interval: Interval
    calendar: str
    start: int = 0
    begin: int = 0

    def __len__(self) -> int:
        """Return the number of bars."""
        return len(self.bars)

    @property
    def index(self) -> pd.DatetimeIndex:
        """The key of each bar."""
        return pd.DatetimeIndex(self.bars.index)

    @cached_property
    def dates(self) -> Days:
        """The session of each bar, of longer bars the last one, datetime64[D]."""
        return bar_dates(self.index, self.interval, calendar=self.calendar)
