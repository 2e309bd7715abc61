"""What a run was worth: metrics, thresholds, and the curves behind the pictures."""

from __future__ import annotations

from btkit.metrics.compute import compute_metrics
from btkit.metrics.curves import (
    SHORT_RANGE_DAYS,
    Drawdown,
    bar_returns,
    deepest_drawdowns,
    drawdown_series,
    spanned_days,
    worst_drawdown,
)
from btkit.metrics.entry import Metric
from btkit.metrics.further import MEASURED, METRICS, WHOLE_METRICS, Metrics, metrics_of
from btkit.metrics.model import JSON_INFINITY, TradeColumns, json_number
from btkit.metrics.registering import (
    columns_for,
    further_metrics,
    lower_is_better,
    metric_of,
    objectives,
    plugins_of_metrics,
    register_metric,
)
from btkit.metrics.thresholds import (
    THRESHOLDS,
    VERDICT_WORDS,
    Failure,
    Threshold,
    Verdict,
    check_thresholds,
    verdict_of,
)
from btkit.metrics.views import (
    exposure,
    monthly_returns,
    rolling_sharpe,
    rolling_volatility,
    time_in_market,
)

__all__ = [
    "JSON_INFINITY",
    "MEASURED",
    "METRICS",
    "SHORT_RANGE_DAYS",
    "THRESHOLDS",
    "VERDICT_WORDS",
    "WHOLE_METRICS",
    "Drawdown",
    "Failure",
    "Metric",
    "Metrics",
    "Threshold",
    "TradeColumns",
    "Verdict",
    "bar_returns",
    "check_thresholds",
    "columns_for",
    "compute_metrics",
    "deepest_drawdowns",
    "drawdown_series",
    "exposure",
    "further_metrics",
    "json_number",
    "lower_is_better",
    "metric_of",
    "metrics_of",
    "monthly_returns",
    "objectives",
    "plugins_of_metrics",
    "register_metric",
    "rolling_sharpe",
    "rolling_volatility",
    "spanned_days",
    "time_in_market",
    "verdict_of",
    "worst_drawdown",
]
