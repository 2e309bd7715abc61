"""What a run was worth: metrics, thresholds, and the curves behind the pictures."""

from __future__ import annotations

from btkit.metrics.compute import compute_metrics
from btkit.metrics.curves import (
    Drawdown,
    bar_returns,
    drawdown_series,
    worst_drawdown,
)
from btkit.metrics.model import JSON_INFINITY, Metrics, TradeColumns, json_number
from btkit.metrics.thresholds import THRESHOLDS, Failure, Threshold, check_thresholds
from btkit.metrics.views import (
    exposure,
    monthly_returns,
    rolling_sharpe,
    rolling_volatility,
    time_in_market,
)

__all__ = [
    "JSON_INFINITY",
    "THRESHOLDS",
    "Drawdown",
    "Failure",
    "Metrics",
    "Threshold",
    "TradeColumns",
    "bar_returns",
    "check_thresholds",
    "compute_metrics",
    "drawdown_series",
    "exposure",
    "json_number",
    "monthly_returns",
    "rolling_sharpe",
    "rolling_volatility",
    "time_in_market",
    "worst_drawdown",
]
