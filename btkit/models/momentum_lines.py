"""Lines of momentum and volume: oscillators, rates of change, money flow.

As `btkit.models.trend_lines`: by the definitions of the system whose models these are.
"""

from __future__ import annotations

import numpy as np
import talib

from btkit.indicators.arrays import Array
from btkit.indicators.entries import talib_column
from btkit.models.trend_lines import NO_WIDTH, Bars, Lines
from btkit.models.windows import average_of, earlier, highest_of, lowest_of, mean_of, ratio_of

_STRENGTH_BARS, _STRENGTH_LEAST = 50, 20
"""The window of the accumulation line's relative strength, and how much of it is enough."""
_FISHER_BOUND = 0.999
SIGNAL_BARS = 9
"""The span of the average of Chaikin's money flow."""


def rsi(bars: Bars, *, period: int, source: str) -> Lines:
    """Return Wilder's RSI; 50 while nothing has moved since the first bar."""
    values = bars[source]
    strength = talib_column(talib.RSI, values, timeperiod=period).copy()
    still = np.logical_and.accumulate(values == values[:1])
    strength[still & ~np.isnan(strength)] = 50.0
    return (strength,)


def stochastic(bars: Bars, *, k_period: int, d_period: int, smooth_k: int) -> Lines:
    """Return %K and %D, both simple means; a window without range counts as 50."""
    highest, lowest = highest_of(bars["high"], k_period), lowest_of(bars["low"], k_period)
    place = ratio_of(bars["close"] - lowest, highest - lowest, otherwise=0.5) * 100.0
    k = mean_of(place, smooth_k)
    return k, mean_of(k, d_period)


def williams_r(bars: Bars, *, period: int) -> Lines:
    """Return Williams %R; a window without range counts as -50."""
    highest, lowest = highest_of(bars["high"], period), lowest_of(bars["low"], period)
    return (ratio_of(highest - bars["close"], highest - lowest, otherwise=0.5) * -100.0,)


def cci(bars: Bars, *, period: int) -> Lines:
    """Return the commodity channel index, missing where a window's typical prices are equal."""
    index = talib_column(
        talib.CCI, bars["high"], bars["low"], bars["close"], timeperiod=period
    ).copy()
    typical = typical_price(bars)
    index[highest_of(typical, period) == lowest_of(typical, period)] = np.nan
    return (index,)


def roc(bars: Bars, *, period: int, source: str) -> Lines:
    """Return the change over some bars in percent."""
    before = earlier(bars[source], period)
    return (ratio_of(bars[source] - before, before) * 100.0,)


def momentum(bars: Bars, *, period: int, source: str) -> Lines:
    """Return the change over some bars."""
    return (bars[source] - earlier(bars[source], period),)


def fisher_transform(bars: Bars, *, period: int, smoothing: int) -> Lines:
    """Return Fisher's transform of the median price's place in its range, and it a bar before."""
    highest, lowest = highest_of(bars["high"], period), lowest_of(bars["low"], period)
    median = (bars["high"] + bars["low"]) / 2.0
    place = 2.0 * ratio_of(median - lowest, highest - lowest, otherwise=0.5) - 1.0
    place = np.clip(place, -_FISHER_BOUND, _FISHER_BOUND)
    fisher = average_of(0.5 * np.log((1.0 + place) / (1.0 - place)), span=smoothing)
    return fisher, earlier(fisher, 1)


def rvi(bars: Bars, *, period: int, signal_period: int) -> Lines:
    """Return the relative vigor index (weights 1, 2, 2, 1) and its mean."""
    moves, ranges = (
        mean_of(_weighted(bars[upper] - bars[lower]), period)
        for upper, lower in (("close", "open"), ("high", "low"))
    )
    vigor = ratio_of(moves, ranges)
    return vigor, mean_of(vigor, signal_period)


def obv(bars: Bars) -> Lines:
    """Return on-balance volume, 0 at the first bar."""
    signs = np.sign(np.diff(bars["close"], prepend=bars["close"][:1]))
    return (np.cumsum(signs * bars["volume"]),)


def mfi(bars: Bars, *, period: int) -> Lines:
    """Return the money flow index: 100 where no bar of the window fell, 0 where none rose."""
    typical = typical_price(bars)
    change = typical - earlier(typical, 1)
    flow = typical * bars["volume"]
    rising, falling = (
        mean_of(np.where(moved, flow, 0.0), period) for moved in (change > 0.0, change < 0.0)
    )
    share = 100.0 - 100.0 / (1.0 + ratio_of(rising, falling, otherwise=np.inf))
    return (np.where(np.isnan(rising), np.nan, share),)


def money_flow(bars: Bars) -> Lines:
    """Return where a bar closes in its range, -1 to 1 (0 without one), and that times volume."""
    place = (bars["close"] - bars["low"]) - (bars["high"] - bars["close"])
    multiplier = ratio_of(place, bars["high"] - bars["low"], otherwise=0.0)
    return multiplier, multiplier * bars["volume"]


def cmf(bars: Bars, *, period: int) -> Lines:
    """Return Chaikin's money flow, its two parts, its change, its signal and what follows."""
    multiplier, flow = money_flow(bars)
    volume = mean_of(bars["volume"], period)
    share = np.where(
        np.isnan(volume), np.nan, ratio_of(mean_of(flow, period), volume, otherwise=0.0)
    )
    signal = average_of(share, span=SIGNAL_BARS)
    above, below = (side.astype(np.float64) for side in (share > 0.0, share < 0.0))
    change = share - earlier(share, 5)
    return share, multiplier, flow, change, signal, share - signal, above, below


def accumulation(bars: Bars, *, use_sma_smoothing: bool, smoothing_period: int) -> Lines:
    """Return the accumulation line, its two parts, and three readings of the line."""
    del use_sma_smoothing, smoothing_period  # smoothed it comes to nothing, and is refused
    multiplier, flow = money_flow(bars)
    line = np.cumsum(flow)
    before = earlier(line, 10)
    change = ratio_of(line - before, before) * 100.0
    mean = mean_of(line, _STRENGTH_BARS)
    for bar in range(_STRENGTH_LEAST - 1, min(_STRENGTH_BARS - 1, len(line))):
        mean[bar] = line[: bar + 1].mean()
    strength = ratio_of(line - mean, mean) * 100.0
    return line, multiplier, flow, change, line - earlier(line, 21), strength


def volume_ratio(bars: Bars, *, period: int) -> Lines:
    """Return volume as a multiple of its mean, 1 where the mean is 0."""
    mean = mean_of(bars["volume"], period)
    return (np.where(mean <= NO_WIDTH, 1.0, ratio_of(bars["volume"], mean)),)


def vwap(bars: Bars, *, period: int, use_typical_price: bool) -> Lines:
    """Return the price weighted by volume, over some bars or, of 0 bars, since the first one."""
    price = typical_price(bars) if use_typical_price else bars["close"]
    traded, volume = price * bars["volume"], bars["volume"]
    if period == 0:
        return (ratio_of(np.cumsum(traded), np.cumsum(volume)),)
    return (ratio_of(mean_of(traded, period), mean_of(volume, period)),)


def typical_price(bars: Bars) -> Array:
    """Return the mean of high, low and close."""
    return (bars["high"] + bars["low"] + bars["close"]) / 3.0


def _weighted(values: Array) -> Array:
    return (earlier(values, 3) + 2.0 * earlier(values, 2) + 2.0 * earlier(values, 1) + values) / 6.0
