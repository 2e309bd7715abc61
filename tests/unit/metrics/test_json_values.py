"""What metrics become in JSON."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from btkit.metrics import TradeColumns, compute_metrics, json_number
from btkit.metrics.model import MeasuredMetrics

REFERENCE_KEYS = [
    "total_trades",
    "winning_trades",
    "losing_trades",
    "win_rate",
    "profit_factor",
    "expectancy_per_trade",
    "avg_win_pct",
    "avg_loss_pct",
    "largest_win",
    "largest_loss",
    "consecutive_losses_max",
    "cagr",
    "max_drawdown_pct",
    "max_drawdown_duration_days",
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "recovery_factor",
    "is_sharpe",
    "oos_sharpe",
    "walk_forward_efficiency",
]
FURTHER_KEYS = [
    "total_return",
    "total_return_pct",
    "annualized_return",
    "volatility",
    "max_drawdown",
    "avg_win",
    "avg_loss",
    "avg_holding_period",
    "avg_win_holding_period",
    "avg_loss_holding_period",
]


def still_run(equity):
    return compute_metrics(
        np.array(equity),
        pd.date_range("2024-01-01", periods=len(equity)),
        initial_capital=100.0,
        periods_per_year=252,
        trades=TradeColumns.empty(),
    )


def test_the_fields_are_the_documented_ones():
    assert list(MeasuredMetrics.model_fields) == REFERENCE_KEYS + FURTHER_KEYS


def test_undefined_is_zero_and_infinite_is_999999_and_both_are_named():
    values = still_run([101.0, 102.5]).to_json_values()
    assert values["win_rate"] == 0.0
    assert values["sortino_ratio"] == 999999.0
    assert "win_rate" in values["undefined"]
    assert "sortino_ratio" in values["undefined"]
    assert "sharpe_ratio" not in values["undefined"]
    assert json.loads(json.dumps(values, allow_nan=False)) == values


def test_zero_by_definition_is_not_undefined():
    values = still_run([100.0, 100.0]).to_json_values()
    for name in ("largest_win", "largest_loss", "max_drawdown", "consecutive_losses_max", "cagr"):
        assert values[name] == 0
        assert name not in values["undefined"]


def test_counts_stay_whole_numbers_and_walk_forward_fields_stay_null():
    values = still_run([100.0, 100.0]).to_json_values()
    for name in ("total_trades", "consecutive_losses_max", "max_drawdown_duration_days"):
        assert type(values[name]) is int
    assert values["is_sharpe"] is values["oos_sharpe"] is values["walk_forward_efficiency"] is None


def test_numbers_are_not_rounded():
    assert still_run([100.0, 100.1]).to_json_values()["total_return"] == 100.1 - 100.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, 0.0),
        (math.inf, 999999.0),
        (-math.inf, -999999.0),
        (1.5, 1.5),
        (7, 7),
        (10**400, 10**400),
    ],
)
def test_json_number(value, expected):
    assert json_number(value) == expected
    assert type(json_number(value)) is type(expected)


def test_metrics_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        still_run([100.0]).cagr = 1.0
