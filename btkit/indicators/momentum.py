"""Momentum: RSI, MACD and the rate of change."""

from __future__ import annotations

import talib

from btkit.indicators.arrays import Array
from btkit.indicators.base import Columns, Definition, Indicator
from btkit.indicators.entries import family, talib_column

GROUP = "momentum"
FAST, SLOW, SIGNAL = 12, 26, 9
# Both averages and the signal line are recursive; the slow average forgets last.
MACD_DECAY = 1.0 - 2.0 / (SLOW + 1)


def _rsi(close: Array, n: int) -> Array:
    return talib_column(talib.RSI, close, timeperiod=n)


def _roc(close: Array, n: int) -> Array:
    return talib_column(talib.ROC, close, timeperiod=n)


def _macd_lines(columns: Columns) -> tuple[Array, Array, Array]:
    def compute() -> tuple[Array, Array, Array]:
        lines: tuple[Array, Array, Array] = talib.MACD(
            columns.column("close"), fastperiod=FAST, slowperiod=SLOW, signalperiod=SIGNAL
        )
        return lines

    return columns.shared("macd", compute)


def _macd(name: str, line: int, meaning: str, formula: str) -> Definition:
    # All three begin at the same bar, where the signal line has its first value.
    return Definition(
        Indicator(
            name=name,
            group=GROUP,
            kind="float",
            lookback=SLOW + SIGNAL - 2,
            meaning=meaning,
            formula=formula,
            source="TA-Lib MACD(12, 26, 9)",
            decay=MACD_DECAY,
            needs=("close",),
        ),
        lambda columns: _macd_lines(columns)[line],
    )


RSI = family(
    "rsi_<n>",
    _rsi,
    group=GROUP,
    lookback=lambda n: n,
    decay=lambda n: 1.0 - 1.0 / n,
    meaning="Wilder's relative strength index over <n> bars, 0 to 100; "
    "0 where the price has not moved at all since the first bar.",
    formula="100 * up / (up + down); up, down: Wilder averages over <n> bars of the "
    "rises and falls of close, started from the mean of the first <n>",
    source="TA-Lib RSI (Wilder 1978)",
    varies="lookback n; decay 1 - 1/n",
    usual=14,
)
ROC = family(
    "roc_<n>",
    _roc,
    group=GROUP,
    lookback=lambda n: n,
    meaning="Change of close over <n> bars, in percent (5.0 is 5 %).",
    formula="(close[i] / close[i-<n>] - 1) * 100",
    source="TA-Lib ROC",
    varies="lookback n",
    usual=10,
)

ENTRIES = (
    RSI.define(14),
    _macd(
        "macd",
        0,
        "MACD line, in the instrument's currency.",
        "ema(12) - ema(26) of close, both started at bar 25 from the mean of their last closes",
    ),
    _macd(
        "macd_signal",
        1,
        "Signal line of MACD, in the instrument's currency.",
        "ema(9) of macd, started from the mean of its first 9 values",
    ),
    _macd(
        "macd_hist",
        2,
        "MACD histogram, in the instrument's currency; above 0 while momentum rises.",
        "macd - macd_signal",
    ),
    ROC.define(10),
    RSI,
    ROC,
)
