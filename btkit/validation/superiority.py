"""Whether the best of many sets beats a benchmark: White's and Hansen's tests."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from btkit.metrics.curves import ROUNDING
from btkit.validation.resampling import Runs, runs_of, stationary_resamples
from btkit.validation.sharing import share_out
from btkit.validation.superiority_loop import (
    Benchmarks,
    Found,
    in_stretches,
    resampled_means,
    take_in,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Superiority:
    """Whether the best of many sets beats a benchmark, given how many were tried.

    Parameters
    ----------
    reality_check
        p-value of White's reality check (2000).
    spa_lower, spa_consistent, spa_upper
        p-values of Hansen's test for superior predictive ability (2005). The consistent one is
        the test's own; the others bound it.
    """

    reality_check: float
    spa_lower: float
    spa_consistent: float
    spa_upper: float


def mean_block(periods: int) -> int:
    """Return the mean length of the blocks that White's and Hansen's tests resample.

    Notes
    -----
    The cube root of the number of periods. Longer blocks leave ω² too few to be estimated from:
    with square roots, of 25 sets without skill over 300 periods the best passed at 5 % 18 times of
    100, so about 10 times.
    """
    return max(1, round(float(np.cbrt(periods))))


class SuperiorityTest:
    """White's and Hansen's tests against several benchmarks at once, fed a few sets at a time.

    With d the returns of a set less the benchmark's, over n periods, both rest on the largest
    mean of d among all sets, and on the largest of each resample, where each mean is recentred as
    if no set were better. White (2000) takes the means as they are. Hansen (2005) divides each by
    its standard error ω/√n, in the statistic and in the resamples alike, so that one noisy set
    does not hide a steady one: T = max(0, max √n mean(d)/ω). His ω² is the stationary bootstrap's
    own variance of √n mean(d) with blocks of 1/q, that is, the autocovariances of d weighted by
    (1 - i/n)(1 - q)^i + (i/n)(1 - q)^(n - i). He recentres by max(0, mean) for the
    lower p-value, by the mean for the upper, and for the consistent one by the mean unless it is
    below -ω√(2 log log n / n), by 0 where it is.
    (`arch.bootstrap.SPA` divides by nothing, and differs.)

    A resample that only equals what was observed counts as reaching it: of sets that never trade
    the p-value is 1. A set whose returns differ from the benchmark's by rounding only has a
    statistic of 0.

    Parameters
    ----------
    benchmarks : ndarray, shape (n_benchmarks, n_periods)
        Returns as fractions; zeros stand for doing nothing. At least 3 periods.
    runs
        Resamples of the stationary bootstrap, in blocks of `mean_block`.
    threads
        How many work at a time; no result depends on it.
    """

    def __init__(self, benchmarks: Floats, runs: Runs, *, threads: int = 1) -> None:
        count, periods = benchmarks.shape
        self._threads = threads
        self._resamples = in_stretches(runs, periods, mean_block(periods))
        means, resampled = np.empty(count), np.empty((count, len(runs.offsets) - 1))
        benchmarks = np.ascontiguousarray(benchmarks)
        resampled_means(benchmarks, self._resamples, means, resampled)
        self._benchmarks = Benchmarks(benchmarks, means, resampled)
        self._found = self._nothing_found()

    def add(self, returns: Floats) -> None:
        """Take in more sets.

        Parameters
        ----------
        returns : ndarray, shape (n_sets, n_periods)
            Fractions.
        """
        returns = np.ascontiguousarray(returns)

        def serve(first: int, last: int) -> Found:
            found = self._nothing_found()
            take_in(returns[first:last], self._benchmarks, self._resamples, ROUNDING, found)
            return found

        for found in share_out(len(returns), self._threads, serve):
            for ours, theirs in zip(self._found, found, strict=True):
                np.maximum(ours, theirs, out=ours)

    def results(self) -> list[Superiority]:
        """Return the p-values over all sets taken in, for each benchmark."""
        results = []
        for observed_mean, observed, best_mean, best in zip(*self._found, strict=True):
            white = float((best_mean >= _reached(float(observed_mean))).mean())
            lower, consistent, upper = (best >= _reached(float(observed))).mean(axis=1).tolist()
            results.append(Superiority(white, lower, consistent, upper))
        return results

    def _nothing_found(self) -> Found:
        count, repetitions = self._benchmarks.resampled.shape
        return Found(
            np.full(count, -math.inf),
            np.zeros(count),
            np.full((count, repetitions), -math.inf),
            np.zeros((count, 3, repetitions)),
        )


def _reached(value: float) -> float:
    # A tie must not hang on how a sum was rounded.
    return value - max(1e-12 * abs(value), ROUNDING) if math.isfinite(value) else value


def superiority(
    returns: Iterable[Floats], benchmark: Floats, *, repetitions: int = 1_000, seed: int = 0
) -> Superiority:
    """Test whether the best of many sets earns more than a benchmark.

    Parameters
    ----------
    returns : iterable of ndarray, each of shape (n_sets, n_periods)
        All sets, some at a time, as fractions.
    benchmark : ndarray, shape (n_periods,)
        What it is to beat; zeros for doing nothing. At least 3 periods.
    repetitions, seed
        See `stationary_resamples`.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(0.0, 0.01, (20, 250))
    >>> superiority([noise, noise[:1] + 0.005], np.zeros(250)).spa_consistent
    0.0
    """
    periods = len(benchmark)
    resamples = stationary_resamples(periods, repetitions=repetitions, seed=seed)
    runs = runs_of(periods, mean_block(periods), resamples)
    test = SuperiorityTest(benchmark[None, :], runs)
    for part in returns:
        test.add(part)
    (found,) = test.results()
    return found
