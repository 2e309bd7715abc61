"""What an indicator is: its documentation, and the function that computes its column."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol, TypeAlias, TypeVar

import pandas as pd

from btkit.indicators.announcements import EventDates
from btkit.indicators.arrays import Array, Mask
from btkit.markets import Days, Interval

Kind: TypeAlias = Literal["float", "bool"]
T = TypeVar("T")
SMALLEST, LARGEST = 2, 500
"""The least and the largest n of a family."""


@dataclass(frozen=True)
class Indicator:
    """The documentation of one name that a condition may use.

    Parameters
    ----------
    name
        As it is written in a condition; ``sma_<n>`` and ``prev_<name>`` stand for families.
    group
        The table it belongs to: price, momentum, trend, volatility, volume, session, clock,
        options, market, events or position.
    kind
        ``"float"`` or ``"bool"``.
    lookback
        Index of the first bar that has a value, on clean data.
    meaning
        What it says, with its unit.
    formula
        How it is computed.
    source
        Whose definition it is.
    decay
        For a recursive indicator, the share of its starting value's weight that is left after
        each further bar: 0.9 means that 0.9**k is left after k bars, 1.0 that it never fades.
        None for an indicator that looks at a fixed window.
    per_bar
        False for names that describe the open position, which have no column.
    needs
        The names that it is computed from.
    varies
        For a family, how lookback and decay depend on the member; empty for a single name.
    intraday
        Whether it has values on intraday bars alone.
    """

    name: str
    group: str
    kind: Kind
    lookback: int
    meaning: str
    formula: str
    source: str
    decay: float | None = None
    per_bar: bool = True
    needs: tuple[str, ...] = ()
    varies: str = ""
    intraday: bool = False


class Columns(Protocol):
    """What a computation may ask for: other columns, dates, and the annualisation."""

    @property
    def bars_per_year(self) -> float:
        """Bars in a year, the square of the annualisation factor."""

    @property
    def calendar(self) -> str:
        """Name of the exchange calendar."""

    @property
    def interval(self) -> Interval:
        """Length of the bars."""

    @property
    def index(self) -> pd.DatetimeIndex:
        """Time of each bar: dates, or UTC open times of intraday ones."""

    @property
    def dates(self) -> Days:
        """Session date of each bar, datetime64[D]."""

    def column(self, name: str) -> Array:
        """Return the column of a per-bar name."""

    def raw(self, name: str) -> Array:
        """Return a column of the bars as it is, all NaN where the bars do not have it."""

    def event(self, name: str) -> EventDates:
        """Return the dates of an event; without any where nothing is known of it."""

    def shared(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return an intermediate result, computed when it is first asked for."""


@dataclass(frozen=True)
class Definition:
    """An indicator with the functions that compute it.

    Parameters
    ----------
    indicator
        The documentation.
    compute
        Returns the float64 column, one value a bar, NaN where it is missing; None for names
        that describe the position.
    fallback
        Returns the bars whose value rests on a documented fallback of this very name.
    unknown
        Returns the bars on which this very name is missing because its known years do not
        reach there.
    """

    indicator: Indicator
    compute: Callable[[Columns], Array] | None
    fallback: Callable[[Columns], Mask] | None = None
    unknown: Callable[[Columns], Mask] | None = None


@dataclass(frozen=True, eq=False)
class Family:
    """Indicators that differ only in their number of bars, such as ``sma_20``.

    Parameters
    ----------
    stem
        The name before the underscore.
    make
        Returns the member for a number of bars.
    entry
        The documentation of all of them: with ``<n>`` in the name, and the smallest lookback.
    usual
        The number of bars that is meant, most likely, where none is written.
    words
        Other words for the stem.
    """

    stem: str
    make: Callable[[int], Definition]
    entry: Indicator
    usual: int
    words: tuple[str, ...] = ()

    def define(self, n: int) -> Definition:
        """Return the member for a number of bars, which is made once."""
        return _member(self, n)


@lru_cache(maxsize=4096)
def _member(family: Family, n: int) -> Definition:
    return family.make(n)
