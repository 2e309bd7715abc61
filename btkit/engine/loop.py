"""The simulation loop: one compiled function for every spec.

Everything that varies arrives as arrays and numbers, so the loop is compiled once, for one
signature, and never per spec. Its whole memory is a `State`: saving that is a checkpoint, and
running on from it gives the same trades to the last bit.

The order of work at each bar is SEMANTICS section 3: orders decided at the bar before fill at
the open, positions are marked at the close, exits are judged lot by lot, then one entry.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from btkit.conditions.compiled import compiled, compiled_inline
from btkit.conditions.machine import STACK_SIZE, Op, Tag, is_true, run_program
from btkit.decisions.records import ENTRY_LIST, EXIT_LIST, FILTER_LIST, SIZE_LIST, STOP_LIST
from btkit.engine.fills import enter, equity_at, gain_of, leave, order_exits
from btkit.engine.inputs import BARS_HELD, CAPITAL, IN_POSITION, PNL, POSITION_SLOTS
from btkit.engine.orders import Reason, Skip
from btkit.engine.quiet import mark_quiet
from btkit.engine.state import (
    CASH,
    FINAL,
    LAST_DECIDED,
    LOT_BAR,
    LOT_REASON,
    LOTS,
    PENDING,
    RUINED,
    SKIPPED,
    UNFILLED,
)

_FAILED, _MISSING = int(Tag.FAILED), int(Tag.NONE)
_CONST, _COLUMN, _POSITION = int(Op.CONST), int(Op.COLUMN), int(Op.POSITION)
_MUL, _DIV = int(Op.MUL), int(Op.DIV)
# Instructions of `capital / column`, and of `share * capital / column`.
_UNSCALED, _SCALED = 3, 5
_STOP, _EXIT, _MAX_HOLDING = int(Reason.STOP), int(Reason.EXIT), int(Reason.MAX_HOLDING)
_END_OF_DATA, _RUIN = int(Reason.END_OF_DATA), int(Reason.RUIN)
_SIZE_MISSING, _SIZE_NOT_POSITIVE = int(Skip.SIZE_MISSING), int(Skip.SIZE_NOT_POSITIVE)
_SIZE_BELOW_ONE = int(Skip.SIZE_BELOW_ONE_SHARE)


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


@compiled
def run_bars(first, last, market, decisions, rules, state, trades, curve):
    """Simulate bars `first` to `last` - 1, going on from `state`.

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
    programs, size_program = decisions.programs, decisions.lists[SIZE_LIST, 0]
    size = share_of_cash(
        decisions.code,
        programs[size_program, 0],
        programs[size_program, 1],
        decisions.tables.constants,
    )
    reading = Reading(
        any_program(decisions, FILTER_LIST),
        any_program(decisions, ENTRY_LIST),
        any_program(decisions, EXIT_LIST),
        any_program(decisions, STOP_LIST),
        size[1] < 0,
    )
    position, stack = np.zeros(POSITION_SLOTS), np.empty((STACK_SIZE, 2))
    if reading.filters or reading.entries or reading.exits or reading.stops or reading.sizing:
        simulate_bars(
            first, last, market, decisions, rules, state, trades, curve,
            reading, size, position, stack,
        )  # fmt: skip
    else:
        # The same with constants, for most strategies: the compiler leaves out what they never do.
        simulate_bars(
            first, last, market, decisions, rules, state, trades, curve,
            Reading(False, False, False, False, False), size, position, stack,
        )  # fmt: skip


@compiled_inline
def simulate_bars(
    first, last, market, decisions, rules, state, trades, curve, reading, size, position, stack
):
    """Simulate bars; see `run_bars`.

    Parameters
    ----------
    first, last, market, decisions, rules, state, trades, curve
        As for `run_bars`.
    reading
        `Reading`.
    size
        See `share_of_cash`.
    position, stack
        Room for the programs to work in.
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
    share, size_column = size
    # A call costs more than the test whether there is anything to run.
    has_filters, has_entries = reading.filters, reading.entries
    has_exits, has_stops = reading.exits, reading.stops
    reads_lots = has_exits or has_stops
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
                    if not reading.sizing:
                        divisor = columns[size_column, bar]
                        tag = int(column_tags[size_column, bar])
                        if tag == _MISSING or divisor == 0.0:
                            tag = _FAILED
                        wanted = share * money[CASH] / divisor
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
                    money[PENDING] = usable_size(rules, counts, wanted, tag)
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
