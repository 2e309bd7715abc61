"""The columns of bars of a slower interval, as they are known at each bar (SEMANTICS 2.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from btkit.indicators.arrays import Array, Mask
from btkit.indicators.features import FeatureSet
from btkit.markets import Interval, slower_bars

S = TypeVar("S", bound=np.generic)
SLOWER_WARMUP: Final = 600
"""Slower bars before the first deciding bar that a run sees, so that none depends on who asks."""


@dataclass(frozen=True, eq=False)
class SlowerFeatures:
    """Columns of slower bars.

    Parameters
    ----------
    features
        Over the slower bars that have closed when the last bar closes; None where none has.
    last_closed
        int64, shape (n_bars,): for each bar the last of them that has closed when it closes; -1
        for none.
    """

    features: FeatureSet | None
    last_closed: npt.NDArray[np.int64]

    def column(self, name: str) -> Array:
        """Return a column as it is known at each bar, float64 (n_bars,), NaN before any."""
        values = np.empty(0) if self.features is None else self.features.column(name)
        return self._as_of(values, np.nan)

    def fallback(self, name: str) -> Mask | None:
        """Return the bars whose value rests on a documented fallback; see `FeatureSet`."""
        return self._mask(None if self.features is None else self.features.fallback(name))

    def unknown(self, name: str) -> Mask | None:
        """Return the bars whose event lies outside its known years; see `FeatureSet`."""
        return self._mask(None if self.features is None else self.features.unknown(name))

    def at(self, rows: slice | npt.NDArray[np.int64]) -> SlowerFeatures:
        """Return the same at some of the bars."""
        return SlowerFeatures(self.features, self.last_closed[rows])

    def _mask(self, mask: Mask | None) -> Mask | None:
        return None if mask is None else self._as_of(mask, False)

    def _as_of(self, values: npt.NDArray[S], before: float) -> npt.NDArray[S]:
        return np.append(values, np.array([before], values.dtype))[self.last_closed]


def slower_features(features: FeatureSet, interval: Interval) -> SlowerFeatures:
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
    >>> import pandas as pd
    >>> days = pd.bdate_range("2024-01-01", periods=10)
    >>> closes = {name: range(1, 11) for name in ("open", "high", "low", "close", "volume")}
    >>> daily = FeatureSet(pd.DataFrame(closes, days), bars_per_year=252.0)
    >>> slower_features(daily, Interval.parse("1w")).column("close")
    array([nan, nan, nan, nan,  5.,  5.,  5.,  5.,  5., 10.])
    """

    def compute() -> SlowerFeatures:
        bars = features.bars
        slower = slower_bars(
            features.index, features.interval, interval, calendar=features.calendar
        )
        before = slower.last_closed[: features.start]
        first = max(0, int(before.max(initial=-1)) + 1 - SLOWER_WARMUP)
        known = slower.frame(bars).iloc[first : slower.complete]
        return SlowerFeatures(
            FeatureSet(
                known,
                bars_per_year=interval.bars_per_year(features.calendar),
                calendar=features.calendar,
                interval=interval,
                events=features.events,
                columns=features.declared.kinds,
                copy=False,
            )
            if len(known)
            else None,
            np.maximum(slower.last_closed - first, -1),
        )

    return features.lasting(interval, compute)
