"""Lines of trend: averages, bands, channels and directional movement.

Each function takes the columns of the bars by name and an indicator's parameters, and returns its
lines, one value a bar. The definitions are those of the system whose models these are, which are
not always TA-Lib's: a model was trained on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import talib
from numpy.lib.stride_tricks import sliding_window_view

from btkit.indicators.arrays import Array
from btkit.indicators.entries import talib_column
from btkit.models.windows import (
    average_of,
    deviation_of,
    earlier,
    highest_of,
    lowest_of,
    mean_of,
    ratio_of,
)

Bars: TypeAlias = Mapping[str, Array]
Lines: TypeAlias = tuple[Array, ...]

NO_WIDTH = 1e-10
"""What the system takes for a denominator of 0."""
KELTNER_BARS = 10
"""The true ranges of a Keltner channel that does not say how many."""


def sma(bars: Bars, *, period: int, source: str) -> Lines:
    """Return the mean of the last values."""
    return (mean_of(bars[source], period),)


def ema(bars: Bars, *, period: int, source: str, adjust: bool) -> Lines:
    """Return the exponential average, begun at the first bar."""
    return (average_of(bars[source], span=period, adjust=adjust),)


def wma(bars: Bars, *, period: int, source: str) -> Lines:
    """Return the mean with weights 1 to `period`, the last bar's the largest."""
    return (talib_column(talib.WMA, bars[source], timeperiod=period),)


def macd(
    bars: Bars, *, fast_period: int, slow_period: int, signal_period: int, source: str
) -> Lines:
    """Return MACD, its signal and their difference, all begun at the first bar."""
    line = average_of(bars[source], span=fast_period) - average_of(bars[source], span=slow_period)
    signal = average_of(line, span=signal_period)
    return line, signal, line - signal


def bollinger_bands(bars: Bars, *, period: int, multiplier: float, source: str) -> Lines:
    """Return the upper band, the mean and the lower band; the deviation is the sample's."""
    middle = mean_of(bars[source], period)
    width = multiplier * deviation_of(bars[source], period)
    return middle + width, middle, middle - width


def bollinger_band_width(bars: Bars, *, period: int, multiplier: float, source: str) -> Lines:
    """Return the distance of the bands as a share of the mean, 0 where the mean is."""
    upper, middle, lower = bollinger_bands(
        bars, period=period, multiplier=multiplier, source=source
    )
    width = ratio_of(upper - lower, middle)
    return (np.where(np.abs(middle) <= NO_WIDTH, 0.0, width),)


def true_range(bars: Bars) -> Array:
    """Return the true range; the first bar's is its own range."""
    before = earlier(bars["close"], 1)
    return np.fmax(bars["high"], before) - np.fmin(bars["low"], before)


def atr(bars: Bars, *, period: int) -> Lines:
    """Return the simple mean of the last true ranges."""
    return (mean_of(true_range(bars), period),)


def adx(bars: Bars, *, period: int) -> Lines:
    """Return ADX, +DI and -DI, smoothed with alpha 1/period from the first bar on."""
    rise = bars["high"] - earlier(bars["high"], 1)
    fall = earlier(bars["low"], 1) - bars["low"]
    plus = np.where((rise > fall) & (rise > 0.0), rise, 0.0)
    minus = np.where((fall > rise) & (fall > 0.0), fall, 0.0)
    ranges = average_of(true_range(bars), alpha=1.0 / period)
    plus_di, minus_di = (
        100.0 * ratio_of(average_of(moves, alpha=1.0 / period), ranges, otherwise=0.0)
        for moves in (plus, minus)
    )
    direction = 100.0 * ratio_of(np.abs(plus_di - minus_di), plus_di + minus_di, otherwise=0.0)
    return average_of(direction, alpha=1.0 / period), plus_di, minus_di


def aroon(bars: Bars, *, period: int, include_oscillator: bool) -> Lines:
    """Return Aroon up, down and their difference; of equal extremes the earliest counts."""
    del include_oscillator  # the difference is always there
    count = len(bars["high"])
    up, down = np.full(count, np.nan), np.full(count, np.nan)
    if count >= period:
        # An extreme at the window's first place is period - 1 bars old.
        up[period - 1 :] = sliding_window_view(bars["high"], period).argmax(axis=1) + 1.0
        down[period - 1 :] = sliding_window_view(bars["low"], period).argmin(axis=1) + 1.0
    up, down = up / period * 100.0, down / period * 100.0
    return up, down, up - down


def donchian_channels(bars: Bars, *, period: int, include_middle: bool) -> Lines:
    """Return the highest high, the middle and the lowest low, this bar included."""
    del include_middle  # it is always there
    upper, lower = highest_of(bars["high"], period), lowest_of(bars["low"], period)
    return upper, (upper + lower) / 2.0, lower


def keltner_channels(bars: Bars, *, period: int, atr_period: int, multiplier: float) -> Lines:
    """Return an exponential average of close, and it plus and less mean true ranges."""
    middle = average_of(bars["close"], span=period)
    width = multiplier * mean_of(true_range(bars), atr_period)
    return middle + width, middle, middle - width


def squeeze_intensity(
    bars: Bars,
    *,
    bb_period: int,
    bb_multiplier: float,
    kc_period: int,
    kc_multiplier: float,
    source: str,
) -> Lines:
    """Return how deep Bollinger's bands lie inside Keltner's, 0 where they do not."""
    bb_upper, _, bb_lower = bollinger_bands(
        bars, period=bb_period, multiplier=bb_multiplier, source=source
    )
    kc_upper, _, kc_lower = keltner_channels(
        bars, period=kc_period, atr_period=KELTNER_BARS, multiplier=kc_multiplier
    )
    width = kc_upper - kc_lower
    inside = ratio_of(np.minimum(kc_upper - bb_upper, bb_lower - kc_lower), width)
    return (np.where(np.abs(width) <= NO_WIDTH, 0.0, np.maximum(inside, 0.0)),)


def distance_from_average(bars: Bars, *, period: int, ma_type: str, source: str) -> Lines:
    """Return how far a price lies from its average, in percent of the average."""
    values = bars[source]
    mean = mean_of(values, period) if ma_type == "SMA" else average_of(
        values, span=period, adjust=True
    )  # fmt: skip
    distance = ratio_of(values - mean, mean) * 100.0
    return (np.where(np.abs(mean) <= NO_WIDTH, 0.0, distance),)


def ichimoku(
    bars: Bars, *, tenkan_period: int, kijun_period: int, senkou_b_period: int, displacement: int
) -> Lines:
    """Return tenkan, kijun, both spans where they are computed (not ahead), and close."""
    del displacement  # where a chart draws the spans

    def middle(period: int) -> Array:
        return (highest_of(bars["high"], period) + lowest_of(bars["low"], period)) / 2.0

    tenkan, kijun = middle(tenkan_period), middle(kijun_period)
    return tenkan, kijun, (tenkan + kijun) / 2.0, middle(senkou_b_period), bars["close"]


def parabolic_sar(bars: Bars, *, initial_af: float, step_af: float, max_af: float) -> Lines:
    """Return the stop that follows a trend, and turns with it; the first two closes say whither."""
    high, low, close = (bars[name].tolist() for name in ("high", "low", "close"))
    stops = [np.nan] * len(close)
    if len(close) > 1:
        rising = close[1] > close[0]
        stops[1], extreme = (low[0], high[1]) if rising else (high[0], low[1])
        speed = initial_af
    for bar in range(2, len(close)):
        stop = stops[bar - 1] + speed * (extreme - stops[bar - 1])
        if (low[bar] <= stop) if rising else (high[bar] >= stop):
            rising = not rising
            stop, extreme = extreme, high[bar] if rising else low[bar]
            speed = initial_af
        else:
            if rising:
                stop = min(stop, low[bar - 1], low[bar - 2])
                further = high[bar] > extreme
            else:
                stop = max(stop, high[bar - 1], high[bar - 2])
                further = low[bar] < extreme
            if further:
                extreme = high[bar] if rising else low[bar]
                speed = min(speed + step_af, max_af)
        stops[bar] = stop
    return (np.array(stops),)
