"""Every metric of a run: those of `MeasuredMetrics`, and each further one with its function."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from btkit.metrics.curves import DAYS_PER_YEAR, ROUNDING, Floats, bar_returns
from btkit.metrics.entry import Metric
from btkit.metrics.model import MeasuredMetrics
from btkit.metrics.relative import Alpha, Beta, Correlation, InformationRatio, TrackingError


def _quotient(numerator: float, denominator: float) -> float:
    if denominator != 0.0:
        return numerator / denominator
    return math.copysign(math.inf, numerator) if numerator else math.nan


def _standard_moment(returns: Floats, power: int) -> float:
    distances = returns - returns.mean()
    squares = distances * distances
    deviation = math.sqrt(float(squares.mean()))
    if deviation <= ROUNDING:
        return math.nan
    # Products: a power of floats costs twenty times as much.
    moments = squares * (distances if power == 3 else squares)  # noqa: PLR2004 - third or fourth
    return float(moments.mean()) / deviation**power


def _quantile(sorted_returns: Floats, share: float) -> float:
    """Return the linear quantile, as ``np.quantile`` does, of numbers that are sorted already."""
    place = share * (len(sorted_returns) - 1)
    below = int(place)
    above = min(below + 1, len(sorted_returns) - 1)
    low, high = float(sorted_returns[below]), float(sorted_returns[above])
    return low + (place - below) * (high - low)


def _exposure(held: NDArray[np.bool_]) -> float:
    return float(held.mean())


def _turnover(equity: Floats, times: NDArray[np.datetime64], fill_value: Floats) -> float:
    first, last = times[[0, -1]].astype("datetime64[D]").astype(np.int64)
    traded = float(fill_value.sum()) / 2.0
    if first == last:  # no time has passed that could be put into years
        return math.nan
    return _quotient(traded, float(equity.mean())) * DAYS_PER_YEAR / float(last - first)


def _skew(returns: Floats) -> float:
    return _standard_moment(returns, 3)


def _kurtosis(returns: Floats) -> float:
    return _standard_moment(returns, 4)


def _value_at_risk(sorted_returns: Floats) -> float:
    return -_quantile(sorted_returns, 0.05)


def _expected_shortfall(sorted_returns: Floats) -> float:
    # At least the lowest: rounding may put the quantile of equal returns a hair below them.
    bound = max(_quantile(sorted_returns, 0.05), float(sorted_returns[0]))
    return -float(sorted_returns[: np.searchsorted(sorted_returns, bound, "right")].mean())


def _tail_ratio(sorted_returns: Floats) -> float:
    return _quotient(_quantile(sorted_returns, 0.95), abs(_quantile(sorted_returns, 0.05)))


def _ulcer_index(drawdown: Floats) -> float:
    return math.sqrt(float((drawdown * drawdown).mean()))


def _omega_ratio(returns: Floats) -> float:
    return _quotient(float(returns[returns > 0.0].sum()), -float(returns[returns < 0.0].sum()))


def _best_day(sorted_returns: Floats) -> float:
    return float(sorted_returns[-1])


def _worst_day(sorted_returns: Floats) -> float:
    return float(sorted_returns[0])


def _positive_months(
    equity: Floats, times: NDArray[np.datetime64], initial_capital: float
) -> float:
    # Where the months begin, searched for: to ask each bar for its month takes a hundred times
    # as long.
    first, last = times[[0, -1]].astype("datetime64[M]")
    months = np.arange(first + 1, last + 2).astype(times.dtype)
    ends = np.searchsorted(times, months) - 1
    # A month without bars ends where the one before does.
    ends = ends[np.append(True, ends[1:] != ends[:-1])]
    return float((bar_returns(equity[ends], initial_capital) > ROUNDING).mean())


def _sqn(pnl: Floats) -> float:
    if len(pnl) < 2:  # noqa: PLR2004 - one trade has no deviation
        return math.nan
    mean, deviation = float(pnl.mean()), float(pnl.std(ddof=1))
    if deviation <= ROUNDING * abs(mean):
        deviation = 0.0  # equal trades, whose mean was rounded
    return _quotient(math.sqrt(len(pnl)) * mean, deviation)


def _kelly(pnl: Floats) -> float:
    if not len(pnl):
        return math.nan
    wins, losses = pnl[pnl > 0.0], pnl[pnl < 0.0]
    share = len(wins) / len(pnl)
    if not len(losses):
        return share
    payoff = float(wins.mean()) / -float(losses.mean()) if len(wins) else 0.0
    return share - _quotient(1.0 - share, payoff)


class Metrics(MeasuredMetrics):
    """Every metric of a run, with its true value: NaN is undefined, inf is infinite.

    Those with a function are None where they were not worked out: in reports that an earlier
    version stored. A metric that somebody registered is an attribute like any other.
    """

    exposure: Annotated[
        float | None,
        Metric(
            "Time in the market",
            "percent",
            "Share of bars with an open position at the close",
            "mean(held)",
            "neither",
            function=_exposure,
        ),
    ] = None
    turnover: Annotated[
        float | None,
        Metric(
            "Turnover a year",
            "ratio",
            "How many times a year the account is traded around",
            "sum(|fill value|) / 2 / mean(equity) x 365.25 / calendar days",
            "neither",
            function=_turnover,
        ),
    ] = None
    skew: Annotated[
        float | None,
        Metric(
            "Skew of returns",
            "ratio",
            "Above 0 where large gains are more frequent than large losses",
            "mean((r - mean(r))^3) / std(r, ddof 0)^3",
            function=_skew,
        ),
    ] = None
    kurtosis: Annotated[
        float | None,
        Metric(
            "Kurtosis of returns",
            "ratio",
            "Weight of the tails: 3 for a normal distribution",
            "mean((r - mean(r))^4) / std(r, ddof 0)^4",
            "lower",
            function=_kurtosis,
        ),
    ] = None
    value_at_risk_95: Annotated[
        float | None,
        Metric(
            "Value at risk, 95 %",
            "percent",
            "Loss that a return exceeds in one case of twenty",
            "-(5 % quantile of r, linear)",
            "lower",
            function=_value_at_risk,
        ),
    ] = None
    expected_shortfall_95: Annotated[
        float | None,
        Metric(
            "Expected shortfall, 95 %",
            "percent",
            "Mean loss of the worst twentieth of returns",
            "-mean(r at or below the 5 % quantile)",
            "lower",
            function=_expected_shortfall,
        ),
    ] = None
    tail_ratio: Annotated[
        float | None,
        Metric(
            "Tail ratio",
            "ratio",
            "Gain of the best twentieth over loss of the worst",
            "95 % quantile of r / |5 % quantile of r|",
            function=_tail_ratio,
        ),
    ] = None
    ulcer_index: Annotated[
        float | None,
        Metric(
            "Ulcer index",
            "percent",
            "How deep and how long the account was below a high",
            "sqrt(mean(drawdown^2)), of every bar",
            "lower",
            function=_ulcer_index,
        ),
    ] = None
    omega_ratio: Annotated[
        float | None,
        Metric(
            "Omega ratio",
            "ratio",
            "Returns above 0 over returns below",
            "sum(max(r, 0)) / sum(max(-r, 0))",
            function=_omega_ratio,
        ),
    ] = None
    best_day: Annotated[
        float | None,
        Metric(
            "Best return",
            "percent",
            "Highest return of one bar, of intraday bars of one session",
            "max(r)",
            function=_best_day,
        ),
    ] = None
    worst_day: Annotated[
        float | None,
        Metric(
            "Worst return",
            "percent",
            "Lowest return of one bar, of intraday bars of one session",
            "min(r)",
            function=_worst_day,
        ),
    ] = None
    positive_months: Annotated[
        float | None,
        Metric(
            "Months with a gain",
            "percent",
            "Share of calendar months that ended higher",
            "months with a return above 0 / months with bars",
            function=_positive_months,
        ),
    ] = None
    sqn: Annotated[
        float | None,
        Metric(
            "System quality number",
            "ratio",
            "Mean P&L over its deviation, times the root of the number of trades",
            "sqrt(n) x mean(P&L) / std(P&L, ddof 1)",
            function=_sqn,
        ),
    ] = None
    kelly: Annotated[
        float | None,
        Metric(
            "Kelly fraction",
            "percent",
            "Share of capital that would grow the fastest if trades repeated themselves",
            "win rate - (1 - win rate) / (mean win / |mean loss|)",
            function=_kelly,
        ),
    ] = None
    beta: Beta = None
    alpha: Alpha = None
    correlation: Correlation = None
    information_ratio: InformationRatio = None
    tracking_error: TrackingError = None


METRICS: dict[str, Metric] = {
    name: entry
    for name, field in Metrics.model_fields.items()
    for entry in field.metadata
    if isinstance(entry, Metric)
}
"""Every metric's entry by its name, in the order of the fields."""

MEASURED: tuple[str, ...] = tuple(
    name for name, field in MeasuredMetrics.model_fields.items() if field.is_required()
)
"""What every run and every set of a sweep is measured by; the order of a row of numbers."""

WHOLE_METRICS: frozenset[str] = frozenset(
    name for name, field in Metrics.model_fields.items() if field.annotation is int
)
"""The metrics that are counts or days."""


def metrics_of(row: NDArray[np.float64], further: dict[str, float] | None = None) -> Metrics:
    """Return a row of numbers as the record that a run reports.

    Parameters
    ----------
    row : ndarray of float64, shape (n_metrics,) or longer
        In the order of `MEASURED`.
    further
        Metrics beside those.
    """
    numbers = dict(zip(MEASURED, row.tolist(), strict=False)) | (further or {})
    values: dict[str, Any] = {}
    for name, value in numbers.items():
        # The same object for each NaN, or equal metrics would not compare equal.
        number = math.nan if math.isnan(value) else value
        values[name] = int(number) if name in WHOLE_METRICS else number
    return Metrics(**values)
