from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.documents import RunDocument, RunInfo, build_provenance, build_report
from btkit.storage import LocalCurves, Store, new_run_id

SPEC = {
    "name": "zigzag",
    "entry_conditions": ["close > open", "not in_position"],
    "exit_conditions": ["close < open"],
    "stop_conditions": [],
    "position_sizing_formula": "10",
}


def zigzag(index):
    opens = 100.0 + np.arange(len(index)) % 7
    closes = opens + np.where(np.arange(len(index)) % 3 == 0, 1.25, -0.75)
    return pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, closes) + 1,
            "low": np.minimum(opens, closes) - 1,
            "close": closes,
            "volume": 1e6,
        },
        index=index,
    )


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "db" / "results.db", curves=LocalCurves(tmp_path / "curves"))


@pytest.fixture
def make_run():
    """Give the info of a run and its document, as `run` would make them."""

    def make(*, symbol="SPX", index=None, **changes):
        days = pd.bdate_range("2020-01-01", periods=40) if index is None else index
        result = bt.simulate(SPEC | changes, zigzag(days))
        info = RunInfo(
            run_id=new_run_id(),
            strategy_name="zigzag",
            strategy_version="1.0",
            symbol=symbol,
            start_date="2020-01-01",
            end_date="2020-03-01",
            initial_capital=100_000.0,
            commission_per_contract=0.65,
            slippage_pct=0.005,
            created_at="2026-01-05T10:00:00",
            status="running",
        )
        ended = {"status": "complete", "completed_at": "2026-01-05T10:00:05"}
        report = build_report(
            result,
            RunInfo.model_validate(info.model_dump() | ended),
            min_trades_required=10,
            provenance=build_provenance(result, versions={}),
        )
        return info, RunDocument.from_result(result, report)

    return make


@pytest.fixture
def stored(store, make_run):
    info, document = make_run()
    store.begin(info, interval="1d")
    return store.complete(document)
