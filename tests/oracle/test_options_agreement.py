"""The engine of option spreads and its oracle agree to the last bit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from oracle.harness_options import disagreement, engine
from oracle.strategies import Case
from oracle.strategies_options import cases

import btkit as bt
from btkit.data import load_from_source
from btkit.settings import Settings
from btkit.spec import OptionsSpec, dump_spec

PROFILE = os.environ.get("ORACLE_PROFILE", "ci")
ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path for path in (ROOT / "strategies").iterdir() if isinstance(bt.load_spec(path), OptionsSpec)
)


@settings(settings.get_profile(PROFILE))
@given(cases())
def test_generated_cases(generated: Case) -> None:
    assert disagreement(generated) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_bundled_specs(path: Path) -> None:
    settings = Settings(_env_file=None)
    loaded = load_from_source(
        "SPX", "2014-01-02", "2018-12-31", settings=settings, source="sample", needs_iv=True
    )
    start = loaded.bars.index.get_loc(loaded.start)
    spec = json.loads(dump_spec(bt.load_spec(path)))
    case = Case(spec, loaded.bars, 1_000_000.0, 0.65, 0.005, start_index=start)
    assert disagreement(case) == []
    assert len(engine(case).spreads) >= 5


@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_ruin(fill: str) -> None:
    # Slippage is not part of the max loss: on legs far in the money it can take everything.
    closes = np.array([1000.0] * 60 + [1e6, 1e6, 1e6])
    opens = np.array([1000.0] * 61 + [1e6, 1e6])
    prices = {"open": opens, "high": np.maximum(opens, closes), "low": np.minimum(opens, closes)}
    bars = pd.DataFrame(
        {**prices, "close": closes, "volume": 1000.0, "current_iv": 0.2},
        index=pd.bdate_range("2018-01-02", periods=63),
    )
    spec = {
        "name": "ruin",
        "spread_type": "short_call_spread",
        "entry_conditions": ["close < 2000"],
        "max_concurrent_positions": 60,
        "target_dte": 200,
        "max_holding_bars": 500,
        "short_delta": 0.5,
        "long_delta": 0.4,
        "per_trade_risk_pct": 0.02,
        "fill": fill,
    }
    case = Case(spec, bars, 1e6, 0.0, 0.001, start_index=0)
    result = engine(case)
    assert result.ruined
    assert (result.equity.iloc[-2:] == result.equity.iloc[-1]).all()
    assert disagreement(case) == []
