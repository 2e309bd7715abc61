"""A bundle that cannot be trusted is refused, with every reason, each in a sentence of its own."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from safetensors.numpy import save
from support.bundles import (
    STRATEGY,
    config,
    foreign_bundle,
    layers,
    metadata,
    write_json,
)

import btkit as bt
from btkit.errors import BundleError, UsageError
from btkit.models import inspect_bundle


def problems(folder, **stated):
    """Return what a bundle is refused for, by place, as both verbs say it."""
    with pytest.raises(BundleError) as refused:
        bt.load_bundle(folder, **stated)
    told = refused.value.details["problems"]
    assert told == inspect_bundle(folder, **stated)["problems"]
    assert told[0]["message"] in refused.value.message
    assert all(entry["message"] and entry["hint"] for entry in told)
    return {entry["path"]: entry["message"] for entry in told}


def recurrent(kind, *, features=2, hidden=4, outputs=3):
    gates = {"lstm": 4, "gru": 3}[kind] * hidden
    return {
        f"{kind}.weight_ih_l0": np.zeros((gates, features)),
        f"{kind}.weight_hh_l0": np.zeros((gates, hidden)),
        f"{kind}.bias_ih_l0": np.zeros(gates),
        f"{kind}.bias_hh_l0": np.zeros(gates),
        "fc.weight": np.zeros((outputs, hidden)),
        "fc.bias": np.zeros(outputs),
    }


def with_nan():
    weights = layers(2, 4, 3)
    weights["0.weight"][0, 0] = np.nan
    return weights


NO_INDICATOR = {"rsi_14": {"type": "crystal_ball", "period": 14}}
REFUSED = {
    "no metadata": ({"without": ["metadata_v3.json"]}, "metadata_v3.json", "is missing"),
    "no model": ({"without": ["model.safetensors"]}, "bundle", "no model"),
    "no order of classes": (
        {"metadata": metadata(output_classes=...)},
        "metadata_v3.json.output_classes",
        '["BUY", "SELL", "HOLD"], or ["BUY", "HOLD", "SELL"]',
    ),
    "a class twice": (
        {"metadata": metadata(output_classes=["BUY", "BUY", "HOLD"])},
        "metadata_v3.json.output_classes",
        "name one twice",
    ),
    "an unknown class": (
        {"metadata": metadata(output_classes=["BUY", "SHORT", "HOLD"])},
        "metadata_v3.json.output_classes",
        "BUY, HOLD, SELL",
    ),
    "classes of config and metadata": (
        {"config": config(decisions={"output_classes": ["HOLD", "SELL", "BUY"]})},
        "metadata_v3.json.output_classes",
        "by config.json",
    ),
    "a regression with classes": (
        {"metadata": metadata(output_type="regression"), "weights": layers(2, 4, 1)},
        "metadata_v3.json.output_classes",
        "regression",
    ),
    "a regression with three outputs": (
        {"metadata": metadata(output_type="regression", output_classes=...)},
        "metadata_v3.json.output_type",
        "1 output, and the network 3",
    ),
    "another format of outputs": (
        {"config": config(decisions={"output_format": "regression"})},
        "config.json.decisions.output_format",
        "output_type classification",
    ),
    "another number of features": (
        {"features": {"feature_count": 3}},
        "features.json.feature_count",
        "3 features, and metadata_v3.json lists 2",
    ),
    "a network of another width": (
        {"weights": layers(3, 4, 3)},
        "metadata_v3.json.resolved_features",
        "lists 2 features, and the network takes 3",
    ),
    "other hidden layers": (
        {"weights": layers(2, 5, 3)},
        "weights",
        "says 4 units in hidden layer 1, and the weights have 5",
    ),
    "NaN weights": ({"weights": with_nan()}, "model.safetensors", "NaN"),
    "an unknown indicator": (
        {"metadata": metadata(indicators=NO_INDICATOR)},
        "metadata_v3.json.indicators.rsi_14.type",
        "crystal_ball",
    ),
    "a missing feature": (
        {"metadata": metadata(resolved_features=["1d_rsi_low", "1d_rsi_high"])},
        "metadata_v3.json",
        "1d_rsi_high",
    ),
    "reordered features": (
        {"metadata": metadata(resolved_features=["1d_rsi_up", "1d_rsi_low"])},
        "metadata_v3.json",
        "another order",
    ),
    "data from outside": (
        {"metadata": metadata(context_source_ids=["fred_yields"])},
        "metadata_v3.json.context_source_ids",
        "fred_yields",
    ),
    "another kind of network": (
        {"metadata": metadata(model_type="gru", sequence_length=5)},
        "metadata_v3.json.model_type",
        "gru, and mlp in config.json",
    ),
    "no kind of network": (
        {"metadata": metadata(model_type=None), "without": ["config.json"]},
        "metadata_v3.json.model_type",
        "MLP, LSTM and GRU",
    ),
    "an MLP with a window": (
        {"metadata": metadata(sequence_length=30)},
        "metadata_v3.json.sequence_length",
        "reads one row",
    ),
    "an LSTM without a window": (
        {
            "metadata": metadata(model_type="lstm"),
            "config": config(model={"type": "lstm"}),
            "weights": recurrent("lstm"),
        },
        "metadata_v3.json.sequence_length",
        "how many rows",
    ),
    "a temperature of zero": (
        {"metadata": metadata(temperature=0)},
        "metadata_v3.json.temperature",
        "greater than 0",
    ),
    "a temperature of probabilities": (
        {"metadata": metadata(temperature=2.0, output_activation="probabilities")},
        "metadata_v3.json",
        "divides logits",
    ),
    "a last bar before the first": (
        {"metadata": metadata(trained_from="2015-01-02", trained_until="2014-12-31")},
        "metadata_v3.json.trained_until",
        "is after",
    ),
    "no date": (
        {"metadata": metadata(trained_until="soon")},
        "metadata_v3.json.trained_until",
        "trained_until is 'soon', which is no date",
    ),
    "no timeframe": (
        {"metadata": metadata(training_timeframes=["fortnight"])},
        "metadata_v3.json.training_timeframes",
        "fortnight",
    ),
    "a slow base": (
        {
            "metadata": metadata(training_timeframes=["1d", "1h"]),
            "config": config(training_data={"timeframes": {"base_timeframe": "1d"}}),
        },
        "config.json",
        "base timeframe is '1d'",
    ),
    "an unknown activation": (
        {"config": config(model={"type": "mlp", "architecture": {"activation": "guess"}})},
        "weights",
        "guess",
    ),
    "a squashed head": (
        {
            "config": config(
                model={
                    "type": "mlp",
                    "architecture": {"activation": "relu", "output_activation": "sigmoid"},
                }
            )
        },
        "config.json.architecture.output_activation",
        "sigmoid",
    ),
    "a setting that is none": (
        {"config": config(decisions={"confidence_threshold": "high"})},
        "config.json.decisions.confidence_threshold",
        "number",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_has_a_place_and_a_sentence(tmp_path, name):
    changes, path, message = REFUSED[name]
    found = problems(foreign_bundle(tmp_path / "dip", **changes))
    assert message in found[path], found


def test_every_reason_is_said_at_once(tmp_path):
    folder = foreign_bundle(
        tmp_path / "dip",
        metadata=metadata(output_classes=..., indicators=NO_INDICATOR, trained_until="soon"),
        features={"feature_count": 9},
        weights=with_nan(),
    )
    found = problems(folder)
    assert set(found) == {
        "metadata_v3.json.output_classes",
        "metadata_v3.json.indicators.rsi_14.type",
        "metadata_v3.json.trained_until",
        "features.json.feature_count",
        "model.safetensors",
    }
    with pytest.raises(BundleError, match="and 4 more problems") as refused:
        bt.load_bundle(folder)
    assert len(refused.value.__notes__) == 5


@pytest.mark.parametrize("order", [["BUY", "HOLD", "SELL"], ["BUY", "SELL"]])
def test_another_order_than_the_bundle_has_is_refused(tmp_path, order):
    found = problems(foreign_bundle(tmp_path / "dip"), output_classes=order)
    assert "as they are given" in found["metadata_v3.json.output_classes"]


def test_another_activation_than_the_bundle_has_is_refused(tmp_path):
    folder = foreign_bundle(tmp_path / "dip", metadata=metadata(output_activation="logits"))
    found = problems(folder, output_activation="probabilities")
    assert "logits and probabilities" in found["metadata_v3.json.output_activation"]


def test_two_models_are_one_too_many(tmp_path):
    folder = foreign_bundle(tmp_path / "dip")
    (folder / "model.pt").write_bytes(b"whatever")
    assert "which of them was trained" in problems(folder)["bundle"]


def test_an_onnx_model_must_say_what_its_outputs_are(tmp_path):
    folder = foreign_bundle(tmp_path / "dip", without=["model.safetensors"])
    (folder / "model.onnx").write_bytes(b"no graph")
    found = problems(folder)
    assert "logits or probabilities" in found["metadata_v3.json.output_activation"]
    assert "model.onnx" in found


def test_there_must_be_a_folder_and_it_must_be_a_bundle(tmp_path):
    assert "no folder" in problems(tmp_path / "nothing")["bundle"]
    (tmp_path / "file").write_text("{}")
    assert "a bundle is a folder" in problems(tmp_path / "file")["bundle"]
    assert "no bundle" in problems(tmp_path)["bundle"]
    assert "no folder" in problems("a\0b")["bundle"]


def test_a_folder_of_bundles_leads_to_them(tmp_path):
    def hint(path):
        with pytest.raises(BundleError) as refused:
            bt.load_bundle(path)
        return refused.value.hint

    plain = "Name the folder that holds metadata_v3.json."
    assert hint(tmp_path / "nothing") == plain
    assert hint("nothing/here") == f"{plain} It is looked for from the working folder."
    for name in "bdca":
        (tmp_path / name).mkdir()
        (tmp_path / name / "metadata_v3.json").write_text("{}")
    (tmp_path / "0_no_bundle").mkdir()
    first = ", ".join(str(tmp_path / name) for name in "abc")
    for wrong in (tmp_path, tmp_path / "nothing"):
        assert hint(wrong) == f"Name the folder that holds metadata_v3.json: {first} and 1 more."


@pytest.mark.parametrize("path", [None, 5, "", "\ud800"])
def test_what_is_no_path_is_refused_as_an_argument(path):
    with pytest.raises(UsageError, match="path is"):
        bt.load_bundle(path)


@pytest.mark.parametrize("classes", ["BUY", 3, ["BUY", 4], {"BUY": 1}, ["x"] * 1_000])
def test_what_is_no_list_of_classes_is_refused_as_an_argument(tmp_path, classes):
    with pytest.raises(UsageError, match="output_classes"):
        bt.load_bundle(tmp_path, output_classes=classes)


@pytest.mark.parametrize("name", ["metadata_v3.json", "config.json", "model.safetensors"])
def test_links_are_not_followed(tmp_path, name):
    folder = foreign_bundle(tmp_path / "dip")
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    assert "It is a link." in problems(folder)[name]


def test_a_pipe_is_not_waited_for(tmp_path):
    folder = foreign_bundle(tmp_path / "dip", without=["features.json"])
    os.mkfifo(folder / "features.json")
    assert "no regular file" in problems(folder)["features.json"]


def test_what_is_too_big_is_not_read(tmp_path):
    folder = foreign_bundle(tmp_path / "dip")
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(300 * 2**20)  # a sparse file
    (folder / "config.json").write_text(" " * 2_000_000)
    found = problems(folder)
    assert "too big" in found["model.safetensors"]
    assert "too big" in found["config.json"]


def test_a_problem_points_into_the_file_that_it_is_in(tmp_path):
    known = metadata(
        indicators={"rsi/14": {"type": "rsi", "period": 0}},
        trained_until="yesterday",
    )
    found = inspect_bundle(foreign_bundle(tmp_path / "dip", metadata=known))["problems"]
    pointers = {problem["path"]: problem["pointer"] for problem in found}
    place = "metadata_v3.json.indicators.rsi/14.period"
    assert pointers[place] == "/metadata_v3.json/indicators/rsi~114/period"
    assert pointers["metadata_v3.json.trained_until"] == "/metadata_v3.json/trained_until"


@pytest.mark.parametrize("file", ["model.safetensors", "model.pt", "model.onnx"])
def test_a_file_is_named_once(tmp_path, file):
    folder = foreign_bundle(
        tmp_path / "dip",
        without=["model.safetensors"],
        metadata=metadata(output_activation="logits"),
    )
    (folder / file).write_bytes(b"abc")
    with pytest.raises(BundleError) as refused:
        bt.load_bundle(folder)
    assert refused.value.message.count(file) == 1
    assert f"{file}: It is no " in refused.value.message


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        ({"sources": [{"provider": "fred"}]}, "bars: sources"),
        ([{"provider": "fred", "series": "DGS10"}], "bars: fred DGS10"),
        ([{}], "outside the bars"),
    ],
)
def test_data_from_outside_are_named(tmp_path, stated, named):
    folder = foreign_bundle(tmp_path / "dip", metadata=metadata(context_data_config=stated))
    assert problems(folder)["metadata_v3.json.context_data_config"].endswith(named)


@pytest.mark.parametrize("stated", [{"sources": []}, {"enabled": False}, {}, []])
def test_no_data_from_outside_are_none(tmp_path, stated):
    folder = foreign_bundle(tmp_path / "dip", metadata=metadata(context_data_config=stated))
    assert inspect_bundle(folder)["usable"]


@pytest.fixture
def saved(tmp_path):
    """A bundle of btkit's own."""
    rows = np.random.default_rng(5).random((40, 2))
    folder = tmp_path / "models" / "dip"
    bt.save_bundle(
        folder,
        layers(2, 4, 3),
        strategy=STRATEGY,
        rows=rows,
        symbols="SPX",
        timeframes="1d",
        activation="relu",
        output_classes=["BUY", "SELL", "HOLD"],
        trained_from="2010-01-04",
        trained_until="2014-12-31",
        label_horizon=5,
    )
    return folder


def edited(folder, name, **changes):
    values = json.loads((folder / name).read_text(encoding="utf-8"))
    write_json(folder / name, values | changes)
    return folder


@pytest.mark.parametrize("name", ["metadata_v3.json", "config.json", "features.json"])
def test_a_file_that_was_changed_is_refused_by_name(saved, name):
    (saved / name).write_text((saved / name).read_text() + " ")
    assert "not the one that was saved" in problems(saved)[name]


def test_weights_that_were_changed_are_refused_by_name(saved):
    (saved / "model.safetensors").write_bytes(save(layers(2, 4, 3, seed=9)))
    assert "SHA-256" in problems(saved)["model.safetensors"]


def test_a_file_that_was_removed_or_added_is_refused_by_name(saved):
    (saved / "features.json").unlink()
    (saved / "model.pt").write_bytes(b"added")
    found = problems(saved)
    assert "is missing, and bundle.json lists it" in found["features.json"]
    assert "would be read" in found["model.pt"]


@pytest.mark.parametrize(
    "name", ["../config.json", "/etc/passwd", "sub/model.pt", "model.pkl", ".."]
)
def test_a_manifest_names_no_file_elsewhere(saved, name):
    values = json.loads((saved / "bundle.json").read_text())
    values["files"][name] = "0" * 64
    write_json(saved / "bundle.json", values)
    found = problems(saved)
    assert any("no bundle has" in message for message in found.values())


def test_a_manifest_of_another_model_file_is_refused(saved):
    found = problems(edited(saved, "bundle.json", model_file="../model.safetensors"))
    assert "missing" in found["bundle.json.model_file"]


def test_formulas_that_changed_are_named(saved):
    values = json.loads((saved / "bundle.json").read_text())
    values["formulas"]["1d_rsi_up"] = "1d rsi(period=15) > something"
    write_json(saved / "bundle.json", values | {"features_sha256": "0" * 64})
    assert (
        "otherwise here than where it was trained: 1d_rsi_up"
        in (problems(saved)["bundle.json.features_sha256"])
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trained_until", "2018-12-31"),
        ("label_horizon_bars", 1),
        ("output_classes", ["HOLD", "SELL", "BUY"]),
        ("output_activation", "probabilities"),
        ("calibration", {"temperature": 9, "rows": 10, "log_loss": 1, "log_loss_before": 1}),
    ],
)
def test_a_manifest_that_contradicts_the_metadata_is_refused(saved, field, value):
    if field == "calibration":
        edited(saved, "metadata_v3.json", temperature=3.0)
    found = problems(edited(saved, "bundle.json", **{field: value}))
    assert any("bundle.json" in text or "said to be" in text for text in found.values()), found


def test_a_manifest_has_no_unknown_keys(saved):
    found = problems(edited(saved, "bundle.json", trusted=True))
    assert "Nobody knows this key" in found["bundle.json.trusted"]
