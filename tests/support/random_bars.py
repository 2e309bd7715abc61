"""Bars of a random walk, and a crossover to run on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def make_bars(
    count: int = 400, seed: int = 0, *, index: pd.DatetimeIndex | None = None
) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0003, 0.012, count)))
    opened = np.r_[close[0], close[:-1]] * np.exp(random.normal(0, 0.004, count))
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * 1.003,
            "low": np.minimum(opened, close) * 0.997,
            "close": close,
            "volume": 1e6,
        },
        index=pd.bdate_range("2012-01-03", periods=count, name="date") if index is None else index,
    )


def crossover(**changes: Any) -> dict[str, Any]:
    return {
        "name": "crossover",
        "entry_conditions": ["sma_{fast} > sma_{slow}", "not in_position"],
        "exit_conditions": ["sma_{fast} < sma_{slow}"],
        "stop_conditions": [],
        "position_sizing_formula": "0.95 * capital / close",
        "max_holding_bars": 250,
        "parameters": {"fast": 5, "slow": 20},
        **changes,
    }
