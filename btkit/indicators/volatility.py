"""Volatility and trend strength: ATR, Bollinger bands, ADX, and realised volatility."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import talib

from btkit.indicators.arrays import Array
from btkit.indicators.base import Columns, Definition, Indicator
from btkit.indicators.entries import alias, family, single, talib_column

GROUP = "volatility"
BAND_BARS, BAND_WIDTH = 20, 2.0
DI_BARS = 14


def rolling_sum(values: Array, window: int) -> Array:
    """Return the sum of each full window, summed anew for each.

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
    return total


def rolling_mean(values: Array, window: int) -> Array:
    """Return the mean of each full window, of a `rolling_sum`.

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
    mean = rolling_sum(values, window)
    mean /= window
    return mean


def rolling_deviation(values: Array, window: int) -> Array:
    """Return the sample standard deviation (ddof 1) of each full window.

    Two passes over each window, mean first: nothing cancels, zeros give exactly 0, and a result
    depends on its own window alone.

    Parameters
    ----------
    values
        Shape (n,).
    window
        Window length, at least 2.

    Returns
    -------
    Array
        Shape (n - window + 1,), empty where there is no full window.
    """
    mean = rolling_mean(values, window)
    squares = np.zeros_like(mean)
    deviation = np.empty_like(mean)
    for lag in range(window if len(mean) else 0):
        np.subtract(values[lag : lag + len(mean)], mean, out=deviation)
        np.multiply(deviation, deviation, out=deviation)
        squares += deviation
    return np.sqrt(squares / (window - 1))


def realized_volatility(close: Array, *, window: int, bars_per_year: float) -> Array:
    """Return the annualised standard deviation of the last log returns.

    Flat prices give exactly 0, and a value depends on its own window alone.

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
    volatility[window:] = rolling_deviation(returns, window) * np.sqrt(bars_per_year)
    return volatility


def _bands(columns: Columns) -> tuple[Array, Array, Array]:
    def compute() -> tuple[Array, Array, Array]:
        lines: tuple[Array, Array, Array] = talib.BBANDS(
            columns.column("close"), timeperiod=BAND_BARS, nbdevup=BAND_WIDTH, nbdevdn=BAND_WIDTH
        )
        return lines

    return columns.shared("bands", compute)


def _band_position(columns: Columns) -> Array:
    # Missing where the window's closes are all equal: the bands then have no width, or one that is
    # rounding noise.
    upper, _, lower = _bands(columns)
    close = columns.column("close")
    top = talib_column(talib.MAX, close, timeperiod=BAND_BARS)
    bottom = talib_column(talib.MIN, close, timeperiod=BAND_BARS)
    width = upper - lower
    position = np.full(len(close), np.nan)
    np.divide(close - lower, width, out=position, where=(top > bottom) & (width > 0.0))
    return position


def _band(name: str, line: int, side: str, sign: str) -> Definition:
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
        lambda columns: _bands(columns)[line],
    )


def _hv(close: Array, bars_per_year: float, n: int) -> Array:
    return realized_volatility(close, window=n, bars_per_year=bars_per_year)


def _atr(high: Array, low: Array, close: Array, n: int) -> Array:
    return talib_column(talib.ATR, high, low, close, timeperiod=n)


def _adx(high: Array, low: Array, close: Array, n: int) -> Array:
    return talib_column(talib.ADX, high, low, close, timeperiod=n)


def _plus_di(high: Array, low: Array, close: Array) -> Array:
    return talib_column(talib.PLUS_DI, high, low, close, timeperiod=DI_BARS)


def _minus_di(high: Array, low: Array, close: Array) -> Array:
    return talib_column(talib.MINUS_DI, high, low, close, timeperiod=DI_BARS)


def _directional(name: str, function: Callable[..., Array], sign: str, extreme: str) -> Definition:
    return single(
        name,
        function,
        group=GROUP,
        lookback=DI_BARS,
        meaning=f"Wilder's {sign}DI over {DI_BARS} bars, 0 to 100: the share of the true "
        f"range by which {extreme} move out of the bar before.",
        formula=f"100 * Wilder sum of {sign}DM / Wilder sum of true range, both over {DI_BARS}",
        source=f"TA-Lib {name.upper()} (Wilder 1978)",
        decay=1.0 - 1.0 / DI_BARS,
    )


def _realized(n: int) -> Definition:
    return alias(
        f"spy_realized_vol_{n}d",
        GROUP,
        HV.define(n),
        meaning=f"Realised volatility of {n} bars, annualised, a fraction, whatever the symbol.",
    )


ATR = family(
    "atr_<n>",
    _atr,
    group=GROUP,
    lookback=lambda n: n,
    decay=lambda n: 1.0 - 1.0 / n,
    meaning="Wilder's average true range over <n> bars, in the instrument's currency.",
    formula="a[i] = (a[i-1] * <n-1> + tr[i]) / <n>; a[<n>] = mean(tr[1..<n>]); "
    "tr[i] = max(high[i], close[i-1]) - min(low[i], close[i-1])",
    source="TA-Lib ATR (Wilder 1978)",
    varies="lookback n; decay 1 - 1/n",
    usual=14,
)
ADX = family(
    "adx_<n>",
    _adx,
    group=GROUP,
    lookback=lambda n: 2 * n - 1,
    decay=lambda n: 1.0 - 1.0 / n,
    meaning="Wilder's average directional index over <n> bars, 0 to 100: how strong a "
    "trend is, whichever way.",
    formula="Wilder average over <n> of 100 * |+DI - -DI| / (+DI + -DI)",
    source="TA-Lib ADX (Wilder 1978)",
    varies="lookback 2n - 1; decay 1 - 1/n",
    usual=14,
)
HV = family(
    "hv_<n>",
    _hv,
    group=GROUP,
    lookback=lambda n: n,
    meaning="Realised volatility of <n> bars, annualised, a fraction (0.2 is 20 %).",
    formula="std(ln(close[k] / close[k-1]) for k in i-<n-1>..i, ddof 1) * sqrt(bars per year)",
    source="sample standard deviation of log returns",
    varies="lookback n",
    usual=30,
    words=("vol", "realized_vol"),
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
    _band_position,
)

ENTRIES = (
    ATR.define(14),
    _band("bb_upper", 0, "Upper", "+"),
    _band("bb_lower", 2, "Lower", "-"),
    BB_PCT,
    ADX.define(14),
    _directional("plus_di", _plus_di, "+", "highs"),
    _directional("minus_di", _minus_di, "-", "lows"),
    HV.define(30),
    _realized(5),
    _realized(10),
    ATR,
    ADX,
    HV,
)
