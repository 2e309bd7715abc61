"""What other tools of option spreads got wrong, and what a trader would notice first."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit import pricing
from btkit.errors import UsageError

KINDS = ("short_put_spread", "short_call_spread", "iron_condor")
HELD = {
    "name": "held",
    "spread_type": "short_put_spread",
    "entry_conditions": ["not in_position"],
    "profit_target_pct": 1.0,
    "stop_loss_pct": 1000.0,
    "max_holding_bars": 200,
    "per_trade_risk_pct": 0.02,
}
MONEY = {"capital": 1_000_000.0, "commission": 0.65}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changes", [{}, {"skew": 0.1}, {"risk_free_rate": -0.02}])
@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_more_slippage_never_helps(market, kind, changes, fill):
    # optopsy#186: one path forgot it, and documents and code disagreed on its direction.
    bars = market(1000 * np.cumprod(1 + np.resize([0.01, -0.012, 0.004], 12)))
    spec = HELD | changes | {"spread_type": kind, "max_holding_bars": 4, "fill": fill}
    made = []
    for slippage in (0.0, 0.001, 0.005, 0.02, 0.05):
        spread = bt.simulate(spec, bars, slippage=slippage, **MONEY).spreads[0]
        made.append(spread.pnl / spread.contracts)
    assert made == sorted(made, reverse=True)
    assert made[0] > made[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_rate_and_volatility_are_not_mixed_up(market, kind):
    # rgaveiga/optionlab#56: the rate went where the volatility belonged.
    def sold(rate, iv):
        spec = HELD | {"spread_type": kind, "risk_free_rate": rate}
        spread = bt.simulate(spec, market([1000.0] * 4, iv=iv), slippage=0.0, **MONEY).spreads[0]
        years = (dt.date.fromisoformat(spread.expiry) - dt.date(2018, 1, 3)).days / 365
        expected = sum(
            (1 if leg.side == "short" else -1)
            * float(pricing.price(leg.right, 1000.0, leg.strike, years, iv, rate=rate))
            for leg in spread.legs
        )
        assert spread.credit == pytest.approx(expected, rel=1e-11)
        return spread.credit, spread.legs[0].strike

    found = {(rate, iv): sold(rate, iv) for rate in (0.0, 0.05, 0.2) for iv in (0.05, 0.2)}
    # A rate moves the strikes of given deltas, and not what they bring; a volatility moves both.
    for (rate, iv), (credit, strike) in found.items():
        assert credit == pytest.approx(found[0.0, iv][0], rel=1e-9)
        assert strike == pytest.approx(found[0.0, iv][1] * math.exp(rate * 21 / 365), rel=1e-9)
    assert found[0.0, 0.2][0] > 3 * found[0.0, 0.05][0]


def test_a_spread_that_expires_on_the_eve_of_a_holiday_is_settled_there(market):
    # Lean#8413: 3 July, a short session, was left out.
    bars = market([1000.0] * 30, start="2018-06-11")
    bars = bars.drop(pd.Timestamp("2018-07-04"))
    spread = bt.simulate(HELD | {"target_dte": 22}, bars, slippage=0.0, **MONEY).spreads[0]
    assert (spread.entry_date, spread.expiry) == ("2018-06-12", "2018-07-03")
    assert (spread.exit_date, spread.exit_reason) == ("2018-07-03", "expiration")


def test_without_a_bar_on_its_expiry_a_spread_is_settled_at_the_next_close(market):
    bars = market([1000.0] * 13 + [950.0] * 5).drop(pd.Timestamp("2018-01-24"))
    spread = bt.simulate(HELD, bars, slippage=0.0, **MONEY).spreads[0]
    assert (spread.expiry, spread.exit_date) == ("2018-01-24", "2018-01-25")
    assert spread.exit_reason == "expiration"
    assert all(leg.exit_price == max(leg.strike - 950.0, 0.0) for leg in spread.legs)


def test_an_open_loss_shows_in_the_curve_before_the_exit(market):
    # optopsy: equity moved at exits only, so a fall in between that healed was never seen.
    closes = [1000.0] * 5 + [930.0] * 4 + [1000.0] * 15
    result = bt.simulate(HELD | {"target_dte": 20}, market(closes), slippage=0.0, **MONEY)
    spread = result.spreads[0]
    assert spread.pnl > 0
    assert spread.exit_reason == "expiration"
    lowest = result.equity.iloc[5:9]
    assert (lowest < 1_000_000.0 - 0.4 * spread.max_loss).all()
    assert result.metrics.max_drawdown_pct < -0.4 * spread.max_loss / 1_000_000.0


@pytest.mark.parametrize("kind", KINDS)
def test_the_greeks_of_a_position_are_what_its_value_does(market, kind):
    spec = HELD | {
        "spread_type": kind, "skew": 0.1, "dividend_yield": 0.02, "risk_free_rate": 0.04,
    }  # fmt: skip
    spread = bt.simulate(spec, market([1000.0] * 4), slippage=0.01, **MONEY).spreads[0]
    days = (dt.date.fromisoformat(spread.expiry) - dt.date(2018, 1, 3)).days

    def worth(*, spot=1000.0, days=days, iv=0.2, rate=0.04):
        value = 0.0
        for leg in spread.legs:
            premium = 0.1 * (0.5 - (0.30 if leg.side == "short" else 0.15))
            price = pricing.price(
                leg.right, spot, leg.strike, days / 365, iv + premium, rate=rate,
                dividend_yield=0.02,
            )  # fmt: skip
            value += (-1 if leg.side == "short" else 1) * float(price)
        return 100 * spread.contracts * value

    greeks = spread.greeks
    assert greeks.delta == pytest.approx(
        (worth(spot=1000.5) - worth(spot=999.5)), rel=1e-3, abs=1e-2
    )
    curve = worth(spot=1001.0) - 2 * worth() + worth(spot=999.0)
    assert greeks.gamma == pytest.approx(curve, rel=1e-2)
    assert greeks.theta == pytest.approx((worth(days=days - 0.1) - worth()) * 10, rel=3e-2)
    assert greeks.vega == pytest.approx((worth(iv=0.205) - worth(iv=0.195)), rel=1e-2)
    assert greeks.rho == pytest.approx((worth(rate=0.045) - worth(rate=0.035)), rel=1e-2)


def test_on_the_day_of_expiry_everything_stays_finite():
    # Lean#4548: Greeks of zero on the last day. Here an option's last day has no time left, so
    # it is worth its intrinsic value, and its delta is that of a share or of nothing.
    opens = pd.DatetimeIndex(
        [
            f"{day.date()}T{hour}:30:00Z"
            for day in pd.bdate_range("2018-06-04", periods=16)
            for hour in range(13, 20)
        ]
    )
    prices = np.linspace(1000.0, 962.0, len(opens))
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), prices), index=opens)
    spec = HELD | {"target_dte": 10, "long_delta": 0.05}
    result = bt.simulate(spec, bars.assign(volume=1.0, current_iv=0.2), **MONEY)
    last_day = result.valuations[
        (result.valuations["spread"] == 0) & (result.valuations["days_to_expiry"] == 0)
    ]
    assert len(last_day) == 7
    assert np.isfinite(last_day[["mid", "to_close", "short_delta"]].to_numpy()).all()
    assert set(last_day["short_delta"]) <= {0.0, 0.5, 1.0}
    assert set(last_day["short_delta"]) != {0.0}


def test_weekly_bars_are_refused():
    # A spread would expire inside a bar, and be settled at a price of the week after.
    bars = pd.DataFrame(
        dict.fromkeys(("open", "high", "low", "close", "volume"), 1000.0),
        index=pd.date_range("2018-01-01", periods=30, freq="W-MON"),
    )
    with pytest.raises(UsageError, match="weekly bars") as caught:
        bt.simulate(HELD | {"spread_type": "iron_condor"}, bars)
    assert "1d" in caught.value.hint
