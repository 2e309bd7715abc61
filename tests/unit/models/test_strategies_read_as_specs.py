"""A v3 strategy says the same as a spec that is run and as what a bundle was trained by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.small_models import DEFINITION

from btkit.models import read_strategy_v3
from btkit.spec import DECISION_NUMBERS, load_spec

SHARE = st.floats(0, 1, exclude_max=True, allow_subnormal=False)
DECISIONS = st.fixed_dictionaries(
    {"output_format": st.sampled_from(["classification", "regression"])},
    optional={
        "confidence_threshold": SHARE,
        "position_awareness": st.booleans(),
        "allow_short_from_flat": st.booleans(),
        "filters": st.fixed_dictionaries(
            {}, optional={"min_signal_separation": st.floats(0, 1_000, allow_subnormal=False)}
        ),
        "cost_model": st.fixed_dictionaries(
            {},
            optional={"round_trip_cost": SHARE, "min_edge_multiplier": st.floats(0.1, 1_000)},
        ),
    },
)
NAMES = (*DECISION_NUMBERS, "position_awareness", "allow_short_from_flat")


def strategy(decisions, symbols):
    return {
        "name": "small",
        "version": "3.0",
        **DEFINITION,
        "model": {"type": "mlp", "architecture": {"hidden_layers": [8]}},
        "decisions": decisions,
        "training_data": {
            "symbols": symbols,
            "timeframes": {"mode": "single", "timeframe": "1d", "base_timeframe": "1d"},
        },
    }


@given(DECISIONS)
def test_what_is_stated_decides_alike_and_the_rest_is_left_to_the_bundle(decisions):
    values = strategy(decisions, {"mode": "single", "symbol": "SPX"})
    trained, spec = read_strategy_v3(values).decisions, load_spec(values)
    for name in NAMES:
        told = getattr(spec, name)
        assert (told is not None) == (name in trained.stated)
        assert told is None or told == getattr(trained, name)


@pytest.mark.parametrize(
    "symbols", [{"mode": "single", "symbol": "SPX"}, {"mode": "multi_symbol", "list": ["IXIC"]}]
)
def test_both_take_the_same_symbol_and_bars(symbols):
    values = strategy({"output_format": "classification"}, symbols)
    trained, spec = read_strategy_v3(values), load_spec(values)
    assert trained.symbols == (spec.symbol,)
    assert trained.base_timeframe == spec.interval
