"""What holding brings and costs at a bar, put into the account (SEMANTICS 3.14).

Where the rules leave a choice, this is what is done:

- Each item is told from what there was at the close before; then cash moves, once for each:
  interest, borrow fees, dividends.
- Of margined lots shorts pay, and dividends are paid, as of any: on units x multiplier.
- Of spreads nothing is paid but interest, on what they do not reserve.
"""

from __future__ import annotations

from btkit.conditions.compiled import compiled_inline, compiled_lean
from btkit.engine.books.spreads import SPREADS
from btkit.engine.orders import Side
from btkit.engine.state import (
    BORROW_FEES,
    CASH,
    DIVIDENDS,
    INTEREST,
    LOT_INSTRUMENT,
    LOT_QUANTITY,
    LOT_SIDE,
    LOTS,
)

_SELL = int(Side.SELL)
_YEAR = 365.0


@compiled_inline
def _interest(carry, bar, cash):
    if cash > 0.0:
        return cash * carry.cash_rate[bar] * carry.days[bar] / _YEAR
    return 0.0


@compiled_lean
def pay_shares(carry, bar, market, rules, state, paid):
    """Pay what is due at a bar on cash, shorts and shares; `paid` is the bar's row of the curve."""
    money, counts, lots, marks = state.money, state.counts, state.lots, state.marks
    fees = dividends = 0.0
    for lot in range(counts[LOTS]):
        shares = lots[lot, LOT_QUANTITY] * rules.multiplier
        close = market.close[marks[lot, LOT_INSTRUMENT], bar - 1]
        due = carry.dividends[bar] * shares
        if marks[lot, LOT_SIDE] == _SELL:
            fees += close * shares * carry.borrow_rate[bar] * carry.days[bar] / _YEAR
            due = -due
        dividends += due
    paid[INTEREST] = _interest(carry, bar, money[CASH])
    paid[BORROW_FEES], paid[DIVIDENDS] = fees, dividends
    money[CASH] += paid[INTEREST]
    money[CASH] -= fees
    money[CASH] += dividends


@compiled_lean
def pay_spreads(carry, bar, market, rules, state, paid):
    """Do what `pay_shares` does for an account with option spreads."""
    money, counts, lots, marks = state.money, state.counts, state.lots, state.marks
    free = SPREADS.free(rules, market.close, money, counts, lots, marks, bar)
    paid[INTEREST] = _interest(carry, bar, free)
    money[CASH] += paid[INTEREST]
