"""The numbers of the option lab, against the engine's and against each other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import btkit as bt
from btkit.jobs.job import OptionsJob
from btkit.jobs.requests import option_spec
from btkit.pricing import black_scholes as pricing
from btkit.render.options.position import UNITS, Moment, OpenSpread, PositionLeg
from btkit.widgets.market import LoadedMarket, MarketRequest
from btkit.widgets.sold import at_last_close, of_spread

STRATEGIES = Path(__file__).resolve().parents[3] / "strategies"
FILES = [
    "vrp_short_put_spread.json",
    "iron_condor_monthly.yaml",
    "call_spread_fade.yaml",
    "put_spread_high_iv_rank.yaml",
]
NOW = Moment(100.0, 0.2, 30)


@pytest.fixture(params=FILES)
def result(request, settings):
    spec = option_spec(STRATEGIES / request.param, settings=settings)
    asked = MarketRequest("SPX", "2014-01-02", "2018-12-31", source="sample")
    market = LoadedMarket(asked, settings=settings)
    loaded = market.bars_for(market.job(OptionsJob, spec))
    found = bt.options_sim(spec, loaded.bars, loaded.start, capital=1_000_000, settings=settings)
    assert found.spreads
    return found


def test_greeks_credit_and_limits_at_the_sale_are_the_engines(result):
    for spread in result.spreads:
        position = of_spread(result, spread)
        for name in UNITS:
            assert float(position.greek(name, spread.spot_entry)) == getattr(spread.greeks, name)
        assert [position.leg_delta(leg) for leg in position.legs] == [
            leg.delta for leg in spread.legs
        ]
        assert position.credit == spread.credit
        assert replace(position, received=None).credit == pytest.approx(spread.credit, abs=1e-9)
        assert position.max_loss == pytest.approx(spread.max_loss, rel=1e-12)


def test_values_at_each_close_are_the_engines(result):
    valuations = result.valuations
    for place, spread in enumerate(result.spreads):
        sold = of_spread(result, spread)
        own = valuations[valuations["spread"] == place]
        for row, iv in zip(own.itertuples(), spread.life.iv, strict=True):
            now = replace(sold, now=Moment(row.spot, iv, row.days_to_expiry))
            value = now.credit - (now.profit(row.spot) + now.fee) / now.shares
            assert float(value) == pytest.approx(row.mid, abs=1e-8)


def test_what_would_be_sold_at_the_last_close_has_the_rules_deltas(result):
    position = at_last_close(result)
    assert (position.contracts, position.now) == (1, position.sold)
    assert position.now.spot == result.bars["close"].iloc[-1]
    if result.spec.strike_step is None:
        wanted = {"short": result.spec.short_delta, "long": result.spec.long_delta}
        for leg in position.legs:
            assert abs(position.leg_delta(leg)) == pytest.approx(wanted[leg.side], abs=1e-9)


def spread(*legs, received=None, **options):
    made = tuple(PositionLeg(*leg, 0.0) for leg in legs)
    known = {"contracts": 2, "sold": NOW, "now": NOW, "slippage": 0.0, "commission": 1.0,
             "rate": 0.03, "dividend_yield": 0.01} | options  # fmt: skip
    return OpenSpread(legs=made, received=received, **known)


PUTS = (("short", "put", 95.0), ("long", "put", 90.0))
CONDOR = (*PUTS, ("short", "call", 105.0), ("long", "call", 112.0))


@pytest.mark.parametrize("legs", [PUTS, CONDOR, CONDOR[2:]])
def test_evens_and_limits_are_where_the_payoff_has_them(legs):
    position = spread(*legs)
    assert len(position.evens) == len(legs) // 2
    assert position.profit(np.array(position.evens), days=0) == pytest.approx(0.0, abs=1e-9)
    prices = np.linspace(1, 300, 3_000)
    payoff = position.profit(prices, days=0)
    assert payoff.max() == pytest.approx(position.most_kept)
    # The max loss counts the commission of the closing as well.
    assert -payoff.min() == pytest.approx(position.max_loss - position.fee)


@pytest.mark.parametrize("legs", [PUTS, CONDOR, CONDOR[2:]])
def test_the_chance_is_that_of_many_draws_of_the_model(legs):
    position = spread(*legs, now=Moment(97.0, 0.35, 60))
    years, drift = 60 / 365, 0.03 - 0.01 - 0.35**2 / 2
    normal = np.random.default_rng(1).standard_normal(400_000)
    ends = 97.0 * np.exp(drift * years + 0.35 * np.sqrt(years) * normal)
    drawn = float((position.profit(ends, days=0) > 0).mean())
    assert position.chance == pytest.approx(drawn, abs=0.004)
    assert replace(position, now=Moment(97.0, 0.35, 0)).chance in (0.0, 1.0)


def test_another_strike_is_priced_as_the_market_was_at_the_sale():
    position = replace(spread(*PUTS, received=1.23), now=Moment(80.0, 0.5, 3))
    other = position.with_strike(1, 85.0)
    prices = [
        float(pricing.price("put", 100.0, strike, 30 / 365, 0.2, rate=0.03, dividend_yield=0.01))
        for strike in (95.0, 85.0)
    ]
    assert other.credit == pytest.approx(prices[0] - prices[1])
    assert other.now == position.now


def test_greeks_are_slopes_of_the_profit():
    position = spread(*CONDOR)
    up, down = position.profit(np.array([100.01, 99.99]))
    assert float(position.greek("delta", 100.0)) == pytest.approx((up - down) / 0.02, rel=1e-5)
    point = position.profit(100.0, iv=0.205) - position.profit(100.0, iv=0.195)
    assert float(position.greek("vega", 100.0)) == pytest.approx(float(point), rel=1e-3)
