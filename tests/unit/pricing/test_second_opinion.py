"""QuantLib's analytic European engine and btkit.pricing, on a grid."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

from btkit import pricing

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of its SWIG types
    import QuantLib as ql  # noqa: N813 - the name that its own documentation uses

SPOT = 100.0
STRIKES = np.array([50.0, 80.0, 95.0, 99.5, 100.0, 103.0, 120.0, 200.0])
DAYS = (1, 7, 30, 182, 365, 730)
VOLATILITIES = (0.01, 0.05, 0.2, 0.8, 3.0)
CARRY = tuple(itertools.product((-0.01, 0.0, 0.03, 0.10), (0.0, 0.02, 0.08)))
NAMES = {
    "price": "NPV",
    "delta": "delta",
    "gamma": "gamma",
    "theta": "theta",
    "vega": "vega",
    "rho": "rho",
}


def engine(rate, dividend_yield, volatility):
    today = ql.Date(2, 1, 2020)
    ql.Settings.instance().evaluationDate = today
    clock = ql.Actual365Fixed()
    flat = [
        ql.YieldTermStructureHandle(ql.FlatForward(today, level, clock))
        for level in (dividend_yield, rate)
    ]
    surface = ql.BlackConstantVol(today, ql.NullCalendar(), volatility, clock)
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(SPOT)), *flat, ql.BlackVolTermStructureHandle(surface)
    )
    return today, ql.AnalyticEuropeanEngine(process)


@pytest.mark.parametrize("right", ["call", "put"])
@pytest.mark.parametrize(("rate", "dividend_yield"), CARRY)
def test_prices_and_greeks_agree(right, rate, dividend_yield):
    for volatility, days in itertools.product(VOLATILITIES, DAYS):
        today, pricer = engine(rate, dividend_yield, volatility)
        mine = {
            name: getattr(pricing, name)(
                right, SPOT, STRIKES, days / 365, volatility, rate=rate,
                dividend_yield=dividend_yield,
            )
            for name in NAMES
        }  # fmt: skip
        for place, strike in enumerate(STRIKES.tolist()):
            payoff = ql.PlainVanillaPayoff(
                ql.Option.Call if right == "call" else ql.Option.Put, strike
            )
            option = ql.VanillaOption(payoff, ql.EuropeanExercise(today + days))
            option.setPricingEngine(pricer)
            for name, theirs in NAMES.items():
                expected = getattr(option, theirs)()
                limit = max(1e-10 * abs(expected), 1e-12 * SPOT)
                where = (name, strike, volatility, days)
                assert abs(float(mine[name][place]) - expected) <= limit, where
