"""What a strategy must reach to pass, and what a run missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from btkit.metrics.further import Metrics
from btkit.metrics.model import json_number


@dataclass(frozen=True)
class Threshold:
    """The bound that one metric must keep.

    Parameters
    ----------
    metric
        A field of `Metrics`.
    bound
        The last value that passes.
    sense
        ``"at_least"`` or ``"at_most"``.
    """

    metric: str
    bound: float
    sense: Literal["at_least", "at_most"]

    def passes(self, value: float) -> bool:
        """Tell whether a true value keeps the bound.

        Parameters
        ----------
        value
            The metric, before any replacement for JSON.

        Returns
        -------
        bool
            False for NaN: what is undefined proves nothing.
        """
        return value >= self.bound if self.sense == "at_least" else value <= self.bound


THRESHOLDS: tuple[Threshold, ...] = (
    Threshold("win_rate", 0.50, "at_least"),
    Threshold("profit_factor", 1.50, "at_least"),
    # Drawdowns are at most 0, so "no deeper than 25 %" reads "at least -0.25".
    Threshold("max_drawdown_pct", -0.25, "at_least"),
    Threshold("sharpe_ratio", 1.00, "at_least"),
    Threshold("consecutive_losses_max", 8, "at_most"),
)
"""The bounds that a run must keep, every one, to pass."""


class Failure(BaseModel):
    """A threshold that a run missed.

    Parameters
    ----------
    metric
        The metric's name.
    value
        What the run reached, as JSON can carry it (see `json_number`).
    threshold
        The bound it missed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    metric: str
    value: int | float
    threshold: int | float


def check_thresholds(
    metrics: Metrics, *, thresholds: tuple[Threshold, ...] = THRESHOLDS
) -> list[Failure]:
    """Compare a run's true values with the thresholds.

    Parameters
    ----------
    metrics
        The metrics of a run.
    thresholds
        The bounds to keep.

    Returns
    -------
    list of Failure
        One entry per missed bound, in the order of `thresholds`; empty when the run passes.
    """
    return [
        Failure(
            metric=threshold.metric,
            value=json_number(value),
            threshold=json_number(threshold.bound),
        )
        for threshold in thresholds
        if not threshold.passes(value := getattr(metrics, threshold.metric))
    ]


Verdict = Literal["pass", "fail", "too_few_trades"]
"""What a result comes to: too few trades prove nothing, whether the thresholds are kept or not."""

VERDICT_WORDS: dict[Verdict, str] = {
    "pass": "PASS",
    "fail": "FAIL",
    "too_few_trades": "TOO FEW TRADES",
}
"""What people are shown for each verdict."""


def verdict_of(*, passed: bool, trades: int, least: int) -> Verdict:
    """Return the verdict on a result.

    Parameters
    ----------
    passed
        Whether every threshold was kept.
    trades
        Closed trades.
    least
        BT_MIN_TRADES_REQUIRED: with fewer there is nothing to judge.

    Examples
    --------
    >>> verdict_of(passed=True, trades=4, least=10)
    'too_few_trades'
    """
    if trades < least:
        return "too_few_trades"
    return "pass" if passed else "fail"
