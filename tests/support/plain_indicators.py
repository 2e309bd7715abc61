"""Indicators as their text says them, a bar at a time: None where there is no value."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import fsum

Values = Sequence[float | None]


def windows(values: Values, n: int, function: Callable[[list[float]], float | None]) -> Values:
    """Return a function of the last n values, None where one of them is or there are fewer."""
    found: list[float | None] = []
    for end in range(1, len(values) + 1):
        window = [value for value in values[max(end - n, 0) : end] if value is not None]
        found.append(function(window) if len(window) == n else None)
    return found


def later(values: Values, bars: int) -> Values:
    """Return the values of some bars before."""
    return [*[None] * bars, *values][: len(values)]


def both(function: Callable[..., float], *columns: Values) -> Values:
    """Return a function of several columns, None where one is."""
    return [None if None in row else function(*row) for row in zip(*columns, strict=True)]


def mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def ratio(part: float, whole: float) -> float | None:
    return None if whole == 0 else part / whole


def ema(values: Values, n: int) -> Values:
    """Return an exponential average that starts with the mean of the first n values."""
    known = [value for value in values if value is not None]
    found: list[float | None] = [None] * (len(values) - len(known) + n - 1)
    if len(known) >= n:
        found.append(mean(known[:n]))
        for value in known[n:]:
            found.append(found[-1] + 2 / (n + 1) * (value - found[-1]))
    return found[: len(values)]


def wma(values: Values, n: int) -> Values:
    weights = range(1, n + 1)
    return windows(
        values, n, lambda w: fsum(a * b for a, b in zip(w, weights, strict=True)) / sum(weights)
    )


def dema(close, n):
    first = ema(close, n)
    return both(lambda a, b: 2 * a - b, first, ema(first, n))


def tema(close, n):
    first = ema(close, n)
    second = ema(first, n)
    return both(lambda a, b, c: 3 * a - 3 * b + c, first, second, ema(second, n))


def trix(close, n):
    third = ema(ema(ema(close, n), n), n)
    return both(lambda before, now: (now / before - 1) * 100, later(third, 1), third)


def kama(close, n):
    found, last = [None] * n, close[n - 1] if len(close) >= n else None
    for i in range(n, len(close)):
        way = fsum(abs(b - a) for a, b in pairwise(close[i - n : i + 1]))
        efficiency = 1 if way == 0 else min(abs(close[i] - close[i - n]) / way, 1)
        last += (efficiency * (2 / 3 - 2 / 31) + 2 / 31) ** 2 * (close[i] - last)
        found.append(last)
    return found[: len(close)]


def hma(close, n):
    ahead = both(lambda half, whole: 2 * half - whole, wma(close, n // 2), wma(close, n))
    return wma(ahead, math.floor(math.sqrt(n)))


def cci(high, low, close, n):
    def index(window):
        middle = mean(window)
        away = mean([abs(value - middle) for value in window])
        return None if len(set(window)) == 1 else (window[-1] - middle) / (0.015 * away)

    return windows([sum(row) / 3 for row in zip(high, low, close, strict=True)], n, index)


def mfi(high, low, close, volume, n):
    typical = [sum(row) / 3 for row in zip(high, low, close, strict=True)]
    found = [None] * min(n, len(close))
    for i in range(n, len(close)):
        bars = range(i - n + 1, i + 1)
        up = fsum(typical[j] * volume[j] for j in bars if typical[j] > typical[j - 1])
        down = fsum(typical[j] * volume[j] for j in bars if typical[j] < typical[j - 1])
        found.append(ratio(100 * up, up + down))
    return found


def place(high, low, close, n, function):
    """Return a function of close, of the highest high and of the lowest low of n bars."""
    tops, bottoms = windows(high, n, max), windows(low, n, min)
    return [
        None if top is None else function(price, top, bottom)
        for price, top, bottom in zip(close, tops, bottoms, strict=True)
    ]


def willr(high, low, close, n):
    return place(high, low, close, n, lambda c, top, low: ratio(-100 * (top - c), top - low))


def stoch_k(high, low, close, n):
    fast = place(high, low, close, n, lambda c, top, low: ratio(100 * (c - low), top - low))
    return windows(fast, 3, mean)


def stoch_d(high, low, close, n):
    return windows(stoch_k(high, low, close, n), 3, mean)


def aroon_up(high, n):
    return windows(high, n + 1, lambda w: 100 * (n - w[::-1].index(max(w))) / n)


def aroon_down(low, n):
    return windows(low, n + 1, lambda w: 100 * (n - w[::-1].index(min(w))) / n)


def linreg_slope(close, n):
    def slope(window):
        middle = (n - 1) / 2
        over = fsum((x - middle) * y for x, y in enumerate(window))
        return over / fsum((x - middle) ** 2 for x in range(n))

    return windows(close, n, slope)


def zscore(close, n):
    def score(window):
        if len(set(window)) == 1:
            return None
        spread = math.sqrt(fsum((value - mean(window)) ** 2 for value in window) / (n - 1))
        return (window[-1] - mean(window)) / spread

    return windows(close, n, score)


def atr(high, low, close, n):
    ranges = [
        max(top, before) - min(bottom, before)
        for top, bottom, before in zip(high[1:], low[1:], close, strict=False)
    ]
    if len(ranges) < n:
        return [None] * len(close)
    found = [*[None] * n, mean(ranges[:n])]
    for value in ranges[n:]:
        found.append((found[-1] * (n - 1) + value) / n)
    return found


def supertrend(high, low, close, n):
    found, trend, upper, lower = [], None, math.inf, -math.inf
    for i, width in enumerate(atr(high, low, close, n)):
        if width is None:
            found.append(None)
            continue
        top = (high[i] + low[i]) / 2 + 3 * width
        bottom = (high[i] + low[i]) / 2 - 3 * width
        if trend is None or close[i - 1] > upper or top < upper:
            upper = top
        if trend is None or close[i - 1] < lower or bottom > lower:
            lower = bottom
        if trend is None:
            trend = "up"
        elif trend == "up" and close[i] < lower:
            trend = "down"
        elif trend == "down" and close[i] > upper:
            trend = "up"
        found.append(lower if trend == "up" else upper)
    return found


def psar(high, low):
    """Return Wilder's stop; the trend begins downwards where the second low fell by more."""
    if len(high) < 2:
        return [None] * len(high)
    fall, rise = low[0] - low[1], high[1] - high[0]
    falls = fall > 0 and fall > rise
    extreme, stop = (low[1], high[0]) if falls else (high[1], low[0])
    speed, found = 0.02, [None]
    for i in range(1, len(high)):
        # It keeps out of the range of the last two bars, of which the very first is none.
        for j in range(max(i - 2, 1), i):
            stop = max(stop, high[j]) if falls else min(stop, low[j])
        if high[i] >= stop if falls else low[i] <= stop:
            falls = not falls
            near = slice(max(i - 1, 1), i + 1)
            stop = max(extreme, *high[near]) if falls else min(extreme, *low[near])
            found.append(stop)
            speed, extreme = 0.02, low[i] if falls else high[i]
        else:
            found.append(stop)
            further = low[i] < extreme if falls else high[i] > extreme
            if further:
                extreme, speed = low[i] if falls else high[i], min(speed + 0.02, 0.2)
        stop += speed * (extreme - stop)
    return found


def middle(high, low, n):
    return both(lambda top, bottom: (top + bottom) / 2, windows(high, n, max), windows(low, n, min))
