"""Columns over a window, and averages that forget: what indicator lines are made of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import talib

from btkit.indicators.arrays import Array
from btkit.indicators.entries import talib_column
from btkit.indicators.volatility import rolling_deviation, rolling_mean


def mean_of(values: Array, bars: int) -> Array:
    """Return the mean of the last bars, this one included; NaN where there are fewer."""
    return _full_length(rolling_mean(values, bars), len(values))


def deviation_of(values: Array, bars: int) -> Array:
    """Return the sample standard deviation (ddof 1) of the last bars, this one included."""
    return _full_length(rolling_deviation(values, bars), len(values))


def highest_of(values: Array, bars: int) -> Array:
    """Return the largest of the last bars, this one included."""
    return values if bars == 1 else talib_column(talib.MAX, values, timeperiod=bars)


def lowest_of(values: Array, bars: int) -> Array:
    """Return the smallest of the last bars, this one included."""
    return values if bars == 1 else talib_column(talib.MIN, values, timeperiod=bars)


def average_of(values: Array, *, span: float | None = None, alpha: float | None = None,
               adjust: bool = False) -> Array:  # fmt: skip
    """Return an exponential average from the first value on, which pandas calls ``ewm``.

    With `adjust` the weights sum to 1 from the first bar; without, the first value has all the
    weight that is left.
    """
    weighted = pd.Series(values).ewm(span=span, alpha=alpha, adjust=adjust)
    return weighted.mean().to_numpy()


def earlier(values: Array, bars: int) -> Array:
    """Return the value some bars before; NaN where the bars begin later."""
    moved = np.full_like(values, np.nan)
    moved[bars:] = values[: max(len(values) - bars, 0)]
    return moved


def ratio_of(upper: Array, lower: Array, *, otherwise: float = np.nan) -> Array:
    """Return a quotient, and another value where its denominator is 0."""
    result = np.full_like(upper, otherwise)
    np.divide(upper, lower, out=result, where=lower != 0.0)
    return result


def _full_length(windows: Array, count: int) -> Array:
    column = np.full(count, np.nan)
    column[count - len(windows) :] = windows
    return column
