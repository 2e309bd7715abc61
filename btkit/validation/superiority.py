"""Whether the best of many sets earns more than nothing: White's and Hansen's tests."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Superiority:
    """Whether the best of many sets beats doing nothing, given how many were tried.

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


class SuperiorityTest:
    """White's and Hansen's tests as `arch.bootstrap.SPA` has them, fed a few sets at a time.

    Two things differ. A resample that only equals what was observed counts as reaching it: of sets
    that never trade, arch's p-value is 0, as if doing nothing were a skill. And Hansen's statistic
    is never below 0 (his equation for T), so that a best set which earns nothing has a p-value
    of 1.

    The means of a resampled series are its counts of each period times the series, so that one
    matrix product does for many sets what resampling does one by one, and only the best of each
    resample is kept. Losses are returns with the sign turned, the benchmark earns nothing.

    Parameters
    ----------
    periods
        Length of the series.
    repetitions
        Number of resamples.
    seed
        Of the stationary bootstrap (Politis and Romano 1994), whose mean block is sqrt(periods),
        arch's default.
    """

    def __init__(self, periods: int, *, repetitions: int, seed: int) -> None:
        self.periods = periods
        self.block = max(1, math.isqrt(periods))
        self._counts = _resampled_counts(periods, self.block, repetitions, seed)
        self._best = np.full((3, repetitions), -math.inf)
        self._observed = -math.inf

    def add(self, returns: Floats) -> None:
        """Take in more sets.

        Parameters
        ----------
        returns : ndarray, shape (n_sets, n_periods)
            Fractions.
        """
        mean = returns.mean(axis=1)
        resampled = self._counts @ returns.T / self.periods
        threshold = -np.sqrt(
            self._variances(returns - mean[:, None])
            / self.periods
            * 2.0
            * math.log(math.log(self.periods))
        )
        centres = (np.maximum(mean, 0.0), np.where(mean >= threshold, mean, 0.0), mean)
        for row, centre in zip(self._best, centres, strict=True):
            np.maximum(row, (resampled - centre).max(axis=1), out=row)
        self._observed = max(self._observed, float(mean.max()))

    def result(self) -> Superiority:
        """Return the p-values over all sets taken in."""
        white = float((self._best[2] >= _reached(self._observed)).mean())
        hansen = (np.maximum(self._best, 0.0) >= _reached(max(self._observed, 0.0))).mean(axis=1)
        lower, consistent, upper = hansen.tolist()
        return Superiority(white, lower, consistent, upper)

    def _variances(self, centred: Floats) -> Floats:
        # The weighted sum of autocovariances of Politis and Romano (1994), eq. 2, by its spectrum.
        lags = np.arange(self.periods)
        stay = 1.0 - 1.0 / self.block
        share = lags / self.periods
        weights = (1.0 - share) * stay**lags + share * stay ** (self.periods - lags)
        weights[0] = 1.0
        size = 2 * self.periods
        both = np.zeros(size)
        both[: self.periods] = weights
        both[self.periods + 1 :] = weights[:0:-1]
        transfer = np.fft.rfft(both).real
        power = np.abs(np.fft.rfft(centred, n=size, axis=1)) ** 2
        doubled = np.full(power.shape[1], 2.0)
        doubled[0] = doubled[-1] = 1.0
        variances: Floats = power @ (transfer * doubled) / size / self.periods
        return np.maximum(variances, 0.0)


def _reached(value: float) -> float:
    # A tie must not hang on how a sum was rounded.
    return value - 1e-12 * abs(value)


def _resampled_counts(periods: int, block: int, repetitions: int, seed: int) -> Floats:
    # arch brings statsmodels with it, which is slow to import.
    from arch.bootstrap import StationaryBootstrap  # noqa: PLC0415

    bootstrap = StationaryBootstrap(block, np.arange(periods), seed=seed)
    counts = np.empty((repetitions, periods))
    for row, (data, _) in zip(counts, bootstrap.bootstrap(repetitions), strict=True):
        row[:] = np.bincount(data[0], minlength=periods)
    return counts


def superiority(
    returns: Iterable[Floats], periods: int, *, repetitions: int = 1_000, seed: int = 0
) -> Superiority:
    """Test whether the best of many sets earns more than nothing.

    Parameters
    ----------
    returns : iterable of ndarray, each of shape (n_sets, n_periods)
        All sets, some at a time.
    periods
        Length of the series, at least 3.
    repetitions, seed
        See `SuperiorityTest`.
    """
    test = SuperiorityTest(periods, repetitions=repetitions, seed=seed)
    for part in returns:
        test.add(part)
    return test.result()
