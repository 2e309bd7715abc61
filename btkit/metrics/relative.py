"""Metrics of a run against a benchmark: functions of both returns, and their entries."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

from btkit.metrics.curves import ROUNDING, Floats
from btkit.metrics.entry import Metric


class CoMoments(NamedTuple):
    """Means, variances and covariance (ddof 1) of a run's returns and a benchmark's.

    A variance is 0 where rounding explains it, and NaN of a single return.
    """

    mean: float
    benchmark_mean: float
    variance: float
    benchmark_variance: float
    covariance: float


def comoments_of(returns: Floats, benchmark_returns: Floats) -> CoMoments:
    """Return what two rows of returns have in common.

    Parameters
    ----------
    returns, benchmark_returns : ndarray of float64, shape (n_periods,)
        Fractions, over the same periods.

    Examples
    --------
    >>> import numpy as np
    >>> comoments_of(np.array([0.0, 0.02]), np.array([0.0, 0.01])).covariance
    0.0001
    """
    mean, base = float(returns.mean()), float(benchmark_returns.mean())
    own, other = returns - mean, benchmark_returns - base
    degrees = len(returns) - 1 or math.nan
    return CoMoments(
        mean,
        base,
        _settled(float(own @ own) / degrees),
        _settled(float(other @ other) / degrees),
        float(own @ other) / degrees,
    )


def _settled(variance: float) -> float:
    return 0.0 if variance <= ROUNDING**2 else variance


def _beta(comoments: CoMoments) -> float:
    if not comoments.benchmark_variance:
        return math.nan
    return comoments.covariance / comoments.benchmark_variance


def _alpha(comoments: CoMoments, periods_per_year: float) -> float:
    fair = _beta(comoments) * comoments.benchmark_mean
    return (comoments.mean - fair) * periods_per_year


def _correlation(comoments: CoMoments) -> float:
    deviations = math.sqrt(comoments.variance) * math.sqrt(comoments.benchmark_variance)
    if math.isnan(deviations) or not deviations:
        return math.nan
    return max(-1.0, min(1.0, comoments.covariance / deviations))


def _tracking_error(returns: Floats, benchmark_returns: Floats, periods_per_year: float) -> float:
    ahead = returns - benchmark_returns
    if len(ahead) == 1:
        return math.nan
    deviation = float(ahead.std(ddof=1))
    return 0.0 if deviation <= ROUNDING else deviation * math.sqrt(periods_per_year)


def _information_ratio(
    returns: Floats, benchmark_returns: Floats, periods_per_year: float
) -> float:
    ahead = float((returns - benchmark_returns).mean()) * periods_per_year
    error = _tracking_error(returns, benchmark_returns, periods_per_year)
    if error:
        return ahead / error
    return math.nan if abs(ahead) <= ROUNDING * periods_per_year else math.copysign(math.inf, ahead)


Beta = Annotated[
    float | None,
    Metric(
        "Beta",
        "ratio",
        "How much of the benchmark's ups and downs the account takes part in",
        "cov(r, b) / var(b), ddof 1; b the benchmark's returns",
        "neither",
        function=_beta,
    ),
]
Alpha = Annotated[
    float | None,
    Metric(
        "Alpha a year",
        "percent",
        "Return a year beyond what the account's beta earned with the benchmark; "
        "no risk-free rate is taken off",
        "(mean(r) - beta x mean(b)) x A",
        function=_alpha,
    ),
]
Correlation = Annotated[
    float | None,
    Metric(
        "Correlation",
        "ratio",
        "How closely the account's returns follow the benchmark's, from -1 to 1",
        "cov(r, b) / (std(r) x std(b))",
        "neither",
        function=_correlation,
    ),
]
InformationRatio = Annotated[
    float | None,
    Metric(
        "Information ratio",
        "ratio",
        "Return beyond the benchmark's over how far the two part, annualised",
        "mean(r - b) / std(r - b, ddof 1) x sqrt(A)",
        function=_information_ratio,
    ),
]
TrackingError = Annotated[
    float | None,
    Metric(
        "Tracking error a year",
        "percent",
        "Standard deviation of returns less the benchmark's, annualised",
        "std(r - b, ddof 1) x sqrt(A)",
        "lower",
        function=_tracking_error,
    ),
]
