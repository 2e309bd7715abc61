"""Lots of shares or contracts: opened, valued, described and closed in the loop (SEMANTICS 3).

Where the rules leave a choice, this is what is done:

- An open loss is each margined lot's own: what other lots have gained is no money before they
  leave. An entry is cut by the losses at the price that its order is offered.
- A margin call is judged with the exits, so a lot that fills at a close is called at the next one.
  It comes before a lot's own reasons, and does not wait for `BothSides.separation`. An entry of
  the same close stands: no rule bars it, and it gets what cash pays for once the lots have left.
- A fraction for which an entry would take less than a cent is what rounding left over, no lot.
"""

from __future__ import annotations

import math

import numpy as np

from btkit.conditions.compiled import compiled_inline
from btkit.conditions.machine import Tag
from btkit.engine.books.book import Book
from btkit.engine.fills import affordable, commission_of, fill_price, offered, taken
from btkit.engine.inputs import (
    BARS_HELD,
    CAPITAL,
    ENTRY_PRICE,
    HIGHEST,
    IN_POSITION,
    LOWEST,
    PNL,
)
from btkit.engine.orders import INSTRUMENT, QUANTITY, SIDE, Side, Skip
from btkit.engine.paying import pay_shares
from btkit.engine.quiet import mark_until_open
from btkit.engine.state import (
    CASH,
    LOT_BAR,
    LOT_COLUMNS,
    LOT_COMMISSION,
    LOT_ENTERED,
    LOT_EXIT_COMMISSION,
    LOT_EXIT_OFFERED,
    LOT_EXIT_PRICE,
    LOT_HIGHEST,
    LOT_INSTRUMENT,
    LOT_LOWEST,
    LOT_MADE,
    LOT_OFFERED,
    LOT_PRICE,
    LOT_QUANTITY,
    LOT_SIDE,
    LOTS,
    MARK_COLUMNS,
    SKIPPED,
)

_BUY, _SELL = int(Side.BUY), int(Side.SELL)
_FAILED, _MISSING = int(Tag.FAILED), int(Tag.NONE)
_SIZE_MISSING, _SIZE_NOT_POSITIVE = int(Skip.SIZE_MISSING), int(Skip.SIZE_NOT_POSITIVE)
_SIZE_BELOW_ONE = int(Skip.SIZE_BELOW_ONE_SHARE)
_INSUFFICIENT_CASH = int(Skip.INSUFFICIENT_CASH)
_CENT = 0.01


@compiled_inline
def _value_of(rules, lots, marks, lot, price):
    units = lots[lot, LOT_QUANTITY]
    if rules.margin > 0.0:
        moved = rules.multiplier * (price - lots[lot, LOT_PRICE])
        return units * (rules.margin + moved * marks[lot, LOT_SIDE])
    # A short's collateral is twice its sale (3.10).
    shares = units * rules.multiplier
    if marks[lot, LOT_SIDE] == _BUY:
        return shares * price
    return shares * (2.0 * lots[lot, LOT_PRICE] - price)


@compiled_inline
def _loss_of(rules, lots, marks, lot, price):
    gained = (price - lots[lot, LOT_PRICE]) * marks[lot, LOT_SIDE]
    return min(lots[lot, LOT_QUANTITY] * rules.multiplier * gained, 0.0)


@compiled_inline
def side_of(rules):
    """Return which way an entry goes."""
    return _SELL if rules.short else _BUY


@compiled_inline
def size(rules, counts, wanted, tag):
    """Return the shares to order; 0 after counting why there are none (3.5)."""
    if tag in (_FAILED, _MISSING) or math.isnan(wanted):
        counts[SKIPPED + _SIZE_MISSING] += 1
        return 0.0
    if wanted <= 0.0:
        counts[SKIPPED + _SIZE_NOT_POSITIVE] += 1
        return 0.0
    if not rules.fractional:
        wanted = np.floor(wanted)
        if wanted < 1.0:
            counts[SKIPPED + _SIZE_BELOW_ONE] += 1
            return 0.0
    return wanted


@compiled_inline
def enter(rules, market, money, counts, lots, marks, orders, order, lot, bar, kind):
    """Open a lot, cut to what cash pays for; return why not, or -1."""
    price = offered(market, int(orders[order, INSTRUMENT]), bar, kind)
    return enter_at(rules, money, lots, marks, orders, order, lot, price, rules.slippage)


@compiled_inline
def enter_at(rules, money, lots, marks, orders, order, lot, price, slippage):
    """Do what `enter` does at a price, and with a slippage of its own."""
    fill = fill_price(orders[order, SIDE], price, slippage)
    wanted = orders[order, QUANTITY]
    spendable = money[CASH]
    if rules.margin > 0.0:
        lost = 0.0
        # The lots before this one are all that there are.
        for held in range(lot):
            lost += _loss_of(rules, lots, marks, held, price)
        spendable += lost
    shares, cost, commission = affordable(rules, spendable, wanted, fill)
    dust = rules.fractional and shares < wanted and taken(rules, shares, fill) < _CENT
    if shares <= 0.0 or dust or (shares < 1.0 and not rules.fractional):
        return _INSUFFICIENT_CASH
    money[CASH] -= cost
    lots[lot, LOT_PRICE] = fill
    lots[lot, LOT_QUANTITY] = shares
    lots[lot, LOT_COMMISSION] = commission
    lots[lot, LOT_OFFERED] = price
    return -1


@compiled_inline
def leave(rules, market, lots, marks, lot, bar, kind):
    """Sell a lot, or buy it back; return the fill, its commission and what it adds to cash."""
    price = offered(market, marks[lot, LOT_INSTRUMENT], bar, kind)
    return leave_at(rules, lots, marks, lot, price, rules.slippage)


@compiled_inline
def leave_at(rules, lots, marks, lot, price, slippage):
    """Do what `leave` does at a price, and with a slippage of its own."""
    lots[lot, LOT_EXIT_OFFERED] = price
    fill = fill_price(-marks[lot, LOT_SIDE], price, slippage)
    commission = commission_of(rules, lots[lot, LOT_QUANTITY], fill)
    return fill, commission, _value_of(rules, lots, marks, lot, fill) - commission


@compiled_inline
def expire(market, counts, marks, bar):
    """Shares do not."""
    return False


@compiled_inline
def mark(rules, market, counts, lots, marks, bar):
    """Nothing is kept of what a close says of a lot."""


@compiled_inline
def worth(rules, closes, money, counts, lots, marks, bar):
    """Return cash plus all lots at the close in $."""
    equity = money[CASH]
    for lot in range(counts[LOTS]):
        equity += _value_of(rules, lots, marks, lot, closes[marks[lot, LOT_INSTRUMENT], bar])
    return equity


@compiled_inline
def free(rules, closes, money, counts, lots, marks, bar):
    """Return what an entry could spend in $: cash, less what margined lots have lost (3.13)."""
    if rules.margin <= 0.0:
        return money[CASH]
    lost = 0.0
    for lot in range(counts[LOTS]):
        lost += _loss_of(rules, lots, marks, lot, closes[marks[lot, LOT_INSTRUMENT], bar])
    return money[CASH] + lost


@compiled_inline
def called(rules, closes, money, counts, lots, marks, bar):
    """Return whether equity is below the sum of margins (3.13)."""
    if rules.margin <= 0.0:
        return False
    held = 0.0
    for lot in range(counts[LOTS]):
        held += lots[lot, LOT_QUANTITY] * rules.margin
    return worth(rules, closes, money, counts, lots, marks, bar) < held


@compiled_inline
def describe(rules, closes, money, counts, lots, marks, lot, bar, position):
    """Fill in the position's names for one lot, or for none (2.12, 3.2)."""
    held = counts[LOTS] > 0
    position[IN_POSITION] = 1.0 if held else 0.0
    position[CAPITAL] = free(rules, closes, money, counts, lots, marks, bar)
    position[BARS_HELD] = bar - marks[lot, LOT_BAR] if held else 0.0
    position[PNL] = _gain_of(closes, lots, marks, lot, bar) if held else 0.0
    position[ENTRY_PRICE] = lots[lot, LOT_PRICE] if held else math.nan
    position[HIGHEST] = lots[lot, LOT_HIGHEST] if held else math.nan
    position[LOWEST] = lots[lot, LOT_LOWEST] if held else math.nan


@compiled_inline
def _gain_of(closes, lots, marks, lot, bar):
    ratio = closes[marks[lot, LOT_INSTRUMENT], bar] / lots[lot, LOT_PRICE]
    return ratio - 1.0 if marks[lot, LOT_SIDE] == _BUY else 1.0 - ratio


@compiled_inline
def profit(rules, lots, marks, trade):
    """Return what a closed lot made, and that over its price at the entry (3.9, 3.10, 3.13).

    Of one that left in parts, at its last: what all of them made, over all that was entered (3.12).
    """
    pnl = made_by(rules, lots, marks, trade) + lots[trade, LOT_MADE]
    return pnl, pnl / (lots[trade, LOT_ENTERED] * rules.multiplier * lots[trade, LOT_PRICE])


@compiled_inline
def made_by(rules, lots, marks, trade):
    """Return what a closed lot, or a part of one, made (3.9, 3.10)."""
    gain = lots[trade, LOT_EXIT_PRICE] - lots[trade, LOT_PRICE]
    shares = lots[trade, LOT_QUANTITY] * rules.multiplier
    gross = shares * (-gain if marks[trade, LOT_SIDE] == _SELL else gain)
    return gross - lots[trade, LOT_COMMISSION] - lots[trade, LOT_EXIT_COMMISSION]


@compiled_inline
def judge(rules, lots, lot):
    """Shares have no stop of their own."""
    return 0


@compiled_inline
def skip_quiet(
    entry_gate, exit_gate, stop_gate, rules, closes, money, counts, lots, marks, equity, bar, end
):
    """Mark bars from `bar` on, before `end`, at which nothing fills and nothing can be decided.

    Only for a state without orders, in which open lots leave no room for another.

    Returns
    -------
    int
        The first bar that was not marked.
    """
    cash = money[CASH]
    if counts[LOTS] == 0:
        if cash > 0.0:
            return mark_until_open(entry_gate, entry_gate, closes[0], equity, bar, end, cash, 0.0)
        return bar
    if rules.margin > 0.0 and counts[LOTS] > 0:
        # What is free changes with each close, and any close may call.
        return bar
    # The oldest lot is the first to reach its limit.
    end = min(end, marks[0, LOT_BAR] + rules.max_holding)
    if counts[LOTS] == 1 and marks[0, LOT_SIDE] == _BUY and cash >= 0.0:
        # Cash and one long lot: no ruin is possible.
        own, shares = closes[marks[0, LOT_INSTRUMENT]], lots[0, LOT_QUANTITY] * rules.multiplier
        return mark_until_open(exit_gate, stop_gate, own, equity, bar, end, cash, shares)
    while bar < end and not (exit_gate[bar] or stop_gate[bar]):
        equity_now = worth(rules, closes, money, counts, lots, marks, bar)
        if equity_now <= 0.0:
            break
        equity[bar] = equity_now
        bar += 1
    return bar


SHARES = Book(
    columns=LOT_COLUMNS,
    mark_columns=MARK_COLUMNS,
    pay=pay_shares,
    skip_quiet=skip_quiet,
    side_of=side_of,
    size=size,
    enter=enter,
    leave=leave,
    expire=expire,
    mark=mark,
    worth=worth,
    free=free,
    called=called,
    describe=describe,
    profit=profit,
    judge=judge,
)
