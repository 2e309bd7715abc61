"""Moving averages that follow a price more closely than the simple one."""

from __future__ import annotations

import math

import numpy as np
import talib

from btkit.indicators.arrays import Array
from btkit.indicators.entries import family, talib_column
from btkit.indicators.prices import GROUP
from btkit.indicators.volatility import rolling_sum

# Kaufman's fastest and slowest averages, of 2 and of 30 bars.
FASTEST, SLOWEST = 2.0 / 3.0, 2.0 / 31.0


def weighted_mean(values: Array, n: int) -> Array:
    """Return the mean of the last n values, the newest weighted n, the oldest 1.

    Parameters
    ----------
    values
        Shape (n_bars,), NaN before the first of them alone.
    n
        Number of values, at least 1.

    Returns
    -------
    Array
        Shape (n_bars,), NaN until there are n.
    """
    missing = int(np.isnan(values).sum())
    mean = np.full(len(values), np.nan)
    # TA-Lib takes one value for an error, and none for another.
    if len(values) - missing >= n:
        mean[missing:] = talib_column(talib.WMA, values[missing:], timeperiod=n)
    return mean


def _wma(close: Array, n: int) -> Array:
    return weighted_mean(close, n)


def _dema(close: Array, n: int) -> Array:
    return talib_column(talib.DEMA, close, timeperiod=n)


def _tema(close: Array, n: int) -> Array:
    return talib_column(talib.TEMA, close, timeperiod=n)


def _kama(close: Array, n: int) -> Array:
    # TA-Lib keeps the way that the price went as a running sum. Where the price stands still that
    # is 0, or what rounding left of all the bars before, and the average then stands still or not.
    average = np.full(len(close), np.nan)
    if len(close) <= n:
        return average
    change = close[n:] - close[:-n]
    way = rolling_sum(np.abs(np.diff(close)), n)
    efficiency = np.ones(len(change))
    np.divide(np.abs(change), way, out=efficiency, where=way > np.maximum(change, 0.0))
    share = (efficiency * (FASTEST - SLOWEST) + SLOWEST) ** 2
    last, kept = float(close[n - 1]), []
    for price, towards in zip(close[n:].tolist(), share.tolist(), strict=True):
        last += (price - last) * towards
        kept.append(last)
    average[n:] = kept
    return average


def _hma(close: Array, n: int) -> Array:
    ahead = 2.0 * weighted_mean(close, n // 2) - weighted_mean(close, n)
    return weighted_mean(ahead, math.isqrt(n))


def _exponential_decay(n: int) -> float:
    return 1.0 - 2.0 / (n + 1)


ENTRIES = (
    family(
        "wma_<n>",
        _wma,
        group=GROUP,
        lookback=lambda n: n - 1,
        meaning="Weighted moving average of <n> closes, the newest weighted <n> and the oldest 1, "
        "in the instrument's currency.",
        formula="sum((<n> - k) * close[i-k] for k in 0..<n-1>) / (1 + 2 + ... + <n>)",
        source="TA-Lib WMA",
        varies="lookback n - 1",
    ),
    family(
        "dema_<n>",
        _dema,
        group=GROUP,
        lookback=lambda n: 2 * (n - 1),
        decay=_exponential_decay,
        meaning="Double exponential moving average of close, span <n>, in the instrument's "
        "currency.",
        formula="2 * e1 - e2; e1 = ema_<n>; e2 = the same average of e1",
        source="TA-Lib DEMA (Mulloy 1994)",
        varies="lookback 2n - 2; decay 1 - 2/(n + 1)",
    ),
    family(
        "tema_<n>",
        _tema,
        group=GROUP,
        lookback=lambda n: 3 * (n - 1),
        decay=_exponential_decay,
        meaning="Triple exponential moving average of close, span <n>, in the instrument's "
        "currency.",
        formula="3 * e1 - 3 * e2 + e3; e1 = ema_<n>; e2, e3 = the same average of e1, of e2",
        source="TA-Lib TEMA (Mulloy 1994)",
        varies="lookback 3n - 3; decay 1 - 2/(n + 1)",
    ),
    family(
        "kama_<n>",
        _kama,
        group=GROUP,
        lookback=lambda n: n,
        decay=1.0 - SLOWEST**2,
        meaning="Kaufman's adaptive moving average of close, in the instrument's currency: quick "
        "where the price went straight over <n> bars, slow where it went to and fro.",
        formula="k[i] = k[i-1] + s * (close[i] - k[i-1]); k[<n-1>] = close[<n-1>]; "
        "s = (e * (2/3 - 2/31) + 2/31)^2; e = |close[i] - close[i-<n>]| / "
        "sum(|close[j] - close[j-1]|, j = i-<n-1>..i), 1 where nothing moved",
        source="TA-Lib KAMA (Kaufman 1995)",
        varies="lookback n; decay 1 - (2/31)^2 where it is slowest",
        usual=10,
    ),
    family(
        "hma_<n>",
        _hma,
        group=GROUP,
        lookback=lambda n: n + math.isqrt(n) - 2,
        meaning="Hull moving average of close, in the instrument's currency: a weighted average of "
        "<n> bars with most of its lag taken out.",
        formula="wma of floor(sqrt(<n>)) bars of 2 * wma(close, floor(<n> / 2)) - "
        "wma(close, <n>); of one bar it is the value itself",
        source="Hull (2005), of TA-Lib WMA",
        varies="lookback n - 2 + floor(sqrt(n))",
    ),
)
