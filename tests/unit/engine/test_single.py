"""Signals straight through the loop are measured as a run of the same decisions is."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from btkit.engine.measure import METRIC_NAMES, metrics_of
from btkit.engine.single import measure_signals
from btkit.metrics import Metrics
from btkit.simulation import simulate

SPEC = {
    "name": "cross",
    "entry_conditions": ["sma_3 > sma_8", "not in_position"],
    "exit_conditions": ["sma_3 < sma_8"],
    "stop_conditions": [],
    "position_sizing_formula": "2 * capital / close",
    "allow_fractional": True,
    "commission_model": "rate",
    "fill": "close",
    "max_holding_bars": 1_000,
}
RATE, CAPITAL = 0.001, 100_000.0


def walk(bars: int) -> pd.DataFrame:
    random = np.random.default_rng(bars)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, bars)))
    index = pd.bdate_range("2015-01-01", periods=bars)
    columns = ("open", "high", "low", "close")
    return pd.DataFrame(dict.fromkeys(columns, close) | {"volume": 1.0}, index=index)


def by_name(metrics: Metrics) -> dict[str, float]:
    return {name: value for name, value in metrics.model_dump().items() if name in METRIC_NAMES}


def measured(bars: pd.DataFrame, opens: np.ndarray, closes: np.ndarray) -> dict[str, float]:
    features = simulate(SPEC, bars, capital=CAPITAL, commission=RATE, slippage=0.0).features
    fast, slow = features["sma_3"].to_numpy(), features["sma_8"].to_numpy()
    row = measure_signals(
        opens,
        closes,
        bars.index.to_numpy("datetime64[D]").astype(np.int64),
        fast > slow,
        fast < slow,
        capital=CAPITAL,
        rate=RATE,
        annual=math.sqrt(252),
    )
    return by_name(metrics_of(row))


@pytest.mark.parametrize("bars", [2, 40, 700])
def test_metrics_are_those_of_a_run(bars: int) -> None:
    market = walk(bars)
    close = market["close"].to_numpy()
    run = simulate(SPEC, market, capital=CAPITAL, commission=RATE, slippage=0.0)
    np.testing.assert_equal(measured(market, close, close), by_name(run.metrics))
    assert (run.metrics.total_trades > 10) == (bars == 700)


def test_columns_of_a_table_may_be_handed_over() -> None:
    market = walk(700)
    close = market["close"].to_numpy()
    table = np.column_stack([close, np.zeros(700)])
    assert measured(market, table[:, 0], table[:, 0]) == measured(market, close, close)
