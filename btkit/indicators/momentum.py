"""Momentum: RSI, MACD and the rate of change."""

from __future__ import annotations

import talib

from btkit.indicators.base import Array, Columns, Definition, Family, Indicator, talib_column

GROUP = "momentum"
FAST, SLOW, SIGNAL = 12, 26, 9
# Both averages and the signal line are recursive; the slow average forgets last.
MACD_DECAY = 1.0 - 2.0 / (SLOW + 1)


def rsi(n: int) -> Definition:
    """Return Wilder's relative strength index.

    Parameters
    ----------
    n
        Number of changes that Wilder's averages start from.

    Returns
    -------
    Definition
        TA-Lib's RSI.
    """
    return Definition(
        Indicator(
            name=f"rsi_{n}",
            group=GROUP,
            kind="float",
            lookback=n,
            meaning=f"Wilder's relative strength index over {n} bars, 0 to 100; "
            "0 where the price has not moved at all since the first bar.",
            formula=f"100 * up / (up + down); up, down: Wilder averages over {n} bars of the "
            f"rises and falls of close, started from the mean of the first {n}",
            source="TA-Lib RSI (Wilder 1978)",
            decay=1.0 - 1.0 / n,
            needs=("close",),
        ),
        lambda columns: talib_column(talib.RSI, columns.column("close"), timeperiod=n),
    )


def roc(n: int) -> Definition:
    """Return the rate of change over n bars.

    Parameters
    ----------
    n
        Number of bars.

    Returns
    -------
    Definition
        TA-Lib's ROC.
    """
    return Definition(
        Indicator(
            name=f"roc_{n}",
            group=GROUP,
            kind="float",
            lookback=n,
            meaning=f"Change of close over {n} bars, in percent (5.0 is 5 %).",
            formula=f"(close[i] / close[i-{n}] - 1) * 100",
            source="TA-Lib ROC",
            needs=("close",),
        ),
        lambda columns: talib_column(talib.ROC, columns.column("close"), timeperiod=n),
    )


def macd_lines(columns: Columns) -> tuple[Array, Array, Array]:
    """Return MACD line, signal line and histogram from one TA-Lib call.

    Parameters
    ----------
    columns
        Where close comes from.

    Returns
    -------
    tuple of Array
        Three columns, in the instrument's currency.
    """

    def compute() -> tuple[Array, Array, Array]:
        lines: tuple[Array, Array, Array] = talib.MACD(
            columns.column("close"), fastperiod=FAST, slowperiod=SLOW, signalperiod=SIGNAL
        )
        return lines

    return columns.shared("macd", compute)


def macd_definition(name: str, line: int, meaning: str, formula: str) -> Definition:
    """Return the definition of one of MACD's three lines.

    Parameters
    ----------
    name
        Name of the line.
    line
        Its place in TA-Lib's answer.
    meaning
        What it says, with its unit.
    formula
        How it is computed.

    Returns
    -------
    Definition
        All three begin at the same bar, where the signal line has its first value.
    """
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
        lambda columns: macd_lines(columns)[line],
    )


DEFINITIONS = (
    rsi(14),
    macd_definition(
        "macd",
        0,
        "MACD line, in the instrument's currency.",
        "ema(12) - ema(26) of close, both started at bar 25 from the mean of their last closes",
    ),
    macd_definition(
        "macd_signal",
        1,
        "Signal line of MACD, in the instrument's currency.",
        "ema(9) of macd, started from the mean of its first 9 values",
    ),
    macd_definition(
        "macd_hist",
        2,
        "MACD histogram, in the instrument's currency; above 0 while momentum rises.",
        "macd - macd_signal",
    ),
    roc(10),
)
RSI = Family("rsi", rsi, "lookback n; decay 1 - 1/n")
ROC = Family("roc", roc, "lookback n")
