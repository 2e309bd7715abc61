"""What holding brings and costs at a bar, put into the account (SEMANTICS 3.14).

Where the rules leave a choice, this is what is done:

- Each item is told from what there was at the close before; then cash moves, once for each:
  interest, borrow fees, dividends.
- Of margined lots shorts pay, and dividends are paid, as of any: on units x multiplier.
- Of spreads nothing is paid but interest, on what they do not reserve.
"""

from __future__ import annotations

from btkit.conditions.compiled import compiled_inline, compiled_lean
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
def interest_on(carry, bar, cash):
    """Return what cash earns at a bar in $."""
    if cash > 0.0:
        return cash * carry.cash_rate[bar] * carry.days[bar] / _YEAR
    return 0.0


@compiled_lean
def pay_shares(market, rules, state, bar, paid):
    """Pay what is due at a bar on cash, shorts and shares, and note it in `Curve.carry`."""
    carry, money, counts = market.carry, state.money, state.counts
    lots, marks = state.lots, state.marks
    fees = dividends = 0.0
    for lot in range(counts[LOTS]):
        shares = lots[lot, LOT_QUANTITY] * rules.multiplier
        close = market.close[marks[lot, LOT_INSTRUMENT], bar - 1]
        due = carry.dividends[bar] * shares
        if marks[lot, LOT_SIDE] == _SELL:
            fees += close * shares * carry.borrow_rate[bar] * carry.days[bar] / _YEAR
            due = -due
        dividends += due
    interest = interest_on(carry, bar, money[CASH])
    money[CASH] += interest
    money[CASH] -= fees
    money[CASH] += dividends
    if paid.size:
        paid[bar, INTEREST], paid[bar, BORROW_FEES], paid[bar, DIVIDENDS] = (
            interest, fees, dividends,
        )  # fmt: skip
