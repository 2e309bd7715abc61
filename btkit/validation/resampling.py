"""The stationary bootstrap (Politis and Romano 1994).

A resample of n periods in blocks of b on average is about n / b runs of consecutive periods: what
is added up over it is added up over the runs, from sums that are known, and its series is never
written down.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.compiled import compiled, compiled_lean

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Resample(NamedTuple):
    """What a resample is made of, however long its blocks shall be.

    Parameters
    ----------
    begins : ndarray of int64, shape (n_periods,)
        Where a block begins if one does.
    chances : ndarray, shape (n_periods,)
        From 0 to 1: a block of b periods on average begins where it is at most 1 / b.
    """

    begins: Integers
    chances: Floats


def stationary_resamples(periods: int, *, repetitions: int, seed: int) -> Iterator[Resample]:
    """Draw resamples of a series.

    Parameters
    ----------
    periods
        Of the series.
    repetitions
        Number of resamples.
    seed
        Of ``numpy.random.default_rng``, which is asked for a resample's periods first, and then
        for its chances, as `arch.bootstrap.StationaryBootstrap` asks.
    """
    random = np.random.default_rng(seed)
    for _ in range(repetitions):
        yield Resample(random.integers(periods, size=periods), random.random(periods))


class Runs(NamedTuple):
    """Resamples, each a number of runs.

    Parameters
    ----------
    offsets : ndarray of int64, shape (n_resamples + 1,)
        Where each resample's runs begin, and where the last one's end.
    starts, stops : ndarray of int64, shape (n_runs,)
        The first period of each run, and the one after its last.
    """

    offsets: Integers
    starts: Integers
    stops: Integers


class RunCutter:
    """Cuts resamples of a series into runs.

    Parameters
    ----------
    periods
        Of the series, which is taken for a circle.
    block
        Mean length of a block; a new one begins with the probability 1 / `block`.

    Examples
    --------
    >>> cutter = RunCutter(5, 2)
    >>> for resample in stationary_resamples(5, repetitions=1, seed=3):
    ...     cutter.add(resample)
    >>> runs = cutter.runs()
    >>> list(zip(runs.starts.tolist(), runs.stops.tolist()))
    [(4, 5), (0, 1), (0, 1), (1, 2), (0, 1)]
    """

    def __init__(self, periods: int, block: int) -> None:
        self._share = 1.0 / block
        self._room = np.empty((2, periods), np.int64)
        self._parts: list[Integers] = []

    def add(self, resample: Resample) -> None:
        """Cut one more resample."""
        count = _cut(*resample, self._share, *self._room)
        self._parts.append(self._room[:, :count].copy())

    def runs(self) -> Runs:
        """Return the runs of all resamples."""
        offsets = np.cumsum([0, *(part.shape[1] for part in self._parts)])
        return Runs(offsets, *np.concatenate(self._parts, axis=1))


def runs_of(periods: int, block: int, resamples: Iterable[Resample]) -> Runs:
    """Cut resamples of a series into runs; see `RunCutter`."""
    cutter = RunCutter(periods, block)
    for resample in resamples:
        cutter.add(resample)
    return cutter.runs()


@compiled_lean
def _cut(begins: Integers, chances: Floats, share: float, starts: Integers, stops: Integers) -> int:
    periods, count = begins.size, 0
    begin = place = begins[0]
    for period in range(1, periods):
        goes_on = chances[period] > share
        if goes_on and place + 1 < periods:
            place += 1
            continue
        starts[count], stops[count] = begin, place + 1
        count += 1
        # Past the end of the series it goes on at its beginning.
        begin = place = 0 if goes_on else begins[period]
    starts[count], stops[count] = begin, place + 1
    return count + 1


@compiled
def sharpe_of_resample(returns: Floats, resample: Resample, block: float) -> float:
    """Return the Sharpe ratio per period of a resample, 0 where it does not move.

    Parameters
    ----------
    returns : ndarray, shape (n_periods,)
        Fractions.
    resample
        Of as many periods.
    block
        Mean length of its blocks.

    Returns
    -------
    float
        Mean over standard deviation (ddof 1).
    """
    periods, middle, share = returns.size, returns.mean(), 1.0 / block
    # About the middle of the series, so that squares lose nothing to it.
    total = squares = 0.0
    place = periods
    for period in range(periods):
        place += 1
        if period == 0 or resample.chances[period] <= share:
            place = resample.begins[period]
        elif place >= periods:
            place = 0
        away = returns[place] - middle
        total += away
        squares += away * away
    mean = total / periods
    variance = (squares - total * mean) / (periods - 1)
    return (middle + mean) / math.sqrt(variance) if variance > 0.0 else 0.0


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
