"""SEMANTICS 4.8: no spread loses more than its max loss, or gains more than its credit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from oracle.strategies_options import frames, specs

import btkit as bt

PATIENT = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
ROUNDING = 1e-9


@PATIENT
@given(frames(), specs())
def test_without_costs_the_bounds_are_exact(bars, spec):
    result = bt.simulate(
        bt.load_spec(spec, kind="options"), bars, capital=5e6, commission=0.0, slippage=0.0
    )
    for spread in result.spreads:
        shares = 100 * spread.contracts
        assert spread.pnl >= -spread.max_loss * (1 + ROUNDING)
        assert spread.pnl <= spread.credit * shares * (1 + ROUNDING)
        assert spread.max_loss > 0
    assert not result.ruined


@PATIENT
@given(frames(), specs())
def test_commissions_and_slippage_aside_the_bounds_hold(bars, spec):
    result = bt.simulate(
        bt.load_spec(spec, kind="options"), bars, capital=5e6, commission=1.0, slippage=0.02
    )
    costs = result.trades["commission"] + result.trades["slippage_cost"]
    for spread, cost in zip(result.spreads, costs, strict=True):
        shares = 100 * spread.contracts
        wing = max(
            abs(spread.legs[at].strike - spread.legs[at + 1].strike)
            for at in range(0, len(spread.legs), 2)
        )
        mid_credit = spread.credit + 0.02 * sum(
            leg.entry_price / (0.98 if leg.side == "short" else 1.02) for leg in spread.legs
        )
        gross = spread.pnl + cost
        scale = 1 + wing * shares
        assert gross <= mid_credit * shares + ROUNDING * scale
        assert gross >= (mid_credit - wing) * shares - ROUNDING * scale


@PATIENT
@given(frames(), specs())
def test_cash_adds_up_and_is_never_borrowed_at_an_entry(bars, spec):
    result = bt.simulate(
        bt.load_spec(spec, kind="options"), bars, capital=5e6, commission=0.65, slippage=0.0
    )
    assert (result.cash.to_numpy() >= -ROUNDING * 5e6).all()
    made = sum(spread.pnl for spread in result.spreads)
    assert result.equity.iloc[-1] == pytest.approx(5e6 + made, rel=1e-12)
    open_value = result.invested.to_numpy()
    assert (open_value >= -ROUNDING * 5e6).all()


def test_more_slippage_never_helps_one_spread(market):
    bars = market(1000 * np.cumprod(1 + np.resize([0.01, -0.012, 0.004], 15)))
    spec = {
        "name": "one", "spread_type": "iron_condor", "entry_conditions": ["bars_held == 0"],
        "filter_conditions": ["not in_position"], "profit_target_pct": 1.0,
        "stop_loss_pct": 1000.0, "max_holding_bars": 5, "per_trade_risk_pct": 0.02,
    }  # fmt: skip
    made = []
    for slippage in (0.0, 0.005, 0.02, 0.05):
        result = bt.simulate(spec, bars, capital=1e6, commission=0.65, slippage=slippage)
        spread = result.spreads[0]
        made.append(spread.pnl / spread.contracts)
    assert made == sorted(made, reverse=True)
