"""Prices, moving averages, and the range of the last n bars."""

from __future__ import annotations

import talib

from btkit.indicators.arrays import Array
from btkit.indicators.base import Definition, Indicator
from btkit.indicators.entries import alias, family, talib_column

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
    """
    return Definition(
        Indicator(name, group, "float", 0, meaning, f"{name}[i]", "bars"),
        lambda columns: columns.raw(name),
    )


def _previous_price(name: str) -> Definition:
    # The column's computation is the one of every ``prev_`` name.
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


def _sma(close: Array, n: int) -> Array:
    return talib_column(talib.SMA, close, timeperiod=n)


def _ema(close: Array, n: int) -> Array:
    return talib_column(talib.EMA, close, timeperiod=n)


def _highest(high: Array, n: int) -> Array:
    return talib_column(talib.MAX, high, timeperiod=n)


def _lowest(low: Array, n: int) -> Array:
    return talib_column(talib.MIN, low, timeperiod=n)


SMA = family(
    "sma_<n>",
    _sma,
    group=GROUP,
    lookback=lambda n: n - 1,
    meaning="Simple moving average of <n> closes, in the instrument's currency.",
    formula="mean(close[i-<n-1>..i])",
    source="TA-Lib SMA",
    varies="lookback n - 1",
    words=("avg", "ma"),
)
EMA = family(
    "ema_<n>",
    _ema,
    group=GROUP,
    lookback=lambda n: n - 1,
    decay=lambda n: 1.0 - 2.0 / (n + 1),
    meaning="Exponential moving average of close, span <n>, in the instrument's currency.",
    formula="e[i] = e[i-1] + 2/<n+1> * (close[i] - e[i-1]); e[<n-1>] = mean(close[0..<n-1>])",
    source="TA-Lib EMA",
    varies="lookback n - 1; decay 1 - 2/(n + 1)",
    usual=21,
)
HIGHEST = family(
    "highest_<n>",
    _highest,
    group=GROUP,
    lookback=lambda n: n - 1,
    meaning="Highest high of <n> bars, this one included, in the instrument's currency; "
    "a breakout compares with prev_highest_<n>.",
    formula="max(high[i-<n-1>..i])",
    source="TA-Lib MAX",
    varies="lookback n - 1",
    words=("max", "high"),
)
LOWEST = family(
    "lowest_<n>",
    _lowest,
    group=GROUP,
    lookback=lambda n: n - 1,
    meaning="Lowest low of <n> bars, this one included, in the instrument's currency; "
    "a breakdown compares with prev_lowest_<n>.",
    formula="min(low[i-<n-1>..i])",
    source="TA-Lib MIN",
    varies="lookback n - 1",
    words=("min", "low"),
)

CLOSE = bar_field("close", GROUP, "Last price of the bar, in the instrument's currency.")
VOLUME = bar_field("volume", GROUP, "Units traded in the bar.")

ENTRIES = (
    bar_field("open", GROUP, "First price of the bar, in the instrument's currency."),
    bar_field("high", GROUP, "Highest price of the bar, in the instrument's currency."),
    bar_field("low", GROUP, "Lowest price of the bar, in the instrument's currency."),
    CLOSE,
    VOLUME,
    *(SMA.define(n) for n in (20, 50, 200)),
    *(EMA.define(n) for n in (9, 21, 50)),
    *(
        alias(name, GROUP, CLOSE, meaning="The bar's close, whatever the symbol.")
        for name in ("spy_price", "spy_close")
    ),
    *(
        alias(f"spy_sma_{n}", GROUP, SMA.define(n), meaning=f"sma_{n}, whatever the symbol.")
        for n in (20, 50, 200)
    ),
    *(_previous_price(name) for name in ("close", "high", "low")),
    SMA,
    EMA,
    HIGHEST,
    LOWEST,
)
