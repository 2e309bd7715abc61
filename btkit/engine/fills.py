"""What an order gets: the only place that says at which price, and for how much (SEMANTICS 3)."""

from __future__ import annotations

import numpy as np

from btkit.conditions.compiled import compiled_inline
from btkit.conditions.vectors import either
from btkit.engine.orders import Kind

_ON_OPEN = int(Kind.MARKET_ON_OPEN)
_ROUNDING_STEPS = 8
# As many are needed in one case of two, or of five.
_USUAL_STEPS = 2
# Times this, rounding leads from any normal number to the next one towards 0.
_ONE_STEP_LESS = 1.0 - 2.0**-53


@compiled_inline
def offered(market, instrument, bar, kind):
    """Return the price that an order of some kind meets in a bar, before slippage."""
    return market.open[instrument, bar] if kind == _ON_OPEN else market.close[instrument, bar]


@compiled_inline
def fill_price(side, price, slippage):
    """Return what a market order pays, or gets, where `price` is offered."""
    return price * (1.0 + side * slippage)


@compiled_inline
def commission_of(rules, shares, price):
    """Return the commission of one fill in $; the models not in use have a rate of zero."""
    traded = rules.rate * (shares * rules.multiplier) * price
    return rules.per_order + rules.per_share * shares + traded


@compiled_inline
def taken(rules, shares, price):
    """Return what an entry takes from cash in $, its commission aside (3.13)."""
    if rules.margin > 0.0:
        return shares * rules.margin
    return shares * rules.multiplier * price


@compiled_inline
def _smaller(rules, size):
    less = size * _ONE_STEP_LESS
    return less if rules.fractional else min(size - 1.0, less)


@compiled_inline
def _outlay(rules, size, fill):
    commission = commission_of(rules, size, fill)
    return taken(rules, size, fill) + commission, commission


@compiled_inline
def affordable(rules, cash, wanted, fill):
    """Return `wanted` shares, or as many as `cash` pays for, with their outlay (3.5)."""
    cost, commission = _outlay(rules, wanted, fill)
    # "not <=" also catches an infinite size, whose cost is no number.
    if not cost <= cash:
        each = rules.multiplier * fill
        unit = each * (1.0 + rules.rate)
        if rules.margin > 0.0:
            unit = rules.margin + rules.rate * each
        size = (cash - rules.per_order) / (unit + rules.per_share)
        if not rules.fractional:
            size = np.floor(size)
        cost, commission = _outlay(rules, size, fill)
        # Rounding can leave the quotient a step or two too large; beyond 2**53 whole shares are
        # further apart than one.
        for step in range(_ROUNDING_STEPS):
            if step >= _USUAL_STEPS and (size <= 0.0 or cost <= cash):
                break
            # The first steps are worked out in any case: whether one is needed is not to be
            # foreseen.
            less = _smaller(rules, size)
            less_cost, less_commission = _outlay(rules, less, fill)
            fits = size <= 0.0 or cost <= cash
            size = either(fits, size, less)
            cost = either(fits, cost, less_cost)
            commission = either(fits, commission, less_commission)
        return size, cost, commission
    return wanted, cost, commission
