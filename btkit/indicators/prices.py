"""Prices, moving averages, and the range of the last n bars."""

from __future__ import annotations

import talib

from btkit.indicators.base import Definition, Family, Indicator, alias, talib_column

GROUP = "price"


def bar_field(name: str, group: str, meaning: str) -> Definition:
    """Return the definition of a name that is a column of the bars.

    Parameters
    ----------
    name
        The column.
    group
        The group it is listed in.
    meaning
        What it says, with its unit.

    Returns
    -------
    Definition
        Reads the bars and nothing else.
    """
    return Definition(
        Indicator(name, group, "float", 0, meaning, f"{name}[i]", "bars"),
        lambda columns: columns.raw(name),
    )


def previous_price(name: str) -> Definition:
    """Return the documented definition of a price one bar ago.

    Parameters
    ----------
    name
        The price: close, high or low.

    Returns
    -------
    Definition
        The column's computation is the one of every ``prev_`` name.
    """
    return Definition(
        Indicator(
            name=f"prev_{name}",
            group=GROUP,
            kind="float",
            lookback=1,
            meaning=f"The previous bar's {name}, in the instrument's currency.",
            formula=f"{name}[i-1]",
            source="bars",
            needs=(name,),
        ),
        None,
    )


def sma(n: int) -> Definition:
    """Return the simple moving average of n closes.

    Parameters
    ----------
    n
        Number of bars.

    Returns
    -------
    Definition
        TA-Lib's SMA.
    """
    return Definition(
        Indicator(
            name=f"sma_{n}",
            group=GROUP,
            kind="float",
            lookback=n - 1,
            meaning=f"Simple moving average of {n} closes, in the instrument's currency.",
            formula=f"mean(close[i-{n - 1}..i])",
            source="TA-Lib SMA",
            needs=("close",),
        ),
        lambda columns: talib_column(talib.SMA, columns.column("close"), timeperiod=n),
    )


def ema(n: int) -> Definition:
    """Return the exponential moving average of closes.

    Parameters
    ----------
    n
        Span in bars.

    Returns
    -------
    Definition
        TA-Lib's EMA, which starts from the mean of the first n closes.
    """
    return Definition(
        Indicator(
            name=f"ema_{n}",
            group=GROUP,
            kind="float",
            lookback=n - 1,
            meaning=f"Exponential moving average of close, span {n}, in the instrument's currency.",
            formula=f"e[i] = e[i-1] + 2/{n + 1} * (close[i] - e[i-1]); "
            f"e[{n - 1}] = mean(close[0..{n - 1}])",
            source="TA-Lib EMA",
            decay=1.0 - 2.0 / (n + 1),
            needs=("close",),
        ),
        lambda columns: talib_column(talib.EMA, columns.column("close"), timeperiod=n),
    )


def highest(n: int) -> Definition:
    """Return the highest high of n bars, this one included.

    Parameters
    ----------
    n
        Number of bars.

    Returns
    -------
    Definition
        TA-Lib's MAX of high.
    """
    return Definition(
        Indicator(
            name=f"highest_{n}",
            group=GROUP,
            kind="float",
            lookback=n - 1,
            meaning=f"Highest high of {n} bars, this one included, in the instrument's currency; "
            f"a breakout compares with prev_highest_{n}.",
            formula=f"max(high[i-{n - 1}..i])",
            source="TA-Lib MAX",
            needs=("high",),
        ),
        lambda columns: talib_column(talib.MAX, columns.column("high"), timeperiod=n),
    )


def lowest(n: int) -> Definition:
    """Return the lowest low of n bars, this one included.

    Parameters
    ----------
    n
        Number of bars.

    Returns
    -------
    Definition
        TA-Lib's MIN of low.
    """
    return Definition(
        Indicator(
            name=f"lowest_{n}",
            group=GROUP,
            kind="float",
            lookback=n - 1,
            meaning=f"Lowest low of {n} bars, this one included, in the instrument's currency; "
            f"a breakdown compares with prev_lowest_{n}.",
            formula=f"min(low[i-{n - 1}..i])",
            source="TA-Lib MIN",
            needs=("low",),
        ),
        lambda columns: talib_column(talib.MIN, columns.column("low"), timeperiod=n),
    )


CLOSE = bar_field("close", GROUP, "Last price of the bar, in the instrument's currency.")
VOLUME = bar_field("volume", GROUP, "Units traded in the bar.")

DEFINITIONS = (
    bar_field("open", GROUP, "First price of the bar, in the instrument's currency."),
    bar_field("high", GROUP, "Highest price of the bar, in the instrument's currency."),
    bar_field("low", GROUP, "Lowest price of the bar, in the instrument's currency."),
    CLOSE,
    VOLUME,
    sma(20),
    sma(50),
    sma(200),
    ema(9),
    ema(21),
    ema(50),
    alias("spy_price", GROUP, CLOSE, meaning="The bar's close, whatever the symbol."),
    alias("spy_close", GROUP, CLOSE, meaning="The bar's close, whatever the symbol."),
    alias("spy_sma_20", GROUP, sma(20), meaning="sma_20, whatever the symbol."),
    alias("spy_sma_50", GROUP, sma(50), meaning="sma_50, whatever the symbol."),
    alias("spy_sma_200", GROUP, sma(200), meaning="sma_200, whatever the symbol."),
    previous_price("close"),
    previous_price("high"),
    previous_price("low"),
)
SMA = Family("sma", sma, "lookback n - 1")
EMA = Family("ema", ema, "lookback n - 1; decay 1 - 2/(n + 1)")
HIGHEST = Family("highest", highest, "lookback n - 1")
LOWEST = Family("lowest", lowest, "lookback n - 1")
