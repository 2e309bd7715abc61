"""The stationary bootstrap (Politis and Romano 1994) as runs of consecutive periods.

A resample of n periods in blocks of b on average is about n / b runs: what is added up over it is
added up over the runs, from sums that are known, and its series is never written down.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.compiled import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
# What cannot be negative needs no look whether it counts from the end.
Places = NDArray[np.uint64]

ABREAST = 4
"""Runs that are added up side by side."""


class Runs(NamedTuple):
    """Resamples, each a number of runs.

    Parameters
    ----------
    offsets : ndarray of int64, shape (n_resamples + 1,)
        Where each resample's runs begin, and where the last one's end: a multiple of `ABREAST`.
    starts, stops : ndarray of uint64, shape (n_runs,)
        The first period of each run, and the one after its last; empty runs fill a resample up.
    """

    offsets: Integers
    starts: Places
    stops: Places


def stationary_runs(periods: int, block: int, *, repetitions: int, seed: int) -> Runs:
    """Draw resamples by the stationary bootstrap.

    Parameters
    ----------
    periods
        Of the series, which is taken for a circle.
    block
        Mean length of a block; a new one begins with the probability 1 / `block`.
    repetitions
        Number of resamples.
    seed
        Of ``numpy.random.default_rng``, which is asked for a resample's periods first, and then
        for its chances, as `arch.bootstrap.StationaryBootstrap` asks.

    Examples
    --------
    >>> runs = stationary_runs(5, 2, repetitions=1, seed=3)
    >>> list(zip(runs.starts.tolist(), runs.stops.tolist()))
    [(4, 5), (0, 1), (0, 1), (1, 2), (0, 1), (0, 0), (0, 0), (0, 0)]
    """
    random = np.random.default_rng(seed)
    offsets = np.zeros(repetitions + 1, np.int64)
    starts, stops = np.empty((2, periods + ABREAST), np.uint64)
    parts = []
    for place in range(repetitions):
        drawn, chances = random.integers(periods, size=periods), random.random(periods)
        count = _cut(drawn, chances, 1.0 / block, starts, stops)
        offsets[place + 1] = offsets[place] + count
        parts.append((starts[:count].copy(), stops[:count].copy()))
    return Runs(offsets, *(np.concatenate(column) for column in zip(*parts, strict=True)))


@compiled
def _cut(drawn: Integers, chances: Floats, share: float, starts: Places, stops: Places) -> int:
    periods, count = drawn.size, 0
    begin = place = drawn[0]
    for period in range(1, periods):
        goes_on = chances[period] > share
        if goes_on and place + 1 < periods:
            place += 1
            continue
        starts[count], stops[count] = begin, place + 1
        count += 1
        # Past the end of the series it goes on at its beginning.
        begin = place = 0 if goes_on else drawn[period]
    starts[count], stops[count] = begin, place + 1
    count += 1
    while count % ABREAST:
        starts[count] = stops[count] = 0
        count += 1
    return count


@compiled
def sharpe_of_resamples(
    returns: Floats, offsets: Integers, starts: Places, stops: Places, out: Floats
) -> None:
    """Write the Sharpe ratio per period of each resample, 0 where it does not move.

    Parameters
    ----------
    returns : ndarray, shape (n_periods,)
        Fractions.
    offsets, starts, stops
        See `Runs`.
    out : ndarray, shape (n_resamples,)
        Mean over standard deviation (ddof 1).
    """
    periods, middle = returns.size, returns.mean()
    for place in range(out.size):
        # About the middle of the series, so that squares lose nothing to it.
        total = squares = 0.0
        for run in range(offsets[place], offsets[place + 1]):
            for period in range(starts[run], stops[run]):
                away = returns[period] - middle
                total += away
                squares += away * away
        mean = total / periods
        variance = (squares - total * mean) / (periods - 1)
        out[place] = (middle + mean) / math.sqrt(variance) if variance > 0.0 else 0.0


def block_length(returns: Floats) -> float:
    """Return the mean length of a block that suits a series.

    Parameters
    ----------
    returns : ndarray, shape (n_periods,)
        At least 30.

    Returns
    -------
    float
        In periods; NaN for a series that does not move.

    Notes
    -----
    (G / S)^(2/3) n^(1/3), with S = sum of h(k/m) R(k) and G = sum of h(k/m) |k| R(k) over the lags
    k from -m to m, R being the autocovariances and h(x) = min(1, 2 (1 - |x|)); Politis and White
    2004, corrected 2009. m is twice the lag after which K = max(5, log10 n) autocorrelations in a
    row lie within 2 sqrt(log10 n / n) of 0, and at most sqrt(n) + K. No block is longer than
    3 sqrt(n) or n / 3.
    """
    count = len(returns)
    away = returns - returns.mean()
    quiet = max(5, int(math.log10(count)))
    furthest = math.ceil(math.sqrt(count)) + quiet
    lags = range(furthest + 1)
    products = np.array([away[lag:] @ away[: count - lag] for lag in lags])
    scales = [
        (away[lag + 1 :] @ away[lag + 1 :]) * (away[: -(lag + 1)] @ away[: -(lag + 1)])
        for lag in lags
    ]
    with np.errstate(all="ignore"):
        silent = np.abs(products) / np.sqrt(scales) < 2.0 * math.sqrt(math.log10(count) / count)
        last = next(
            (lag for lag in lags[: len(lags) - quiet] if silent[lag : lag + quiet].all()), None
        )
        reach = lags[-1] if last is None else min(2 * max(last, 1), lags[-1])
        lag = np.arange(1, reach + 1)
        weighted = 2.0 * np.minimum(1.0, 2.0 * (1.0 - lag / reach)) * products[1 : reach + 1]
        ratio = np.square((lag * weighted).sum() / (products[0] + weighted.sum()))
    longest = math.ceil(min(3.0 * math.sqrt(count), count / 3.0))
    return float(np.minimum(np.cbrt(ratio * count), longest))
