from __future__ import annotations

import pytest

import btkit as bt
from btkit.errors import SpecError, UsageError
from btkit.spec import OptionsSpec

PLAIN = {
    "name": "plain",
    "spread_type": "short_put_spread",
    "entry_conditions": ["not in_position"],
}


def test_every_problem_is_told_at_once():
    with pytest.raises(SpecError) as caught:
        bt.load_spec(
            PLAIN
            | {
                "spread_type": "butterfly",
                "short_delta": 30,
                "long_delta": 0.0,
                "target_dte": 0,
                "entry_conditions": ["iv_rnk > 30"],
            }
        )
    assert [problem.path for problem in caught.value.problems] == [
        "entry_conditions[0]",
        "spread_type",
        "target_dte",
        "short_delta",
        "long_delta",
    ]


@pytest.mark.parametrize("long_delta", [0.30, 0.45])
def test_the_leg_bought_lies_further_out(long_delta):
    with pytest.raises(SpecError, match="below short_delta"):
        bt.load_spec(PLAIN | {"short_delta": 0.30, "long_delta": long_delta})


@pytest.mark.parametrize("delta", [0, 1, -0.3, 1.2])
def test_deltas_lie_between_0_and_1(delta):
    with pytest.raises(SpecError, match="short_delta"):
        bt.load_spec(PLAIN | {"short_delta": delta})


def test_an_option_spec_is_no_rule_run_and_the_reverse(market):
    with pytest.raises(UsageError, match="option spec") as caught:
        bt.run(PLAIN, market([100.0] * 5))
    assert "options-sim" in caught.value.hint
    rules = bt.load_spec(
        {
            "name": "rules",
            "entry_conditions": ["close > 0"],
            "exit_conditions": [],
            "stop_conditions": [],
        }
    )
    with pytest.raises(UsageError, match="rule spec"):
        bt.options_sim(rules, market([100.0] * 5))


def test_defaults_are_those_of_the_reference():
    spec = bt.load_spec(PLAIN)
    assert isinstance(spec, OptionsSpec)
    assert (spec.target_dte, spec.short_delta, spec.long_delta) == (21, 0.30, 0.15)
    assert (spec.profit_target_pct, spec.stop_loss_pct, spec.risk_free_rate) == (0.5, 2.0, 0.05)
    assert (spec.strike_step, spec.expiry, spec.skew, spec.dividend_yield) == (None, None, 0, 0)
