"""`backtest retrain`: code of the working folder trains, and the answer is one document."""

from pathlib import Path

import pytest
import yaml

from btkit.models import load_bundle

TRAINER = """
import numpy as np

def fit(X, y, weights, seed):
    print("fitting", len(X))
    hidden = np.random.default_rng(seed).normal(size=(3, X.shape[1]))
    rows = np.maximum(X.to_numpy() @ hidden.T, 0.0)
    head = np.linalg.lstsq(rows, np.eye(3)[y.cat.codes], rcond=None)[0]
    return {"0.weight": hidden, "0.bias": np.zeros(3), "2.weight": head.T, "2.bias": np.zeros(3)}
"""
STRATEGY = {
    "name": "dips",
    "version": "3.0",
    "training_data": {
        "symbols": {"mode": "single", "symbol": "SPX"},
        "timeframes": {"mode": "single", "timeframe": "1d"},
    },
    "indicators": {"rsi_14": {"type": "rsi", "period": 14}},
    "fuzzy_sets": {"rsi": {"indicator": "rsi_14", "low": [0, 30, 50], "high": [50, 70, 100]}},
    "nn_inputs": [{"fuzzy_set": "rsi", "timeframes": "all"}],
    "model": {"type": "mlp", "architecture": {"hidden_layers": [3], "activation": "relu"}},
    "decisions": {"output_format": "classification"},
}
ASKED = {
    "--strategy": "dips.yaml",
    "--trainer": "trainer_of_this_test:fit",
    "--label": "{kind: forward_class, horizon: 5, buy_above: 0.01, sell_below: -0.01}",
    "--start": "2015-01-05",
    "--end": "2015-12-31",
    "--every": "100",
    "--window": "250",
    "--output": "models/dips",
}


@pytest.fixture
def files(workplace):
    (workplace / "trainer_of_this_test.py").write_text(TRAINER)
    (workplace / "dips.yaml").write_text(yaml.safe_dump(STRATEGY))
    return workplace


def flags(**changes):
    asked = ASKED | {f"--{name}": value for name, value in changes.items()}
    return [part for flag in asked.items() for part in flag]


def test_bundles_are_made_and_a_spec_that_trades_by_them(answer, files):
    code, document, said = answer("retrain", *flags())
    assert (code, document["passed"]) == (0, True)
    assert [entry["date"] for entry in document["bundles"]] == [
        "2015-01-05",
        "2015-05-29",
        "2015-10-20",
    ]
    # What a trainer prints is no part of the document.
    assert said.count("fitting 250") == 3
    assert "3 bundles, 0 of them there before" in said
    for entry in document["bundles"]:
        assert load_bundle(entry["path"]).hash == entry["hash"]
    command = document["next"][0]["command"]
    assert command == (
        "backtest run --strategy models/dips/strategy.json --symbol SPX --start 2015-01-05 "
        "--end 2015-12-31"
    )
    code, again, said = answer("retrain", *flags(), "--quiet")
    assert (code, [entry["kept"] for entry in again["bundles"]]) == (0, [True] * 3)
    assert said == ""


def test_what_is_wrong_is_said_in_the_document(backtest, files):
    for changes, kind, exit_code in (
        ({"trainer": "nowhere:fit"}, "UsageError", 2),
        ({"label": "{kind: forward_class}"}, "UsageError", 2),
        ({"label": "{"}, "SpecError", 2),
        ({"strategy": "none.yaml"}, "UsageError", 2),
        ({"start": "1999-01-04"}, "NoDataError", 1),
    ):
        code, document, _ = backtest("retrain", *flags(**changes))
        assert (code, document["error"]["type"]) == (exit_code, kind)
        assert document["error"]["hint"]
    assert not Path("models").exists()
