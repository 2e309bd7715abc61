"""The simulation loop: one for every spec and every book.

Everything that varies from spec to spec arrives as arrays and numbers, so nothing is compiled per
spec. What varies from book to book arrives as functions, which the compiler puts in place: one
source, and a loop of machine code for each book. Its whole memory is a `State`: saving that is a
checkpoint, and running on from it gives the same trades to the last bit.

The order of work at each bar is SEMANTICS sections 3 and 4: orders decided at the bar before fill
at the open, what expires is settled at the close, positions are marked, exits are judged lot by
lot, then one entry.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from btkit.conditions.compiled import compiled, compiled_inline, compiled_lean
from btkit.conditions.machine import STACK_SIZE, Op, Tag, is_true, run_program
from btkit.decisions.records import ENTRY_LIST, EXIT_LIST, FILTER_LIST, SIZE_LIST, STOP_LIST
from btkit.engine.books.shares import SHARES
from btkit.engine.books.spreads import SPREADS
from btkit.engine.inputs import CAPITAL, POSITION_SLOTS
from btkit.engine.orders import INSTRUMENT, KIND, ORDER_COLUMNS, PRICE, QUANTITY, SIDE, Kind, Reason
from btkit.engine.state import (
    CASH,
    FINAL,
    LAST_DECIDED,
    LOT_BAR,
    LOT_EXIT_BAR,
    LOT_EXIT_COMMISSION,
    LOT_EXIT_PRICE,
    LOT_INSTRUMENT,
    LOT_REASON,
    LOT_SIDE,
    LOTS,
    ORDERS,
    RUINED,
    SKIPPED,
    TRADES,
    UNFILLED,
)

_FAILED, _MISSING = int(Tag.FAILED), int(Tag.NONE)
_CONST, _COLUMN, _POSITION = int(Op.CONST), int(Op.COLUMN), int(Op.POSITION)
_MUL, _DIV = int(Op.MUL), int(Op.DIV)
# Instructions of `capital / column`, and of `share * capital / column`.
_UNSCALED, _SCALED = 3, 5
_ON_OPEN, _ON_CLOSE = int(Kind.MARKET_ON_OPEN), int(Kind.MARKET_ON_CLOSE)
_STOP, _EXIT, _MAX_HOLDING = int(Reason.STOP), int(Reason.EXIT), int(Reason.MAX_HOLDING)
_END_OF_DATA, _RUIN = int(Reason.END_OF_DATA), int(Reason.RUIN)


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


class Reading(NamedTuple):
    """Which parts of a strategy read the position, and so are run bar by bar."""

    filters: bool
    entries: bool
    exits: bool
    stops: bool
    sizing: bool


@compiled_inline
def any_program(decisions, which):
    """Return whether a list has a condition that reads the position."""
    return decisions.lists[which, 0] < decisions.lists[which, 1]


@compiled_inline
def sizing_of(decisions):
    """Return `share_of_cash` of a strategy's sizing."""
    programs, program = decisions.programs, decisions.lists[SIZE_LIST, 0]
    first, last = programs[program, 0], programs[program, 1]
    return share_of_cash(decisions.code, first, last, decisions.tables.constants)


@compiled_inline
def reading_of(decisions, sizing):
    """Return the `Reading` of a strategy whose `share_of_cash` is `sizing`."""
    return Reading(
        any_program(decisions, FILTER_LIST),
        any_program(decisions, ENTRY_LIST),
        any_program(decisions, EXIT_LIST),
        any_program(decisions, STOP_LIST),
        sizing[1] < 0,
    )


@compiled
def run_bars(first, last, market, decisions, rules, state, trades, curve):
    """Simulate bars `first` to `last` - 1 with share lots, going on from `state`.

    Parameters
    ----------
    first, last
        Bars to simulate. Orders are decided at each; the books close at the last bar of the
        data, so a run in parts gives what a run in one piece gives.
    market, decisions, rules
        What does not change: see `btkit.engine.inputs`.
    state, trades, curve
        What the loop remembers and what it has done, all changed in place.
    """
    position, stack = np.zeros(POSITION_SLOTS), np.empty((STACK_SIZE, 2))
    run_part(first, last, market, decisions, rules, state, trades, curve, position, stack)


@compiled_lean
def run_part(first, last, market, decisions, rules, state, trades, curve, position, stack):
    """Do what `run_bars` does, with room for the programs to work in."""
    sizing = sizing_of(decisions)
    reading = reading_of(decisions, sizing)
    if reading.filters or reading.entries or reading.exits or reading.stops or reading.sizing:
        simulate_bars(
            SHARES, first, last, market, decisions, rules, state, trades, curve,
            reading, sizing, position, stack,
        )  # fmt: skip
    else:
        # The same with constants, for most strategies: the compiler leaves out what they never do.
        simulate_bars(
            SHARES, first, last, market, decisions, rules, state, trades, curve,
            Reading(False, False, False, False, False), sizing, position, stack,
        )  # fmt: skip


@compiled
def run_spreads(first, last, market, decisions, rules, state, trades, curve):
    """Do what `run_bars` does with option spreads.

    Parameters
    ----------
    first, last, market, decisions, rules, state, trades, curve
        As for `run_bars`; `market` and `rules` are those of `btkit.engine.books.spread_records`.
    """
    sizing = sizing_of(decisions)
    position, stack = np.zeros(POSITION_SLOTS), np.empty((STACK_SIZE, 2))
    simulate_bars(
        SPREADS, first, last, market, decisions, rules, state, trades, curve,
        reading_of(decisions, sizing), sizing, position, stack,
    )  # fmt: skip


@compiled_inline
def fill_orders(book, rules, market, money, counts, lots, marks, orders, bar, kind):
    """Open a lot for each order of a kind, or count why not."""
    waiting = 0
    for order in range(counts[ORDERS]):
        if orders[order, KIND] != kind:
            for column in range(ORDER_COLUMNS):
                orders[waiting, column] = orders[order, column]
            waiting += 1
            continue
        lot = counts[LOTS]
        refused = book.enter(
            rules, market, money, counts, lots, marks, orders, order, lot, bar, kind
        )
        if refused >= 0:
            counts[SKIPPED + refused] += 1
            continue
        marks[lot, LOT_BAR] = bar
        marks[lot, LOT_EXIT_BAR] = -1
        marks[lot, LOT_REASON] = 0
        marks[lot, LOT_INSTRUMENT] = int(orders[order, INSTRUMENT])
        marks[lot, LOT_SIDE] = int(orders[order, SIDE])
        counts[LOTS] += 1
    counts[ORDERS] = waiting


@compiled_inline
def close_lots(book, rules, market, money, counts, lots, marks, closed, closed_marks, bar, kind):
    """Close every lot that has a reason, oldest first."""
    kept = 0
    for lot in range(counts[LOTS]):
        if marks[lot, LOT_REASON] == 0:
            if kept < lot:
                for column in range(book.columns):
                    lots[kept, column] = lots[lot, column]
                for column in range(book.mark_columns):
                    marks[kept, column] = marks[lot, column]
            kept += 1
            continue
        price, commission, proceeds = book.leave(rules, market, lots, marks, lot, bar, kind)
        money[CASH] += proceeds
        trade = counts[TRADES]
        for column in range(book.columns):
            closed[trade, column] = lots[lot, column]
        for column in range(book.mark_columns):
            closed_marks[trade, column] = marks[lot, column]
        closed[trade, LOT_EXIT_PRICE] = price
        closed[trade, LOT_EXIT_COMMISSION] = commission
        closed_marks[trade, LOT_EXIT_BAR] = bar
        counts[TRADES] += 1
    counts[LOTS] = kept


@compiled
def order_exits(counts, lots, marks, bar):
    """Put the exits of one bar in order, the oldest lot first (3.9).

    Only where lots leave at a bar's close after others left in it can they be out of it.
    """
    first = counts[TRADES]
    while first > 0 and marks[first - 1, LOT_EXIT_BAR] == bar:
        first -= 1
    for trade in range(first + 1, counts[TRADES]):
        at = trade
        while at > first and marks[at - 1, LOT_BAR] > marks[at, LOT_BAR]:
            for column in range(lots.shape[1]):
                swap = lots[at, column]
                lots[at, column] = lots[at - 1, column]
                lots[at - 1, column] = swap
            for column in range(marks.shape[1]):
                mark = marks[at, column]
                marks[at, column] = marks[at - 1, column]
                marks[at - 1, column] = mark
            at -= 1


@compiled_inline
def simulate_bars(
    book, first, last, market, decisions, rules, state, trades, curve,
    reading, sizing, position, stack,
):  # fmt: skip
    """Simulate bars; see `run_bars`.

    Parameters
    ----------
    book
        A `Book`, known when this is compiled.
    first, last, market, decisions, rules, state, trades, curve
        As for `run_bars`.
    reading
        `Reading`.
    sizing
        See `share_of_cash`.
    position, stack
        Room for the programs to work in.
    """
    # Taken apart here, since handing tuples of arrays on costs, even to what is put in place.
    money, counts, orders = state.money, state.counts, state.orders
    lots, marks, closes = state.lots, state.marks, market.close
    closed, closed_marks = trades.lots, trades.marks
    equity, cash, decision_cash = curve.equity, curve.cash, curve.decision_cash
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
    share, size_column = sizing
    kind = _ON_CLOSE if rules.at_close else _ON_OPEN
    # Always at the close; as a variable, since for each constant all would be compiled again.
    late = kind if rules.at_close else _ON_CLOSE
    final = closes.shape[1] - 1
    exiting = counts[LOTS] > 0
    decided = counts[LAST_DECIDED]
    fullest = 1 if when_flat else rules.max_positions
    judges_filters = reading.filters and rules.filter_all
    bar = first - 1
    while bar < last - 1:
        bar += 1
        if (
            not exiting
            and counts[ORDERS] == 0
            and (counts[LOTS] == 0 or (counts[LOTS] >= fullest and not judges_filters))
        ):
            # Most bars only mark the account; they need none of what follows.
            until = book.skip_quiet(
                entry_gate,
                exit_gate,
                stop_gate,
                rules,
                closes,
                money,
                counts,
                lots,
                marks,
                equity,
                bar,
                min(last, final),
            )
            if until > bar:
                # Slices: the compiler fills many at once when it counts from 0.
                if cash.size:
                    cash[bar:until] = money[CASH]
                if decision_cash.size:
                    decision_cash[bar:until] = money[CASH]
                decided = until - 1
                bar = until
                if bar == last:
                    break
        closed_before = counts[TRADES]
        if not rules.at_close:
            if exiting:
                close_lots(
                    book, rules, market, money, counts, lots, marks, closed, closed_marks,
                    bar, kind,
                )  # fmt: skip
                exiting = False
            if counts[ORDERS] > 0:
                fill_orders(book, rules, market, money, counts, lots, marks, orders, bar, kind)
        if book.expire(market, counts, marks, bar):
            close_lots(
                book, rules, market, money, counts, lots, marks, closed, closed_marks,
                bar, late,
            )  # fmt: skip
        held = counts[LOTS] > 0
        book.mark(rules, market, counts, lots, marks, bar)
        worth = book.worth(closes, money, counts, lots, marks, bar)
        free = book.free(money, counts, lots)
        if decision_cash.size:
            decision_cash[bar] = free
        ruined = worth <= 0.0
        if not ruined:
            decided = bar
            entering = entry_gate[bar] and counts[LOTS] < rules.max_positions
            entering = entering and not (held and when_flat)
            filtered = True
            if entering or (held and reading.filters):
                # Filters, entries and sizing see the oldest open lot (3.2).
                book.describe(rules, closes, money, counts, lots, marks, 0, bar, position)
                filtered = not reading.filters or all_met(
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
                        not reading.entries
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
                    if not reading.sizing:
                        divisor = columns[size_column, bar]
                        tag = int(column_tags[size_column, bar])
                        if tag == _MISSING or divisor == 0.0:
                            tag = _FAILED
                        wanted = share * free / divisor
                    else:
                        wanted, tag = run_program(
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
                    quantity = book.size(rules, counts, wanted, tag)
                    if quantity > 0.0:
                        order = counts[ORDERS]
                        orders[order, KIND] = kind
                        orders[order, SIDE] = book.side_of(rules)
                        orders[order, INSTRUMENT] = 0
                        orders[order, PRICE] = np.nan
                        orders[order, QUANTITY] = quantity
                        counts[ORDERS] += 1
            in_scope = filtered or not rules.filter_all
            stopping = in_scope and stop_gate[bar]
            leaving = in_scope and exit_gate[bar]
            for lot in range(counts[LOTS]):
                # One reason per lot: the book's own, then stop, exit, max_holding (3.3, 4.5).
                reason = book.judge(rules, lots, lot)
                if reason == 0:
                    if reading.exits or reading.stops:
                        book.describe(rules, closes, money, counts, lots, marks, lot, bar, position)
                    if stopping and (
                        not reading.stops
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
                        reason = _STOP
                    elif leaving and (
                        not reading.exits
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
                        reason = _EXIT
                    elif bar - marks[lot, LOT_BAR] >= rules.max_holding:
                        reason = _MAX_HOLDING
                    else:
                        continue
                marks[lot, LOT_REASON] = reason
                exiting = True
            if bar == final:
                money[FINAL] = free
            if rules.at_close:
                if exiting:
                    close_lots(
                        book, rules, market, money, counts, lots, marks, closed, closed_marks,
                        bar, late,
                    )  # fmt: skip
                    exiting = False
                if counts[ORDERS] > 0 and bar < final:
                    fill_orders(book, rules, market, money, counts, lots, marks, orders, bar, kind)
                book.mark(rules, market, counts, lots, marks, bar)
                worth = book.worth(closes, money, counts, lots, marks, bar)
                ruined = worth <= 0.0
        if ruined or bar == final:
            # What was decided at the last bar has nothing to fill at (3.8). Ruin ends the run: all
            # lots close, and the curve stays flat (3.10).
            counts[UNFILLED] += counts[ORDERS]
            counts[ORDERS] = 0
            for lot in range(counts[LOTS]):
                counts[UNFILLED] += not ruined and marks[lot, LOT_REASON] != 0
                marks[lot, LOT_REASON] = _RUIN if ruined else _END_OF_DATA
            close_lots(
                book, rules, market, money, counts, lots, marks, closed, closed_marks,
                bar, late,
            )  # fmt: skip
            worth = money[CASH]
            ruined = ruined or worth <= 0.0
        equity[bar] = worth
        if cash.size:
            cash[bar] = book.free(money, counts, lots)
        if ruined:
            counts[RUINED] = 1
            equity[bar:] = money[CASH]
            if cash.size:
                cash[bar:] = money[CASH]
            if decision_cash.size:
                decision_cash[bar + 1 :] = money[CASH]
        if counts[TRADES] > closed_before + 1:
            order_exits(counts, closed, closed_marks, bar)
        if ruined:
            break
    counts[LAST_DECIDED] = decided
