"""Contracts through `simulate`: what is warned of, and what tables say of them."""

import pandas as pd
import pytest

import btkit as bt
from btkit.errors import SpecError
from btkit.spec import spec_hash

SPEC = {
    "name": "contracts",
    "asset_class": "futures",
    "multiplier": 50,
    "initial_margin": 12_000,
    "entry_conditions": ["close == 4000"],
    "exit_conditions": [],
    "stop_conditions": [],
    "position_sizing_formula": "4",
    "max_holding_bars": 9,
}
FALLING = (4000, 3995, 3985, 4100, 4100)


def bars(closes=FALLING):
    opens = (closes[0], *closes[:-1])
    return pd.DataFrame(
        {
            "open": opens,
            "high": [max(pair) for pair in zip(opens, closes, strict=True)],
            "low": [min(pair) for pair in zip(opens, closes, strict=True)],
            "close": closes,
            "volume": 1.0,
        },
        index=pd.bdate_range("2024-01-02", periods=len(closes)),
        dtype=float,
    )


def simulate(given=None, **changes):
    data = bars() if given is None else given
    return bt.simulate(SPEC | changes, data, capital=50_000, commission=2.25, slippage=0)


def codes(result):
    return [warning["code"] for warning in result.warnings]


def test_a_margin_call_is_in_the_headline():
    result = simulate()
    (said,) = [one["message"] for one in result.warnings if one["code"] == "margin_call"]
    assert result.trades["exit_reason"].tolist() == ["margin_call"]
    assert "1 of 1 trades left for that (2024-01-05)" in said


def test_futures_without_a_multiplier_are_warned_of():
    assert "no_multiplier" in codes(simulate(multiplier=None, initial_margin=None))
    assert "no_multiplier" not in codes(simulate(multiplier=1))
    assert "no_multiplier" not in codes(simulate(multiplier=None, asset_class="equities"))


def test_a_usual_size_that_forgets_the_multiplier_is_warned_of():
    assert "size_without_multiplier" in codes(simulate(position_sizing_formula=None))
    assert "size_without_multiplier" not in codes(simulate())
    assert "size_without_multiplier" not in codes(
        simulate(position_sizing_formula=None, multiplier=1)
    )


def test_returns_and_turnover_are_of_units_times_multiplier_times_price():
    result = simulate(bars((4000, 4000, 4040, 4040)), position_sizing_formula="2")
    trade = result.trades.iloc[0]
    # Bought at 4,000 and sold at 4,040, $2.25 a contract and side.
    assert trade["pnl"] == 2 * 50 * 40 - 9
    assert trade["return_pct"] == trade["pnl"] / (2 * 50 * 4000)
    filled = 2 * 50 * (4000 + 4040)
    days = (result.bars.index[-1] - result.bars.index[0]).days
    a_year = filled / 2 / result.equity.mean() * 365.25 / days
    assert result.metrics.turnover == pytest.approx(a_year, rel=1e-12)
    assert trade["mfe_pct"] == 4040 / 4000 - 1


@pytest.mark.parametrize("field", ["multiplier", "initial_margin"])
@pytest.mark.parametrize("value", [0, -1, "50", True, float("inf")])
def test_what_is_no_multiplier_or_margin_is_refused(field, value):
    with pytest.raises(SpecError) as refused:
        bt.load_spec(SPEC | {field: value})
    assert [problem.path for problem in refused.value.problems] == [field]


@pytest.mark.parametrize("field", ["multiplier", "initial_margin"])
def test_option_specs_and_short_sides_have_neither(field):
    spread = {"name": "sold", "entry_conditions": ["close > 1"], "spread_type": "iron_condor"}
    side = {"entry_conditions": ["close < 1"], "exit_conditions": [], "stop_conditions": []}
    for spec, path in (
        (spread | {field: 50}, field),
        (SPEC | {"direction": "both", "short": side | {field: 50}}, f"short.{field}"),
    ):
        with pytest.raises(SpecError) as refused:
            bt.load_spec(spec)
        assert [problem.path for problem in refused.value.problems] == [path]
        assert "leave it out" in refused.value.problems[0].hint


def test_the_hash_of_a_spec_without_contracts_is_that_of_one_that_leaves_them_out():
    plain = {name: SPEC[name] for name in SPEC if name not in {"multiplier", "initial_margin"}}
    kept = bt.load_spec(plain)
    assert spec_hash(kept) == spec_hash(kept.replace(multiplier=None))
    assert spec_hash(kept) == spec_hash(kept.replace(multiplier=1.0))
    assert spec_hash(kept) != spec_hash(kept.replace(multiplier=50.0))
