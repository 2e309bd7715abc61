"""Tiny bars and specs; what is not given is the plainest there is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import btkit as bt


@pytest.fixture(scope="session")
def make_bars():
    def make(opens, closes=None, *, first="2018-01-02", freq="B", **columns):
        opens = np.asarray(opens, np.float64)
        closes = opens if closes is None else np.asarray(closes, np.float64)
        return pd.DataFrame(
            {
                "open": opens,
                "high": np.maximum(opens, closes),
                "low": np.minimum(opens, closes),
                "close": closes,
                "volume": 1000.0 + np.arange(len(opens)),
                **columns,
            },
            index=pd.date_range(first, periods=len(opens), freq=freq),
        )

    return make


@pytest.fixture(scope="session")
def make_spec():
    def make(**changes):
        return {
            "name": "tiny",
            "entry_conditions": ["not in_position"],
            "exit_conditions": [],
            "stop_conditions": [],
            "position_sizing_formula": "10",
            "max_holding_bars": 99,
            **changes,
        }

    return make


@pytest.fixture(scope="session")
def run(make_bars, make_spec):
    def simulate(opens, closes=None, *, account=None, bars=None, start=None, **changes):
        account = {"capital": 1000.0, "commission": 0.0, "slippage": 0.0} | (account or {})
        frame = make_bars(opens, closes, **(bars or {}))
        return bt.simulate(make_spec(**changes), frame, start=start, **account)

    return simulate


@pytest.fixture(scope="session")
def waves(make_bars):
    """Return 400 daily bars that rise and fall, with two short waves on a long one."""
    days = np.arange(400)
    closes = 100 + 12 * np.sin(days / 29) + 5 * np.sin(days / 6.1) + 2 * np.cos(days / 1.7)
    return make_bars(np.roll(closes, 1) + 0.25, closes)
