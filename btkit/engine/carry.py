"""What holding brings and costs between two bars: interest, borrow fees, dividends (3.14).

The loop runs from one bar at which something may be paid to the next, as it runs any bars in
parts. So it knows nothing of carry, and who has none pays nothing for it.

Where the rules leave a choice, this is what is done:

- At a bar each item is told from what there was at the close before; then cash moves, once for
  each: interest, borrow fees, dividends.
- Of a margined lot shorts pay, and dividends are paid, as of any: on units x multiplier.
- Of spreads nothing is paid but interest, on what they do not reserve.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np

from btkit.conditions.compiled import compiled_inline, compiled_lean
from btkit.engine.books.spreads import SPREADS
from btkit.engine.inputs import Floats, Integers
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
    RUINED,
)

Loop = Callable[..., None]
_SELL = int(Side.SELL)
_YEAR = 365.0


class Carry(NamedTuple):
    """What is paid at each bar before its fills, float64 (n_bars,).

    Parameters
    ----------
    days
        Calendar days from the session of the bar before to this bar's.
    cash_rate, borrow_rate
        What cash earns, and what shorts pay, a year, as it was known before the bar.
    dividends
        $ a share.
    """

    days: Floats
    cash_rate: Floats
    borrow_rate: Floats
    dividends: Floats

    def cut(self, bars: slice) -> Self:
        """Return that of some bars."""
        return type(self)(*(series[bars] for series in self))

    def due_after(self, start: int) -> Integers:
        """Return the bars after the first one of a run at which something may be paid."""
        rated = (self.cash_rate != 0.0) | (self.borrow_rate != 0.0)
        due: Integers = np.flatnonzero(((self.days != 0.0) & rated) | (self.dividends != 0.0))
        return due[due > start]


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


class CarriedLoop:
    """A loop with carry: called as the loop itself is.

    Parameters
    ----------
    loop
        What runs bars.
    pay
        `pay_shares` or `pay_spreads`.
    carry
        What is paid.
    start
        The first bar of the run, at which nothing is.
    """

    def __init__(self, loop: Loop, pay: Loop, carry: Carry, start: int) -> None:
        self._loop, self._pay, self._carry = loop, pay, carry
        self._due = carry.due_after(start)

    def __call__(self, first, last, market, decisions, rules, state, trades, curve, room):
        """Simulate bars `first` to `last` - 1; see `btkit.engine.loop.run_bars`."""
        due = self._due[slice(*self._due.searchsorted((first, last)))]
        unseen = np.empty(curve.carry.shape[1])
        begin = first
        for bar in due.tolist():
            if bar > begin:
                self._loop(begin, bar, market, decisions, rules, state, trades, curve, room)
                begin = bar
            if state.counts[RUINED]:
                return
            paid = curve.carry[bar] if curve.carry.size else unseen
            self._pay(self._carry, bar, market, rules, state, paid)
        self._loop(begin, last, market, decisions, rules, state, trades, curve, room)
