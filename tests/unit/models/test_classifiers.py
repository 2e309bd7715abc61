"""Classifiers as columns of texts: a bar as one forward pass has it, and when nothing is said."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from support.bundles import relu_network
from support.classifiers import CONTEXTS, REGIMES, reading, regime_bundle
from support.small_models import write_bundle

import btkit as bt
from btkit.data import load_from_source
from btkit.errors import BundleError, UsageError
from btkit.markets import Interval
from btkit.models.loading import load_bundle
from btkit.settings import Settings

START = "2011-01-03"


@pytest.fixture(scope="module")
def bars():
    known = Settings(_env_file=None)
    return load_from_source(
        "SPX", START, "2013-12-31", settings=known, source="sample", warmup=30
    ).bars


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    # Mild weights: probabilities of all sizes, so that the threshold decides something.
    return regime_bundle(tmp_path_factory.mktemp("bundle") / "SPX_1d", scale=1.5)


def classified(bars, path, *, start=None, models=None, **fields):
    return bt.simulate(reading(path, **fields), bars, start=start, models=models).classified[0]


def texts(found):
    return [None if isinstance(text, float) else text for text in found.texts.tolist()]


def alone(folder, bars, threshold, classes=REGIMES):
    """Return what a classifier says of the last bar, from one forward pass over what it knows."""
    row = load_bundle(folder).features.matrix(bars, interval=Interval.parse("1d"), calendar="XNYS")
    weights = {
        name: value.astype(np.float64)
        for name, value in load_file(folder / "model.safetensors").items()
    }
    if len(bars) <= 50 or not np.isfinite(row[-1]).all():
        return None
    powers = np.exp(relu_network(weights, row[-1:])[0])
    probabilities = powers / powers.sum()
    best = int(probabilities.argmax())
    return classes[best] if probabilities[best] >= threshold else None


@pytest.mark.parametrize("threshold", [None, 0.4])
def test_each_bar_is_what_one_forward_pass_over_the_bars_before_gives(
    bars, folder, tmp_path, threshold
):
    stated = {} if threshold is None else {"decisions": {"confidence_threshold": threshold}}
    path = regime_bundle(tmp_path / "x", scale=1.5, **stated)
    said = texts(classified(bars, path))
    places = [*range(45, 56), *range(60, len(bars), 23)]
    expected = [alone(path, bars.iloc[: place + 1], threshold or 0.5) for place in places]
    assert [said[place] for place in places] == expected
    assert {None} < set(expected)
    assert len(set(expected)) > 2


def test_nothing_is_said_below_the_threshold_and_in_the_warm_up_and_each_is_counted(bars, folder):
    found = classified(bars, folder)
    said = texts(found)
    assert said[:50] == [None] * 50
    nothing = found.nothing_said(0)
    assert nothing["its features were warming up"] == 50
    assert sum(nothing.values()) == said.count(None)
    assert nothing["its answer lay below its confidence threshold"] == said[50:].count(None) > 0
    assert found.unanswered(0) == {}


def test_a_missing_feature_and_an_output_that_is_no_number_say_nothing_and_warn(bars, folder):
    bundle = load_bundle(folder)

    class Holes:
        def __getattr__(self, name):
            return getattr(bundle.features, name)

        def matrix(self, frame, **more):
            rows = bundle.features.matrix(frame, **more)
            rows[[100, 101]] = np.nan
            rows[120, 0] = 1e308
            return rows

    class Overflowing:
        def __getattr__(self, name):
            return getattr(bundle.network, name)

        def forward(self, rows):
            outputs = bundle.network.forward(np.where(rows > 1e300, 1.0, rows))
            outputs[(rows > 1e300).any(axis=1)] = np.inf
            return outputs

    broken = replace(bundle, features=Holes(), network=Overflowing(), hash="with holes")
    result = bt.simulate(reading(folder), bars, models={"regime": broken})
    found, whole = result.classified[0], classified(bars, folder)
    assert found.unanswered(0) == {
        "a feature was missing": 2,
        "its output was not a finite number": 1,
    }
    said = texts(found)
    assert [said[place] for place in (100, 101, 120)] == [None] * 3
    others = [place for place in range(len(bars)) if place not in {100, 101, 120}]
    assert [said[place] for place in others] == [texts(whole)[place] for place in others]
    [warning] = [entry for entry in result.warnings if entry["code"] == "classifier_unanswered"]
    assert (
        "a feature was missing (2) and its output was not a finite number (1)"
        in (warning["message"])
    )


def test_other_kinds_of_classes_may_be_read_and_a_regression_not(bars, tmp_path):
    context = regime_bundle(
        tmp_path / "context", output_type="context_classification", output_classes=CONTEXTS
    )
    assert set(texts(classified(bars, context))) <= {None, *CONTEXTS}
    trading = write_bundle(tmp_path / "trading")
    assert set(texts(classified(bars, trading))) - {None} <= {"BUY", "SELL", "HOLD"}
    number = write_bundle(tmp_path / "number", outputs=1)
    with pytest.raises(BundleError, match="classifier regime is a regression") as caught:
        classified(bars, number)
    assert "classifies" in caught.value.hint


def test_bars_that_it_was_trained_on_are_told_and_not_cut(bars, folder):
    result = bt.simulate(reading(folder), bars, start=START)
    assert len(result.bars) == len(bars.loc[START:])
    [warning] = [entry for entry in result.warnings if entry["code"] == "classifier_in_sample"]
    # Trained until 2011-12-30, and a label looked five bars ahead.
    learnt = len(bars.loc[START:"2012-01-09"])
    total = len(result.bars)
    assert f"up to 2012-01-09: {learnt} of the run's {total} bars" in warning["message"]
    later = bt.simulate(reading(folder), bars, start="2012-01-10")
    assert "classifier_in_sample" not in [entry["code"] for entry in later.warnings]
    earlier = bt.simulate(reading(folder), bars, start="2012-01-09")
    [warning] = [entry for entry in earlier.warnings if entry["code"] == "classifier_in_sample"]
    assert ": 1 of the run's" in warning["message"]


def test_a_training_that_nobody_dates_is_a_warning_of_its_own(bars, tmp_path):
    path = regime_bundle(tmp_path / "x", trained_from=None, trained_until=None)
    result = bt.simulate(reading(path), bars, start=START)
    codes = [entry["code"] for entry in result.warnings]
    assert codes.count("classifier_dates_unknown") == 1
    assert "training_dates_unknown" not in codes
    assert f"the run's {len(result.bars)} bars" in result.warnings[0]["message"]


def test_of_dated_bundles_the_newest_that_was_known_says_it(bars, folder, tmp_path):
    other = regime_bundle(tmp_path / "other", seed=9, scale=1.5, trained_until="2012-11-30")
    dated = {"2012-01-10": str(folder), "2013-01-02": str(other)}
    found = classified(bars, dated)
    one, two = (texts(classified(bars, path)) for path in (folder, other))
    first, second = (int(bars.index.searchsorted(pd.Timestamp(day))) for day in dated)
    assert texts(found) == [None] * first + one[first:second] + two[second:]
    assert one[second:] != two[second:]
    assert found.nothing_said(0)["no bundle was known yet"] == first
    assert found.in_sample == 0
    result = bt.simulate(reading(dated), bars, start="2012-06-01")
    assert result.warnings == []
    [warning] = bt.simulate(reading(dated), bars, start="2012-01-03").warnings
    assert warning["code"] == "classifier_unanswered"
    assert "says nothing where no bundle was known yet (5)" in warning["message"]


def test_a_dated_bundle_that_was_not_known_yet_is_refused(bars, folder):
    with pytest.raises(BundleError, match="was not known before 2012-01-09"):
        classified(bars, {"2012-01-03": str(folder)})


def test_bundles_of_one_classifier_have_one_kind_of_classes(bars, folder, tmp_path):
    context = regime_bundle(
        tmp_path / "context", output_type="context_classification", output_classes=CONTEXTS
    )
    with pytest.raises(BundleError, match="differ in output_type"):
        classified(bars, {"2012-01-10": str(folder), "2013-01-02": str(context)})


def test_another_instrument_or_other_bars_need_to_be_allowed(bars, tmp_path):
    elsewhere = regime_bundle(tmp_path / "spy", training_symbols=["SPY"])
    with pytest.raises(BundleError, match="trained on SPY, and this run is on SPX") as caught:
        classified(bars, elsewhere)
    assert "into classifiers.regime" in caught.value.hint
    allowed = {"path": str(elsewhere), "allow_other": ["symbol"]}
    assert len(set(texts(classified(bars, allowed)))) > 1
    definition = {
        "training_timeframes": ["1w"],
        "nn_inputs": [
            {"fuzzy_set": "momentum", "timeframes": ["1w"]},
            {"raw_indicator": "sma_10", "timeframes": ["1w"]},
        ],
        "resolved_features": ["1w_momentum_oversold", "1w_momentum_overbought", "1w_sma_10_raw"],
        "normalization_params": {
            "1w_sma_10_raw": {"method": "zscore", "mean": 1300.0, "std": 300.0}
        },
    }
    weekly = regime_bundle(tmp_path / "weekly", **definition)
    with pytest.raises(BundleError, match="trained on bars of 1w, and these are of 1d"):
        classified(bars, weekly)
    allowed = {"path": str(weekly), "allow_other": ["timeframe"]}
    assert len(set(texts(classified(bars, allowed)))) > 1


def test_a_folder_that_is_not_there_has_a_sentence_of_its_own(bars, tmp_path):
    with pytest.raises(BundleError) as caught:
        classified(bars, tmp_path / "nowhere")
    assert "nowhere" in str(caught.value)
    assert caught.value.exit_code == 2


def test_loaded_bundles_may_be_handed_over_by_name(bars, folder):
    given = classified(bars, "not there", models={"regime": load_bundle(folder)})
    assert texts(given) == texts(classified(bars, folder))
    with pytest.raises(UsageError, match="none of its classifiers"):
        classified(bars, folder, models={"regimes": load_bundle(folder)})
