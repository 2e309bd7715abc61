"""Volume: on-balance volume and the average volume."""

from __future__ import annotations

import talib

from btkit.indicators.base import Definition, Indicator, alias, talib_column
from btkit.indicators.prices import VOLUME

GROUP = "volume"
AVERAGE_BARS = 20

DEFINITIONS = (
    Definition(
        Indicator(
            name="obv",
            group=GROUP,
            kind="float",
            lookback=0,
            meaning="On-balance volume, in units traded, counted from the first bar loaded: its "
            "changes mean something, its level does not.",
            formula="o[i] = o[i-1] + volume[i] * sign(close[i] - close[i-1]); o[0] = volume[0]",
            source="TA-Lib OBV",
            decay=1.0,
            needs=("close", "volume"),
        ),
        lambda columns: talib_column(talib.OBV, columns.column("close"), columns.column("volume")),
    ),
    Definition(
        Indicator(
            name="spy_adv_20d",
            group=GROUP,
            kind="float",
            lookback=AVERAGE_BARS - 1,
            meaning="Mean volume of 20 bars, this one included, in units traded, whatever the "
            "symbol.",
            formula="mean(volume[i-19..i])",
            source="TA-Lib SMA",
            needs=("volume",),
        ),
        lambda columns: talib_column(talib.SMA, columns.column("volume"), timeperiod=AVERAGE_BARS),
    ),
    alias("volume_spy_today", GROUP, VOLUME, meaning="The bar's volume, whatever the symbol."),
)
