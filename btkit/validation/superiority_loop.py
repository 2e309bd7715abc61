"""The loops of White's and Hansen's tests, over some sets at a time."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.compiled import compiled, compiled_inline
from btkit.validation.resampling import ABREAST, Integers, Places

Floats = NDArray[np.float64]

LANES = 16
"""Sets at a time, side by side: their running sums fit in a core's second cache."""


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
    """What the resampling of any series takes.

    Parameters
    ----------
    offsets, starts, stops
        See `Runs`.
    powers : ndarray, shape (n_periods + 1,)
        That a block goes on for 0, 1, 2 and more periods: the probability.
    """

    offsets: Integers
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
    lanes = np.empty(LANES)
    for row in range(len(returns)):
        _lay(returns, row, 1, tile)
        _sum_up(tile, sums)
        means[row] = sums[periods, 0] / periods
        for place in range(out.shape[1]):
            _add_runs(sums, resamples, place, lanes)
            out[row, place] = lanes[0] / periods


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
        _lay(returns, row, 1, tile)
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
    mean, scale, shift = (
        np.empty((count, LANES)),
        np.empty((count, LANES)),
        np.empty((count, 3, LANES)),
    )
    threshold = math.sqrt(2.0 * math.log(math.log(periods)) / periods)
    for first in range(0, sets, LANES):
        _lay(returns, first, min(LANES, sets - first), tile)
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
        for resample in range(benchmarks.resampled.shape[1]):
            _add_runs(sums, resamples, resample, lanes)
            for place in range(count):
                other = benchmarks.resampled[place, resample]
                best_mean = found.best_mean[place, resample]
                lower = found.best[place, 0, resample]
                consistent = found.best[place, 1, resample]
                upper = found.best[place, 2, resample]
                for lane in range(LANES):
                    away = lanes[lane] / periods - other
                    best_mean = max(best_mean, away - mean[place, lane])
                    away *= scale[place, lane]
                    lower = max(lower, away - shift[place, 0, lane])
                    consistent = max(consistent, away - shift[place, 1, lane])
                    upper = max(upper, away - shift[place, 2, lane])
                found.best_mean[place, resample] = best_mean
                found.best[place, 0, resample] = lower
                found.best[place, 1, resample] = consistent
                found.best[place, 2, resample] = upper


@compiled_inline
def _lay(returns: Floats, first: int, count: int, tile: Floats) -> None:
    """Lay series side by side; the first stands for those that there are none of."""
    for period in range(len(tile)):
        for lane in range(LANES):
            tile[period, lane] = returns[first + (lane if lane < count else 0), period]


@compiled_inline
def _sum_up(tile: Floats, sums: Floats) -> None:
    for lane in range(LANES):
        sums[0, lane] = 0.0
    for period in range(len(tile)):
        for lane in range(LANES):
            sums[period + 1, lane] = sums[period, lane] + tile[period, lane]


@compiled_inline
def _add_runs(sums: Floats, resamples: Resamples, place: int, lanes: Floats) -> None:
    """Add each lane up over the runs of a resample."""
    for lane in range(LANES):
        lanes[lane] = 0.0
    starts, stops = resamples.starts, resamples.stops
    for run in range(resamples.offsets[place], resamples.offsets[place + 1], ABREAST):
        a, b, c, d = starts[run], starts[run + 1], starts[run + 2], starts[run + 3]
        after_a, after_b, after_c, after_d = (
            stops[run], stops[run + 1], stops[run + 2], stops[run + 3]
        )  # fmt: skip
        for lane in range(LANES):
            lanes[lane] += (sums[after_a, lane] - sums[a, lane]) + (
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
