"""Volume: on-balance volume, the money flow index and the average volume."""

from __future__ import annotations

import numpy as np
import talib

from btkit.indicators.arrays import Array
from btkit.indicators.entries import alias, family, single, talib_column
from btkit.indicators.prices import VOLUME
from btkit.indicators.volatility import rolling_sum

GROUP = "volume"


def _obv(close: Array, volume: Array) -> Array:
    return talib_column(talib.OBV, close, volume)


def _mfi(high: Array, low: Array, close: Array, volume: Array, n: int) -> Array:
    # TA-Lib keeps running sums: after a bar of much money, little is what rounding left of it.
    index = np.full(len(close), np.nan)
    if len(close) <= n:
        return index
    typical = talib_column(talib.TYPPRICE, high, low, close)
    change, money = np.diff(typical), (typical * volume)[1:]
    up = rolling_sum(np.where(change > 0.0, money, 0.0), n)
    flow = up + rolling_sum(np.where(change < 0.0, money, 0.0), n)
    np.divide(100.0 * up, flow, out=index[n:], where=flow > 0.0)
    return index


def _average_volume(volume: Array) -> Array:
    return talib_column(talib.SMA, volume, timeperiod=20)


ENTRIES = (
    single(
        "obv",
        _obv,
        group=GROUP,
        lookback=0,
        meaning="On-balance volume, in units traded, counted from the first bar loaded: its "
        "changes mean something, its level does not.",
        formula="o[i] = o[i-1] + volume[i] * sign(close[i] - close[i-1]); o[0] = volume[0]",
        source="TA-Lib OBV",
        decay=1.0,
    ),
    single(
        "spy_adv_20d",
        _average_volume,
        group=GROUP,
        lookback=19,
        meaning="Mean volume of 20 bars, this one included, in units traded, whatever the symbol.",
        formula="mean(volume[i-19..i])",
        source="TA-Lib SMA",
    ),
    family(
        "mfi_<n>",
        _mfi,
        group=GROUP,
        lookback=lambda n: n,
        meaning="Money flow index over <n> bars, 0 to 100: the share of the money that was traded "
        "while the typical price rose; missing where none was while it moved.",
        formula="100 * up / (up + down); up, down: sums over <n> bars of t * volume where "
        "t = (high + low + close) / 3 is above, below the bar before's",
        source="TA-Lib MFI",
        varies="lookback n",
        usual=14,
    ),
    alias("volume_spy_today", GROUP, VOLUME, meaning="The bar's volume, whatever the symbol."),
)
