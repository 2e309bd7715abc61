"""The simulation loop: one compiled function for every spec.

Everything that varies arrives as arrays and numbers, so the loop is compiled once, for one
signature, and never per spec. Its whole memory is a `State`: saving that is a checkpoint, and
running on from it gives the same trades to the last bit.

The order of work at each bar is SEMANTICS section 3: orders decided at the bar before fill at
the open, positions are marked at the close, exits are judged lot by lot, then one entry.
"""

from __future__ import annotations

import math

import numpy as np

from btkit.conditions.compiled import compiled, compiled_inline
from btkit.conditions.machine import STACK_SIZE, Op, Tag, is_true, run_program
from btkit.engine.records import (
    BARS_HELD,
    CAPITAL,
    CASH,
    ENTRY_LIST,
    EXIT_LIST,
    FILTER_LIST,
    FINAL,
    IN_POSITION,
    LAST_DECIDED,
    LOT_BAR,
    LOT_COMMISSION,
    LOT_PRICE,
    LOT_REASON,
    LOT_SHARES,
    LOTS,
    PENDING,
    PNL,
    POSITION_SLOTS,
    RUINED,
    SIZE_LIST,
    SKIPPED,
    STOP_LIST,
    TRADES,
    UNFILLED,
    Reason,
    Skip,
)
from btkit.engine.vectors import SCANNED, closed_run, mark_worth, next_below

_FAILED, _MISSING = int(Tag.FAILED), int(Tag.NONE)
_CONST, _COLUMN, _POSITION = int(Op.CONST), int(Op.COLUMN), int(Op.POSITION)
_MUL, _DIV = int(Op.MUL), int(Op.DIV)
# Instructions of `capital / column`, and of `share * capital / column`.
_UNSCALED, _SCALED = 3, 5
_STOP, _EXIT, _MAX_HOLDING = int(Reason.STOP), int(Reason.EXIT), int(Reason.MAX_HOLDING)
_END_OF_DATA, _RUIN = int(Reason.END_OF_DATA), int(Reason.RUIN)
_SIZE_MISSING, _SIZE_NOT_POSITIVE = int(Skip.SIZE_MISSING), int(Skip.SIZE_NOT_POSITIVE)
_SIZE_BELOW_ONE = int(Skip.SIZE_BELOW_ONE_SHARE)
_INSUFFICIENT_CASH = int(Skip.INSUFFICIENT_CASH)
_ROUNDING_STEPS = 7
_CENT = 0.01


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
    less = next_below(size)
    return less if rules.fractional else min(size - 1.0, less)


@compiled_inline
def affordable(rules, cash, wanted, fill):
    """Return `wanted` shares, or as many as `cash` pays for, commission included (3.5)."""
    # "not <=" also catches an infinite size, whose cost is no number.
    if not wanted * fill + commission_of(rules, wanted, fill) <= cash:
        size = (cash - rules.per_order) / (fill * (1.0 + rules.rate) + rules.per_share)
        if not rules.fractional:
            size = np.floor(size)
        # Rounding can leave the quotient a step or two too large; beyond 2**53 whole shares are
        # further apart than one. A first step is worked out in any case: whether it is needed is
        # not to be foreseen, and a wrong guess of the processor's costs more.
        if size > 0.0:
            less = smaller(rules, size)
            size = size if size * fill + commission_of(rules, size, fill) <= cash else less
        for _ in range(_ROUNDING_STEPS):
            if size <= 0.0 or size * fill + commission_of(rules, size, fill) <= cash:
                break
            size = smaller(rules, size)
        return size
    return wanted


@compiled_inline
def enter(rules, money, counts, lots, lot_marks, bar, price):
    """Open the pending lot at `price` before slippage, cut to what cash pays for."""
    fill = price * (1.0 - rules.slippage) if rules.short else price * (1.0 + rules.slippage)
    wanted = money[PENDING]
    size = affordable(rules, money[CASH], wanted, fill)
    money[PENDING] = 0.0
    # A fraction for which less than a cent is left is what rounding left over, no position.
    dust = rules.fractional and size < wanted and size * fill < _CENT
    if size <= 0.0 or dust or (size < 1.0 and not rules.fractional):
        counts[SKIPPED + _INSUFFICIENT_CASH] += 1
        return
    commission = commission_of(rules, size, fill)
    money[CASH] -= size * fill + commission
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


@compiled_inline
def all_met(first, last, programs, code, constants, columns, column_tags, bar, position, stack):
    """Return whether programs `first` to `last` - 1 are all met, for the lot in `position`."""
    for program in range(first, last):
        value, tag = run_program(
            code,
            programs[program, 0],
            programs[program, 1],
            constants,
            columns,
            column_tags,
            bar,
            position,
            stack,
        )
        if tag == _FAILED or not is_true(value, tag):
            return False
    return True


@compiled_inline
def share_of_cash(code, first, last, constants):
    """Read a sizing program as ``share * capital / column``, the form that nearly all have.

    Returns
    -------
    tuple
        The share, and the column; -1 where the program is another one.
    """
    share, at = 1.0, first
    if last - first == _SCALED:
        # Either order of the factors: a product is the same both ways.
        of_capital = 1 if code[first, 0] == _CONST else 0
        constant = first + 1 - of_capital
        if code[constant, 0] != _CONST or code[first + 2, 0] != _MUL:
            return 1.0, -1
        if constants[code[constant, 1], 1] == _MISSING:
            return 1.0, -1
        share, at = constants[code[constant, 1], 0], first + of_capital
    elif last - first != _UNSCALED:
        return 1.0, -1
    if code[at, 0] != _POSITION or code[at, 1] != CAPITAL:
        return 1.0, -1
    if code[last - 2, 0] != _COLUMN or code[last - 1, 0] != _DIV:
        return 1.0, -1
    return share, code[last - 2, 1]


@compiled_inline
def usable_size(rules, counts, size, tag):
    """Return the shares to order; 0 after counting why there are none (3.5)."""
    if tag in (_FAILED, _MISSING) or math.isnan(size):
        counts[SKIPPED + _SIZE_MISSING] += 1
        return 0.0
    if size <= 0.0:
        counts[SKIPPED + _SIZE_NOT_POSITIVE] += 1
        return 0.0
    if not rules.fractional:
        size = np.floor(size)
        if size < 1.0:
            counts[SKIPPED + _SIZE_BELOW_ONE] += 1
            return 0.0
    return size


@compiled_inline
def mark_end(counts, lot_marks):
    """Let every lot leave at the last bar (3.8); an exit decided there has no open to fill at."""
    for lot in range(counts[LOTS]):
        counts[UNFILLED] += lot_marks[lot, LOT_REASON] != 0
        lot_marks[lot, LOT_REASON] = _END_OF_DATA


@compiled_inline
def nothing_owed(rules, money, counts):
    """Return whether the account is cash, or cash and one long lot: then no ruin is possible."""
    if counts[LOTS] == 0:
        return money[CASH] > 0.0
    return counts[LOTS] == 1 and not rules.short and money[CASH] >= 0.0


@compiled_inline
def mark_until_open(one, other, closes, equity, bar, end, free, shares):
    """Mark the account until one of two gates is open; return that bar, `end` if there is none."""
    while bar + SCANNED <= end:
        # Bars behind the open gate are marked, too, and again once what happens there is known:
        # cheaper than to stop in the right place.
        mark_worth(closes, equity, bar, free, shares)
        before = closed_run(one, other, bar)
        bar += before
        if before < SCANNED:
            return bar
    while bar < end and not (one[bar] or other[bar]):
        equity[bar] = free + shares * closes[bar]
        bar += 1
    return bar


@compiled_inline
def mark_quiet(
    entry_gate,
    exit_gate,
    stop_gate,
    rules,
    money,
    counts,
    lots,
    lot_marks,
    closes,
    equity,
    bar,
    end,
):
    """Mark bars from `bar` on, before `end`, at which nothing fills and nothing can be decided.

    Only for a state without orders, in which open lots leave no room for another.

    Returns
    -------
    int
        The first bar that was not marked.
    """
    free = money[CASH]
    if counts[LOTS] == 0:
        one, other, shares = entry_gate, entry_gate, 0.0
    else:
        # The oldest lot is the first to reach its limit.
        end = min(end, lot_marks[0, LOT_BAR] + rules.max_holding)
        one, other, shares = exit_gate, stop_gate, lots[0, LOT_SHARES]
    if nothing_owed(rules, money, counts):
        return mark_until_open(one, other, closes, equity, bar, end, free, shares)
    while bar < end and not (one[bar] or other[bar]):
        worth = equity_at(rules, money, counts, lots, closes[bar])
        if worth <= 0.0:
            break
        equity[bar] = worth
        bar += 1
    return bar


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


@compiled
def run_bars(first, last, market, decisions, rules, state, trades, curve):
    """Simulate bars `first` to `last` - 1, going on from `state`.

    Parameters
    ----------
    first, last
        Bars to simulate. Orders are decided at each; the books close at the last bar of the
        data, so a run in parts gives what a run in one piece gives.
    market, decisions, rules
        What does not change: see `btkit.engine.records`.
    state, trades, curve
        What the loop remembers and what it has done, all changed in place.
    """
    # Taken apart here, since taking an array out of a tuple costs a reference count each time.
    opens, closes = market.open, market.close
    money, counts, lots, lot_marks = state.money, state.counts, state.lots, state.lot_marks
    values, marks = trades.values, trades.marks
    equity, cash = curve.equity, curve.cash
    entry_gate, exit_gate = decisions.entry_gate, decisions.exit_gate
    stop_gate, when_flat = decisions.stop_gate, decisions.entry_when_flat
    programs, code = decisions.programs, decisions.code
    constants, columns = decisions.tables.constants, decisions.tables.columns
    column_tags = decisions.tables.column_tags
    entry_from, entry_to = decisions.lists[ENTRY_LIST, 0], decisions.lists[ENTRY_LIST, 1]
    exit_from, exit_to = decisions.lists[EXIT_LIST, 0], decisions.lists[EXIT_LIST, 1]
    stop_from, stop_to = decisions.lists[STOP_LIST, 0], decisions.lists[STOP_LIST, 1]
    filter_from, filter_to = decisions.lists[FILTER_LIST, 0], decisions.lists[FILTER_LIST, 1]
    size_program = decisions.lists[SIZE_LIST, 0]
    share, size_column = share_of_cash(
        code, programs[size_program, 0], programs[size_program, 1], constants
    )
    # A call costs more than the test whether there is anything to run.
    has_filters, has_entries = filter_from < filter_to, entry_from < entry_to
    has_exits, has_stops = exit_from < exit_to, stop_from < stop_to
    reads_lots = has_exits or has_stops
    position = np.zeros(POSITION_SLOTS)
    stack = np.empty((STACK_SIZE, 2))
    final = closes.size - 1
    exiting = counts[LOTS] > 0
    decided = counts[LAST_DECIDED]
    fullest = 1 if when_flat else rules.max_positions
    judges_filters = has_filters and rules.filter_all
    bar = first - 1
    while bar < last - 1:
        bar += 1
        if (
            not exiting
            and money[PENDING] == 0.0
            and (counts[LOTS] == 0 or (counts[LOTS] >= fullest and not judges_filters))
        ):
            # Most bars only mark the account; they need none of what follows.
            until = mark_quiet(
                entry_gate,
                exit_gate,
                stop_gate,
                rules,
                money,
                counts,
                lots,
                lot_marks,
                closes,
                equity,
                bar,
                min(last, final),
            )
            if until > bar:
                if cash.size:
                    # A slice: the compiler fills many at once when it counts from 0.
                    cash[bar:until] = money[CASH]
                decided = until - 1
                bar = until
                if bar == last:
                    break
        close = closes[bar]
        if not rules.at_close:
            if exiting:
                leave(rules, money, counts, lots, lot_marks, values, marks, bar, opens[bar])
                exiting = False
            if money[PENDING] > 0.0:
                enter(rules, money, counts, lots, lot_marks, bar, opens[bar])
        held = counts[LOTS] > 0
        worth = equity_at(rules, money, counts, lots, close) if held else money[CASH]
        ruined = worth <= 0.0
        if not ruined:
            decided = bar
            entering = entry_gate[bar] and counts[LOTS] < rules.max_positions
            entering = entering and not (held and when_flat)
            filtered = True
            if entering or (held and has_filters):
                position[IN_POSITION] = 1.0 if held else 0.0
                position[CAPITAL] = money[CASH]
                position[BARS_HELD] = bar - lot_marks[0, LOT_BAR] if held else 0.0
                position[PNL] = gain_of(rules, lots, 0, close) if held else 0.0
                # Filters, entries and sizing see the oldest open lot (3.2).
                filtered = not has_filters or all_met(
                    filter_from,
                    filter_to,
                    programs,
                    code,
                    constants,
                    columns,
                    column_tags,
                    bar,
                    position,
                    stack,
                )
                if (
                    entering
                    and filtered
                    and (
                        not has_entries
                        or all_met(
                            entry_from,
                            entry_to,
                            programs,
                            code,
                            constants,
                            columns,
                            column_tags,
                            bar,
                            position,
                            stack,
                        )
                    )
                ):
                    if size_column >= 0:
                        divisor = columns[size_column, bar]
                        tag = int(column_tags[size_column, bar])
                        if tag == _MISSING or divisor == 0.0:
                            tag = _FAILED
                        size = share * money[CASH] / divisor
                    else:
                        size, tag = run_program(
                            code,
                            programs[size_program, 0],
                            programs[size_program, 1],
                            constants,
                            columns,
                            column_tags,
                            bar,
                            position,
                            stack,
                        )
                    money[PENDING] = usable_size(rules, counts, size, tag)
            in_scope = filtered or not rules.filter_all
            stopping = in_scope and stop_gate[bar]
            leaving = in_scope and exit_gate[bar]
            for lot in range(counts[LOTS]):
                if reads_lots:
                    position[IN_POSITION] = 1.0
                    position[CAPITAL] = money[CASH]
                    position[BARS_HELD] = bar - lot_marks[lot, LOT_BAR]
                    position[PNL] = gain_of(rules, lots, lot, close)
                # One reason per lot: stop, then exit, then max_holding (3.3).
                if stopping and (
                    not has_stops
                    or all_met(
                        stop_from,
                        stop_to,
                        programs,
                        code,
                        constants,
                        columns,
                        column_tags,
                        bar,
                        position,
                        stack,
                    )
                ):
                    lot_marks[lot, LOT_REASON] = _STOP
                elif leaving and (
                    not has_exits
                    or all_met(
                        exit_from,
                        exit_to,
                        programs,
                        code,
                        constants,
                        columns,
                        column_tags,
                        bar,
                        position,
                        stack,
                    )
                ):
                    lot_marks[lot, LOT_REASON] = _EXIT
                elif bar - lot_marks[lot, LOT_BAR] >= rules.max_holding:
                    lot_marks[lot, LOT_REASON] = _MAX_HOLDING
                else:
                    continue
                exiting = True
            if bar == final:
                money[FINAL] = money[CASH]
            if rules.at_close:
                if exiting:
                    leave(rules, money, counts, lots, lot_marks, values, marks, bar, close)
                    exiting = False
                if money[PENDING] > 0.0 and bar < final:
                    enter(rules, money, counts, lots, lot_marks, bar, close)
                worth = equity_at(rules, money, counts, lots, close)
                ruined = worth <= 0.0
            if bar == final and money[PENDING] > 0.0:
                counts[UNFILLED] += 1
                money[PENDING] = 0.0
            if bar == final and not ruined:
                mark_end(counts, lot_marks)
                leave(rules, money, counts, lots, lot_marks, values, marks, bar, close)
                order_exits(counts, values, marks, bar)
                worth = money[CASH]
                ruined = worth <= 0.0
        equity[bar] = worth
        if cash.size:
            cash[bar] = money[CASH]
        if ruined:
            # The run ends here: all lots close, and the curve stays flat (3.10).
            for lot in range(counts[LOTS]):
                lot_marks[lot, LOT_REASON] = _RUIN
            leave(rules, money, counts, lots, lot_marks, values, marks, bar, close)
            order_exits(counts, values, marks, bar)
            money[PENDING] = 0.0
            counts[RUINED] = 1
            counts[LAST_DECIDED] = decided
            equity[bar:] = money[CASH]
            if cash.size:
                cash[bar:] = money[CASH]
            return
    counts[LAST_DECIDED] = decided
