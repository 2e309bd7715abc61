"""Volume: on-balance volume and the average volume."""

from __future__ import annotations

import talib

from btkit.indicators.arrays import Array
from btkit.indicators.entries import alias, single, talib_column
from btkit.indicators.prices import VOLUME

GROUP = "volume"


def _obv(close: Array, volume: Array) -> Array:
    return talib_column(talib.OBV, close, volume)


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
    alias("volume_spy_today", GROUP, VOLUME, meaning="The bar's volume, whatever the symbol."),
)
