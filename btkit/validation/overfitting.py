"""How much of a sweep's best result is what trying many sets would give by luck.

All of it works on returns per period and the Sharpe ratio per period, never the annualised one;
skewness and kurtosis are moments of the returns, and the kurtosis is raw: 3 for a normal
distribution, not 0.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from btkit.errors import UsageError

Floats = NDArray[np.float64]

FEWEST_SETS = 12
"""Below this many sets the probability of overfitting is too unsteady to be read."""

EULER = 0.5772156649015329
MOST_BLOCKS = 16
_EVALUATIONS = 200_000_000
_CHUNK_VALUES = 4_000_000


@dataclass(frozen=True)
class Moments:
    """What the Sharpe statistics need of a series of returns.

    Parameters
    ----------
    sharpe
        Mean over standard deviation (ddof 1) per period; NaN where there is no deviation.
    skewness
        Third standardised moment; 0 for a symmetric distribution.
    kurtosis
        Fourth standardised moment; 3 for a normal distribution.
    count
        Number of returns.
    """

    sharpe: float
    skewness: float
    kurtosis: float
    count: int


def moments_of(returns: Floats) -> Moments:
    """Return the moments of a series of returns.

    Parameters
    ----------
    returns : ndarray, shape (n_periods,)
        Fractions.
    """
    count = len(returns)
    distance = returns - returns.mean()
    variance = float(np.square(distance).mean())
    if count < 2 or variance <= 0.0:  # noqa: PLR2004 - a deviation takes two
        return Moments(math.nan, math.nan, math.nan, count)
    return Moments(
        float(returns.mean()) / math.sqrt(variance * count / (count - 1)),
        float((distance**3).mean()) / variance**1.5,
        float((distance**4).mean()) / variance**2,
        count,
    )


def probabilistic_sharpe_ratio(moments: Moments, *, hurdle: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio is above a hurdle.

    Parameters
    ----------
    moments
        Of the returns per period.
    hurdle
        A Sharpe ratio per period.

    Returns
    -------
    float
        From 0 to 1; NaN where the Sharpe ratio is undefined.

    Notes
    -----
    Phi((SR - SR*) sqrt(n - 1) / sqrt(1 - g3 SR + (g4 - 1)/4 SR^2)), Bailey and Lopez de Prado
    2012, with g4 the raw kurtosis.

    Examples
    --------
    >>> round(probabilistic_sharpe_ratio(Moments(0.45, -1.5, 3.0, 60), hurdle=0.25), 4)
    0.8755
    """
    sharpe = moments.sharpe
    spread = 1.0 - moments.skewness * sharpe + (moments.kurtosis - 1.0) / 4.0 * sharpe**2
    # The moments of any real sample leave it above 0; rounding may not.
    if math.isnan(spread) or spread <= 0.0 or moments.count < 2:  # noqa: PLR2004 - as above
        return math.nan
    return float(norm.cdf((sharpe - hurdle) * math.sqrt((moments.count - 1) / spread)))


def expected_maximum_sharpe(variance: float, trials: int) -> float:
    """Return the best Sharpe ratio to be expected of trials without any skill.

    Parameters
    ----------
    variance
        Of the trials' Sharpe ratios, per period.
    trials
        How many there were, 1 or more.

    Notes
    -----
    sqrt(V) ((1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e))), g being Euler's constant and Z the normal
    quantile; Bailey and Lopez de Prado 2014. One trial selects nothing: 0.
    """
    if trials < 1 or not variance >= 0.0:
        raise UsageError(f"{trials} trials with a variance of {variance} make no sense.")
    if trials == 1:
        return 0.0
    first = norm.ppf(1.0 - 1.0 / trials)
    second = norm.ppf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * float((1.0 - EULER) * first + EULER * second)


def deflated_sharpe_ratio(moments: Moments, *, variance: float, trials: int) -> float:
    """Return the probability that the best of many trials has a true Sharpe ratio above 0.

    Parameters
    ----------
    moments
        Of the best one's returns per period.
    variance
        Of the trials' Sharpe ratios, per period.
    trials
        How many sets were tried.

    Returns
    -------
    float
        The probabilistic Sharpe ratio with the hurdle of `expected_maximum_sharpe`.
    """
    return probabilistic_sharpe_ratio(moments, hurdle=expected_maximum_sharpe(variance, trials))


@dataclass(frozen=True)
class BacktestOverfitting:
    """The probability of backtest overfitting by combinatorially symmetric cross-validation.

    Parameters
    ----------
    probability
        Share of the splits in which the set that was best in one half came out at or below the
        median of the other half.
    blocks, splits
        Into how many blocks the periods were cut, and in how many ways these were halved.
    logits
        ln(w / (1 - w)) of each split, w being the winner's relative rank out of sample.
    """

    probability: float
    blocks: int
    splits: int
    logits: Floats


def block_edges(periods: int, sets: int) -> NDArray[np.int64]:
    """Return where to cut the periods into blocks for `probability_of_overfitting`.

    Parameters
    ----------
    periods
        Number of periods.
    sets
        Number of sets; many of them take fewer blocks, so that the work stays bounded.

    Returns
    -------
    ndarray of int64, shape (n_blocks + 1,)
        An even number of blocks, whose sizes differ by one period at the most.
    """
    blocks = MOST_BLOCKS
    while blocks > 2 and (  # noqa: PLR2004 - two halves
        math.comb(blocks, blocks // 2) * sets > _EVALUATIONS or periods // blocks < 2  # noqa: PLR2004 - a deviation takes two
    ):
        blocks -= 2
    return np.linspace(0, periods, blocks + 1).astype(np.int64)


def probability_of_overfitting(
    sums: Floats, squares: Floats, sizes: NDArray[np.int64]
) -> BacktestOverfitting:
    """Return how often the best set of one half of the periods disappoints in the other.

    Parameters
    ----------
    sums, squares : ndarray, shape (n_sets, n_blocks)
        Sum of the returns, and of their squares, of each set in each block.
    sizes : ndarray, shape (n_blocks,)
        Periods in each block.

    Notes
    -----
    Bailey, Borwein, Lopez de Prado and Zhu 2015. Sharpe ratios of any half follow from the
    blocks' sums, so no series is needed. A set without any deviation in a half has a Sharpe ratio
    of 0 there. Of equals the first is the winner, and they share their rank.
    """
    sets, blocks = sums.shape
    halves = np.array(list(itertools.combinations(range(blocks), blocks // 2)))
    chosen = np.zeros((len(halves), blocks))
    np.put_along_axis(chosen, halves, 1.0, axis=1)
    logits = np.empty(len(halves))
    step = max(1, _CHUNK_VALUES // sets)
    for first in range(0, len(halves), step):
        part = chosen[first : first + step]
        inside = _sharpe_of_blocks(part, sums, squares, sizes)
        outside = _sharpe_of_blocks(1.0 - part, sums, squares, sizes)
        winner = inside.argmax(axis=1)
        value = np.take_along_axis(outside, winner[:, None], axis=1)
        below = (outside < value).sum(axis=1)
        equal = (outside == value).sum(axis=1)
        rank = (below + (equal + 1) / 2.0) / (sets + 1)
        logits[first : first + step] = np.log(rank / (1.0 - rank))
    return BacktestOverfitting(float((logits <= 0.0).mean()), blocks, len(halves), logits)


def _sharpe_of_blocks(
    chosen: Floats, sums: Floats, squares: Floats, sizes: NDArray[np.int64]
) -> Floats:
    count = (chosen @ sizes)[:, None]
    mean = chosen @ sums.T / count
    variance = chosen @ squares.T / count - mean**2
    # What cancellation leaves of a set that did not move is no deviation.
    still = variance <= 1e-15 * (chosen @ squares.T / count)
    with np.errstate(all="ignore"):
        return np.where(still, 0.0, mean / np.sqrt(variance))


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
        lower, consistent, upper = (self._best > self._observed).mean(axis=1).tolist()
        return Superiority(upper, lower, consistent, upper)

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


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Parameters
    ----------
    low, high
        Its ends.
    confidence
        How often such intervals hold the true value, such as 0.95.
    block
        Mean length of the resampled blocks, in periods.
    """

    low: float
    high: float
    confidence: float
    block: float


def sharpe_interval(
    returns: Floats,
    *,
    annual: float,
    confidence: float = 0.95,
    repetitions: int = 1_000,
    seed: int = 0,
) -> Interval | None:
    """Return a confidence interval of the annualised Sharpe ratio.

    Parameters
    ----------
    returns : ndarray, shape (n_periods,)
        Fractions.
    annual
        The square root of the periods per year.
    confidence
        Above 0, below 1.
    repetitions
        Number of resamples.
    seed
        Of the resampling.

    Returns
    -------
    Interval or None
        Percentiles of the stationary bootstrap (Politis and Romano 1994), the mean block chosen
        by `arch.bootstrap.optimal_block_length` (Politis and White 2004); None for a series
        without deviation or of fewer than 10 returns.
    """
    from arch.bootstrap import StationaryBootstrap, optimal_block_length  # noqa: PLC0415 - slow

    fewest = 10
    if len(returns) < fewest or math.isnan(moments_of(returns).sharpe):
        return None
    block = float(optimal_block_length(returns)["stationary"].iloc[0])
    block = min(max(block, 1.0), len(returns) / 2) if math.isfinite(block) else 1.0
    bootstrap = StationaryBootstrap(max(1, round(block)), returns, seed=seed)

    def ratio(sample: Floats) -> Floats:
        deviation = sample.std(ddof=1)
        return np.array([sample.mean() / deviation * annual if deviation > 0.0 else 0.0])

    ends = bootstrap.conf_int(ratio, repetitions, method="percentile", size=confidence)
    return Interval(float(ends[0, 0]), float(ends[1, 0]), confidence, float(max(1, round(block))))
