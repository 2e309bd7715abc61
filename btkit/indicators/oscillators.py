"""Oscillators: where the close stands among the last bars, and how fast it moves."""

from __future__ import annotations

import numpy as np
import talib

from btkit.indicators.arrays import Array
from btkit.indicators.entries import family, talib_column
from btkit.indicators.momentum import GROUP
from btkit.indicators.volatility import rolling_deviation, rolling_mean

# The bars of the averages that make a slow stochastic of a fast one.
SLOW = 3


def _range(high: Array, low: Array, n: int) -> tuple[Array, Array]:
    return (
        talib_column(talib.MAX, high, timeperiod=n),
        talib_column(talib.MIN, low, timeperiod=n),
    )


def _share(part: Array, whole: Array) -> Array:
    share = np.full(len(part), np.nan)
    np.divide(part, whole, out=share, where=whole > 0.0)
    return share


def _mean(values: Array, n: int) -> Array:
    # Summed anew for each bar, so that one missing value is missing from n means and no more.
    mean = np.full(len(values), np.nan)
    mean[n - 1 :] = rolling_mean(values, n)
    return mean


def _cci(high: Array, low: Array, close: Array, n: int) -> Array:
    index = talib_column(talib.CCI, high, low, close, timeperiod=n)
    # TA-Lib divides what rounding leaves of nothing by what rounding leaves of nothing.
    typical = talib_column(talib.TYPPRICE, high, low, close)
    top, bottom = _range(typical, typical, n)
    return np.where(top > bottom, index, np.nan)


def _willr(high: Array, low: Array, close: Array, n: int) -> Array:
    top, bottom = _range(high, low, n)
    return -100.0 * _share(top - close, top - bottom)


def _trix(close: Array, n: int) -> Array:
    return talib_column(talib.TRIX, close, timeperiod=n)


def _aroon_up(high: Array, low: Array, n: int) -> Array:
    up: Array = talib.AROON(high, low, timeperiod=n)[1]
    return up


def _aroon_down(high: Array, low: Array, n: int) -> Array:
    down: Array = talib.AROON(high, low, timeperiod=n)[0]
    return down


def _stoch_k(high: Array, low: Array, close: Array, n: int) -> Array:
    top, bottom = _range(high, low, n)
    return _mean(100.0 * _share(close - bottom, top - bottom), SLOW)


def _stoch_d(high: Array, low: Array, close: Array, n: int) -> Array:
    return _mean(_stoch_k(high, low, close, n), SLOW)


def _linreg_slope(close: Array, n: int) -> Array:
    return talib_column(talib.LINEARREG_SLOPE, close, timeperiod=n)


def _zscore(close: Array, n: int) -> Array:
    score = np.full(len(close), np.nan)
    if len(close) < n:
        return score
    top, bottom = _range(close, close, n)
    distance = close[n - 1 :] - rolling_mean(close, n)
    # Of equal closes the deviation is what rounding leaves of their mean.
    spread = np.where(top > bottom, 1.0, 0.0)[n - 1 :] * rolling_deviation(close, n)
    score[n - 1 :] = _share(distance, spread)
    return score


_STOCHASTIC = "fast = 100 * (close - min(low[i-<n-1>..i])) / (max(high) - min(low))"
_SHARE = "missing where the high and the low of those bars are one"

ENTRIES = (
    family(
        "cci_<n>",
        _cci,
        group=GROUP,
        lookback=lambda n: n - 1,
        meaning="Commodity channel index over <n> bars: how far the typical price is from its "
        "mean, in mean distances of 0.015; missing where it did not move.",
        formula="(t[i] - mean(t[i-<n-1>..i])) / (0.015 * mean(|t - mean(t)|)); "
        "t = (high + low + close) / 3",
        source="TA-Lib CCI (Lambert 1980)",
        varies="lookback n - 1",
    ),
    family(
        "willr_<n>",
        _willr,
        group=GROUP,
        lookback=lambda n: n - 1,
        meaning="Williams %R over <n> bars: 0 at their highest high, -100 at their lowest low; "
        f"{_SHARE}.",
        formula="-100 * (max(high[i-<n-1>..i]) - close[i]) / (max(high) - min(low))",
        source="TA-Lib WILLR",
        varies="lookback n - 1",
        usual=14,
        words=("williams_r", "williams"),
    ),
    family(
        "trix_<n>",
        _trix,
        group=GROUP,
        lookback=lambda n: 3 * (n - 1) + 1,
        decay=lambda n: 1.0 - 2.0 / (n + 1),
        meaning="Change over one bar of close averaged three times over <n>, in percent.",
        formula="(e3[i] / e3[i-1] - 1) * 100; e3 = exponential average, span <n>, of such an "
        "average of ema_<n>",
        source="TA-Lib TRIX (Hutson 1983)",
        varies="lookback 3n - 2; decay 1 - 2/(n + 1)",
        usual=15,
    ),
    family(
        "aroon_up_<n>",
        _aroon_up,
        group=GROUP,
        lookback=lambda n: n,
        meaning="Aroon up over <n> bars: 100 where the highest high of this and the <n> bars "
        "before is this bar's, 0 where it is <n> bars old.",
        formula="100 * (<n> - bars since the highest high[i-<n>..i], of equal ones the newest) / "
        "<n>",
        source="TA-Lib AROON (Chande 1995)",
        varies="lookback n",
        usual=25,
        words=("aroon",),
    ),
    family(
        "aroon_down_<n>",
        _aroon_down,
        group=GROUP,
        lookback=lambda n: n,
        meaning="Aroon down over <n> bars: 100 where the lowest low of this and the <n> bars "
        "before is this bar's, 0 where it is <n> bars old.",
        formula="100 * (<n> - bars since the lowest low[i-<n>..i], of equal ones the newest) / <n>",
        source="TA-Lib AROON (Chande 1995)",
        varies="lookback n",
        usual=25,
    ),
    family(
        "stoch_k_<n>",
        _stoch_k,
        group=GROUP,
        lookback=lambda n: n - 1 + SLOW - 1,
        meaning="Slow stochastic %K over <n> bars, 0 at their lows to 100 at their highs; missing "
        "where the high and the low of <n> bars are one, and two bars after.",
        formula=f"mean(fast[i-2..i]); {_STOCHASTIC}",
        source="TA-Lib STOCH(n, 3, 3), simple averages",
        varies="lookback n + 1",
        usual=14,
        words=("stoch", "stochastic", "stochastic_k"),
    ),
    family(
        "stoch_d_<n>",
        _stoch_d,
        group=GROUP,
        lookback=lambda n: n - 1 + 2 * (SLOW - 1),
        meaning="Slow stochastic %D over <n> bars, 0 to 100: the mean of three %K; missing where "
        "one of these is.",
        formula="mean(stoch_k_<n>[i-2..i])",
        source="TA-Lib STOCH(n, 3, 3), simple averages",
        varies="lookback n + 3",
        usual=14,
        words=("stochastic_d",),
    ),
    family(
        "linreg_slope_<n>",
        _linreg_slope,
        group=GROUP,
        lookback=lambda n: n - 1,
        meaning="Slope of the straight line that fits <n> closes best, in the instrument's "
        "currency a bar.",
        formula="least squares of close[i-<n-1>..i] on 0..<n-1>",
        source="TA-Lib LINEARREG_SLOPE",
        varies="lookback n - 1",
        usual=14,
        words=("slope", "linreg"),
    ),
    family(
        "zscore_<n>",
        _zscore,
        group=GROUP,
        lookback=lambda n: n - 1,
        meaning="Distance of close from the mean of <n> closes, in their standard deviations; "
        "missing where they are all equal.",
        formula="(close[i] - mean(close[i-<n-1>..i])) / std(close[i-<n-1>..i], ddof 1)",
        source="sample standard deviation",
        varies="lookback n - 1",
        words=("z_score",),
    ),
)
