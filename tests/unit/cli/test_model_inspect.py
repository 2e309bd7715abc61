"""`backtest model inspect` says what a bundle is, and every reason why it would be refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.bundles import FEATURES, ORDER, STRATEGY, foreign_bundle, layers, metadata

import btkit as bt
from btkit.cli.main import main
from btkit.cli.tables import show_bundle
from btkit.models import inspect_bundle


@pytest.fixture
def saved(tmp_path):
    bt.save_bundle(
        tmp_path / "dip",
        layers(2, 4, 3),
        strategy=STRATEGY,
        rows=np.random.default_rng(5).random((40, 2)),
        symbols="SPX",
        timeframes="1d",
        activation="relu",
        output_classes=ORDER,
        trained_from="2010-01-04",
        trained_until="2014-12-31",
        label_horizon=5,
    )
    return tmp_path / "dip"


def test_a_usable_bundle_is_described(answer, saved):
    code, document, _ = answer("model", "inspect", saved)
    assert (code, document["usable"], document["problems"]) == (0, True, [])
    assert "error" not in document
    assert document["name"] == "dip"
    assert document["output_classes"] == ORDER
    assert document["network"] == "MLP 2-4-3, relu"
    assert (document["trained_from"], document["trained_until"]) == ("2010-01-04", "2014-12-31")
    assert [feature["name"] for feature in document["features"]] == FEATURES
    assert all("rsi(period=14" in feature["formula"] for feature in document["features"])
    assert document["features"][0]["description"].startswith(
        "Relative strength index (period 14, source close) on daily bars"
    )
    assert set(document["ranges"]) == set(FEATURES)
    assert {file["name"] for file in document["files"]} >= {"bundle.json", "model.safetensors"}
    assert document["hash"] == bt.load_bundle(saved).hash
    del document["next"]
    assert document == inspect_bundle(str(saved))


def test_a_bundle_that_is_refused_gives_every_reason_and_what_could_be_read(answer, tmp_path):
    folder = foreign_bundle(
        tmp_path / "dip",
        metadata=metadata(output_classes=...),
        features={"feature_count": 3},
    )
    code, document, _ = answer("model", "inspect", folder)
    assert (code, document["usable"], document["passed"]) == (2, False, False)
    assert {problem["path"] for problem in document["problems"]} == {
        "features.json.feature_count",
        "metadata_v3.json.output_classes",
    }
    assert document["error"]["type"] == "BundleError"
    assert document["error"]["details"]["problems"] == document["problems"]
    assert document["network"] == "MLP 2-4-3, relu"
    assert document["output_classes"] is None


def test_what_the_bundle_does_not_say_may_be_given(answer, tmp_path):
    folder = foreign_bundle(tmp_path / "dip", metadata=metadata(output_classes=...))
    flags = ["--output-classes", "BUY, HOLD,SELL", "--output-activation", "logits"]
    code, document, _ = answer("model", "inspect", folder, *flags)
    assert (code, document["output_classes"]) == (0, ["BUY", "HOLD", "SELL"])
    assert [warning["code"] for warning in document["warnings"]] == ["training_dates_unknown"]
    code, document, _ = answer("model", "inspect", folder, "--output-activation", "guess")
    assert (code, document["error"]["type"]) == (2, "UsageError")


def test_what_is_no_bundle_is_an_answer_too(answer, tmp_path):
    code, document, _ = answer("model", "inspect", tmp_path / "nothing")
    assert (code, document["usable"], document["hash"]) == (2, False, None)
    assert answer("model", "inspect")[1]["error"]["type"] == "UsageError"
    assert answer("model")[0] == 2


def test_people_see_a_table(saved, tmp_path, capsys):
    show_bundle(inspect_bundle(saved))
    shown = capsys.readouterr().out
    assert "MLP 2-4-3, relu" in shown
    assert "1d_rsi_low" in shown
    show_bundle(inspect_bundle(foreign_bundle(tmp_path / "other", features={"feature_count": 3})))
    shown = capsys.readouterr().out
    assert "Refused" in shown
    assert "feature_count" in shown
    show_bundle(inspect_bundle(tmp_path / "nothing"))
    assert "no folder" in capsys.readouterr().out


def test_its_help_has_an_example(capsys):
    assert main(["model", "inspect", "--help"]) == 0
    text = capsys.readouterr().out
    assert "Example:" in text
    assert "backtest model inspect" in text
    assert main(["model", "--help"]) == 0
    assert "inspect" in capsys.readouterr().out


def test_its_document_is_written_as_json(saved, capsys):
    assert main(["model", "inspect", str(saved), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["usable"]
