"""Volatility and trend strength: ATR, Bollinger bands, ADX, and realised volatility."""

from __future__ import annotations

import numpy as np
import talib

from btkit.indicators.base import (
    Array,
    Columns,
    Definition,
    Family,
    Indicator,
    alias,
    talib_column,
)

GROUP = "volatility"
BAND_BARS, BAND_WIDTH = 20, 2.0
DI_BARS = 14


def rolling_mean(values: Array, window: int) -> Array:
    """Return the mean of each full window, summed anew for each.

    A running sum would be quicker for long windows, but its value would depend on everything
    that came before the window; this one depends on the window alone, to the last bit.

    Parameters
    ----------
    values
        Shape (n,).
    window
        Window length.

    Returns
    -------
    Array
        Shape (n - window + 1,), empty where there is no full window.
    """
    count = max(len(values) - window + 1, 0)
    total = np.zeros(count)
    for lag in range(window if count else 0):
        total += values[lag : lag + count]
    total /= window
    return total


def realized_volatility(close: Array, *, window: int, bars_per_year: float) -> Array:
    """Return the annualised standard deviation of the last log returns.

    Two passes over each window, mean first: nothing cancels, flat prices give exactly 0, and a
    value depends on its own window alone.

    Parameters
    ----------
    close
        Shape (n,), above 0.
    window
        Number of log returns, at least 2.
    bars_per_year
        Bars in a year; the deviation of a bar is scaled by its square root.

    Returns
    -------
    Array
        Shape (n,), a fraction a year (0.2 is 20 %), NaN for the first `window` bars.

    Examples
    --------
    >>> realized_volatility(np.array([1.0, 1.0, 1.0]), window=2, bars_per_year=252.0)
    array([nan, nan,  0.])
    """
    volatility = np.full(len(close), np.nan)
    if len(close) <= window:
        return volatility
    returns = np.log(close[1:] / close[:-1])
    mean = rolling_mean(returns, window)
    squares = np.zeros_like(mean)
    deviation = np.empty_like(mean)
    for lag in range(window):
        np.subtract(returns[lag : lag + len(mean)], mean, out=deviation)
        np.multiply(deviation, deviation, out=deviation)
        squares += deviation
    volatility[window:] = np.sqrt(squares / (window - 1)) * np.sqrt(bars_per_year)
    return volatility


def hv(n: int) -> Definition:
    """Return the historical volatility over n log returns.

    Parameters
    ----------
    n
        Number of log returns.

    Returns
    -------
    Definition
        See `realized_volatility`.
    """
    return Definition(
        Indicator(
            name=f"hv_{n}",
            group=GROUP,
            kind="float",
            lookback=n,
            meaning=f"Realised volatility of {n} bars, annualised, a fraction (0.2 is 20 %).",
            formula=f"std(ln(close[k] / close[k-1]) for k in i-{n - 1}..i, ddof 1) "
            "* sqrt(bars per year)",
            source="sample standard deviation of log returns",
            needs=("close",),
        ),
        lambda columns: realized_volatility(
            columns.column("close"), window=n, bars_per_year=columns.bars_per_year
        ),
    )


def atr(n: int) -> Definition:
    """Return Wilder's average true range.

    Parameters
    ----------
    n
        Number of true ranges that the average starts from.

    Returns
    -------
    Definition
        TA-Lib's ATR.
    """
    return Definition(
        Indicator(
            name=f"atr_{n}",
            group=GROUP,
            kind="float",
            lookback=n,
            meaning=f"Wilder's average true range over {n} bars, in the instrument's currency.",
            formula=f"a[i] = (a[i-1] * {n - 1} + tr[i]) / {n}; a[{n}] = mean(tr[1..{n}]); "
            "tr[i] = max(high[i], close[i-1]) - min(low[i], close[i-1])",
            source="TA-Lib ATR (Wilder 1978)",
            decay=1.0 - 1.0 / n,
            needs=("high", "low", "close"),
        ),
        lambda columns: talib_column(
            talib.ATR,
            columns.column("high"),
            columns.column("low"),
            columns.column("close"),
            timeperiod=n,
        ),
    )


def adx(n: int) -> Definition:
    """Return Wilder's average directional index.

    Parameters
    ----------
    n
        Number of bars, for the directional movement and again for the average.

    Returns
    -------
    Definition
        TA-Lib's ADX.
    """
    return Definition(
        Indicator(
            name=f"adx_{n}",
            group=GROUP,
            kind="float",
            lookback=2 * n - 1,
            meaning=f"Wilder's average directional index over {n} bars, 0 to 100: how strong a "
            "trend is, whichever way.",
            formula=f"Wilder average over {n} of 100 * |+DI - -DI| / (+DI + -DI)",
            source="TA-Lib ADX (Wilder 1978)",
            decay=1.0 - 1.0 / n,
            needs=("high", "low", "close"),
        ),
        lambda columns: talib_column(
            talib.ADX,
            columns.column("high"),
            columns.column("low"),
            columns.column("close"),
            timeperiod=n,
        ),
    )


def directional(name: str, sign: str, extreme: str) -> Definition:
    """Return the definition of one of the two directional indicators.

    Parameters
    ----------
    name
        ``plus_di`` or ``minus_di``.
    sign
        ``+`` or ``-``.
    extreme
        ``highs`` or ``lows``.

    Returns
    -------
    Definition
        TA-Lib's PLUS_DI or MINUS_DI.
    """
    function = talib.PLUS_DI if sign == "+" else talib.MINUS_DI
    return Definition(
        Indicator(
            name=name,
            group=GROUP,
            kind="float",
            lookback=DI_BARS,
            meaning=f"Wilder's {sign}DI over {DI_BARS} bars, 0 to 100: the share of the true "
            f"range by which {extreme} move out of the bar before.",
            formula=f"100 * Wilder sum of {sign}DM / Wilder sum of true range, both over {DI_BARS}",
            source=f"TA-Lib {name.upper()} (Wilder 1978)",
            decay=1.0 - 1.0 / DI_BARS,
            needs=("high", "low", "close"),
        ),
        lambda columns: talib_column(
            function,
            columns.column("high"),
            columns.column("low"),
            columns.column("close"),
            timeperiod=DI_BARS,
        ),
    )


def bands(columns: Columns) -> tuple[Array, Array, Array]:
    """Return the upper, middle and lower Bollinger band from one TA-Lib call.

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
        lines: tuple[Array, Array, Array] = talib.BBANDS(
            columns.column("close"), timeperiod=BAND_BARS, nbdevup=BAND_WIDTH, nbdevdn=BAND_WIDTH
        )
        return lines

    return columns.shared("bands", compute)


def band_position(columns: Columns) -> Array:
    """Return where close stands between the bands, 0 at the lower, 1 at the upper.

    Parameters
    ----------
    columns
        Where close comes from.

    Returns
    -------
    Array
        Missing where the window's closes are all equal: the bands then have no width, or one
        that is rounding noise.
    """
    upper, _, lower = bands(columns)
    close = columns.column("close")
    top = talib_column(talib.MAX, close, timeperiod=BAND_BARS)
    bottom = talib_column(talib.MIN, close, timeperiod=BAND_BARS)
    width = upper - lower
    position = np.full(len(close), np.nan)
    np.divide(close - lower, width, out=position, where=(top > bottom) & (width > 0.0))
    return position


def band_definition(name: str, line: int, side: str, sign: str) -> Definition:
    """Return the definition of the upper or lower band.

    Parameters
    ----------
    name
        Name of the band.
    line
        Its place in TA-Lib's answer.
    side
        ``Upper`` or ``Lower``.
    sign
        ``+`` or ``-``.

    Returns
    -------
    Definition
        TA-Lib's BBANDS, population standard deviation.
    """
    return Definition(
        Indicator(
            name=name,
            group=GROUP,
            kind="float",
            lookback=BAND_BARS - 1,
            meaning=f"{side} Bollinger band (20, 2), in the instrument's currency.",
            formula=f"sma_20 {sign} 2 * std(close[i-19..i], ddof 0)",
            source="TA-Lib BBANDS(20, 2, 2)",
            needs=("close",),
        ),
        lambda columns: bands(columns)[line],
    )


BB_PCT = Definition(
    Indicator(
        name="bb_pct",
        group=GROUP,
        kind="float",
        lookback=BAND_BARS - 1,
        meaning="Place of close between the Bollinger bands: 0 at the lower, 1 at the upper, "
        "beyond them outside; missing where the bands have no width.",
        formula="(close - bb_lower) / (bb_upper - bb_lower)",
        source="TA-Lib BBANDS(20, 2, 2)",
        needs=("close", "bb_upper", "bb_lower"),
    ),
    band_position,
)

DEFINITIONS = (
    atr(14),
    band_definition("bb_upper", 0, "Upper", "+"),
    band_definition("bb_lower", 2, "Lower", "-"),
    BB_PCT,
    adx(14),
    directional("plus_di", "+", "highs"),
    directional("minus_di", "-", "lows"),
    hv(30),
    alias(
        "spy_realized_vol_5d",
        GROUP,
        hv(5),
        meaning="Realised volatility of 5 bars, annualised, a fraction, whatever the symbol.",
    ),
    alias(
        "spy_realized_vol_10d",
        GROUP,
        hv(10),
        meaning="Realised volatility of 10 bars, annualised, a fraction, whatever the symbol.",
    ),
)
ATR = Family("atr", atr, "lookback n; decay 1 - 1/n")
ADX = Family("adx", adx, "lookback 2n - 1; decay 1 - 1/n")
HV = Family("hv", hv, "lookback n")
