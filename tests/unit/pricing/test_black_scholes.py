from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from btkit import pricing
from btkit.errors import UsageError
from btkit.pricing.scalar import absolute_delta, price_options

GREEKS = (pricing.delta, pricing.gamma, pricing.theta, pricing.vega, pricing.rho)
INPUTS = {
    "spot": st.floats(1.0, 5_000.0),
    "strike": st.floats(1.0, 5_000.0),
    "years": st.one_of(st.just(0.0), st.floats(1 / 365, 3.0)),
    "volatility": st.one_of(st.sampled_from((0.0, 1e-300, 1e-12)), st.floats(1e-6, 3.0)),
}
CARRY = {"rate": st.floats(-0.01, 0.1), "dividend_yield": st.floats(0.0, 0.1)}


@settings(deadline=None)
@given(**INPUTS, **CARRY)
def test_put_call_parity_holds_everywhere(spot, strike, years, volatility, rate, dividend_yield):
    carry = {"rate": rate, "dividend_yield": dividend_yield}
    call, put = (
        float(pricing.price(right, spot, strike, years, volatility, **carry))
        for right in ("call", "put")
    )
    forward = spot * math.exp(-dividend_yield * years) - strike * math.exp(-rate * years)
    assert call - put == pytest.approx(forward, rel=1e-12, abs=1e-12 * (spot + strike))


@settings(deadline=None)
@given(**INPUTS, **CARRY)
def test_nothing_is_ever_missing(spot, strike, years, volatility, rate, dividend_yield):
    for right in ("call", "put"):
        for function in (pricing.price, *GREEKS):
            value = function(
                right, spot, strike, years, volatility, rate=rate, dividend_yield=dividend_yield
            )
            assert not np.isnan(value), function.__name__


def test_without_volatility_the_forward_decides_not_the_spot():
    # HKUDS/Vibe-Trading#1066: priced from the spot this call would be worthless.
    call = pricing.price("call", 100, 102, 1.0, 0.0, rate=0.05, dividend_yield=0.02)
    assert float(call) == pytest.approx(100 * math.exp(-0.02) - 102 * math.exp(-0.05), rel=1e-15)
    assert float(call) > 0.9
    assert float(pricing.delta("call", 100, 102, 1.0, 0.0, rate=0.05)) == 1.0
    assert float(pricing.vega("call", 100, 102, 1.0, 0.0, rate=0.05)) == 0.0


@pytest.mark.parametrize(
    ("right", "strike", "price", "delta"),
    [("call", 90, 10.0, 1.0), ("call", 110, 0.0, 0.0), ("call", 100, 0.0, 0.5),
     ("put", 90, 0.0, 0.0), ("put", 110, 10.0, -1.0), ("put", 100, 0.0, -0.5)],
)  # fmt: skip
def test_at_expiry(right, strike, price, delta):
    case = (right, 100.0, strike, 0.0, 0.2)
    assert float(pricing.price(*case, rate=0.05)) == price
    assert float(pricing.delta(*case, rate=0.05)) == delta
    at_strike = strike == 100
    assert float(pricing.gamma(*case)) == (math.inf if at_strike else 0.0)
    assert float(pricing.theta(*case)) == (-math.inf if at_strike else 0.0)
    assert float(pricing.vega(*case)) == 0.0
    assert float(pricing.rho(*case)) == 0.0


def test_the_limits_are_approached():
    tiny = pricing.price("put", 100, [90, 100, 110], 0.5, 1e-9, rate=0.03)
    none = pricing.price("put", 100, [90, 100, 110], 0.5, 0.0, rate=0.03)
    np.testing.assert_allclose(tiny, none, atol=1e-7)


def test_rate_and_volatility_are_not_mixed_up():
    base = pricing.price("call", 100, 100, 1.0, 0.2, rate=0.05)
    assert pricing.price("call", 100, 100, 1.0, 0.25, rate=0.05) - base == pytest.approx(
        0.05 * float(pricing.vega("call", 100, 100, 1.0, 0.225, rate=0.05)), rel=1e-2
    )
    assert pricing.price("call", 100, 100, 1.0, 0.2, rate=0.06) - base == pytest.approx(
        0.01 * float(pricing.rho("call", 100, 100, 1.0, 0.2, rate=0.055)), rel=1e-2
    )


@pytest.mark.parametrize("right", ["call", "put"])
def test_a_strike_has_the_delta_that_was_asked_for(right):
    target = np.array([0.01, 0.15, 0.30, 0.5, 0.85])
    years, volatility = np.array([[1 / 365], [21 / 365], [2.0]]), 0.35
    carry = {"rate": 0.05, "dividend_yield": 0.02}
    strike = pricing.strike_from_delta(right, 100, target, years, volatility, **carry)
    reached = pricing.delta(right, 100, strike, years, volatility, **carry)
    np.testing.assert_allclose(np.abs(reached), np.broadcast_to(target, (3, 5)), rtol=1e-12)


def test_no_strike_has_a_delta_beyond_the_dividend_discount():
    assert np.isnan(pricing.strike_from_delta("put", 100, 0.95, 1.0, 0.2, dividend_yield=0.1))


def test_missing_in_missing_out():
    for function in (pricing.price, *GREEKS):
        given_nan = function("put", [100.0, math.nan], 95, 0.0, 0.2)
        assert np.isnan(given_nan).tolist() == [False, True]


@pytest.mark.parametrize(
    ("change", "named"),
    [({"right": "straddle"}, "right"), ({"spot": 0.0}, "spot"), ({"strike": -1.0}, "strike"),
     ({"years": -0.1}, "years"), ({"volatility": [-0.2, 0.1]}, "volatility"),
     ({"volatility": math.inf}, "volatility"), ({"spot": [1.0, math.inf]}, "spot"),
     ({"rate": math.inf}, "rate"), ({"dividend_yield": -math.inf}, "dividend_yield")],
)  # fmt: skip
def test_impossible_inputs_are_refused(change, named):
    case = {"right": "call", "spot": 100.0, "strike": 100.0, "years": 1.0, "volatility": 0.2}
    with pytest.raises(UsageError, match=named):
        pricing.price(**case | change)


def test_an_impossible_delta_is_refused():
    with pytest.raises(UsageError, match="absolute_delta"):
        pricing.strike_from_delta("call", 100, 30, 1.0, 0.2)


@settings(deadline=None)
@given(**INPUTS, **CARRY)
@example(
    spot=1.0, strike=1.0, years=1.0, volatility=0.0, rate=0.0, dividend_yield=3e-143
)  # the forward lies below the strike, by less than a price can tell
def test_the_loop_prices_like_the_library(spot, strike, years, volatility, rate, dividend_yield):
    # The loop has its own normal distribution, by math.erfc.
    for call, right in ((True, "call"), (False, "put")):
        carry = {"rate": rate, "dividend_yield": dividend_yield}
        own = price_options(
            call,
            *(np.array([value]) for value in (spot, strike, years, volatility)),
            rate,
            dividend_yield,
        )
        theirs = pricing.price(right, spot, strike, years, volatility, **carry)
        assert own[0] == pytest.approx(float(theirs), rel=1e-12, abs=1e-12 * spot)
        delta = absolute_delta(call, spot, strike, years, volatility, rate, dividend_yield)
        expected = pricing.delta(right, spot, strike, years, volatility, **carry)
        assert delta == pytest.approx(abs(float(expected)), rel=1e-12, abs=1e-12)
