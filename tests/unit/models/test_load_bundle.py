"""A bundle of another program loads, and says what it does not know."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.bundles import FEATURES, config, foreign_bundle, layers, metadata, relu_network
from support.small_models import write_bundle

import btkit as bt
from btkit.models import class_probabilities, examining
from btkit.models.tensors import read_tensors


def codes(bundle):
    return [warning["code"] for warning in bundle.warnings]


def test_a_bundle_of_another_program_loads_and_says_what_it_does_not_know(tmp_path):
    bundle = bt.load_bundle(foreign_bundle(tmp_path / "dip"))
    assert (bundle.name, bundle.symbols, bundle.timeframes) == ("dip", ("SPX",), ("1d",))
    assert bundle.features.names == tuple(FEATURES)
    assert (bundle.classes, bundle.activation) == (("BUY", "SELL", "HOLD"), "logits")
    assert (bundle.trained_until, bundle.label_horizon, bundle.ranges) == (None, None, {})
    assert bundle.decisions == {"confidence_threshold": 0.6}
    assert codes(bundle) == ["activation_assumed", "training_dates_unknown"]


def test_its_network_answers_as_its_weights_say(tmp_path):
    weights, rows = layers(2, 4, 3), np.random.default_rng(1).random((50, 2))
    bundle = bt.load_bundle(foreign_bundle(tmp_path / "dip", weights=weights))
    expected = relu_network(weights, rows)
    np.testing.assert_allclose(bundle.network.forward(rows), expected, rtol=0, atol=1e-12)


def test_it_is_shown_as_a_small_table(tmp_path):
    text = repr(bt.load_bundle(foreign_bundle(tmp_path / "dip")))
    rows = dict(line.split("  ", 1) for line in text.splitlines())
    assert rows["Bundle"].strip() == "dip"
    assert rows["Network"].strip() == "MLP 2-4-3, relu"
    assert rows["Outputs"].strip() == "classification: BUY, SELL, HOLD"
    assert rows["Trained"].strip() == "nobody says when"
    assert "Warning" in rows


@pytest.mark.parametrize(
    ("begins", "words"), [(None, "until 2011-12-30"), ("2001-01-03", "2001-01-03 to 2011-12-30")]
)
def test_it_says_when_it_was_trained(tmp_path, begins, words):
    bundle = bt.load_bundle(foreign_bundle(tmp_path / "dip"))
    known = replace(
        bundle,
        trained_from=None if begins is None else pd.Timestamp(begins),
        trained_until=pd.Timestamp("2011-12-30"),
    )
    assert f"Trained        {words}\n" in repr(known)


@pytest.mark.parametrize("order", [["BUY", "HOLD", "SELL"], ["HOLD", "SELL", "BUY"]])
def test_the_order_of_classes_may_be_said_from_outside(tmp_path, order):
    folder = foreign_bundle(tmp_path / "dip", metadata=metadata(output_classes=...))
    assert bt.load_bundle(folder, output_classes=order).classes == tuple(order)


def test_config_may_name_the_classes(tmp_path):
    decisions = {"output_format": "classification", "output_classes": ["BUY", "HOLD", "SELL"]}
    folder = foreign_bundle(
        tmp_path / "dip",
        metadata=metadata(output_classes=...),
        config=config(decisions=decisions),
    )
    assert bt.load_bundle(folder).classes == ("BUY", "HOLD", "SELL")


@pytest.mark.parametrize(
    ("output_type", "classes"),
    [
        ("regime_classification", ["RANGING", "VOLATILE", "TRENDING_UP", "TRENDING_DOWN"]),
        ("context_classification", ["NEUTRAL", "BEARISH", "BULLISH"]),
    ],
)
def test_regimes_and_contexts_have_classes_of_their_own(tmp_path, output_type, classes):
    known = metadata(output_type=output_type, output_classes=classes)
    folder = foreign_bundle(tmp_path / "regime", metadata=known, weights=layers(2, 4, len(classes)))
    assert bt.load_bundle(folder).classes == tuple(classes)


def test_a_regression_has_one_output_and_no_classes(tmp_path):
    folder = foreign_bundle(
        tmp_path / "edge",
        metadata=metadata(output_type="regression", output_classes=...),
        config=config(decisions={"output_format": "regression", "cost_model": {
            "round_trip_cost": 0.002}}),
        weights=layers(2, 4, 1),
    )  # fmt: skip
    bundle = bt.load_bundle(folder)
    assert (bundle.classes, bundle.activation) == (None, None)
    assert bundle.decisions == {"round_trip_cost": 0.002}
    assert codes(bundle) == ["no_short_from_flat", "training_dates_unknown"]


def test_metadata_is_stronger_than_config(tmp_path):
    known = metadata(decisions={"confidence_threshold": 0.7, "filters": {
        "min_signal_separation": 8}})  # fmt: skip
    bundle = bt.load_bundle(foreign_bundle(tmp_path / "dip", metadata=known))
    assert bundle.decisions == {"confidence_threshold": 0.7, "min_signal_separation": 8.0}


def test_what_would_hold_signals_back_and_is_not_known_is_said(tmp_path):
    decisions = {"output_format": "classification", "filters": {"volume_filter": 2}}
    bundle = bt.load_bundle(foreign_bundle(tmp_path / "dip", config=config(decisions=decisions)))
    (warning,) = (found for found in bundle.warnings if found["code"] == "decision_settings")
    assert "volume_filter" in warning["message"]


def test_metadata_may_say_when_it_was_trained_and_how_it_is_read(tmp_path):
    known = metadata(
        output_activation="logits",
        temperature=2.0,
        trained_from="2010-01-04",
        trained_until="2014-12-31",
        label_horizon_bars=5,
    )
    bundle = bt.load_bundle(foreign_bundle(tmp_path / "dip", metadata=known))
    assert bundle.warnings == ()
    assert bundle.temperature == 2.0
    assert (bundle.trained_from, bundle.trained_until, bundle.label_horizon) == (
        pd.Timestamp("2010-01-04"),
        pd.Timestamp("2014-12-31"),
        5,
    )


def test_the_fastest_timeframe_is_that_of_the_bars(tmp_path):
    known = metadata(
        training_timeframes=["1d", "1h"],
        trained_until="2014-12-31",
        resolved_features=["1h_rsi_low", "1h_rsi_up"],
        nn_inputs=[{"fuzzy_set": "rsi", "timeframes": ["1h"]}],
    )
    bundle = bt.load_bundle(foreign_bundle(tmp_path / "dip", metadata=known))
    assert bundle.timeframes == ("1h", "1d")
    # A whole day of intraday bars.
    assert bundle.trained_until == pd.Timestamp("2014-12-31T23:59:59.999999999", tz="UTC")


def test_files_that_a_bundle_does_not_have_are_left_alone(tmp_path):
    folder = foreign_bundle(tmp_path / "dip")
    before = bt.load_bundle(folder).hash
    (folder / "scaler.pkl").write_bytes(b"cos\nsystem\n(S'touch /tmp/never'\ntR.")
    (folder / "metrics.json").write_text("not JSON")
    (folder / "latest").symlink_to(folder)
    assert bt.load_bundle(folder).hash == before


def test_the_hash_is_of_every_file_that_is_read(tmp_path):
    hashes = [
        bt.load_bundle(foreign_bundle(tmp_path / str(place), **changes)).hash
        for place, changes in enumerate(
            (
                {},
                {"metadata": metadata(created_at="2024-03-02T10:00:00+00:00")},
                {"config": config(training={"epochs": 11})},
                {"features": {"feature_count": 2, "more": 1}},
                {"weights": layers(2, 4, 3, seed=8)},
                {"without": ["features.json"]},
            )
        )
    ]
    assert len(set(hashes)) == len(hashes)
    assert bt.load_bundle(foreign_bundle(tmp_path / "again")).hash == hashes[0]


def test_probabilities_are_softmax_of_logits_over_the_temperature():
    scipy_special = pytest.importorskip("scipy.special")
    outputs = np.random.default_rng(3).normal(scale=50, size=(20, 3))
    for temperature in (0.5, 1.0, 3.0):
        np.testing.assert_allclose(
            class_probabilities(outputs, activation="logits", temperature=temperature),
            scipy_special.softmax(outputs / temperature, axis=1),
            rtol=1e-12,
        )
    # (3, -1, -1) sums to 1, and are logits all the same.
    assert class_probabilities(np.array([[3.0, -1.0, -1.0]]), activation="logits").max() < 1
    given = np.array([[0.2, 0.3, 0.5]])
    assert class_probabilities(given, activation="probabilities") is given


@pytest.mark.integration
def test_loading_a_bundle_brings_no_machine_learning_library():
    program = (
        "import sys, btkit, btkit.models\n"
        "btkit.load_bundle\n"
        "slow = {'torch', 'onnx', 'onnxruntime', 'sklearn', 'skl2onnx'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", ["model.safetensors", "model.onnx"])
def test_what_is_run_is_what_the_checksum_is_of(tmp_path, monkeypatch, name):
    folder, other = (
        write_bundle(tmp_path / part, seed=seed) for part, seed in (("a", 1), ("b", 2))
    )
    if name == "model.onnx":
        for place in (folder, other):
            weights = read_tensors(place / "model.safetensors")
            (place / name).write_bytes(as_onnx(weights))
            (place / "model.safetensors").unlink()
    rows = np.random.default_rng(1).random((50, 3))
    before, later = (bt.load_bundle(place) for place in (folder, other))
    chosen = examining.choose_model

    def replaced(*arguments):
        # Somebody writes another file between its checksum and its reading.
        (folder / name).write_bytes((other / name).read_bytes())
        return chosen(*arguments)

    monkeypatch.setattr(examining, "choose_model", replaced)
    found = bt.load_bundle(folder)
    assert found.hash == before.hash != later.hash
    np.testing.assert_array_equal(found.network.forward(rows), before.network.forward(rows))
    assert bt.load_bundle(folder).hash == later.hash


def as_onnx(weights):
    """Return a network of one hidden layer as the bytes of an ONNX model."""
    names = ("0.weight", "0.bias", "3.weight", "3.bias")
    made = [numpy_helper.from_array(weights[name].astype("f4"), name) for name in names]
    nodes = [
        helper.make_node("Gemm", ["x", "0.weight", "0.bias"], ["h"], transB=1),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "3.weight", "3.bias"], ["y"], transB=1),
    ]
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 3])] for name in ("x", "y")
    ]
    graph = helper.make_graph(nodes, "g", *ends, made)
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
