"""How far a Sharpe ratio is to be believed, also where it is the best of many.

All of it works on returns per period and the Sharpe ratio per period, never the annualised one;
skewness and kurtosis are moments of the returns, and the kurtosis is raw: 3 for a normal
distribution, not 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from btkit.errors import UsageError
from btkit.metrics.curves import ROUNDING
from btkit.validation.resampling import (
    Resample,
    block_length,
    sharpe_of_resample,
    stationary_resamples,
)

Floats = NDArray[np.float64]

FEWEST_PERIODS = 30
"""With fewer returns neither resampling nor cross-validation says anything."""

EULER = 0.5772156649015329


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
    # Those of a set that never moves, less a risk-free rate, only round.
    if count < 2 or variance <= ROUNDING**2:  # noqa: PLR2004 - a deviation takes two
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
    return float(ndtr((sharpe - hurdle) * math.sqrt((moments.count - 1) / spread)))


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
        raise UsageError(
            f"{trials} trials with a variance of {variance} make no sense.",
            hint="Give at least one trial, and a variance of 0 or more.",
        )
    if trials == 1:
        return 0.0
    first = ndtri(1.0 - 1.0 / trials)
    second = ndtri(1.0 - 1.0 / (trials * math.e))
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
class ConfidenceInterval:
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


class SharpeBootstrap:
    """Sharpe ratios of resamples, fed one at a time.

    Parameters
    ----------
    returns : ndarray, shape (n_periods,)
        Fractions; without deviation, or fewer than 30, they have no confidence interval.
    """

    def __init__(self, returns: Floats) -> None:
        self._returns = np.ascontiguousarray(returns)
        self._ratios: list[float] = []
        self._block: int | None = None
        if len(returns) >= FEWEST_PERIODS and not math.isnan(moments_of(returns).sharpe):
            suited = block_length(returns)
            most = len(returns) / 2
            self._block = max(1, round(min(suited, most))) if math.isfinite(suited) else 1

    def add(self, resample: Resample) -> None:
        """Take in one more resample."""
        if self._block is not None:
            self._ratios.append(sharpe_of_resample(self._returns, resample, self._block))

    def interval(self, *, annual: float, confidence: float = 0.95) -> ConfidenceInterval | None:
        """Return the confidence interval; see `sharpe_interval`."""
        if self._block is None:
            return None
        tail = 100.0 * (1.0 - confidence) / 2.0
        ends = [tail, 100.0 - tail]
        low, high = np.percentile(np.array(self._ratios) * annual, ends).tolist()
        return ConfidenceInterval(low, high, confidence, float(self._block))


def sharpe_interval(
    returns: Floats,
    *,
    annual: float,
    confidence: float = 0.95,
    repetitions: int = 1_000,
    seed: int = 0,
) -> ConfidenceInterval | None:
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
    ConfidenceInterval or None
        Percentiles of the stationary bootstrap (Politis and Romano 1994), the mean block chosen
        by `block_length` (Politis and White 2004); None for a series
        without deviation or of fewer than 30 returns.
    """
    bootstrap = SharpeBootstrap(returns)
    for resample in stationary_resamples(len(returns), repetitions=repetitions, seed=seed):
        bootstrap.add(resample)
    return bootstrap.interval(annual=annual, confidence=confidence)
