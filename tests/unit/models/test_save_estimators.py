"""Estimators of scikit-learn are saved as ONNX, and answer as scikit-learn does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.bundles import FEATURES, STRATEGY

import btkit as bt
from btkit.errors import BundleError, UsageError
from btkit.models.comparing import compare
from btkit.models.outputs import Outputs
from btkit.models.strategy_settings import StrategyDecisions

GENERATOR = np.random.default_rng(6)
ROWS = GENERATOR.random((400, 2))
EDGE = ROWS[:, 0] - ROWS[:, 1]
LABELS = np.where(EDGE > 0.2, "BUY", np.where(EDGE < -0.2, "SELL", "HOLD"))


@pytest.fixture(scope="module")
def sklearn():
    pytest.importorskip("skl2onnx")
    library = pytest.importorskip("sklearn")
    for name in ("ensemble", "linear_model", "pipeline", "preprocessing"):
        pytest.importorskip(f"sklearn.{name}")
    return library


def save(folder, model, **changes):
    known = {"strategy": STRATEGY, "rows": ROWS, "symbols": "SPX", "timeframes": "1d"} | changes
    return bt.save_bundle(folder, model, **known)


def pipeline(sklearn, labels=LABELS):
    scaler = sklearn.preprocessing.StandardScaler()
    last = sklearn.linear_model.LogisticRegression()
    return sklearn.pipeline.make_pipeline(scaler, last).fit(ROWS, labels)


def test_a_pipeline_answers_as_scikit_learn_does(tmp_path, sklearn):
    model = pipeline(sklearn)
    saved = save(tmp_path / "dip", model)
    # In alphabetical order, as scikit-learn has it: not the order that anybody would guess.
    assert saved.classes == ("BUY", "HOLD", "SELL") == tuple(model.classes_)
    assert saved.activation == "probabilities"
    assert saved.conversion.source == "StandardScaler > LogisticRegression"
    others = GENERATOR.random((100, 2))
    np.testing.assert_allclose(
        saved.network.forward(others), model.predict_proba(others), rtol=0, atol=1e-12
    )
    assert saved.conversion.max_abs_difference < 1e-12
    assert saved.conversion.rows == len(ROWS)


def test_trees_answer_as_scikit_learn_does(tmp_path, sklearn):
    ensemble = sklearn.ensemble
    for name, model in {
        "forest": ensemble.RandomForestClassifier(10, max_depth=4, random_state=0),
        "boosted": ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0),
    }.items():
        model.fit(ROWS, LABELS)
        saved = save(tmp_path / name, model)
        outputs, expected = saved.network.forward(ROWS), model.predict_proba(ROWS)
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(outputs.argmax(1), expected.argmax(1))


def test_a_regression_answers_as_scikit_learn_does(tmp_path, sklearn):
    model = sklearn.linear_model.Ridge().fit(ROWS, EDGE)
    saved = save(tmp_path / "edge", model, output_type="regression")
    np.testing.assert_allclose(
        saved.network.forward(ROWS)[:, 0], model.predict(ROWS), rtol=0, atol=1e-12
    )


def test_the_same_training_gives_the_same_bytes(tmp_path, sklearn):
    first, second = (save(tmp_path / name, pipeline(sklearn)).path for name in ("a", "b"))
    assert (first / "model.onnx").read_bytes() == (second / "model.onnx").read_bytes()


def test_named_columns_are_those_of_the_strategy(tmp_path, sklearn):
    frame = pd.DataFrame(ROWS, columns=FEATURES)
    model = pipeline(sklearn).fit(frame, LABELS)
    assert save(tmp_path / "dip", model, rows=frame).conversion.max_abs_difference < 1e-12
    turned = frame[FEATURES[::-1]]
    with pytest.raises(UsageError, match="rows has the columns 1d_rsi_up, 1d_rsi_low"):
        save(tmp_path / "other", model, rows=turned)
    with pytest.raises(UsageError, match="The estimator has the columns"):
        save(tmp_path / "other", pipeline(sklearn).fit(turned, LABELS))


def test_codes_have_to_be_named(tmp_path, sklearn):
    codes = np.select([LABELS == "BUY", LABELS == "SELL"], [0, 1], 2)
    model = pipeline(sklearn, codes)
    with pytest.raises(UsageError, match="which class"):
        save(tmp_path / "dip", model)
    saved = save(tmp_path / "dip", model, output_classes=["BUY", "SELL", "HOLD"])
    assert saved.classes == ("BUY", "SELL", "HOLD")


def test_another_order_than_the_estimator_has_is_refused(tmp_path, sklearn):
    with pytest.raises(BundleError, match="own order is BUY, HOLD, SELL"):
        save(tmp_path / "dip", pipeline(sklearn), output_classes=["BUY", "SELL", "HOLD"])


def test_what_cannot_be_saved_is_refused(tmp_path, sklearn):
    linear = sklearn.linear_model
    refused = {
        "not fitted": (linear.LogisticRegression(), {}, "not fitted"),
        "no probabilities": (linear.RidgeClassifier().fit(ROWS, LABELS), {}, "no probabilities"),
        "a regression as classes": (linear.Ridge().fit(ROWS, EDGE), {}, "which class"),
        "classes as a regression": (
            pipeline(sklearn), {"output_type": "regression"}, "no classes",
        ),
        "a window": (pipeline(sklearn), {"sequence_length": 5}, "of networks"),
        "calibrated again": (
            pipeline(sklearn), {"calibration": (ROWS, list(LABELS))}, "no logits",
        ),
    }  # fmt: skip
    for name, (model, changes, message) in refused.items():
        with pytest.raises((BundleError, UsageError), match=message):
            save(tmp_path / name, model, **changes)
        assert not (tmp_path / name).exists()


def test_what_skl2onnx_does_not_know_is_refused(tmp_path, sklearn):
    class Guess(sklearn.linear_model.LogisticRegression):
        pass

    with pytest.raises(BundleError, match="cannot convert Guess"):
        save(tmp_path / "dip", Guess().fit(ROWS, LABELS))


CLASSES = Outputs(("BUY", "SELL"), "probabilities", 1.0)
SURE = StrategyDecisions(confidence_threshold=0.6)


def test_a_difference_beyond_the_tolerance_is_refused():
    trained = np.array([[0.9, 0.1]])
    aside = np.array([[1.0, -1.0]])
    near, far = trained + 5e-5 * aside, trained + 2e-4 * aside
    told = compare(near, trained, meaning=CLASSES, settings=SURE, tolerance=1e-4, source="a tree")
    assert told.max_abs_difference == pytest.approx(5e-5)
    for bad in (far, np.full((1, 2), np.nan)):
        with pytest.raises(BundleError, match="an output differs by"):
            compare(bad, trained, meaning=CLASSES, settings=SURE, tolerance=1e-4, source="a tree")


@pytest.mark.parametrize(
    ("trained", "saved"),
    [
        ([[0.500001, 0.499999]], [[0.499999, 0.500001]]),  # another class
        ([[0.600001, 0.399999]], [[0.599999, 0.400001]]),  # below the threshold
    ],
)
def test_a_flipped_decision_is_refused_however_small_the_difference(trained, saved):
    settings = StrategyDecisions(confidence_threshold=0.6 if trained[0][0] > 0.55 else 0.0)
    with pytest.raises(BundleError, match="in 1 of 1 rows"):
        compare(
            np.array(saved),
            np.array(trained),
            meaning=CLASSES,
            settings=settings,
            tolerance=1e-4,
            source="a tree",
        )


def test_a_flipped_decision_of_a_regression_is_refused():
    settings = StrategyDecisions(round_trip_cost=0.002, min_edge_multiplier=1.5)
    meaning = Outputs(None, None, 1.0)
    with pytest.raises(BundleError, match="decides otherwise"):
        compare(
            np.array([[0.003000001]]),
            np.array([[0.002999999]]),
            meaning=meaning,
            settings=settings,
            tolerance=1e-4,
            source="a line",
        )
