"""One spread from entry to exit, its numbers worked out with the library's formulas by hand."""

from __future__ import annotations

import math

import pytest

import btkit as bt
from btkit import pricing

SPEC = {
    "name": "hand",
    "spread_type": "short_put_spread",
    "entry_conditions": ["not in_position"],
    "target_dte": 20,
    "short_delta": 0.30,
    "long_delta": 0.15,
    "profit_target_pct": 1.0,
    "stop_loss_pct": 1000.0,
    "max_holding_bars": 3,
    "per_trade_risk_pct": 0.02,
    "risk_free_rate": 0.03,
}
COSTS = {"capital": 1_000_000.0, "commission": 0.65, "slippage": 0.01}


def legs(right, spot, days, iv, rate=0.03):
    years = days / 365
    return [
        float(pricing.strike_from_delta(right, spot, delta, years, iv, rate=rate))
        for delta in (0.30, 0.15)
    ]


def put(spot, strike, days, iv):
    return float(pricing.price("put", spot, strike, days / 365, iv, rate=0.03))


def test_a_put_spread_to_the_cent(market):
    bars = market([1000, 1010, 1005, 990, 985, 980], iv=[0.20, 0.21, 0.22, 0.25, 0.26, 0.27])
    result = bt.simulate(SPEC, bars, **COSTS)
    spread = result.spreads[0]
    # Decided at the first close, sold at the next open (1000) with the first bar's volatility.
    short, long = legs("put", 1000, 20, 0.20)
    assert [leg.strike for leg in spread.legs] == pytest.approx([short, long], rel=1e-12)
    assert (spread.entry_date, spread.expiry) == ("2018-01-03", "2018-01-23")
    credit = put(1000, short, 20, 0.20) * 0.99 - put(1000, long, 20, 0.20) * 1.01
    assert spread.credit == pytest.approx(credit, rel=1e-11)
    max_loss = (short - long - credit) * 100 + 0.65 * 2 * 2
    contracts = math.floor(0.02 * 1_000_000 / max_loss)
    assert spread.contracts == contracts
    assert spread.max_loss == pytest.approx(contracts * max_loss, rel=1e-11)
    # Three bars later its time is up: bought back at the open of 2018-01-09.
    assert (spread.exit_date, spread.exit_reason) == ("2018-01-09", "max_holding")
    value = put(985, short, 14, 0.26) * 1.01 - put(985, long, 14, 0.26) * 0.99
    assert spread.close_value == pytest.approx(value, rel=1e-11)
    pnl = contracts * 100 * (credit - value) - 4 * 0.65 * contracts
    assert spread.pnl == pytest.approx(pnl, rel=1e-10)
    assert sum(leg.entry_price * (1 if leg.side == "short" else -1) for leg in spread.legs) == (
        pytest.approx(spread.credit, rel=1e-12)
    )
    assert sum(leg.exit_price * (1 if leg.side == "short" else -1) for leg in spread.legs) == (
        pytest.approx(spread.close_value, rel=1e-12)
    )
    # Marked at mid, with that bar's price, volatility and days left.
    mid = put(1010, short, 20, 0.21) - put(1010, long, 20, 0.21)
    after_entry = 1_000_000 + contracts * (100 * credit - 1.3)
    assert result.equity.iloc[1] == pytest.approx(after_entry - contracts * 100 * mid, rel=1e-12)
    reserve = (short - long) * 100 * contracts
    assert result.cash.iloc[1] == pytest.approx(after_entry - reserve, rel=1e-12)
    row = result.trades.iloc[0]
    assert (row.entry_price, row.exit_price, row.shares) == (
        spread.credit, spread.close_value, 100 * contracts,
    )  # fmt: skip
    assert row.return_pct == pytest.approx(spread.pnl / spread.max_loss, rel=1e-12)
    assert row.commission == pytest.approx(4 * 0.65 * contracts)
    raw = [put(1000, short, 20, 0.20), put(1000, long, 20, 0.20),
           put(985, short, 14, 0.26), put(985, long, 14, 0.26)]  # fmt: skip
    assert row.slippage_cost == pytest.approx(0.01 * sum(raw) * 100 * contracts, rel=1e-11)


def test_the_worst_and_the_best_of_a_spread(market):
    # As above: sold at the open of bar 1, open at four closes, bought back at the open of bar 5.
    bars = market([1000, 1010, 1005, 990, 985, 980], iv=[0.20, 0.21, 0.22, 0.25, 0.26, 0.27])
    result = bt.simulate(SPEC, bars, **COSTS)
    short, long = legs("put", 1000, 20, 0.20)
    credit = put(1000, short, 20, 0.20) * 0.99 - put(1000, long, 20, 0.20) * 1.01
    per_loss = 100 / ((short - long - credit) * 100 + 0.65 * 2 * 2)

    def gained(spot, days, iv):
        value = put(spot, short, days, iv) * 1.01 - put(spot, long, days, iv) * 0.99
        return (credit - value) * per_loss

    # Closes of bars 1 to 4, with the days left at each, and the exit's open.
    closes = zip(bars["close"][1:5], (20, 19, 18, 15), (0.21, 0.22, 0.25, 0.26), strict=True)
    seen = [0.0, gained(985, 14, 0.26), *(gained(*close) for close in closes)]
    [trade] = result.trades.head(1).itertuples()
    assert trade.mae_pct == pytest.approx(min(seen), rel=1e-9)
    assert trade.mfe_pct == pytest.approx(max(seen), rel=1e-9)
    assert (trade.mae_pct < -0.01, trade.mfe_pct >= 0.0) == (True, True)


def test_expiration_is_intrinsic_value_without_costs(market):
    closes = [1000.0] * 14 + [970.0, 970.0]
    spec = SPEC | {"max_holding_bars": 50, "short_delta": 0.45, "long_delta": 0.20}
    result = bt.simulate(spec, market(closes), **COSTS)
    spread = result.spreads[0]
    assert (spread.exit_date, spread.exit_reason) == (spread.expiry, "expiration")
    short, long = (leg.strike for leg in spread.legs)
    assert spread.close_value == pytest.approx(max(short - 970, 0) - max(long - 970, 0), abs=1e-9)
    assert result.trades.iloc[0].commission == pytest.approx(2 * 0.65 * spread.contracts)
    assert all(leg.exit_price == max(leg.strike - 970, 0) for leg in spread.legs)


def test_after_an_expiration_the_next_spread_may_be_decided_at_the_same_close(market):
    spec = SPEC | {"max_holding_bars": 50}
    result = bt.simulate(spec, market([1000.0] * 40), **COSTS)
    first, second = result.spreads[:2]
    assert first.exit_reason == "expiration"
    assert second.entry_date == "2018-01-24"  # the session after the expiry


@pytest.mark.parametrize(
    ("changes", "closes", "reason"),
    [
        ({"stop_loss_pct": 1.5}, [1000, 1000, 960, 960, 960], "stop"),
        ({"profit_target_pct": 0.5}, [1000, 1000, 1060, 1060, 1060], "profit_target"),
        ({"stop_conditions": ["close < 990"]}, [1000, 1000, 980, 980, 980], "stop"),
        ({"exit_conditions": ["close > 1010"]}, [1000, 1000, 1020, 1020, 1020], "exit"),
        ({"exit_conditions": ["short_leg_delta > 0.5"]}, [1000, 1000, 960, 960, 960], "exit"),
        (
            {"exit_conditions": ["pnl_pct_of_max_credit < -0.5"]},
            [1000, 1000, 970, 970, 970],
            "exit",
        ),
        # target before the spec's own stop, own stop before own exit
        (
            {"profit_target_pct": 0.5, "stop_conditions": ["close > 0"]},
            [1000, 1100, 1100, 1100, 1100],
            "profit_target",
        ),
        (
            {"exit_conditions": ["close > 0"], "stop_conditions": ["close > 0"]},
            [1000, 1000, 1000, 1000, 1000],
            "stop",
        ),
        ({"max_holding_bars": 50}, [1000, 1000, 1000, 1000, 1000], "end_of_data"),
    ],
)
def test_why_a_spread_closes(market, changes, closes, reason):
    result = bt.simulate(SPEC | {"max_holding_bars": 10} | changes, market(closes), **COSTS)
    assert result.spreads[0].exit_reason == reason


def test_call_spreads_and_condors_lie_where_they_should(market):
    bars = market([1000.0] * 10)
    call = bt.simulate(SPEC | {"spread_type": "short_call_spread"}, bars, **COSTS).spreads[0]
    assert [(leg.side, leg.right) for leg in call.legs] == [("short", "call"), ("long", "call")]
    assert 1000 < call.legs[0].strike < call.legs[1].strike
    assert [round(leg.delta, 9) for leg in call.legs] == [0.30, 0.15]
    assert call.greeks.delta < 0 < call.greeks.theta
    condor = bt.simulate(SPEC | {"spread_type": "iron_condor"}, bars, **COSTS).spreads[0]
    strikes = [leg.strike for leg in condor.legs]
    assert strikes[1] < strikes[0] < 1000 < strikes[2] < strikes[3]
    assert [round(leg.delta, 9) for leg in condor.legs] == [-0.30, -0.15, 0.30, 0.15]
    wing = max(strikes[0] - strikes[1], strikes[3] - strikes[2])
    assert condor.max_loss == pytest.approx(
        condor.contracts * ((wing - condor.credit) * 100 + 0.65 * 8), rel=1e-12
    )
    assert condor.greeks.vega < 0


def test_realism_is_off_unless_asked_for(market):
    bars = market([1000.0] * 10)
    plain = bt.simulate(SPEC, bars, **COSTS).spreads[0]
    stepped = bt.simulate(SPEC | {"strike_step": 5.0}, bars, **COSTS).spreads[0]
    assert all(leg.strike % 5 == 0 for leg in stepped.legs)
    assert all(leg.strike % 5 != 0 for leg in plain.legs)
    skewed = bt.simulate(SPEC | {"skew": 0.1}, bars, **COSTS).spreads[0]
    expected = float(
        pricing.strike_from_delta("put", 1000, 0.15, 20 / 365, 0.2 + 0.1 * 0.35, rate=0.03)
    )
    assert skewed.legs[1].strike == pytest.approx(expected, rel=1e-12)
    paying = bt.simulate(SPEC | {"dividend_yield": 0.05}, bars, **COSTS).spreads[0]
    expected = float(
        pricing.strike_from_delta("put", 1000, 0.30, 20 / 365, 0.2, rate=0.03, dividend_yield=0.05)
    )
    assert paying.legs[0].strike == pytest.approx(expected, rel=1e-12)
    monthly = bt.simulate(SPEC | {"expiry": "monthly"}, bars, **COSTS).spreads[0]
    assert monthly.expiry == "2018-01-19"
