"""Model specs: what tells one, what it may say, and what is refused in which words."""

import pytest
import yaml

from btkit.errors import SpecError
from btkit.settings import Settings
from btkit.spec import (
    ModelSpec,
    StrategySpec,
    dump_spec,
    infer_kind,
    kind_of,
    load_spec,
    spec_hash,
)

SPEC = {"name": "m", "model_path": "models/m"}
V3 = """
name: dip
version: "3.0"
indicators: {rsi_14: {type: rsi, period: 14}}
fuzzy_sets: {momentum: {indicator: rsi_14, low: [0, 25, 40]}}
nn_inputs: [{fuzzy_set: momentum, timeframes: ["1h"]}]
model: {type: mlp}
training: {epochs: 10}
decisions:
  output_format: regression
  position_awareness: false
  filters: {min_signal_separation: 8}
  cost_model: {round_trip_cost: 0.002, min_edge_multiplier: 2.0}
training_data:
  symbols: {mode: multi, list: [EURUSD]}
  timeframes: {mode: single, timeframe: "1h"}
"""


def problems(source):
    with pytest.raises(SpecError) as caught:
        load_spec(source)
    return {problem.path: f"{problem.message}; {problem.hint}" for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"model_path": "x"}, "has a model_path"),
        ({"models": {"2012-01-03": "x"}}, "has a models"),
        ({"confidence_threshold": 0.6}, "has a confidence_threshold"),
        ({"model_path": "x", "position_sizing_formula": "1"}, "has a model_path"),
        ({"models": "folder", "allow_fractional": False}, "has a models"),
    ],
)
def test_its_fields_tell(fields, why):
    spec = load_spec({"name": "m", **fields})
    assert isinstance(spec, ModelSpec)
    assert why in kind_of(spec)[1]


def test_a_symbol_alone_makes_no_model_of_a_rule():
    rule = {
        "name": "r", "entry_conditions": ["close > 1"], "exit_conditions": [],
        "stop_conditions": [], "symbol": "SPX",
    }  # fmt: skip
    assert problems(rule) == {
        "symbol": "unknown field 'symbol'; leave it out: the instrument is that of --symbol"
    }
    assert isinstance(load_spec({**rule, "symbol": None}), StrategySpec)


def test_a_spec_is_the_same_after_it_was_written_in_any_form():
    known = load_spec({**SPEC, "trained_until": "2011-12-30", "allow_other": ["symbol"]})
    for form in ("json", "yaml"):
        assert load_spec(dump_spec(known, format=form)) == known
    bare = load_spec({"name": "m", "confidence_threshold": 0.5})
    assert load_spec(bare.model_dump(mode="json")) == bare
    # One without any own field but the default path is told by what it writes out.
    assert load_spec(known.replace(model_path=None).model_dump(mode="json")).kind == "model"


def test_the_hash_sees_what_decides():
    known = load_spec(SPEC)
    hashes = {
        spec_hash(known.replace(**changes))
        for changes in (
            {}, {"model_path": "models/n"}, {"confidence_threshold": 0.5},
            {"allow_short_from_flat": True}, {"trained_until": "2011-12-30"},
            {"output_classes": ["BUY", "SELL", "HOLD"]}, {"commission_model": "per_order"},
        )
    }  # fmt: skip
    assert len(hashes) == 7
    assert spec_hash(known) == spec_hash(load_spec({**SPEC, "metadata": {"a": 1}}))


def test_a_limit_of_the_environment_is_none_of_a_models():
    known = Settings(_env_file=None, max_holding_bars=7)
    assert load_spec(SPEC, settings=known).max_holding_bars > 10**9
    assert load_spec({**SPEC, "max_holding_bars": 3}, settings=known).max_holding_bars == 3


def test_fields_of_other_kinds_are_refused_with_what_to_do_instead():
    found = problems(
        {
            **SPEC, "entry_conditions": ["close > 1"], "exit_conditions": ["close < 1"],
            "direction": "short", "target_dte": 21, "max_concurrent_positions": 2,
        }
    )  # fmt: skip
    assert "the model decides when a position opens" in found["entry_conditions"]
    assert "stop condition" in found["exit_conditions"]
    assert "allow_short_from_flat" in found["direction"]
    assert "no options" in found["target_dte"]
    assert "must be at most 1, not 2" in found["max_concurrent_positions"]


@pytest.mark.parametrize(
    ("fields", "path", "said"),
    [
        ({"models": {"2012": "x"}}, "models", "has '2012', which is no date as YYYY-MM-DD"),
        ({"models": {"2012-01-03": ""}}, "models", "has '' at 2012-01-03, which is no path"),
        ({"models": {}}, "models", "must be the path of a folder"),
        ({"models": 5}, "models", "must be the path of a folder"),
        ({"model_path": "x", "models": "y"}, "models", "stands beside model_path"),
        ({"models": "y", "trained_until": "2012-01-03"}, "trained_until", "each of several"),
        ({"model_path": "", "label_horizon": 5}, "model_path", "is empty"),
        ({"trained_until": "2012-02-30", **SPEC}, "trained_until", "2011-12-30"),
        ({**SPEC, "output_classes": ["BUY", "BUY"]}, "output_classes", "names 'BUY' twice"),
        ({**SPEC, "output_classes": ["BUY", "a b"]}, "output_classes[1]", "no name of a class"),
        ({**SPEC, "output_activation": "relu"}, "output_activation", "'logits'"),
        ({**SPEC, "confidence_threshold": 60}, "confidence_threshold", "at most 1"),
        ({**SPEC, "min_signal_separation": -1}, "min_signal_separation", "24 is a day"),
        ({**SPEC, "label_horizon": 1.5}, "label_horizon", "a whole number"),
        ({**SPEC, "interval": "7q"}, "interval", "a length of bars"),
        ({**SPEC, "allow_other": ["model"]}, "allow_other[0]", "'symbol', 'timeframe'"),
        ({**SPEC, "position_sizing_formula": "fees"}, "position_sizing_formula", "unknown name"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(fields, path, said):
    found = problems({"name": "m", **fields})
    assert list(found) == [path]
    assert said in found[path]


def test_costs_are_names_of_a_models_formula_alone():
    assert load_spec({**SPEC, "position_sizing_formula": "slippage + commission"})
    rule = {
        "name": "r", "entry_conditions": ["close > 1"], "exit_conditions": [],
        "stop_conditions": [], "position_sizing_formula": "1 / commission",
    }  # fmt: skip
    assert "unknown name 'commission'" in problems(rule)["position_sizing_formula"]
    assert (
        "unknown name"
        in problems({**SPEC, "stop_conditions": ["slippage > 0"]})["stop_conditions[0]"]
    )


def test_a_v3_strategy_becomes_one():
    spec = load_spec(V3)
    assert isinstance(spec, ModelSpec)
    assert (spec.name, spec.version, spec.symbol, spec.interval) == ("dip", "3.0", "EURUSD", "1h")
    assert (spec.min_signal_separation, spec.position_awareness) == (8.0, False)
    assert (spec.round_trip_cost, spec.min_edge_multiplier) == (0.002, 2.0)
    assert set(spec.features) == {"indicators", "fuzzy_sets", "nn_inputs", "output_format"}
    assert load_spec(dump_spec(spec)) == spec


def test_what_a_v3_strategy_decides_by_and_nobody_knows_is_refused():
    found = problems(V3.replace("filters: {", "filters: {volume: 3, "))
    assert list(found) == ["decisions.filters.volume"]
    assert "would decide otherwise" in found["decisions.filters.volume"]


@pytest.mark.parametrize(
    ("fields", "sign"),
    [
        ({"model_path": ""}, "model_path"),
        ({"model_path": None}, "model_path"),
        ({"models": None}, "models"),
        ({"models": ""}, "models"),
        ({"models": "", "position_sizing_formula": "1"}, "models"),
    ],
)
def test_a_model_that_is_named_by_nothing_is_none_of_a_rule(fields, sign):
    told = infer_kind({"name": "m", **fields})
    assert (told.kind, told.why) == ("model", f"has a {sign}, if an empty one")
    rule = {"entry_conditions": ["close > 1"], "exit_conditions": [], "stop_conditions": []}
    assert infer_kind({"name": "m", **rule, **fields}).kind == "rules"


def test_an_empty_path_has_a_sentence_of_its_own():
    assert problems({"name": "m", "model_path": ""}) == {
        "model_path": "is empty; write the bundle's folder, such as models/dip/SPX_1d; left out, "
        "it is models/<name>/<SYMBOL>_<timeframe>"
    }
    assert load_spec({"name": "m", "models": None}).kind == "model"


V3_FIELDS = yaml.safe_load(V3)


@pytest.mark.parametrize("part", ["fuzzy_sets", "indicators", "training_data", "decisions",
                                  "model", "training"])  # fmt: skip
def test_any_part_of_a_v3_strategy_tells_it(part):
    values = {"name": "dip", part: V3_FIELDS[part]}
    told = infer_kind(values)
    assert (told.kind, told.why) == ("model", f"has {part}, as another system's strategies do")
    found = problems(values)
    assert found["nn_inputs"].startswith("this field is missing; write such as")
    assert ("indicators" in found) == (part != "indicators")
    # Of a rule it is a field that nobody knows, and a word in it is none of a strategy's.
    rule = {"entry_conditions": ["close > 1"], "exit_conditions": [], "stop_conditions": []}
    assert list(problems({**values, **rule})) == [part]
    assert "another system" not in infer_kind({"name": "dip", part: "a text"}).why


def test_misspelt_parts_of_a_v3_strategy_are_named():
    values = {key: value for key, value in V3_FIELDS.items() if key not in ("nn_inputs", "model")}
    values |= {"nn_input": V3_FIELDS["nn_inputs"], "modle": {"type": "mlp"}, "deployment": {}}
    assert problems(values) == {
        "nn_input": "unknown key 'nn_input' of a strategy of version 3; did you mean 'nn_inputs'?",
        "modle": "unknown key 'modle' of a strategy of version 3; did you mean 'model'?",
    }


@pytest.mark.parametrize(
    ("more", "path", "said"),
    [
        ({"model_path": "x"}, "model_path", "--model-path"),
        ({"confidence_threshold": 0.5}, "confidence_threshold",
         "write it as decisions.confidence_threshold"),
        ({"stop_conditions": []}, "stop_conditions", "write a spec of its own"),
        ({"version": "2.1"}, "version", "strategies of version 3 are read"),
        ({"decisions": {"confidence_treshold": 0.6}}, "decisions.confidence_treshold",
         "did you mean 'confidence_threshold'?"),
        ({"decisions": {"confidence_threshold": 60}}, "decisions.confidence_threshold",
         "must be at most 1, not 60"),
        ({"decisions": {"filters": {"min_signal_separation": "x"}}},
         "decisions.filters.min_signal_separation", "must be a number"),
        ({"training_data": {"symbols": {"symbol": 5}}}, "training_data.symbols.symbol",
         "must be a text"),
        ({"training_data": {"timeframes": {"timeframe": "7q"}}},
         "training_data.timeframes.timeframe", "a length of bars"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_v3_strategy_is_named_where_it_stands_there(more, path, said):
    found = problems({**V3_FIELDS, **more})
    assert list(found) == [path]
    assert said in found[path]
    with pytest.raises(SpecError) as caught:
        load_spec({**V3_FIELDS, **more})
    [problem] = caught.value.problems
    assert problem.pointer == "/" + path.replace(".", "/")


def test_the_order_of_outputs_may_stand_in_a_v3_strategy():
    decisions = {"output_classes": ["BUY", "SELL", "HOLD"], "num_classes": 3}
    spec = load_spec({**V3_FIELDS, "decisions": decisions})
    assert spec.output_classes == ("BUY", "SELL", "HOLD")


@pytest.mark.parametrize(
    ("field", "meant"),
    [("modelpath", "model_path"), ("model-path", "model_path"), ("model", "models"),
     ("confidence_treshold", "confidence_threshold")],
)  # fmt: skip
def test_a_misspelt_sign_tells_where_nothing_else_does(field, meant):
    told = infer_kind({"name": "m", field: "x"})
    assert (told.kind, told.why) == ("model", f"has '{field}', which may be meant as {meant}")
    found = problems({"name": "m", field: "x"})
    assert list(found) == [field]
    assert f"'{meant}'" in found[field]
    rule = {"entry_conditions": ["close > 1"], "exit_conditions": [], "stop_conditions": []}
    assert infer_kind({"name": "m", **rule, field: "x"}).kind == "rules"


def test_what_a_v3_strategy_answers_is_one_of_two_things():
    values = {**V3_FIELDS, "decisions": {"output_format": "klassifikation"}}
    assert "must be classification or regression" in problems(values)["decisions.output_format"]
