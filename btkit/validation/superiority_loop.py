"""The loops of White's and Hansen's tests, over some sets at a time."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.compiled import compiled, compiled_apart, compiled_inline, compiled_lean
from btkit.validation.lanes import LANES, lay
from btkit.validation.resampling import Integers, Runs

Floats = NDArray[np.float64]

# What cannot be negative needs no look whether it counts from the end.
Places = NDArray[np.uint64]

STRETCH = 512
"""Periods at a time: the running sums of all lanes over them are at hand in a core's caches."""

_ABREAST = np.uint64(4)


class Found(NamedTuple):
    """What the tests keep of all sets, for each benchmark.

    Every statistic is of the sets' returns less the benchmark's; the factor √n of all of them is
    left out.

    Parameters
    ----------
    observed_mean, observed : ndarray, shape (n_benchmarks,)
        The largest mean, and the largest mean over standard deviation ω or 0.
    best_mean : ndarray, shape (n_benchmarks, n_resamples)
        The largest recentred mean of each resample.
    best : ndarray, shape (n_benchmarks, 3, n_resamples)
        The largest of Hansen's lower, consistent and upper statistic of each resample, or 0.
    """

    observed_mean: Floats
    observed: Floats
    best_mean: Floats
    best: Floats


class Resamples(NamedTuple):
    """What the resampling of any series takes: runs, stretch by stretch.

    Parameters
    ----------
    offsets : ndarray of uint64, shape (n_stretches, n_resamples + 1)
        Where the runs of each resample begin that lie in a stretch, and where the last one's end:
        multiples of 4.
    starts, stops : ndarray of uint64, shape (n_runs,)
        The first period of each run, and the one after its last; empty runs fill a resample up.
    powers : ndarray, shape (n_periods + 1,)
        That a block goes on for 0, 1, 2 and more periods: the probability.
    """

    offsets: Places
    starts: Places
    stops: Places
    powers: Floats


class Benchmarks(NamedTuple):
    """What the sets are compared with.

    Parameters
    ----------
    returns : ndarray, shape (n_benchmarks, n_periods)
        Fractions.
    means : ndarray, shape (n_benchmarks,)
        Theirs.
    resampled : ndarray, shape (n_benchmarks, n_resamples)
        Those of each resample.
    """

    returns: Floats
    means: Floats
    resampled: Floats


def in_stretches(runs: Runs, periods: int, block: int) -> Resamples:
    """Cut runs where stretches end, and put them in the order of these.

    Parameters
    ----------
    runs
        Of all resamples.
    periods
        Of the series.
    block
        Mean length of a block.
    """
    resamples, stretches = len(runs.offsets) - 1, -(-periods // STRETCH)
    offsets = np.zeros((stretches, resamples + 1), np.uint64)
    counts = np.zeros((stretches, resamples), np.int64)
    _count(runs, counts)
    filled = -(-counts // 4) * 4
    ends = np.cumsum(filled).reshape(filled.shape)
    offsets[:, 1:], offsets[:, 0] = ends, ends[:, 0] - filled[:, 0]
    starts, stops = np.zeros((2, ends[-1, -1]), np.uint64)
    _place(runs, offsets[:, :-1].copy(), starts, stops)
    powers = np.power(1.0 - 1.0 / block, np.arange(periods + 1.0))
    return Resamples(offsets, starts, stops, powers)


@compiled
def _count(runs: Runs, counts: Integers) -> None:
    for resample in range(counts.shape[1]):
        for run in range(runs.offsets[resample], runs.offsets[resample + 1]):
            last = (runs.stops[run] - 1) // STRETCH
            for stretch in range(runs.starts[run] // STRETCH, last + 1):
                counts[stretch, resample] += 1


@compiled
def _place(runs: Runs, places: Places, starts: Places, stops: Places) -> None:
    for resample in range(places.shape[1]):
        for run in range(runs.offsets[resample], runs.offsets[resample + 1]):
            start, stop = runs.starts[run], runs.stops[run]
            for stretch in range(start // STRETCH, (stop - 1) // STRETCH + 1):
                place = places[stretch, resample]
                starts[place] = max(start, stretch * STRETCH)
                stops[place] = min(stop, (stretch + 1) * STRETCH)
                places[stretch, resample] = place + np.uint64(1)


@compiled
def resampled_means(returns: Floats, resamples: Resamples, means: Floats, out: Floats) -> None:
    """Write the mean of each series, and of each resample of it.

    Parameters
    ----------
    returns : ndarray, shape (n_series, n_periods)
        Fractions.
    resamples
        The resamples.
    means : ndarray, shape (n_series,)
        Written.
    out : ndarray, shape (n_series, n_resamples)
        Written.
    """
    periods = returns.shape[1]
    tile, sums = np.empty((periods, LANES)), np.empty((periods + 1, LANES))
    drawn = np.empty((out.shape[1], LANES))
    for row in range(len(returns)):
        lay(returns, row, 1, tile)
        _sum_up(tile, sums)
        means[row] = sums[periods, 0] / periods
        _resample(sums, resamples, drawn)
        for place in range(out.shape[1]):
            out[row, place] = drawn[place, 0]


@compiled
def deviations(returns: Floats, resamples: Resamples, out: Floats) -> None:
    """Write each series' ω, Hansen's standard deviation of √n times its mean.

    Parameters
    ----------
    returns : ndarray, shape (n_series, n_periods)
        Fractions.
    resamples
        How long blocks go on.
    out : ndarray, shape (n_series,)
        Written.
    """
    periods = returns.shape[1]
    tile, sums = np.empty((periods, LANES)), np.empty((periods + 1, LANES))
    nothing, lanes, room = np.zeros(periods), np.empty(LANES), np.empty((5, LANES))
    for row in range(len(returns)):
        lay(returns, row, 1, tile)
        _sum_up(tile, sums)
        _deviate(tile, nothing, sums[periods] / periods, resamples.powers, room, lanes)
        out[row] = lanes[0]


@compiled
def take_in(
    returns: Floats, benchmarks: Benchmarks, resamples: Resamples, rounding: float, found: Found
) -> None:
    """Take in some sets.

    Parameters
    ----------
    returns : ndarray, shape (n_sets, n_periods)
        Fractions.
    benchmarks
        What they are compared with.
    resamples
        The resamples.
    rounding
        A mean below it is none, nor is a deviation below twice of it.
    found
        Changed.
    """
    sets, periods = returns.shape
    count = len(benchmarks.means)
    tile, sums = np.empty((periods, LANES)), np.empty((periods + 1, LANES))
    lanes, room = np.empty(LANES), np.empty((5, LANES))
    drawn = np.empty((benchmarks.resampled.shape[1], LANES))
    mean, scale, shift = (
        np.empty((count, LANES)),
        np.empty((count, LANES)),
        np.empty((count, 3, LANES)),
    )
    threshold = math.sqrt(2.0 * math.log(math.log(periods)) / periods)
    for first in range(0, sets, LANES):
        lay(returns, first, min(LANES, sets - first), tile)
        _sum_up(tile, sums)
        for place in range(count):
            mean[place] = sums[periods] / periods - benchmarks.means[place]
            _deviate(tile, benchmarks.returns[place], mean[place], resamples.powers, room, lanes)
            for lane in range(LANES):
                own, deviation = mean[place, lane], lanes[lane]
                moves = deviation > 2.0 * rounding
                factor = 1.0 / deviation if moves else 0.0
                statistic = own * factor
                if not moves and own > rounding:
                    statistic = math.inf
                found.observed_mean[place] = max(found.observed_mean[place], own)
                found.observed[place] = max(found.observed[place], statistic)
                scale[place, lane] = factor
                shift[place, 0, lane] = max(own, 0.0) * factor
                shift[place, 1, lane] = own * factor if own >= -deviation * threshold else 0.0
                shift[place, 2, lane] = own * factor
        _resample(sums, resamples, drawn)
        for resample in range(len(drawn)):
            for place in range(count):
                other = benchmarks.resampled[place, resample]
                best_mean, best = found.best_mean[place], found.best[place]
                if _beaten(
                    drawn[resample],
                    other,
                    mean[place],
                    scale[place],
                    shift[place],
                    best_mean[resample],
                    best[0, resample],
                    best[1, resample],
                    best[2, resample],
                ):
                    for lane in range(LANES):
                        away = drawn[resample, lane] - other
                        best_mean[resample] = max(best_mean[resample], away - mean[place, lane])
                        away *= scale[place, lane]
                        for which in range(3):
                            best[which, resample] = max(
                                best[which, resample], away - shift[place, which, lane]
                            )


@compiled_apart
def _beaten(  # noqa: PLR0913, PLR0917 - numbers stay in registers, where an array would be read again
    means: Floats,
    other: float,
    mean: Floats,
    scale: Floats,
    shift: Floats,
    best_mean: float,
    lower: float,
    consistent: float,
    upper: float,
) -> bool:
    """Return whether any lane is above what was best: seldom, and found without a branch."""
    found = 0
    for lane in range(LANES):
        away = means[lane] - other
        found |= away - mean[lane] > best_mean
        away *= scale[lane]
        found |= away - shift[0, lane] > lower
        found |= away - shift[1, lane] > consistent
        found |= away - shift[2, lane] > upper
    return found != 0


@compiled_inline
def _sum_up(tile: Floats, sums: Floats) -> None:
    for lane in range(LANES):
        sums[0, lane] = 0.0
    for period in range(len(tile)):
        for lane in range(LANES):
            sums[period + 1, lane] = sums[period, lane] + tile[period, lane]


@compiled_lean
def _resample(sums: Floats, resamples: Resamples, means: Floats) -> None:
    means[:] = 0.0
    offsets, starts, stops = resamples.offsets, resamples.starts, resamples.stops
    for stretch in range(len(offsets)):
        for place in range(len(means)):
            first, last = offsets[stretch, place], offsets[stretch, place + 1]
            _add_runs(sums, starts, stops, first, last, means[place])
    means /= len(sums) - 1


@compiled_apart
def _add_runs(
    sums: Floats, starts: Places, stops: Places, first: int, last: int, totals: Floats
) -> None:
    """Add each lane up over some runs, four of them abreast."""
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    for run in range(first, last, _ABREAST):
        a, b, c, d = starts[run], starts[run + one], starts[run + two], starts[run + three]
        after_a, after_b, after_c, after_d = (
            stops[run], stops[run + one], stops[run + two], stops[run + three]
        )  # fmt: skip
        for lane in range(LANES):
            totals[lane] += (sums[after_a, lane] - sums[a, lane]) + (
                sums[after_b, lane] - sums[b, lane]
            ) + (
                (sums[after_c, lane] - sums[c, lane]) + (sums[after_d, lane] - sums[d, lane])
            )  # fmt: skip


@compiled_inline
def _deviate(
    tile: Floats, benchmark: Floats, mean: Floats, powers: Floats, room: Floats, out: Floats
) -> None:
    """Write the ω of each lane's returns less the benchmark's, whose mean is `mean`.

    With q = 1 - stay, the weight (1 - i/n) stay^i + (i/n) stay^(n - i) of the products at a lag of
    i splits into factors that are carried from period to period, so that no lag is looped over.
    """
    periods, stay = len(tile), powers[1]
    room[:] = 0.0
    for period in range(periods):
        begun, left = powers[period], powers[periods - period] / periods
        for lane in range(LANES):
            distance = tile[period, lane] - benchmark[period] - mean[lane]
            # Sums over all earlier distances, weighted by stay^i, by i stay^i, and around the
            # circle by stay^s and by s stay^s, s being when.
            near, farther, wrapped, when = (
                room[1, lane], room[2, lane], room[3, lane], room[4, lane]
            )  # fmt: skip
            room[0, lane] += distance * (
                0.5 * distance
                + near - farther / periods
                + left * (period * wrapped - when)
            )  # fmt: skip
            near = stay * (near + distance)
            room[1, lane] = near
            room[2, lane] = stay * farther + near
            room[3, lane] = wrapped + begun * distance
            room[4, lane] = when + period * begun * distance
    for lane in range(LANES):
        out[lane] = math.sqrt(max(2.0 * room[0, lane] / periods, 0.0))
