"""Every indicator of a v3 strategy, computed a second time: with pandas, from its definition."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd


def _true_range(bars):
    before = bars["close"].shift()
    parts = [
        bars["high"] - bars["low"],
        (bars["high"] - before).abs(),
        (bars["low"] - before).abs(),
    ]
    return pd.concat(parts, axis=1).max(axis=1)


def _recursive(values, weight):
    """x[0], then the last average and the new value by a weight; begun at the first value."""
    result, average = [], math.nan
    for value in values:
        average = value if math.isnan(average) else average + weight * (value - average)
        result.append(average)
    return pd.Series(result, values.index)


def _ema(values, span):
    return _recursive(values, 2.0 / (span + 1))


def _weighed(values, span):
    decay = 1.0 - 2.0 / (span + 1)
    result = [
        np.average(values.iloc[: i + 1], weights=decay ** np.arange(i, -1, -1.0))
        for i in range(len(values))
    ]
    return pd.Series(result, values.index)


def _middle(bars, period):
    return (bars["high"].rolling(period).max() + bars["low"].rolling(period).min()) / 2


def _typical(bars):
    return bars[["high", "low", "close"]].sum(axis=1) / 3


def _place(bars, period, without):
    top, bottom = bars["high"].rolling(period).max(), bars["low"].rolling(period).min()
    return ((bars["close"] - bottom) / (top - bottom)).where(top > bottom, without)


def sma(bars, period, source):
    return bars[source].rolling(period).mean()


def ema(bars, period, source, adjust):
    return (_weighed if adjust else _ema)(bars[source], period)


def wma(bars, period, source):
    weights = np.arange(1.0, period + 1)
    return bars[source].rolling(period).apply(lambda x: np.average(x, weights=weights), raw=True)


def macd(bars, fast_period, slow_period, signal_period, source):
    line = _ema(bars[source], fast_period) - _ema(bars[source], slow_period)
    signal = _ema(line, signal_period)
    return line, signal, line - signal


def bbands(bars, period, multiplier, source):
    window = bars[source].rolling(period)
    mean = window.mean()
    # Not pandas' running deviation, which loses digits where prices are large and still.
    width = multiplier * window.apply(lambda x: np.std(x, ddof=1), raw=True)
    return mean + width, mean, mean - width


def bollingerbandwidth(bars, period, multiplier, source):
    upper, middle, lower = bbands(bars, period, multiplier, source)
    return (upper - lower) / middle


def atr(bars, period):
    return _true_range(bars).rolling(period).mean()


def adx(bars, period):
    up, down = bars["high"].diff(), -bars["low"].diff()
    plus = up.where((up > down) & (up > 0), 0.0)
    minus = down.where((down > up) & (down > 0), 0.0)
    tr = _recursive(_true_range(bars), 1 / period)
    plus_di = (100 * _recursive(plus, 1 / period) / tr).where(tr > 0, 0.0)
    minus_di = (100 * _recursive(minus, 1 / period) / tr).where(tr > 0, 0.0)
    total = plus_di + minus_di
    dx = (100 * (plus_di - minus_di).abs() / total).where(total > 0, 0.0)
    return _recursive(dx, 1 / period), plus_di, minus_di


def aroon(bars, period, include_oscillator):
    def age(x):
        return period - 1 - int(np.argmax(x))

    up = 100 * (period - bars["high"].rolling(period).apply(age, raw=True)) / period
    down = 100 * (period - (-bars["low"]).rolling(period).apply(age, raw=True)) / period
    return up, down, up - down


def donchianchannels(bars, period, include_middle):
    top, bottom = bars["high"].rolling(period).max(), bars["low"].rolling(period).min()
    return top, (top + bottom) / 2, bottom


def keltnerchannels(bars, period, atr_period, multiplier):
    middle, width = _ema(bars["close"], period), multiplier * atr(bars, atr_period)
    return middle + width, middle, middle - width


def squeezeintensity(bars, bb_period, bb_multiplier, kc_period, kc_multiplier, source):
    upper, _, lower = bbands(bars, bb_period, bb_multiplier, source)
    outer, _, inner = keltnerchannels(bars, kc_period, 10, kc_multiplier)
    width = outer - inner
    depth = pd.concat([outer - upper, lower - inner], axis=1).min(axis=1, skipna=False) / width
    return depth.clip(lower=0.0).where(width.abs() > 1e-10, 0.0)


def distancefromma(bars, period, ma_type, source):
    values = bars[source]
    mean = values.rolling(period).mean() if ma_type == "SMA" else _weighed(values, period)
    return ((values - mean) / mean * 100).where(mean.abs() > 1e-10, 0.0)


def ichimoku(bars, tenkan_period, kijun_period, senkou_b_period, displacement):
    tenkan, kijun = _middle(bars, tenkan_period), _middle(bars, kijun_period)
    return tenkan, kijun, (tenkan + kijun) / 2, _middle(bars, senkou_b_period), bars["close"]


class _Stop:
    """A parabolic stop, one side of the market seen as the other by its sign."""

    def __init__(self, bars, initial_af, step_af, max_af):
        self.rows = list(bars[["high", "low", "close"]].itertuples(index=False))
        self.speeds = initial_af, step_af, max_af

    def favourable(self, row):
        return row.high if self.side > 0 else row.low

    def adverse(self, row):
        return row.low if self.side > 0 else row.high

    def values(self):
        rows, (initial, step, most) = self.rows, self.speeds
        self.side = 1 if rows[1].close > rows[0].close else -1
        stop, best, speed = self.adverse(rows[0]), self.favourable(rows[1]), initial
        yield from (math.nan, stop)
        for before2, before1, row in zip(rows, rows[1:], rows[2:], strict=False):
            stop += speed * (best - stop)
            if self.side * (self.adverse(row) - stop) <= 0:
                self.side, stop, speed = -self.side, best, initial
                best = self.favourable(row)
            else:
                nearest = [stop, self.adverse(before1), self.adverse(before2)]
                stop = min(nearest) if self.side > 0 else max(nearest)
                if self.side * (self.favourable(row) - best) > 0:
                    best, speed = self.favourable(row), min(speed + step, most)
            yield stop


def parabolicsar(bars, initial_af, step_af, max_af):
    return pd.Series([*_Stop(bars, initial_af, step_af, max_af).values()], bars.index)


def rsi(bars, period, source):
    change = bars[source].diff()
    up, down = change.clip(lower=0.0), (-change).clip(lower=0.0)
    result = pd.Series(math.nan, bars.index)
    gain, loss = up.iloc[1 : period + 1].mean(), down.iloc[1 : period + 1].mean()
    for i in range(period, len(bars)):
        if i > period:
            gain = (gain * (period - 1) + up.iloc[i]) / period
            loss = (loss * (period - 1) + down.iloc[i]) / period
        result.iloc[i] = 50.0 if gain == loss == 0 else 100 * gain / (gain + loss)
    return result


def stochastic(bars, k_period, d_period, smooth_k):
    raw = (100 * _place(bars, k_period, 0.5)).where(np.arange(len(bars)) >= k_period - 1)
    k = raw.rolling(smooth_k).mean()
    return k, k.rolling(d_period).mean()


def williamsr(bars, period):
    return 100 * (_place(bars, period, 0.5) - 1)


def cci(bars, period):
    def index(x):
        deviation = np.abs(x - x.mean()).mean()
        return (x[-1] - x.mean()) / (0.015 * deviation) if np.ptp(x) > 0 else math.nan

    return _typical(bars).rolling(period).apply(index, raw=True)


def roc(bars, period, source):
    return 100 * bars[source].pct_change(period)


def momentum(bars, period, source):
    return bars[source].diff(period)


def fishertransform(bars, period, smoothing):
    top, bottom = bars["high"].rolling(period).max(), bars["low"].rolling(period).min()
    median = (bars["high"] + bars["low"]) / 2
    place = (2 * (median - bottom) / (top - bottom) - 1).where((top != bottom), 0.0)
    fisher = _ema(np.arctanh(place.clip(-0.999, 0.999)), smoothing)
    return fisher, fisher.shift()


def rvi(bars, period, signal_period):
    def smooth(values):
        weighed = values.rolling(4).apply(lambda x: np.average(x, weights=[1, 2, 2, 1]), raw=True)
        return weighed.rolling(period).apply(np.mean, raw=True)

    below = smooth(bars["high"] - bars["low"])
    vigor = (smooth(bars["close"] - bars["open"]) / below).where(below != 0)
    return vigor, vigor.rolling(signal_period).mean()


def obv(bars):
    return (np.sign(bars["close"].diff()).fillna(0.0) * bars["volume"]).cumsum()


def mfi(bars, period):
    typical = _typical(bars)
    flow, change = typical * bars["volume"], typical.diff()
    result = pd.Series(math.nan, bars.index)
    for i in range(period, len(bars)):
        window = slice(i - period + 1, i + 1)
        rose = flow.iloc[window][change.iloc[window] > 0].sum()
        fell = flow.iloc[window][change.iloc[window] < 0].sum()
        result.iloc[i] = 100 * rose / (rose + fell) if fell else 100.0
    return result


def _money_flow(bars):
    span = bars["high"] - bars["low"]
    place = ((2 * bars["close"] - bars["low"] - bars["high"]) / span).where(span > 0, 0.0)
    return place, place * bars["volume"]


def cmf(bars, period):
    place, flow = _money_flow(bars)
    traded = bars["volume"].rolling(period).apply(np.sum, raw=True)
    share = flow.rolling(period).apply(np.sum, raw=True) / traded
    share = share.mask(traded == 0, 0.0)
    signal = _ema(share, 9)
    sides = (share > 0).astype(float), (share < 0).astype(float)
    return share, place, flow, share.diff(5), signal, share - signal, *sides


def adline(bars, use_sma_smoothing, smoothing_period):
    place, flow = _money_flow(bars)
    line = flow.cumsum()
    strength = 100 * (line / line.rolling(50, min_periods=20).mean() - 1)
    return line, place, flow, 100 * line.pct_change(10), line.diff(21), strength


def volumeratio(bars, period):
    mean = bars["volume"].rolling(period).apply(np.mean, raw=True)
    return (bars["volume"] / mean).mask(mean <= 1e-10, 1.0)


def vwap(bars, period, use_typical_price):
    price = _typical(bars) if use_typical_price else bars["close"]
    traded, volume = price * bars["volume"], bars["volume"]
    if period == 0:
        return traded.cumsum() / volume.cumsum()
    shares = volume.rolling(period).apply(np.sum, raw=True)
    return (traded.rolling(period).apply(np.sum, raw=True) / shares).where(shares > 0)
