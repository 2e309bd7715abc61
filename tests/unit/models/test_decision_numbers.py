"""The numbers of decisions are read alike wherever they are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.small_models import DEFINITION

from btkit.errors import SpecError
from btkit.models.strategy_settings import CostModel, Filters, read_decisions
from btkit.spec import DECISION_NUMBERS, load_spec
from btkit.spec.deciding import NESTED

STRATEGY = {
    "name": "dip",
    "version": "3.0",
    "training_data": {
        "symbols": {"mode": "single", "symbol": "SPX"},
        "timeframes": {"mode": "single", "timeframe": "1d"},
    },
    **DEFINITION,
}


def nested(name, value):
    for part, names in NESTED.items():
        if name in names:
            return {part: {name: value}}
    return {name: value}


def taken(read, *arguments):
    """Return what is read, None for a refusal."""
    try:
        return read(*arguments)
    except SpecError:
        return None


def readings(name, value):
    """Return what a spec, a strategy and a bundle make of a number."""
    written = nested(name, value)
    spec = taken(load_spec, {"name": "m", "model_path": "anywhere", name: value})
    strategy = taken(load_spec, {**STRATEGY, "decisions": written})
    bundle = taken(read_decisions, written)
    return [None if found is None else getattr(found, name) for found in (spec, strategy, bundle)]


@given(
    name=st.sampled_from(DECISION_NUMBERS),
    value=st.floats(0, 2e6)
    | st.floats()
    | st.integers(-2, 2_000_000)
    | st.sampled_from([0.0, 1.0, math.nextafter(1.0, 2.0), 1e6, 1e6 + 1e-3, 5e-324, True, "0.5"]),
)
def test_a_spec_a_strategy_and_a_bundle_take_the_same_numbers(name, value):
    spec, strategy, bundle = readings(name, value)
    assert spec == strategy == bundle


@pytest.mark.parametrize(
    ("name", "most"),
    [("confidence_threshold", 1.0), ("round_trip_cost", 1.0), ("min_edge_multiplier", 1e6),
     ("min_signal_separation", 1e6)],
)  # fmt: skip
def test_each_number_has_one_end(name, most):
    assert readings(name, most) == [most] * 3
    assert readings(name, math.nextafter(most, math.inf)) == [None] * 3
    assert readings(name, -1e-9) == [None] * 3


def test_a_factor_of_nothing_is_refused():
    assert readings("min_edge_multiplier", 0.0) == [None] * 3
    assert readings("round_trip_cost", 0.0) == [0.0] * 3


def test_what_is_written_deeper_is_what_is_read_there():
    models = {"filters": Filters, "cost_model": CostModel}
    assert {part: tuple(model.model_fields) for part, model in models.items()} == NESTED
