"""What a run would refuse of a spec and of its trained models is found without running it."""

import json

import pytest
import yaml
from support.classifiers import reading, regime_bundle
from support.small_models import DEFINITION, write_bundle

import btkit as bt
from btkit.errors import BtkitError, SpecError, UsageError
from btkit.jobs.validating import validate

RANGE = ("SPX", "2012-01-20", "2012-12-31")
SPEC = {"name": "small", "model_path": "models/small/SPX_1d", "symbol": "SPX"}
V3 = {
    "name": "small",
    "version": "3.0",
    **DEFINITION,
    "model": {"type": "mlp", "architecture": {"hidden_layers": [8]}},
    "decisions": {"output_format": "classification"},
    "training_data": {
        "symbols": {"mode": "single", "symbol": "SPX"},
        "timeframes": {"mode": "single", "timeframe": "1d", "base_timeframe": "1d"},
    },
}


@pytest.fixture
def folder(settings, tmp_path):
    """Give the bundle's folder; the working folder is what it is named from."""
    del settings
    return write_bundle(tmp_path / "models" / "small" / "SPX_1d")


@pytest.fixture
def check(settings, tmp_path):
    def call(fields, name="spec.yaml", **told):
        path = tmp_path / name
        path.write_text(yaml.safe_dump(fields, sort_keys=False))
        return validate(path, settings=settings, **told)

    return call


@pytest.fixture
def refused(check):
    def call(fields, **told):
        with pytest.raises(SpecError) as caught:
            check(fields, **told)
        json.dumps(caught.value.to_document())
        return {problem.path: problem for problem in caught.value.problems}

    return call


def test_what_a_run_takes_is_valid_and_names_its_bundles(check, folder):
    found = check(SPEC)
    [(field, known)] = found.bundles
    assert (found.kind, found.why, field) == ("model", "has a model_path", "model_path")
    assert (known.path, known.bundle.hash) == (SPEC["model_path"], bt.load_bundle(folder).hash)
    assert found.warnings == list(known.bundle.warnings)
    other = check(V3, model_path=str(folder))
    assert other.why == "has nn_inputs, as another system's strategies do"
    assert other.spec.model_path == str(folder)


def test_where_a_bundle_lies_may_hang_on_what_a_run_is_told(check, refused, folder):
    del folder
    bare = {"name": "small", "confidence_threshold": 0.4}
    assert check(bare).warnings[0]["code"] == "bundle_unknown"
    assert check(bare, symbol="SPX").bundles
    assert "models/small/IXIC_1d: This is no folder" in (
        refused(bare, symbol="IXIC")["model_path"].message
    )


def test_every_reason_against_a_bundle_is_said_as_inspecting_it_says_them(check, folder):
    write_bundle(folder, output_classes=["BUY", "BUY", "HOLD"], trained_until="soon")
    reasons = bt.inspect_bundle(folder)["problems"]
    assert len(reasons) > 1
    with pytest.raises(SpecError) as caught:
        check(SPEC)
    problems = caught.value.problems
    assert [problem.message.partition(": ")[2] for problem in problems] == [
        f"{reason['path']}: {reason['message']}" for reason in reasons
    ]
    assert {problem.pointer for problem in problems} == {"/model_path"}


def test_bundles_by_date_and_classifiers_are_named_by_their_place(refused, folder, tmp_path):
    regime_bundle(tmp_path / "models/regime")
    spec = {
        "name": "small",
        "symbol": "SPX",
        "models": {"2012-01-20": str(folder), "2013-01-02": "models/gone"},
        "classifiers": {
            "regime": {"path": "models/regime", "allow_other": []},
            "context": {"2012-01-20": "models/gone", "2013-01-02": str(folder)},
        },
    }
    found = refused(spec, interval="1h")
    assert {path: problem.pointer for path, problem in found.items()} == {
        "models.2013-01-02": "/models/2013-01-02",
        "models": "/models",
        "classifiers.regime": "/classifiers/regime",
        "classifiers.context.2012-01-20": "/classifiers/context/2012-01-20",
        "classifiers.context": "/classifiers/context",
    }
    assert "trained on bars of 1d, and these are of 1h" in found["models"].message
    assert "allow_other: [...]" in found["classifiers.regime"].hint


@pytest.mark.parametrize("kind", ["models", "classifiers"])
def test_a_bundle_that_was_trained_after_its_date_is_refused_as_by_a_run(
    check, refused, folder, settings, kind
):
    def of(date):
        dated = {date: str(folder)}
        if kind == "models":
            return {"name": "small", "models": dated}
        return reading("x", classifiers={"regime": dated})

    place = "models" if kind == "models" else "classifiers.regime"
    # Trained until 2011-12-30, and a label looked five bars ahead: which these are, bars say.
    told = refused(of("2012-01-03"), symbol="SPX")[place].message
    assert "stands at 2012-01-03, and what it learnt was not known before 2012-01-04" in told
    with pytest.raises(BtkitError, match="stands at 2012-01-03, and what it learnt was not known"):
        bt.run(of("2012-01-03"), *RANGE, settings=settings)
    assert check(of("2012-01-09"), symbol="SPX").bundles


def test_of_a_rule_the_classifiers_are_checked(check, refused, tmp_path):
    regime_bundle(tmp_path / "models/regime")
    assert [field for field, _ in check(reading("models/regime")).bundles] == ["classifiers.regime"]
    write_bundle(tmp_path / "models/regime", outputs=1)
    told = refused(reading("models/regime"))["classifiers.regime"].message
    assert "is a regression, and tells no classes apart" in told


def changed(part, **entries):
    return {**V3, part: {**V3[part], **entries}}


@pytest.mark.parametrize("told", [{}, {"model_path": "models/small/SPX_1d"}])
def test_a_v3_strategy_is_checked_with_its_bundle_and_without(refused, folder, told):
    del folder
    mistyped = changed("indicators", rsi_14={"type": "rsii", "period": 0})
    problem = refused(mistyped, **told)["indicators.rsi_14.type"]
    assert problem.pointer == "/indicators/rsi_14/type"
    assert problem.hint.startswith("did you mean 'rsi'?")
    both = refused({**mistyped, "decisions": {"confidence_threshold": 60}}, **told)
    assert set(both) == {"decisions.confidence_threshold", "indicators.rsi_14.type"}
    outside = {**V3, "context_data": [{"provider": "fred", "series": "DGS10"}]}
    assert "fred DGS10" in refused(outside, **told)["context_data"].message


def test_a_v3_strategy_of_other_features_than_its_bundles_is_refused(refused, folder):
    other = changed("indicators", rsi_14={"type": "rsi", "period": 7})
    found = refused(other, model_path=str(folder))
    assert list(found) == ["model_path"]
    assert "was not trained on the features of small" in found["model_path"].message
    assert list(refused({**V3, "nn_input": V3["nn_inputs"], "nn_inputs": None})) == ["nn_input"]


@pytest.mark.parametrize(
    "fields",
    [
        {**SPEC, "model_path": "models/gone"},
        {**SPEC, "symbol": "IXIC"},
        {**SPEC, "interval": "1w"},
        {**SPEC, "output_classes": ["SELL", "BUY", "HOLD"]},
        {**SPEC, "models": "models/small", "model_path": None},
        {**SPEC, "classifiers": {"regime": "models/gone"}},
        changed("indicators", rsi_14={"type": "rsii"}),
        {**V3, "nn_inputs": [{"fuzzy_set": "momentum", "timeframes": ["1q"]}]},
        {**V3, "nn_inputs": {"a": 1}},
        {**V3, "fuzzy_sets": 5},
    ],
)
def test_what_is_found_a_run_refuses_as_well(refused, settings, folder, fields):
    del folder
    assert refused(fields)
    with pytest.raises(BtkitError):
        bt.run(fields, fields.get("symbol") or "SPX", *RANGE[1:], settings=settings)


def test_arguments_that_make_no_sense(check):
    with pytest.raises(UsageError):
        check(SPEC, interval="7q")
    with pytest.raises(UsageError, match="is a rule spec, and has no model"):
        check(reading("x"), model_path="y")
