"""Runs of trained models as tables, alone and beside others."""

import json

import numpy as np
import pandas as pd
import pytest
from support.small_models import write_bundle

import btkit as bt
from btkit.jobs import export, load_run

MODEL = {"name": "small", "model_path": "models/small/SPX_1d", "confidence_threshold": 0.4}
RULES = {
    "name": "r", "entry_conditions": ["close > sma_10"], "exit_conditions": ["close < sma_10"],
    "stop_conditions": [], "position_sizing_formula": "capital / close",
}  # fmt: skip
RANGE = ("SPX", "2012-01-20", "2013-12-31")
WHOLE = ["model_signal", "model_answer", "model_held", "model_bundle"]
READERS = {
    "csv": pd.read_csv,
    "json": lambda path: pd.DataFrame(json.loads(path.read_text())),
    "parquet": pd.read_parquet,
}


@pytest.fixture
def run_ids(settings, tmp_path):
    """Give the ids of runs of a model, of one that forecasts, of rules, and beside a benchmark."""
    write_bundle(tmp_path / "models" / "small" / "SPX_1d")
    forecast = write_bundle(tmp_path / "forecast", outputs=1)
    specs = [(MODEL, {}), (MODEL, {"model_path": forecast}), (RULES, {}),
             (RULES, {"benchmark": "IXIC"})]  # fmt: skip
    return [bt.run(spec, *RANGE, **more, settings=settings).run_id for spec, more in specs]


@pytest.mark.parametrize("form", READERS)
def test_curves_keep_what_the_model_decided_beside_runs_that_had_none(
    settings, run_ids, tmp_path, form
):
    export(tmp_path / "out", format=form, tables=["curves"], settings=settings)
    table = READERS[form](tmp_path / "out" / f"curves.{form}")
    stored = {run_id: load_run(run_id, settings=settings).curve for run_id in run_ids}
    assert set(table.columns) == {"run_id", "timestamp"}.union(*stored.values())
    assert len(table) == sum(map(len, stored.values()))
    assert list(table.columns[:5]) == ["run_id", "timestamp", "equity", "cash", "invested"]
    for run_id, curve in stored.items():
        own = table[table["run_id"] == run_id]
        for name in table.columns[2:]:
            if name in curve:
                given = own[name].to_numpy(dtype=np.float64, na_value=np.nan)
                np.testing.assert_array_equal(given, curve[name].to_numpy(dtype=np.float64))
            else:
                assert own[name].isna().all()
    if form == "parquet":
        assert {str(table[name].dtype) for name in WHOLE} <= {"float64", "Int8", "Int16"}


def test_curves_of_one_model_keep_their_types(settings, run_ids, tmp_path):
    export(tmp_path / "out", tables=["curves"], run_ids=run_ids[:1], settings=settings)
    table = pd.read_parquet(tmp_path / "out" / "curves.parquet")
    kept = load_run(run_ids[0], settings=settings).curve
    assert table.dtypes.iloc[2:].to_dict() == kept.dtypes.to_dict()


def test_trades_and_runs_of_models_are_in_the_tables_of_all(settings, run_ids, tmp_path):
    export(tmp_path / "out", format="csv", settings=settings)
    runs = pd.read_csv(tmp_path / "out" / "runs.csv")
    trades = pd.read_csv(tmp_path / "out" / "trades.csv")
    assert set(runs["run_id"]) == set(run_ids)
    for run_id in run_ids:
        known = load_run(run_id, settings=settings).trades
        own = trades[trades["run_id"] == run_id]
        assert own["pnl"].tolist() == known["pnl"].tolist()
