"""The calls over time, each over a whole column: every value that is needed is a number here.

Sums are Neumaier's, of each bar by itself from its oldest value on, so that a value does not hang
on where the column begins. Several bars are added side by side, which changes no order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.calls import LONGEST
from btkit.conditions.compiled import compiled, compiled_inline
from btkit.conditions.vectors import WIDTH, each, eight, put

Floats = NDArray[np.float64]


def all_of(good: NDArray[np.bool_], bars: int) -> NDArray[np.bool_]:
    """Return at which bars the last so many, this one included, are all there, and all good."""
    return counted(good, bars) == bars


def counted(met: NDArray[np.bool_], bars: int) -> NDArray[np.int64]:
    """Return how many of the last so many bars, this one included, have a mark."""
    so_far = np.concatenate([[0], np.cumsum(met)])
    return so_far[1:] - so_far[np.maximum(np.arange(len(met)) + 1 - bars, 0)]


def shifted(values: NDArray[Any], bars: int, fill: float) -> NDArray[Any]:
    """Return what each value was so many bars before; `fill` where these begin later."""
    moved = np.full_like(values, fill)
    moved[bars:] = values[:-bars]
    return moved


def highest(values: Floats, bars: int) -> Floats:
    """Return the highest of the last so many values; anything where these are fewer.

    A window is the end of one block of `bars` values and the beginning of the next, so that two
    running maxima say it (van Herk, 1992; Gil and Werman, 1993).
    """
    size = len(values)
    padded = np.full(-(-size // bars) * bars, -np.inf)
    padded[:size] = values
    blocks = padded.reshape(-1, bars)
    begun = np.maximum.accumulate(blocks, axis=1).reshape(-1)
    left = np.maximum.accumulate(blocks[:, ::-1], axis=1)[:, ::-1].reshape(-1)
    found = np.full(size, np.nan)
    if size >= bars:
        found[bars - 1 :] = np.maximum(left[: size - bars + 1], begun[bars - 1 : size])
    return found


def lowest(values: Floats, bars: int) -> Floats:
    """Return the lowest of the last so many values; anything where these are fewer."""
    return -highest(-values, bars)


def total(values: Floats, bars: int) -> Floats:
    """Return the sum of the last so many values; anything where these are fewer."""
    return _totals(values, bars, np.zeros(len(values)), squared=False)


def mean(values: Floats, bars: int) -> Floats:
    """Return the mean of the last so many values; anything where these are fewer."""
    return total(values, bars) / bars


def std(values: Floats, bars: int) -> Floats:
    """Return the standard deviation of the last so many values, ``bars - 1`` below."""
    squares = _totals(values, bars, mean(values, bars), squared=True)
    return np.sqrt(squares / (bars - 1))


@compiled_inline
def _two_sum(total, number):
    # The exact error of a sum, which Neumaier takes from the larger of the two: it is a double,
    # so that both ways to it end in the same one (Knuth's needs no comparison).
    more = total + number
    part = more - total
    return more, (total - (more - part)) + (number - part)


@compiled
def _totals(values, bars, centres, *, squared):
    size, both = values.size, 2 * WIDTH
    found = np.full(size + both, np.nan)
    column, middle = np.zeros(size + both), np.zeros(size + both)
    column[:size], middle[:size] = values, centres
    for first in range(bars - 1, size, both):
        # Two vectors of bars at a time: neither waits for the other.
        ours, others = each(0.0), each(0.0)
        lost, others_lost = each(0.0), each(0.0)
        centre, others_centre = eight(middle, first), eight(middle, first + WIDTH)
        for at in range(first - bars + 1, first + 1):
            number, other = eight(column, at), eight(column, at + WIDTH)
            if squared:
                number, other = number - centre, other - others_centre
                number, other = number * number, other * other
            ours, rest = _two_sum(ours, number)
            lost = lost + rest
            others, rest = _two_sum(others, other)
            others_lost = others_lost + rest
        put(found, first, ours + lost)
        put(found, first + WIDTH, others + others_lost)
    return found[:size]


@compiled
def percentile(values, bars):
    """Return the percent of the last so many values that are at most the last of them."""
    found = np.full(values.size, np.nan)
    for bar in range(bars - 1, values.size):
        below = 0
        for before in range(bar - bars + 1, bar + 1):
            below += values[before] <= values[bar]
        found[bar] = 100.0 * below / bars
    return found


@compiled
def crossed(above, below):
    """Return where one column rose above another, and where either is missing, here or before."""
    size = above.size
    found, missing = np.zeros(size, np.bool_), np.ones(size, np.bool_)
    lacking = True
    for bar in range(size):
        before, lacking = lacking, math.isnan(above[bar]) or math.isnan(below[bar])
        missing[bar] = before or lacking
        if bar > 0:
            found[bar] = above[bar] > below[bar] and above[bar - 1] <= below[bar - 1]
    return found, missing


def bars_since(met: NDArray[np.bool_]) -> Floats:
    """Return how many bars ago the last mark was; NaN where that is none of the last 500."""
    places = np.arange(len(met))
    since = places - np.maximum.accumulate(np.where(met, places, -1 - LONGEST))
    return np.where(since <= LONGEST, since, np.nan)
