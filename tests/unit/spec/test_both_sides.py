"""A spec of both sides: what its short side must say, and what it takes over."""

import pytest

from btkit.errors import SpecError, UsageError
from btkit.spec import dump_spec, load_spec, spec_hash

LISTS = {
    "entry_conditions": ["close > sma_{n}"],
    "exit_conditions": ["close < sma_{n}"],
    "stop_conditions": [],
}
SHORT = {
    "entry_conditions": ["close < sma_{n}"],
    "exit_conditions": ["close > sma_{n}"],
    "stop_conditions": ["position_pnl_pct < -0.05"],
}
BOTH = {"name": "both", "direction": "both", "parameters": {"n": 20}, "short": SHORT, **LISTS}
ALL_LISTS = "entry_conditions, exit_conditions and stop_conditions"


def problems(**changes):
    with pytest.raises(SpecError) as caught:
        load_spec(BOTH | changes)
    return [(problem.path, problem.message, problem.hint) for problem in caught.value.problems]


def test_the_short_side_is_a_spec_that_sells_short():
    spec = load_spec(BOTH | {"per_trade_risk_pct": 0.02, "filter_conditions": ["vix < 30"]})
    assert (spec.side, spec.is_short, spec.takes_both_sides) == ("long and short", False, True)
    opposite = spec.opposite
    assert (opposite.direction, opposite.short) == ("short", None)
    assert opposite.filled_conditions == {
        "entry_conditions": ["close < sma_20"],
        "exit_conditions": ["close > sma_20"],
        "stop_conditions": ["position_pnl_pct < -0.05"],
        "filter_conditions": ["vix < 30"],
    }
    assert opposite.position_sizing_formula == spec.position_sizing_formula
    assert opposite.per_trade_risk_pct == 0.02


def test_a_size_of_its_own_stands():
    own = {"position_sizing_formula": "{n}", "per_trade_risk_pct": 0.005}
    opposite = load_spec(BOTH | {"short": SHORT | own}).opposite
    assert (opposite.filled_sizing, opposite.per_trade_risk_pct) == ("20", 0.005)


def test_a_spec_of_one_side_has_no_opposite():
    spec = load_spec({"name": "one", "parameters": {"n": 5}, **LISTS})
    with pytest.raises(UsageError, match="takes one side only"):
        assert spec.opposite


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_it_round_trips(form):
    spec = load_spec(BOTH)
    assert load_spec(dump_spec(spec, format=form)) == spec
    assert spec.replace(parameters={"n": 30}).opposite.filled_conditions["exit_conditions"] == [
        "close > sma_30"
    ]
    changed = spec.replace(short=SHORT | {"stop_conditions": []})
    assert spec_hash(changed) != spec_hash(spec)


def test_names_of_the_short_side_are_read():
    spec = load_spec(BOTH | {"short": SHORT | {"exit_conditions": ["iv_rank > 50"]}})
    assert spec.needs_iv
    assert not load_spec(BOTH).needs_iv


@pytest.mark.parametrize(
    ("short", "path", "message", "hint"),
    [
        (None, "short", "this field is missing, and direction is 'both'",
         f"give the short side's {ALL_LISTS}"),
        ([], "short", "must be a mapping, not a list", f"write its {ALL_LISTS}"),
        ({1: []} | SHORT, "short", "a field's name must be a text, not the number 1",
         "write each field by its name, such as entry_conditions"),
        (SHORT | {"entry_conditions": []}, "short.entry_conditions", "is empty",
         'list at least one condition, such as "close > sma_50"'),
        ({name: SHORT[name] for name in ("entry_conditions", "exit_conditions")},
         "short.stop_conditions", "this field is missing", "write [] if there are none"),
        (SHORT | {"exit_conditions": "close > 1"}, "short.exit_conditions",
         "must be a list, not the text 'close > 1'", 'write a list of one: ["close > 1"]'),
        (SHORT | {"exit_conditions": [7]}, "short.exit_conditions[0]",
         "must be a text, not the number 7", 'put it in quotes: "7"'),
        (SHORT | {"exit_conditions": ["clos > 1"]}, "short.exit_conditions[0]",
         "unknown name 'clos'", "did you mean 'close'?"),
        (SHORT | {"exit_conditions": ["close > {m}"]}, "short.exit_conditions[0]",
         "unknown parameter 'm'", "give 'm' a number under parameters"),
        (SHORT | {"position_sizing_formula": "'a'"}, "short.position_sizing_formula", None, None),
        (SHORT | {"per_trade_risk_pct": 0.5}, "short.per_trade_risk_pct",
         "must be at most 0.02, not 0.5",
         "0.01 risks 1 % of the capital per trade; 0.02 is the hard cap"),
        (SHORT | {"filter_conditions": []}, "short.filter_conditions",
         "unknown field 'filter_conditions'",
         "leave it out here: that of the spec holds for both sides"),
        (SHORT | {"exit_condition": []}, "short.exit_condition",
         "unknown field 'exit_condition'", "did you mean 'exit_conditions'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_short_side(short, path, message, hint):
    ((found, *said),) = problems(short=short)
    assert found == path
    assert message is None or said == [message, hint]


@pytest.mark.parametrize("direction", ["long", "short", None])
def test_a_short_side_beside_one_direction_is_refused(direction):
    ((path, message, _),) = problems(direction=direction)
    assert (path, message) == ("short", "is read only where direction is 'both'")


def test_pointers_lead_into_the_short_side():
    with pytest.raises(SpecError) as caught:
        load_spec(BOTH | {"short": SHORT | {"exit_conditions": [7, "clos > 1"]}})
    assert [problem.pointer for problem in caught.value.problems] == [
        "/short/exit_conditions/0",
        "/short/exit_conditions/1",
    ]


def test_a_parameter_of_the_short_side_alone_is_used():
    spec = load_spec(
        BOTH
        | {
            "parameters": {"n": 20, "m": 3},
            "short": SHORT | {"exit_conditions": ["bars_held > {m}"]},
        }
    )
    assert spec.opposite.filled_conditions["exit_conditions"] == ["bars_held > 3"]
