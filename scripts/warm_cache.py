"""Compile every compiled function once, so that the first backtest does not wait for it."""

from __future__ import annotations

import pandas as pd

import btkit as bt

SPEC = {
    "name": "warm",
    "entry_conditions": ["round(close, 2) // 2 > 0", "close ** 2 > 0", "int(close) >= capital % 7"],
    "exit_conditions": ["bars_held >= 1"],
    "stop_conditions": [],
    "position_sizing_formula": "1",
}
SPREADS = {
    "name": "warm",
    "spread_type": "iron_condor",
    "entry_conditions": ["not in_position"],
    "per_trade_risk_pct": 0.02,
}


def main() -> None:
    """Simulate three bars with a spec that reaches every compiled function."""
    days = pd.bdate_range("2018-01-02", periods=3, name="date")
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), 100.0), index=days)
    bt.simulate(SPEC, bars.assign(volume=1000.0))
    bt.simulate(SPREADS, bars.assign(volume=1000.0, current_iv=0.2))
    swept = {**SPEC, "exit_conditions": ["bars_held >= {wait}"], "parameters": {"wait": 1}}
    bt.sweep(swept, bars.assign(volume=1000.0), parameters={"wait": [1, 2]}).overfitting()


if __name__ == "__main__":
    main()
