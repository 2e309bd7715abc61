"""What `save_bundle` writes is what `load_bundle` reads: the whole of it, or nothing."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from support.bundles import FEATURES, ORDER, STRATEGY, layers, relu_network

import btkit as bt
from btkit.errors import BtkitError, BundleError, UsageError
from btkit.models import class_probabilities, read_strategy_v3

ROWS = np.random.default_rng(5).random((200, 2))
CREATED = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


def save(folder, model=None, **changes):
    known = {
        "strategy": STRATEGY,
        "rows": ROWS,
        "symbols": "SPX",
        "timeframes": "1d",
        "activation": "relu",
        "output_classes": ORDER,
        "trained_from": "2010-01-04",
        "trained_until": "2014-12-31",
        "label_horizon": 5,
        "created_at": CREATED,
    } | changes
    return bt.save_bundle(folder, layers(2, 4, 3) if model is None else model, **known)


def test_what_is_saved_is_what_is_loaded(tmp_path):
    label = {"kind": "forward_class", "horizon": 3, "buy_above": 0.01, "sell_below": -0.01}
    saved = save(
        tmp_path / "models" / "dip" / "SPX_1d",
        label=label,
        label_horizon=None,
        seed=11,
        decisions={"confidence_threshold": 0.6, "filters": {"min_signal_separation": 8}},
        metrics={"accuracy": 0.5},
    )
    assert bt.load_bundle(saved.path).hash == saved.hash
    assert saved.warnings == ()
    assert saved.features.names == tuple(FEATURES)
    assert (saved.classes, saved.activation, saved.temperature) == (tuple(ORDER), "logits", 1.0)
    assert (saved.label, saved.label_horizon, saved.seed) == (label, 3, 11)
    assert saved.decisions == {"confidence_threshold": 0.6, "min_signal_separation": 8.0}
    assert saved.trained_until == pd.Timestamp("2014-12-31")
    expected = relu_network(layers(2, 4, 3), ROWS)
    np.testing.assert_allclose(saved.network.forward(ROWS), expected, rtol=0, atol=1e-12)


def test_a_strategy_that_was_read_stands_for_its_text(tmp_path):
    written = STRATEGY | {
        "version": "3.0",
        "model": {"type": "mlp", "architecture": {"activation": "relu"}},
        "decisions": {"confidence_threshold": 0.7},
        "training_data": {"symbols": {"symbol": "IXIC"}, "timeframes": {"timeframe": "1d"}},
    }
    rest = {"symbols": None, "timeframes": None, "activation": None}
    read = save(tmp_path / "read", strategy=read_strategy_v3(written), **rest)
    assert read.hash == save(tmp_path / "written", strategy=written, **rest).hash
    assert (read.name, read.symbols, read.decisions) == (
        "dip", ("IXIC",), {"confidence_threshold": 0.7},
    )  # fmt: skip


def test_the_ranges_are_those_of_the_training_rows(tmp_path):
    ranges = save(tmp_path / "dip").ranges
    described = pd.DataFrame(ROWS, columns=FEATURES)
    for name, column in described.items():
        known = ranges[name]
        assert (known.min, known.max) == (column.min(), column.max())
        assert known.mean == pytest.approx(column.mean(), rel=1e-12)
        assert known.std == pytest.approx(column.std(ddof=0), rel=1e-12)
        for level, value in known.quantiles.items():
            assert value == pytest.approx(column.quantile(float(level)), rel=1e-12)


def test_the_same_training_gives_the_same_bytes(tmp_path):
    first, second = save(tmp_path / "first"), save(tmp_path / "second")
    assert first.hash == second.hash
    for file in sorted(first.path.iterdir()):
        assert file.read_bytes() == (second.path / file.name).read_bytes()


def test_a_model_section_of_the_strategy_stands_in(tmp_path):
    strategy = STRATEGY | {
        "model": {"type": "mlp", "architecture": {"activation": "tanh", "hidden_layers": [4]}},
        "decisions": {"output_format": "classification", "confidence_threshold": 0.7},
        "training_data": {
            "symbols": {"mode": "single", "symbol": "IXIC"},
            "timeframes": {"mode": "single", "timeframe": "1d"},
        },
    }
    text = json.dumps(strategy)
    saved = save(tmp_path / "dip", strategy=text, activation=None, symbols=None, timeframes=None)
    assert (saved.symbols, saved.timeframes) == (("IXIC",), ("1d",))
    assert saved.architecture == "MLP 2-4-3, tanh"
    assert saved.decisions == {"confidence_threshold": 0.7}
    with pytest.raises(BundleError, match="units in hidden layer"):
        save(tmp_path / "other", layers(2, 5, 3), strategy=text, activation=None)
    assert not (tmp_path / "other").exists()


def test_a_regression_has_no_classes(tmp_path):
    saved = save(tmp_path / "edge", layers(2, 4, 1), output_type="regression", output_classes=None)
    assert (saved.classes, saved.activation, saved.network.outputs) == (None, None, 1)
    with pytest.raises(UsageError, match="no classes"):
        save(tmp_path / "other", layers(2, 4, 1), output_type="regression")


def test_the_temperature_makes_the_least_log_loss(tmp_path):
    generator = np.random.default_rng(8)
    rows, weights = generator.random((2_000, 2)), layers(2, 4, 3)
    truth = class_probabilities(relu_network(weights, rows), activation="logits", temperature=2.5)
    labels = [generator.choice(ORDER, p=chances) for chances in truth]
    saved = save(tmp_path / "dip", weights, calibration=(rows, list(labels)))
    logits = relu_network(weights, rows)
    places = np.array([ORDER.index(label) for label in labels])

    def loss(inverse):
        scaled = logits * inverse[0]
        top = scaled.max(axis=1)
        chosen = scaled[np.arange(len(rows)), places]
        return float(np.mean(top + np.log(np.exp(scaled - top[:, None]).sum(axis=1)) - chosen))

    best = minimize(loss, [1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-15})
    assert saved.temperature == pytest.approx(1 / best.x[0], rel=1e-5)
    sharp = class_probabilities(saved.network.forward(rows), activation="logits")
    mild = class_probabilities(
        saved.network.forward(rows), activation="logits", temperature=saved.temperature
    )
    assert mild.max() < sharp.max()
    assert 1.5 < saved.temperature < 4


def dated(index, timeframe="1d"):
    names = [name.replace("1d", timeframe) for name in FEATURES]
    return pd.DataFrame(ROWS[: len(index)], columns=names, index=index)


DAYS = pd.bdate_range("2014-06-02", "2015-03-02")
LATER_ROWS = {
    "days": ("1d", dated(DAYS), "2015-03-02"),
    "dates": ("1d", dated(pd.Index(DAYS.date)), "2015-03-02"),
    "days of two symbols": (
        "1d", dated(pd.MultiIndex.from_product([DAYS[-80:], ["A", "B"]])), "2015-03-02",
    ),
    "days with a zone": ("1d", dated(DAYS.tz_localize("Asia/Tokyo")), "2015-03-02"),
    "weeks by their Monday": (
        "1w", dated(pd.date_range("2014-06-02", periods=40, freq="7D"), "1w"), "2015-03-02",
    ),
    "hours": (
        "1h", dated(pd.date_range("2014-12-25 10:00", periods=200, freq="h", tz="UTC"), "1h"),
        "2015-01-02T17:00:00+00:00",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LATER_ROWS)
def test_rows_after_the_training_are_no_training(tmp_path, case):
    timeframe, rows, last = LATER_ROWS[case]
    known = {"rows": rows, "timeframes": timeframe}
    with pytest.raises(UsageError) as refused:
        save(tmp_path / "dip", **known)
    assert f"the last of the training rows is of {last}" in str(refused.value)
    assert f"trained_until='{last}'" in refused.value.hint
    assert not (tmp_path / "dip").exists()
    saved = save(tmp_path / "dip", **known, trained_until=last)
    assert saved.rows_until == saved.trained_until == pd.Timestamp(last)


def test_months_that_are_keyed_by_their_last_day_end_with_a_session(tmp_path):
    rows = dated(pd.date_range("2012-01-31", "2014-11-30", freq="ME"), "1mo")
    saved = save(tmp_path / "dip", rows=rows, timeframes="1mo", trained_until="2014-11-28")
    assert saved.rows_until == pd.Timestamp("2014-11-28")


def test_rows_to_calibrate_on_are_of_the_training_too(tmp_path):
    labels = (ORDER * len(DAYS))[: len(DAYS)]
    with pytest.raises(UsageError, match="last of the calibration rows is of 2015-03-02"):
        save(tmp_path / "dip", calibration=(dated(DAYS), labels))
    save(tmp_path / "dip", calibration=(dated(DAYS), labels), trained_until="2015-03-02")


def test_dates_of_rows_are_named_where_nobody_dates_the_training(tmp_path):
    saved = save(tmp_path / "dip", rows=dated(DAYS), trained_until=None)
    (warning,) = saved.warnings
    assert warning["code"] == "training_dates_unknown"
    assert "saved with go on until 2015-03-02)" in warning["message"]
    values = json.loads((saved.path / "bundle.json").read_text())
    later = json.dumps(values | {"rows_until": "2015-03-03"})
    other = save(tmp_path / "other", rows=dated(DAYS), trained_until="2015-03-02")
    (other.path / "bundle.json").write_text(
        later.replace('"trained_until": null', '"trained_until": "2015-03-02"')
    )
    with pytest.raises(BundleError, match="the last of the rows is of 2015-03-03"):
        bt.load_bundle(other.path)


REFUSED = {
    "a horizon shorter than the label's": (
        {"label": {"horizon": 5}, "label_horizon": 2},
        "the label looks 5 bars ahead",
    ),
    "NaN weights": ({"model": layers(2, 4, 3) | {"0.bias": np.full(4, np.nan)}}, "NaN"),
    "no weights": ({"model": {}}, "no weights"),
    "texts for weights": ({"model": {"0.weight": "abc"}}, "array of numbers"),
    "no model": ({"model": "model.pt"}, "not the text"),
    "a network of another width": ({"model": layers(3, 4, 3)}, "takes 3"),
    "another number of outputs": ({"model": layers(2, 4, 2)}, "3 outputs"),
    "no order of classes": ({"output_classes": None}, "which class"),
    "an unknown class": ({"output_classes": ["BUY", "SELL", "WAIT"]}, "WAIT"),
    "no activation": ({"activation": None}, "which activation"),
    "an unknown activation": ({"activation": "guess"}, "guess"),
    "a window of an MLP": ({"sequence_length": 5}, "reads one row"),
    "rows of another width": ({"rows": ROWS[:, :1]}, "a column for each feature"),
    "no rows": ({"rows": ROWS[:0]}, "a column for each feature"),
    "texts for rows": ({"rows": "rows"}, "array of numbers"),
    "NaN rows": ({"rows": np.full((5, 2), np.nan)}, "NaN or infinite"),
    "no symbols": ({"symbols": None}, "symbols"),
    "no timeframe": ({"timeframes": "fortnight"}, "fortnight"),
    "no strategy": ({"strategy": None}, "strategy"),
    "no indicators": ({"strategy": {"name": "dip", "nn_inputs": []}}, ""),
    "no name": ({"strategy": {**STRATEGY, "name": None}}, "name"),
    "an unknown kind of output": ({"output_type": "oracle"}, "oracle"),
    "dates in the wrong order": (
        {"trained_from": "2015-01-02"},
        "trained_from 2015-01-02 is after trained_until 2014-12-31",
    ),
    "no date": ({"trained_until": "yesterday"}, "trained_until is 'yesterday', which is no date"),
    "a negative horizon": ({"label_horizon": -1}, "label_horizon"),
    "a negative seed": ({"seed": -1}, "seed"),
    "no label": ({"label": 5}, "label"),
    "an unknown setting": ({"decisions": {"confidence_threshold": 2}}, "confidence_threshold"),
    "metrics that are no JSON": ({"metrics": {"loss": float("nan")}}, "JSON"),
    "few rows to calibrate on": ({"calibration": (ROWS[:3], ["BUY"] * 3)}, "at least 10"),
    "labels that are no classes": ({"calibration": (ROWS, ["UP"] * 200)}, "'UP'"),
    "fewer labels than rows": ({"calibration": (ROWS, ["BUY"])}, "200 rows"),
    "no pair to calibrate on": ({"calibration": ROWS}, "calibration"),
    "no flag": ({"overwrite": "yes"}, "overwrite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_saved_is_refused_and_leaves_nothing(tmp_path, name):
    changes, message = REFUSED[name]
    with pytest.raises(BtkitError) as refused:
        save(tmp_path / "models" / "dip", **changes)
    assert message in str(refused.value)
    assert refused.value.hint
    assert not list(tmp_path.glob("models/*"))


def test_a_bundle_is_replaced_only_where_that_is_wished_for(tmp_path):
    folder = save(tmp_path / "dip").path
    with pytest.raises(BundleError, match="already") as refused:
        save(folder)
    assert "overwrite=True" in refused.value.hint
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(BundleError):
        save(folder, layers(3, 4, 3), overwrite=True)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert save(folder, layers(2, 6, 3), overwrite=True).architecture == "MLP 2-6-3, relu"
    assert [path.name for path in tmp_path.iterdir()] == ["dip"]


def test_what_is_no_bundle_is_never_replaced(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").write_text("dear")
    (tmp_path / "file").write_text("dear")
    for name in ("home", "file"):
        with pytest.raises(BundleError, match="already"):
            save(tmp_path / name, overwrite=True)
    assert (tmp_path / "home" / "letter").read_text() == "dear"
    (tmp_path / "empty").mkdir()
    assert save(tmp_path / "empty").classes == tuple(ORDER)
    with pytest.raises(BundleError, match="written"):
        save(tmp_path / "file" / "dip")
