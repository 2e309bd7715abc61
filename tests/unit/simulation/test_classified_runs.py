"""Rules that read a classifier: every kind of spec, the plain simulation, sweeps, look-ahead."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.classifiers import reading, regime_bundle
from support.small_models import write_bundle

import btkit as bt
from btkit.crosscheck import crosscheck, differences
from btkit.data import load_from_source
from btkit.models import predictions
from btkit.models.features import FeaturePlan
from btkit.models.loading import load_bundle
from btkit.settings import Settings
from btkit.simulation import check_inputs, in_one_piece, simulate_inputs
from btkit.validation import check_briefly, check_lookahead, make_grid, prepare

START = "2011-01-03"
REST = {"commission": 0.65, "slippage": 0.005}


@pytest.fixture(scope="module")
def bars():
    known = Settings(_env_file=None)
    return load_from_source(
        "SPX", START, "2013-12-31", settings=known, source="sample", warmup=100
    ).bars


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return regime_bundle(tmp_path_factory.mktemp("bundle") / "SPX_1d")


def as_column(bars, result):
    """Return bars that have what the classifier said as a column of their own."""
    said = result.classified[0].texts.tolist()
    return bars.assign(regime=[text if isinstance(text, str) else None for text in said])


def test_a_run_is_that_of_a_column_with_the_same_texts(bars, folder):
    result = bt.simulate(reading(folder), bars, start=START)
    assert len(result.trades) > 20
    spec = reading(folder) | {"classifiers": {}, "columns": ["regime"]}
    ready = as_column(bars, result)
    plain = bt.simulate(spec, ready, start=START)
    pd.testing.assert_frame_equal(result.trades, plain.trades)
    assert result.metrics == plain.metrics
    assert result.diagnostics == plain.diagnostics


def test_the_plain_simulation_agrees(bars, folder):
    fields = {
        "entry_conditions": ['prev_regime == "TRENDING_DOWN" or regime == "RANGING"'],
        "exit_conditions": ['on("1w", regime == "TRENDING_UP")'],
        "filter_conditions": ["regime is not None"],
    }
    spec = reading(folder, **fields)
    result = bt.simulate(spec, bars, start=START)
    assert len(result.trades) > 5
    assert differences(result) == []
    plain = crosscheck(spec, bars, start=START, **REST)
    assert plain.equity == result.equity.tolist()


def test_spreads_and_models_read_one_as_well(bars, folder, tmp_path):
    spread = {
        "name": "s",
        "spread_type": "short_put_spread",
        "entry_conditions": ['regime == "TRENDING_DOWN"', "not in_position"],
        "per_trade_risk_pct": 0.02,
        "classifiers": {"regime": str(folder)},
    }
    sold = bt.simulate(spread, bars.assign(current_iv=0.2), start=START, capital=1e6)
    assert len(sold.trades) > 3
    assert differences(sold) == []
    said = pd.Series(sold.classified[0].texts.tolist(), bars.index)
    decided = bars.index.get_indexer(sold.trades["entry_date"]) - 1
    assert set(said.iloc[decided]) == {"TRENDING_DOWN"}
    model = {
        "name": "m",
        "model_path": str(write_bundle(tmp_path / "SPX_1d")),
        "confidence_threshold": 0.4,
        "filter_conditions": ['regime == "TRENDING_DOWN"'],
        "classifiers": {"regime": str(folder)},
    }
    gated = bt.simulate(model, bars, start=START)
    assert gated.held_decisions["filter"] > 0
    given = {"regime": load_bundle(folder), "2012-01-10": load_bundle(model["model_path"])}
    handed = bt.simulate(model, bars, start="2012-01-10", models=given)
    pd.testing.assert_frame_equal(handed.trades, gated.trades)


def test_a_sweep_is_simulate_with_each_set(bars, folder):
    fields = {
        "entry_conditions": ['regime == "TRENDING_DOWN" and close > sma_{n}'],
        "parameters": {"n": 10},
    }
    spec = bt.load_spec(reading(folder, **fields))
    sets = make_grid({"n": [5, 10, 20]}, max_sets=10)
    sweeper = prepare(spec, bars, sets, capital=100_000, threads=1, start=START, **REST)
    rows = sweeper.measure(sets)
    totals = sweeper.columns.index("total_return_pct")
    for place, n in enumerate((5, 10, 20)):
        alone = bt.simulate(spec.replace(parameters={"n": n}), bars, start=START)
        assert rows[place, totals] == alone.metrics.total_return_pct
    assert len(set(rows[:, totals])) == 3


@pytest.fixture(scope="module")
def inputs(bars, folder):
    return check_inputs(in_one_piece, reading(folder), bars, start=START)


def test_features_outputs_and_texts_do_not_look_ahead(inputs):
    result = simulate_inputs(inputs)
    assert check_lookahead(inputs, result, bars=8).leaks == ()
    found = check_briefly(inputs, result)
    assert found.leaks == ()
    assert found.checks >= 3


def test_a_classifier_that_looks_ahead_is_named(inputs, monkeypatch):
    untouched = FeaturePlan.matrix

    def centred(plan, bars, **more):
        made = untouched(plan, bars, **more).copy()
        made[:, 2] = pd.Series(made[:, 2]).rolling(21, center=True).mean()
        return made

    monkeypatch.setattr(FeaturePlan, "matrix", centred)
    monkeypatch.setattr(predictions, "_kept", type(predictions._kept)())
    again = replace(inputs, outputs={})
    result = simulate_inputs(again)
    leaks = {(leak.kind, leak.name) for leak in check_briefly(again, result).leaks}
    assert ("output", "regime 1d_sma_10_raw") in leaks
    assert ("output", "regime p_trending_up") in leaks


def test_a_run_without_trades_says_how_often_the_classifier_said_what(bars, folder):
    spec = reading(folder, entry_conditions=['regime == "TRENDING_SIDEWAYS"'])
    result = bt.simulate(spec, bars)
    *_, told = result.diagnostics.explanation
    counts = pd.Series(result.classified[0].texts.tolist()).value_counts()
    assert told.startswith(f"Of {len(bars):,} bars regime was RANGING on {counts['RANGING']}")
    assert "its features were warming up on 50" in told


def test_bars_before_the_history_of_a_run_have_no_class(bars, folder):
    spec = reading(folder, exit_conditions=['on("1w", close > 1)'])
    result = simulate_inputs(check_inputs(in_one_piece, spec, bars, start=START))
    begin = result.feature_set.begin
    said = result.classified[0].texts
    assert (said.codes[: begin + 50] == -1).all()
    assert len(said) == len(bars)
    assert np.isin(said.codes[begin + 50 :], range(-1, 4)).all()
