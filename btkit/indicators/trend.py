"""Trend: stops that follow it, channels around the price, and the Ichimoku lines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import talib

from btkit.indicators.arrays import Array
from btkit.indicators.base import Definition
from btkit.indicators.entries import family, single, talib_column

GROUP = "trend"
ACCELERATION, FASTEST = 0.02, 0.2
RANGES = 3.0
KELTNER_BARS, KELTNER_RANGES = 20, 2.0
TENKAN, KIJUN, SENKOU = 9, 26, 52
# Bars by which the spans are drawn ahead of the bar that they are worked out at.
AHEAD = 26


def _psar(high: Array, low: Array) -> Array:
    return talib_column(talib.SAR, high, low, acceleration=ACCELERATION, maximum=FASTEST)


def _supertrend(high: Array, low: Array, close: Array, n: int) -> Array:
    line = np.full(len(close), np.nan)
    ranges = RANGES * talib_column(talib.ATR, high, low, close, timeperiod=n)[n:]
    if not len(ranges):
        return line
    middle = ((high + low) / 2.0)[n:]
    bands = zip((middle - ranges).tolist(), (middle + ranges).tolist(), close[n:].tolist(),
                strict=True)  # fmt: skip
    lower, upper, before = next(bands)
    rising, drawn = True, [lower]
    for bottom, top, price in bands:
        # A band moves towards the price alone, until the price closes beyond it.
        lower = max(bottom, lower) if before >= lower else bottom
        upper = min(top, upper) if before <= upper else top
        rising = price >= lower if rising else price > upper
        drawn.append(lower if rising else upper)
        before = price
    line[n:] = drawn
    return line


def _before(values: Array, bars: int) -> Array:
    moved = np.full(len(values), np.nan)
    moved[bars:] = values[: max(len(values) - bars, 0)]
    return moved


def _donchian_upper(high: Array, n: int) -> Array:
    return _before(talib_column(talib.MAX, high, timeperiod=n), 1)


def _donchian_lower(low: Array, n: int) -> Array:
    return _before(talib_column(talib.MIN, low, timeperiod=n), 1)


def _keltner_upper(ema_20: Array, atr_10: Array) -> Array:
    return ema_20 + KELTNER_RANGES * atr_10


def _keltner_lower(ema_20: Array, atr_10: Array) -> Array:
    return ema_20 - KELTNER_RANGES * atr_10


def _middle(high: Array, low: Array, n: int) -> Array:
    top = talib_column(talib.MAX, high, timeperiod=n)
    return (top + talib_column(talib.MIN, low, timeperiod=n)) / 2.0


def _tenkan(high: Array, low: Array) -> Array:
    return _middle(high, low, TENKAN)


def _kijun(high: Array, low: Array) -> Array:
    return _middle(high, low, KIJUN)


def _senkou_a(tenkan: Array, kijun: Array) -> Array:
    return _before((tenkan + kijun) / 2.0, AHEAD)


def _senkou_b(high: Array, low: Array) -> Array:
    return _before(_middle(high, low, SENKOU), AHEAD)


def _keltner(name: str, function: Callable[..., Array], side: str, sign: str) -> Definition:
    return single(
        name,
        function,
        group=GROUP,
        lookback=KELTNER_BARS - 1,
        decay=1.0 - 2.0 / (KELTNER_BARS + 1),
        meaning=f"{side} Keltner channel (20, 2 x 10), in the instrument's currency.",
        formula=f"ema_20 {sign} 2 * atr_10",
        source="TA-Lib EMA and ATR (Raschke's form of Keltner 1960)",
    )


def _ichimoku(
    name: str, function: Callable[..., Array], lookback: int, meaning: str, formula: str
) -> Definition:
    return single(
        name,
        function,
        group=GROUP,
        lookback=lookback,
        meaning=f"{meaning}, in the instrument's currency.",
        formula=formula,
        source="Hosoda (1968), 9, 26 and 52 bars",
    )


ENTRIES = (
    single(
        "psar",
        _psar,
        group=GROUP,
        lookback=1,
        decay=1.0 - ACCELERATION,
        meaning="Wilder's parabolic stop and reverse (0.02, 0.2), in the instrument's currency: "
        "below the price in an uptrend, above it in a downtrend. Until the first reversals it "
        "depends on where the bars begin.",
        formula="s[i] = s[i-1] + a * (extreme - s[i-1]), not within the last two bars' range; "
        "a = 0.02, and 0.02 more at each new extreme of the trend, at most 0.2; where a bar "
        "reaches it, the trend turns and s is the extreme",
        source="TA-Lib SAR (Wilder 1978)",
    ),
    _keltner("keltner_upper", _keltner_upper, "Upper", "+"),
    _keltner("keltner_lower", _keltner_lower, "Lower", "-"),
    _ichimoku(
        "tenkan",
        _tenkan,
        TENKAN - 1,
        "Ichimoku's conversion line: the middle of the range of 9 bars",
        "(max(high[i-8..i]) + min(low[i-8..i])) / 2",
    ),
    _ichimoku(
        "kijun",
        _kijun,
        KIJUN - 1,
        "Ichimoku's base line: the middle of the range of 26 bars",
        "(max(high[i-25..i]) + min(low[i-25..i])) / 2",
    ),
    _ichimoku(
        "senkou_a",
        _senkou_a,
        KIJUN - 1 + AHEAD,
        "Ichimoku's leading span A as it is drawn at this bar, from 26 bars before",
        "(tenkan[i-26] + kijun[i-26]) / 2",
    ),
    _ichimoku(
        "senkou_b",
        _senkou_b,
        SENKOU - 1 + AHEAD,
        "Ichimoku's leading span B as it is drawn at this bar, from 26 bars before: the middle of "
        "the range of 52 bars",
        "(max(high[i-77..i-26]) + min(low[i-77..i-26])) / 2",
    ),
    family(
        "supertrend_<n>",
        _supertrend,
        group=GROUP,
        lookback=lambda n: n,
        decay=lambda n: 1.0 - 1.0 / n,
        meaning="Supertrend of 3 average true ranges over <n> bars, in the instrument's currency: "
        "close is above it in an uptrend, below it in a downtrend; it begins with an uptrend, "
        "which the first turns forget.",
        formula="lower = (high + low) / 2 - 3 * atr_<n>, never falling while the close before is "
        "not below it; upper likewise above; lower until close < lower, then upper until "
        "close > upper",
        source="Seban's Supertrend, of TA-Lib ATR",
        varies="lookback n; decay 1 - 1/n",
        usual=10,
    ),
    family(
        "donchian_upper_<n>",
        _donchian_upper,
        group=GROUP,
        lookback=lambda n: n,
        meaning="Highest high of the <n> bars before this one, in the instrument's currency: "
        "close > donchian_upper_<n> is a breakout.",
        formula="max(high[i-<n>..i-1])",
        source="TA-Lib MAX",
        varies="lookback n",
        words=("donchian", "donchian_high"),
    ),
    family(
        "donchian_lower_<n>",
        _donchian_lower,
        group=GROUP,
        lookback=lambda n: n,
        meaning="Lowest low of the <n> bars before this one, in the instrument's currency: "
        "close < donchian_lower_<n> is a breakdown.",
        formula="min(low[i-<n>..i-1])",
        source="TA-Lib MIN",
        varies="lookback n",
        words=("donchian_low",),
    ),
)
