"""Black-Scholes for compiled code, one option at a time, through ``math.erfc``.

The same formulas as `btkit.pricing`, which takes whole arrays and scipy's normal distribution;
a test holds the two together.
"""

from __future__ import annotations

import math

import numpy as np

from btkit.conditions.compiled import compiled, compiled_inline

DAYS_PER_YEAR = 365.0
_ROOT_TWO = math.sqrt(2.0)


@compiled_inline
def _normal(x):
    return 0.5 * math.erfc(-x / _ROOT_TWO)


@compiled_inline
def _distance(spot, strike, years, volatility, rate, dividend_yield):
    drift = (rate - dividend_yield + 0.5 * volatility * volatility) * years
    return (math.log(spot / strike) + drift) / (volatility * math.sqrt(years))


@compiled
def option_price(call, spot, strike, years, volatility, rate, dividend_yield):
    """Return the value of a call or put in $ a share."""
    spot_now = spot * math.exp(-dividend_yield * years)
    strike_now = strike * math.exp(-rate * years)
    deviation = volatility * math.sqrt(years)
    if deviation <= 0.0:
        value = spot_now - strike_now if call else strike_now - spot_now
    else:
        d1 = _distance(spot, strike, years, volatility, rate, dividend_yield)
        d2 = d1 - deviation
        if call:
            value = spot_now * _normal(d1) - strike_now * _normal(d2)
        else:
            value = strike_now * _normal(-d2) - spot_now * _normal(-d1)
    return max(value, 0.0)


@compiled
def absolute_delta(call, spot, strike, years, volatility, rate, dividend_yield):
    """Return the absolute delta of a call or put."""
    discount = math.exp(-dividend_yield * years)
    if volatility * math.sqrt(years) <= 0.0:
        gap = math.log(spot / strike) + (rate - dividend_yield) * years
        if gap == 0.0:
            return 0.5 * discount
        return discount if (gap > 0.0) == call else 0.0
    d1 = _distance(spot, strike, years, volatility, rate, dividend_yield)
    return discount * _normal(d1 if call else -d1)


@compiled_inline
def years_left(expiry, day):
    """Return the years from one day to another, 0 once it has passed."""
    return max(expiry - day, 0) / DAYS_PER_YEAR


@compiled
def price_options(call, spot, strike, years, volatility, rate, dividend_yield):
    """Return the values of options of one right, each with its own spot, strike, time and IV."""
    prices = np.empty(strike.size)
    for row in range(strike.size):
        prices[row] = option_price(
            call, spot[row], strike[row], years[row], volatility[row], rate, dividend_yield
        )
    return prices
