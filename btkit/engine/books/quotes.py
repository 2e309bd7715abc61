"""What a spread brings, is worth and costs to close, at one moment."""

from __future__ import annotations

import math

import numpy as np

from btkit.conditions.compiled import compiled_inline
from btkit.engine.books.spread_records import CALL_LONG, CALL_SHORT, PUT_LONG, PUT_SHORT
from btkit.engine.fills import fill_price
from btkit.engine.orders import Side
from btkit.pricing.scalar import absolute_delta, option_price

_BUY, _SELL = int(Side.BUY), int(Side.SELL)


@compiled_inline
def strike_at(quantile, call, spot, years, volatility, rules):
    """Return the strike whose absolute delta gave `quantile`, snapped to the strike step."""
    drift = (rules.rate - rules.dividend_yield + 0.5 * volatility * volatility) * years
    shift = quantile * (volatility * math.sqrt(years))
    strike = spot * math.exp(drift - shift if call else drift + shift)
    if rules.strike_step > 0.0:
        strike = np.floor(strike / rules.strike_step + 0.5) * rules.strike_step
    return strike


@compiled_inline
def leg_volatility(volatility, premium):
    """Return a leg's volatility: that at the money and what the skew adds to it."""
    return max(volatility + premium, 0.0)


@compiled_inline
def leg_sums(strikes, row, spot, years, volatility, rules):
    """Return the values of all short legs and of all long legs, in $ a share."""
    short_iv = leg_volatility(volatility, rules.short_premium)
    long_iv = leg_volatility(volatility, rules.long_premium)
    rate, dividend_yield = rules.rate, rules.dividend_yield
    short = 0.0
    long = 0.0
    if rules.puts:
        short += option_price(
            False, spot, strikes[row, PUT_SHORT], years, short_iv, rate, dividend_yield
        )
        long += option_price(
            False, spot, strikes[row, PUT_LONG], years, long_iv, rate, dividend_yield
        )
    if rules.calls:
        short += option_price(
            True, spot, strikes[row, CALL_SHORT], years, short_iv, rate, dividend_yield
        )
        long += option_price(
            True, spot, strikes[row, CALL_LONG], years, long_iv, rate, dividend_yield
        )
    return short, long


@compiled_inline
def within(value, wing):
    """Return a spread's value within what it can be worth at expiry."""
    return min(max(value, 0.0), wing)


@compiled_inline
def cost_to_close(short, long, wing, slippage):
    """Return what buying the spread back costs a share (SEMANTICS 4.5).

    Under a negative rate or a skew the model's value can leave what the spread can be worth at
    expiry; what it is above or below that is taken off, so that no loss exceeds the max loss.
    """
    value = short - long
    paid = fill_price(_BUY, short, slippage) - fill_price(_SELL, long, slippage)
    return paid + (within(value, wing) - value)


@compiled_inline
def short_leg_delta(strikes, row, spot, years, volatility, rules):
    """Return the absolute delta of the short leg, the put's for a condor."""
    short_iv = leg_volatility(volatility, rules.short_premium)
    call = not rules.puts
    strike = strikes[row, PUT_SHORT] if rules.puts else strikes[row, CALL_SHORT]
    return absolute_delta(call, spot, strike, years, short_iv, rules.rate, rules.dividend_yield)
