"""A model's features, outputs and decisions are checked for look-ahead, and what leaks is named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.small_models import write_bundle

from btkit.data import load_from_source
from btkit.jobs import check_lookahead as check_job
from btkit.models import predictions
from btkit.models.features import FeaturePlan
from btkit.models.loading import load_bundle
from btkit.settings import Settings
from btkit.simulation import check_inputs, in_one_piece, simulate_inputs
from btkit.validation import check_briefly, check_lookahead

LEVEL = "1d_sma_10_raw"
SPEC = {"name": "m", "model_path": "anywhere", "confidence_threshold": 0.4}
UNTOUCHED = FeaturePlan.matrix


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("bundle") / "SPX_1d")


@pytest.fixture(scope="module")
def inputs(folder):
    known = Settings(_env_file=None)
    loaded = load_from_source(
        "SPX", "2011-01-03", "2014-12-31", settings=known, source="sample", warmup=400
    )
    return check_inputs(
        in_one_piece, SPEC, loaded.bars, start="2011-01-03", models=load_bundle(folder)
    )


@pytest.fixture
def plant(monkeypatch):
    """Let the level of each feature matrix be another column."""

    def planted(make):
        def matrix(plan, bars, **more):
            made = UNTOUCHED(plan, bars, **more).copy()
            place = plan.names.index(LEVEL)
            made[:, place] = make(pd.Series(made[:, place]), bars)
            return made

        monkeypatch.setattr(FeaturePlan, "matrix", matrix)
        # What a process kept of earlier runs was worked out without it.
        monkeypatch.setattr(predictions, "_kept", type(predictions._kept)())

    return planted


def of_week(level, bars):
    return level.groupby(bars.index.to_period("W").to_numpy()).transform("last")


PLANTED = {
    "a centred window": lambda level, _: level.rolling(21, center=True).mean(),
    "a slow bar joined early": of_week,
    "a scale over the whole run": lambda level, _: (level - level.mean()) / level.std(),
    "a label": lambda _, bars: (bars["close"].shift(-5) / bars["close"] - 1).to_numpy(),
    "a backward fill": lambda level, _: level.where(np.arange(len(level)) % 9 < 6).bfill(),
}


def named(found):
    return {(leak.kind, leak.name) for leak in found.leaks}


def test_features_outputs_and_decisions_do_not_look_ahead(inputs):
    result = simulate_inputs(inputs)
    assert len(result.trades) > 3
    found = check_lookahead(inputs, result, bars=12)
    assert found.leaks == ()
    assert found.checks >= 5 * 12
    brief = check_briefly(inputs, result)
    assert (brief.checks, brief.whole, brief.leaks) == (3, False, ())
    # Nothing is checked where nothing is decided: the model learnt from it.
    assert result.in_sample is not None


@pytest.mark.parametrize("leak", PLANTED)
def test_a_leak_in_a_feature_is_named(inputs, plant, leak):
    plant(PLANTED[leak])
    result = simulate_inputs(inputs)
    found = check_lookahead(inputs, result, bars=12)
    assert found.leaks[0].name == LEVEL
    assert found.leaks[0].was != found.leaks[0].became
    assert ("output", "p_buy") in named(found)
    others = {"1d_momentum_oversold", "1d_momentum_overbought"}
    assert not others & {name for _, name in named(found)}


@pytest.mark.parametrize("leak", ["a centred window", "a scale over the whole run", "a label"])
def test_every_run_finds_it_too(inputs, plant, leak):
    plant(PLANTED[leak])
    assert ("output", LEVEL) in named(check_briefly(inputs, simulate_inputs(inputs)))


def test_the_command_checks_a_model_spec(folder, tmp_path):
    spec = {**SPEC, "model_path": str(folder)}
    known = Settings(_env_file=None, db_path=tmp_path / "runs.db")
    document = check_job(
        spec, "SPX", "2012-06-01", "2013-06-28", source="sample", settings=known, bars=6
    )
    assert (document["kind"], document["passed"]) == ("model", True)
    drift = {one["name"]: one for one in document["drift"]}
    # Of btkit's own computation of the features, none is recursive for long.
    assert all(one["difference"] < 1e-6 for one in drift.values())
