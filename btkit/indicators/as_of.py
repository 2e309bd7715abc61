"""Columns of other bars, as they are known at each bar: slower ones, and another instrument's.

SEMANTICS 2.10 and 2.11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.indicators.arrays import Array, Mask
from btkit.indicators.features import FeatureSet
from btkit.markets import Interval, known_bars, slower_bars

S = TypeVar("S", bound=np.generic)
OTHER_WARMUP: Final = 600
"""Other bars before the first deciding bar that a run sees, so that none depends on who asks."""
MOST_SESSIONS_MISSED: Final = 5
"""Another instrument's bar is known for so many of its sessions that have no bar."""


@dataclass(frozen=True, eq=False)
class AsOfFeatures:
    """Columns of other bars.

    Parameters
    ----------
    features
        Over those that have closed when the last bar closes; None where none has.
    last_closed
        int64, shape (n_bars,): for each bar the last of them that has closed when it closes, and
        counts; -1 for none.
    """

    features: FeatureSet | None
    last_closed: npt.NDArray[np.int64]

    def column(self, name: str) -> Array:
        """Return a column as it is known at each bar, float64 (n_bars,), NaN where it is not."""
        values = np.empty(0) if self.features is None else self.features.column(name)
        return self._as_of(values, np.nan)

    def fallback(self, name: str) -> Mask | None:
        """Return the bars whose value rests on a documented fallback; see `FeatureSet`."""
        return self._mask(None if self.features is None else self.features.fallback(name))

    def unknown(self, name: str) -> Mask | None:
        """Return the bars whose event lies outside its known years; see `FeatureSet`."""
        return self._mask(None if self.features is None else self.features.unknown(name))

    def is_text(self, name: str) -> bool:
        """Return whether a name's values are texts; see `FeatureSet`."""
        return self.features is not None and self.features.is_text(name)

    def at(self, rows: slice | npt.NDArray[np.int64]) -> AsOfFeatures:
        """Return the same at some of the bars."""
        return AsOfFeatures(self.features, self.last_closed[rows])

    def _mask(self, mask: Mask | None) -> Mask | None:
        return None if mask is None else self._as_of(mask, False)

    def _as_of(self, values: npt.NDArray[S], before: float) -> npt.NDArray[S]:
        return np.append(values, np.array([before], values.dtype))[self.last_closed]


def features_as_of(features: FeatureSet, where: Interval | str) -> AsOfFeatures:
    """Return the columns of other bars as they are known at each of some bars.

    Parameters
    ----------
    features
        Over the bars.
    where
        A slower interval, or the symbol of another instrument.

    Raises
    ------
    UsageError
        If the bars do not make bars of that interval.
    """
    if isinstance(where, Interval):
        return slower_features(features, where)
    return other_features(features, where)


def slower_features(features: FeatureSet, interval: Interval) -> AsOfFeatures:
    """Return the columns of the slower bars that some bars make.

    Realised volatilities are annualised by the slower interval's own bars in a year; dates, and
    with them events and expiries, are those of a slower bar's last session.

    Parameters
    ----------
    features
        Over the bars. Of the slower bars that have closed before its first deciding one the last
        600 are seen.
    interval
        The slower one.

    Raises
    ------
    UsageError
        If the bars do not make bars of that interval.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=10)
    >>> closes = {name: range(1, 11) for name in ("open", "high", "low", "close", "volume")}
    >>> daily = FeatureSet(pd.DataFrame(closes, days), bars_per_year=252.0)
    >>> slower_features(daily, Interval.parse("1w")).column("close")
    array([nan, nan, nan, nan,  5.,  5.,  5.,  5.,  5., 10.])
    """

    def compute() -> AsOfFeatures:
        bars = features.bars
        slower = slower_bars(
            features.index, features.interval, interval, calendar=features.calendar
        )
        before = slower.last_closed[: features.start]
        first = max(0, int(before.max(initial=-1)) + 1 - OTHER_WARMUP)
        known = slower.frame(bars).iloc[first : slower.complete]
        return AsOfFeatures(
            FeatureSet(
                known,
                bars_per_year=interval.bars_per_year(features.calendar),
                calendar=features.calendar,
                interval=interval,
                events=features.events,
                columns=features.declared.kinds,
                texts=features.declared.texts,
                copy=False,
            )
            if len(known)
            else None,
            np.maximum(slower.last_closed - first, -1),
        )

    return features.lasting(interval, compute)


def other_features(features: FeatureSet, symbol: str) -> AsOfFeatures:
    """Return the columns of another instrument's bars.

    All that goes by a calendar goes by its own: sessions, expiries, clock names, and the bars in a
    year of realised volatilities.

    Parameters
    ----------
    features
        Over the bars, with `others` beside them. Of the other's bars that have closed before the
        first deciding one closes the last 600 are seen.
    symbol
        Of the other.

    Examples
    --------
    >>> from btkit.indicators import OtherBars
    >>> days = pd.bdate_range("2024-05-01", periods=3)
    >>> closes = {name: [1.0, 2.0, 3.0] for name in ("open", "high", "low", "close", "volume")}
    >>> spy = OtherBars(pd.DataFrame(closes, days), calendar="XNYS")
    >>> london = FeatureSet(spy.bars, bars_per_year=252.0, calendar="XLON", others={"SPY": spy})
    >>> other_features(london, "SPY").column("close")
    array([nan,  1.,  2.])
    """

    def compute() -> AsOfFeatures:
        other = features.others[symbol]
        index, interval = features.index, features.interval
        theirs = pd.DatetimeIndex(other.bars.index)
        known = known_bars(
            index, theirs, interval, calendar=features.calendar, other_calendar=other.calendar
        )
        complete = int(known.last[-1]) + 1 if len(index) else 0
        earlier = 0
        if len(theirs) and features.start < len(index):
            earlier = int(known.closes.searchsorted(known.own_closes[features.start]))
        first = min(max(0, earlier - OTHER_WARMUP), complete)
        stale = known.missed > MOST_SESSIONS_MISSED
        return AsOfFeatures(
            FeatureSet(
                other.bars.iloc[first:complete],
                bars_per_year=interval.bars_per_year(other.calendar),
                calendar=other.calendar,
                interval=interval,
                events=other.events,
                columns=other.columns,
                texts=features.declared.texts,
                copy=False,
            )
            if first < complete
            else None,
            np.where(stale, -1, np.maximum(known.last - first, -1)),
        )

    return features.lasting(symbol, compute)
