"""Lots: opened, closed and valued inside the loop (SEMANTICS 3.5 to 3.10)."""

from __future__ import annotations

import numpy as np

from btkit.conditions.compiled import compiled, compiled_inline
from btkit.engine.orders import Skip
from btkit.engine.state import (
    CASH,
    LOT_BAR,
    LOT_COMMISSION,
    LOT_PRICE,
    LOT_REASON,
    LOT_SHARES,
    LOTS,
    PENDING,
    SKIPPED,
    TRADES,
)

_INSUFFICIENT_CASH = int(Skip.INSUFFICIENT_CASH)
_ROUNDING_STEPS = 7
_CENT = 0.01
# Times this, rounding leads from any normal number to the next one towards 0.
_ONE_STEP_LESS = 1.0 - 2.0**-53


@compiled_inline
def commission_of(rules, shares, price):
    """Return the commission of one fill in $; the models not in use have a rate of zero."""
    return rules.per_order + rules.per_share * shares + rules.rate * shares * price


@compiled_inline
def lot_value(rules, lots, lot, price):
    """Return what a lot adds to equity in $; a short's collateral is twice its sale (3.10)."""
    if rules.short:
        return lots[lot, LOT_SHARES] * (2.0 * lots[lot, LOT_PRICE] - price)
    return lots[lot, LOT_SHARES] * price


@compiled_inline
def equity_at(rules, money, counts, lots, price):
    """Return cash plus all lots at `price` in $."""
    equity = money[CASH]
    for lot in range(counts[LOTS]):
        equity += lot_value(rules, lots, lot, price)
    return equity


@compiled_inline
def leave(rules, money, counts, lots, lot_marks, values, marks, bar, price):
    """Close every lot that has a reason at `price` before slippage, oldest first."""
    fill = price * (1.0 + rules.slippage) if rules.short else price * (1.0 - rules.slippage)
    kept = 0
    for lot in range(counts[LOTS]):
        if lot_marks[lot, LOT_REASON] == 0:
            for column in range(lots.shape[1]):
                lots[kept, column] = lots[lot, column]
            for column in range(lot_marks.shape[1]):
                lot_marks[kept, column] = lot_marks[lot, column]
            kept += 1
            continue
        commission = commission_of(rules, lots[lot, LOT_SHARES], fill)
        money[CASH] += lot_value(rules, lots, lot, fill) - commission
        # The columns of `Trades`, in its order.
        trade = counts[TRADES]
        marks[trade, 0] = lot_marks[lot, LOT_BAR]
        marks[trade, 1] = bar
        marks[trade, 2] = lot_marks[lot, LOT_REASON]
        values[trade, 0] = lots[lot, LOT_PRICE]
        values[trade, 1] = fill
        values[trade, 2] = lots[lot, LOT_SHARES]
        values[trade, 3] = lots[lot, LOT_COMMISSION]
        values[trade, 4] = commission
        counts[TRADES] += 1
    counts[LOTS] = kept


@compiled_inline
def smaller(rules, size):
    """Return the next smaller size that can be bought."""
    less = size * _ONE_STEP_LESS
    return less if rules.fractional else min(size - 1.0, less)


@compiled_inline
def outlay(rules, size, fill):
    """Return what a size costs in $, commission included, and the commission."""
    commission = commission_of(rules, size, fill)
    return size * fill + commission, commission


@compiled_inline
def affordable(rules, cash, wanted, fill):
    """Return `wanted` shares, or as many as `cash` pays for, with their `outlay` (3.5)."""
    cost, commission = outlay(rules, wanted, fill)
    # "not <=" also catches an infinite size, whose cost is no number.
    if not cost <= cash:
        size = (cash - rules.per_order) / (fill * (1.0 + rules.rate) + rules.per_share)
        if not rules.fractional:
            size = np.floor(size)
        cost, commission = outlay(rules, size, fill)
        # Rounding can leave the quotient a step or two too large; beyond 2**53 whole shares are
        # further apart than one. A first step is worked out in any case: whether it is needed is
        # not to be foreseen, and a wrong guess of the processor's costs more.
        if size > 0.0:
            less = smaller(rules, size)
            less_cost, less_commission = outlay(rules, less, fill)
            fits = cost <= cash
            size = size if fits else less
            cost = cost if fits else less_cost
            commission = commission if fits else less_commission
        for _ in range(_ROUNDING_STEPS):
            if size <= 0.0 or cost <= cash:
                break
            size = smaller(rules, size)
            cost, commission = outlay(rules, size, fill)
        return size, cost, commission
    return wanted, cost, commission


@compiled_inline
def enter(rules, money, counts, lots, lot_marks, bar, price):
    """Open the pending lot at `price` before slippage, cut to what cash pays for."""
    fill = price * (1.0 - rules.slippage) if rules.short else price * (1.0 + rules.slippage)
    wanted = money[PENDING]
    size, cost, commission = affordable(rules, money[CASH], wanted, fill)
    money[PENDING] = 0.0
    # A fraction for which less than a cent is left is what rounding left over, no position.
    dust = rules.fractional and size < wanted and size * fill < _CENT
    if size <= 0.0 or dust or (size < 1.0 and not rules.fractional):
        counts[SKIPPED + _INSUFFICIENT_CASH] += 1
        return
    money[CASH] -= cost
    lot = counts[LOTS]
    lots[lot, LOT_PRICE] = fill
    lots[lot, LOT_SHARES] = size
    lots[lot, LOT_COMMISSION] = commission
    lot_marks[lot, LOT_BAR] = bar
    lot_marks[lot, LOT_REASON] = 0
    counts[LOTS] += 1


@compiled_inline
def gain_of(rules, lots, lot, close):
    """Return a lot's position_pnl_pct."""
    ratio = close / lots[lot, LOT_PRICE]
    return 1.0 - ratio if rules.short else ratio - 1.0


@compiled
def order_exits(counts, values, marks, bar):
    """Put the exits of one bar in order, the oldest lot first (3.9).

    Only where lots leave at a bar's close after others left at its open can they be out of it.
    """
    for trade in range(1, counts[TRADES]):
        at = trade
        while at > 0 and marks[at - 1, 1] == bar and marks[at - 1, 0] > marks[at, 0]:
            for column in range(values.shape[1]):
                swap = values[at, column]
                values[at, column] = values[at - 1, column]
                values[at - 1, column] = swap
            for column in range(marks.shape[1]):
                mark = marks[at, column]
                marks[at, column] = marks[at - 1, column]
                marks[at - 1, column] = mark
            at -= 1
