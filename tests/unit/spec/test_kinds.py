"""Which kind of spec a file is taken for, and that none is taken for the other."""

import pytest
from support.specs import rules, spread

from btkit.errors import SpecError, SpecKindError
from btkit.spec import OptionsSpec, StrategySpec, kind_of, load_spec

BARE = {"name": "tiny", "entry_conditions": ["close > sma_50"]}


@pytest.mark.parametrize(
    ("source", "kind", "why"),
    [
        (rules(), "rules", "lists exits or stops"),
        (rules(direction="short"), "rules", "has direction, which only rule specs have"),
        (rules(position_sizing_formula="1"), "rules", "has position_sizing_formula"),
        (spread(), "options", "has a spread_type"),
        (BARE | {"target_dte": 21}, "options", "has target_dte, which only option specs have"),
        (rules(short_delta=0.2), "options", "has short_delta"),
        (BARE | {"spread_type": "iron_condor", "exit_conditions": []}, "options", "spread_type"),
        (rules(spread_type=None), "rules", "lists exits or stops"),
    ],
)
def test_the_fields_tell(source, kind, why):
    spec = load_spec(source)
    assert isinstance(spec, OptionsSpec if kind == "options" else StrategySpec)
    known, reason = kind_of(spec)
    assert known == kind
    assert why in reason
    assert load_spec(source, kind=kind) == spec
    other = "rules" if kind == "options" else "options"
    for wrong in (source, spec):
        with pytest.raises(SpecKindError) as caught:
            load_spec(wrong, kind=other)
        assert caught.value.details["kind"] == kind
        assert ("options-sim" in caught.value.hint) == (kind == "options")


@pytest.mark.parametrize("field", ["stop_loss_pct", "profit_target_pct", "risk_free_rate"])
def test_a_field_that_a_rule_may_mean_otherwise_makes_no_option_spec(field):
    with pytest.raises(SpecError) as caught:
        load_spec(rules(**{field: 0.05}))
    (problem,) = caught.value.problems
    assert problem.path == field
    assert problem.hint.startswith("leave it out")
    assert "spread" not in problem.hint
    assert caught.value.details["kind"] == "rules"


def test_where_nothing_tells_a_spec_is_what_it_is_needed_as():
    assert load_spec(BARE, kind="options").spread_type == "short_put_spread"
    with pytest.raises(SpecError, match="exit_conditions: this field is missing"):
        load_spec(BARE, kind="rules")
    with pytest.raises(SpecError, match="exit_conditions: this field is missing"):
        load_spec(BARE)
