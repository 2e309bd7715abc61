"""Many sets of parameters through the simulation loop, each measured where it was simulated."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.compiled import also_compiled, compiled_inline, compiled_lean
from btkit.conditions.program import Tables
from btkit.decisions.records import (
    ENTRY_LIST,
    EXIT_LIST,
    FILTER_LIST,
    LIST_COUNT,
    STOP_LIST,
    Decisions,
    Inside,
    Levels,
    Parts,
)
from btkit.engine.books.shares import profit
from btkit.engine.inputs import Flags, Floats, Integers, Market, Rules
from btkit.engine.loop import run_bars
from btkit.engine.reading import Room, new_room, reading_of, reads_any
from btkit.engine.state import (
    CARRIED,
    CASH,
    LAST_DECIDED,
    LAST_ORDERED_EXIT,
    LOT_BAR,
    LOT_EXIT_BAR,
    LOT_STAYS,
    NEVER,
    RUINED,
    SHARE_WIDTH,
    TRADES,
    Curve,
    State,
    Trades,
    new_state,
    new_trades,
)
from btkit.engine.sweep_plan import Term
from btkit.metrics.measure import (
    PART,
    Meter,
    add_drawdowns,
    add_returns,
    conclude,
    measure_trades,
    new_meter,
    period_returns_into,
    restart_meter,
)

_PASS, _NEVER, _ROW = int(Term.PASS), int(Term.NEVER), int(Term.ROW)
_LT, _LE, _GT = int(Term.LT), int(Term.LE), int(Term.GT)


class Sets(NamedTuple):
    """What differs between the sets of a chunk; see `btkit.engine.sweep_plan`.

    Parameters
    ----------
    op, left, right, number
        The conditions without the position: (n_sets, n_gates).
    which
        The list of each, int64 (n_gates,).
    filled
        Which lists have any condition, bool (LIST_COUNT,).
    when_flat
        bool (n_sets,).
    combination
        Which combination of programs a set has, int64 (n_sets,).
    lists
        Each combination's programs by list, int64 (n_combinations, LIST_COUNT, 2).
    code, programs, parts
        As in `Decisions`; of parts there are none here.
    """

    op: NDArray[np.int8]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    number: Floats
    which: Integers
    filled: Flags
    when_flat: Flags
    combination: Integers
    lists: Integers
    code: Integers
    programs: Integers
    parts: Parts


class Account(NamedTuple):
    """What is the same for all sets.

    Parameters
    ----------
    start
        The first bar at which orders are decided.
    capital
        $ before it.
    annual
        The square root of the returns per year.
    rates
        float64 (n_returns,): what of each return is free of risk; empty for nothing.
    ends
        int64 (n_periods,): the last bar of each period that a return spans, counted from `start`;
        empty where each bar is one.
    days, clock
        int64 (n_bars,): the calendar day and the time of each bar.
    tick_hours
        Units of `clock` in an hour.
    """

    start: int
    capital: float
    annual: float
    rates: Floats
    ends: Integers
    days: Integers
    clock: Integers
    tick_hours: float


class Scratch(NamedTuple):
    """What one thread writes to, over and over.

    Parameters
    ----------
    gates, state, trades
        Of the set at hand.
    worth
        float64 (n_bars + 1,): the capital, then the account in $ at each close.
    curve
        The same without the capital.
    numbers
        float64 (3, n_rows): each lot's money, return and hours; as many as `trades` has room for.
    meter
        What was measured.
    periods
        float64 (n_periods + 1,).
    room
        What programs work in.
    """

    gates: Flags
    state: State
    trades: Trades
    worth: Floats
    curve: Curve
    numbers: Floats
    meter: Meter
    periods: Floats
    room: Room


@also_compiled
def new_scratch(bars: int, lots: int, periods: int, parts: int = 0, orders: int = 1) -> Scratch:
    """Return room for the work of one thread.

    Parameters
    ----------
    bars
        Number of bars.
    lots
        How many lots can be open at once.
    periods
        Number of `Account.ends`.
    parts
        In how many parts a lot may leave before its rest does.
    orders
        How many entries can wait at once.
    """
    worth = np.empty(bars + 1)
    trades = new_trades(bars, SHARE_WIDTH, parts)
    return Scratch(
        np.zeros((LIST_COUNT, bars), np.bool_),
        new_state(0.0, lots, SHARE_WIDTH, orders),
        trades,
        worth,
        # What is in cash is not measured, nor what is paid between bars.
        Curve(worth[1:], np.empty(0), np.empty(0), np.empty(0), np.empty((0, CARRIED))),
        np.empty((3, trades.marks.shape[0])),
        new_meter(),
        np.empty(periods + 1),
        new_room(),
    )


@compiled_lean
def copy_finite(source, target):
    """Copy a column with NaN for infinite, which means missing too; return whether none was."""
    infinite = 0
    for at in range(source.size):
        value = source[at]
        missing = abs(value) == math.inf
        target[at] = math.nan if missing else value
        infinite += missing
    return infinite == 0


@compiled_inline
def _keep(gate, fresh, at, met):
    gate[at] = met if fresh else gate[at] & met


@compiled_lean
def _narrow(op, left, right, number, columns, rows, first, last, fresh, gate):
    # Rows are cut to bars one by one: cut together they would no longer lie close in memory as far
    # as the compiler knows, and it could not compare many bars at once. A missing value is NaN, of
    # which every comparison is false: not met, as when Python's comparison of None raises.
    if op == _PASS or op == _NEVER:
        for at in range(gate.size):
            _keep(gate, fresh, at, op == _PASS)
    elif op == _ROW:
        row = rows[left][first:last]
        for at in range(gate.size):
            _keep(gate, fresh, at, row[at])
    elif right < 0:
        _compare_number(op, columns[left][first:last], number, fresh, gate)
    else:
        _compare_columns(op, columns[left][first:last], columns[right][first:last], fresh, gate)


@compiled_inline
def _compare_number(op, first, number, fresh, gate):
    if op == _LT:
        for at in range(gate.size):
            _keep(gate, fresh, at, first[at] < number)
    elif op == _LE:
        for at in range(gate.size):
            _keep(gate, fresh, at, first[at] <= number)
    elif op == _GT:
        for at in range(gate.size):
            _keep(gate, fresh, at, first[at] > number)
    else:
        for at in range(gate.size):
            _keep(gate, fresh, at, first[at] >= number)


@compiled_inline
def _compare_columns(op, first, second, fresh, gate):
    if op == _LT:
        for at in range(gate.size):
            _keep(gate, fresh, at, first[at] < second[at])
    elif op == _LE:
        for at in range(gate.size):
            _keep(gate, fresh, at, first[at] <= second[at])
    elif op == _GT:
        for at in range(gate.size):
            _keep(gate, fresh, at, first[at] > second[at])
    else:
        for at in range(gate.size):
            _keep(gate, fresh, at, first[at] >= second[at])


@compiled_inline
def _crossing(which, op, left, right):
    # The places of ``a > b`` to enter and ``a < b`` to leave among the conditions, -1 without.
    for one in range(which.size):
        if which[one] != ENTRY_LIST or right[one] < 0 or not (op[one] == _GT or op[one] == _LT):
            continue
        for other in range(which.size):
            if which[other] != EXIT_LIST or right[other] < 0:
                continue
            opposite = op[one] + op[other] == _GT + _LT and (op[other] == _GT or op[other] == _LT)
            if opposite and left[one] == left[other] and right[one] == right[other]:
                return one, other
            if op[one] == op[other] and left[one] == right[other] and right[one] == left[other]:
                return one, other
    return -1, -1


@compiled_lean
def _compare_both_ways(first, second, above, below):
    for at in range(above.size):
        above[at] = first[at] > second[at]
        below[at] = first[at] < second[at]


@compiled_lean
def _open_gates(
    which, op, left, right, number, filled, filter_all, columns, rows, first, last, gates
):
    # A crossover's columns are read only once.
    rising, falling = _crossing(which, op, left, right)
    if rising >= 0:
        above = left[rising] if op[rising] == _GT else right[rising]
        below = right[rising] if op[rising] == _GT else left[rising]
        _compare_both_ways(
            columns[above][first:last],
            columns[below][first:last],
            gates[ENTRY_LIST][first:last],
            gates[EXIT_LIST][first:last],
        )
    for target in (ENTRY_LIST, EXIT_LIST, STOP_LIST):
        gate = gates[target][first:last]
        fresh = rising < 0 or target == STOP_LIST
        for index in range(which.size):
            source = which[index]
            wanted = source == target and index != rising and index != falling
            if source == FILTER_LIST and filled[target]:
                wanted = wanted or target == ENTRY_LIST or filter_all
            if wanted:
                _narrow(
                    op[index],
                    left[index],
                    right[index],
                    number[index],
                    columns,
                    rows,
                    first,
                    last,
                    fresh,
                    gate,
                )
                fresh = False
        if fresh:
            for at in range(gate.size):
                gate[at] = filled[target]


@compiled_lean
def restart(state, capital):
    """Begin anew: no lot, no trade, all of the capital in cash."""
    money, counts = state.money, state.counts
    for index in range(money.size):
        money[index] = 0.0
    for index in range(counts.size):
        counts[index] = 0
    money[CASH] = capital
    for index in range(LAST_DECIDED, LAST_ORDERED_EXIT + 1):
        counts[index] = NEVER


@compiled_lean
def trade_values_into(rules, values, marks, clock, tick_hours, pnl, share, hours):
    """Write what each lot made and how long it took; see `btkit.engine.runs.value_lots`.

    Parameters
    ----------
    rules
        Those of the run.
    values, marks
        As the loop wrote them, see `btkit.engine.state.Trades`.
    clock
        int64 (n_bars,): the bars' times.
    tick_hours
        Units of `clock` in an hour.
    pnl, share, hours
        float64 (n_trades,): written in place, from the first on.

    Returns
    -------
    int
        How many lots there are: a lot that left in parts is one, at its last (SEMANTICS 3.12).
    """
    lot = 0
    for trade in range(pnl.size):
        if marks[trade, LOT_STAYS] == 0:
            pnl[lot], share[lot] = profit(rules, values, marks, trade)
            held = clock[marks[trade, LOT_EXIT_BAR]] - clock[marks[trade, LOT_BAR]]
            hours[lot] = float(held) / tick_hours
            lot += 1
    return lot


@compiled_inline
def _finish(account, rules, scratch, worth, days, out, ends, returns):
    state, trades, numbers = scratch.state, scratch.trades, scratch.numbers
    ruined = state.counts[RUINED] > 0
    conclude(
        scratch.meter, worth, account.annual, account.rates, account.ends, days, ruined,
        scratch.periods, out,
    )  # fmt: skip
    period_returns_into(worth[1:], ends, account.capital, returns)
    done = state.counts[TRADES]
    pnl, share, hours = numbers[0, :done], numbers[1, :done], numbers[2, :done]
    whole = trade_values_into(
        rules, trades.lots, trades.marks, account.clock, account.tick_hours, pnl, share, hours
    )
    measure_trades(pnl[:whole], share[:whole], hours[:whole], out)


@compiled_lean
def measure_run(account, rules, scratch, out, ends, returns):
    """Measure a run that was simulated from `restart` on, as `run_sets` does each of its own.

    Parameters
    ----------
    account, rules
        Of the run.
    scratch
        What it was simulated in.
    out
        float64 (n_metrics + 1,): written in place.
    ends, returns
        As for `run_sets`; the latter of this run alone, (n_periods,).
    """
    start, worth, meter = account.start, scratch.worth[account.start :], scratch.meter
    days, bars = account.days[start:], account.days.size
    worth[0] = account.capital
    restart_meter(meter, account.capital, days[0])
    for begin in range(start, bars, PART):
        end = min(begin + PART, bars)
        add_drawdowns(meter, worth, days, begin - start, end - start)
        if not account.ends.size:
            add_returns(meter, worth, begin - start, end - start)
    _finish(account, rules, scratch, worth, days, out, ends, returns)


@compiled_inline
def _levels_of_set(levels, index):
    own = levels.numbers[index]
    own_levels = Levels(
        own[0], own[1], own[2], own[3], own[4], levels.order, levels.intrabar, levels.touch
    )
    return Inside(own_levels, own_levels, levels.finer)


@compiled_lean
def run_sets(
    levels, first, last, market, rules, account, sets, columns, rows, tables, scratch, out, ends,
    returns,
):  # fmt: skip
    """Simulate and measure sets `first` to `last` - 1 of a chunk.

    Parameters
    ----------
    levels
        `LevelSets` of the chunk, None without orders inside the bar: an argument by itself, since
        of arguments alone the compiler knows that one is None.
    first, last
        Sets of the chunk.
    market, rules, account, sets
        See the classes.
    columns
        float64 (n_names, n_bars): the columns that are compared, NaN where missing.
    rows
        bool (n_rows, n_bars): where each condition holds that is no comparison.
    tables
        Constants and columns that the programs read.
    scratch
        This thread's own.
    out
        float64 (n_sets, n_metrics + 1): written in place.
    ends
        int64 (n_periods,): the last bar of each period whose return is kept, counted from the
        start.
    returns
        float64 (n_sets, n_periods): written in place.
    """
    start, bars = account.start, market.close.shape[1]
    days, measured = account.days[start:], account.ends
    gates, state, trades, curve = scratch.gates, scratch.state, scratch.trades, scratch.curve
    entry, leave, stop = gates[ENTRY_LIST], gates[EXIT_LIST], gates[STOP_LIST]
    worth, meter = scratch.worth[start:], scratch.meter
    for index in range(first, last):
        decisions = Decisions(
            entry,
            leave,
            stop,
            sets.when_flat[index],
            sets.code,
            sets.programs,
            sets.lists[sets.combination[index]],
            tables,
            sets.parts,
            None,
        )
        reading = reading_of(decisions)
        restart(state, account.capital)
        worth[0] = account.capital
        restart_meter(meter, account.capital, days[0])
        # Part by part, so that what one step writes is still at hand for the next.
        for begin in range(start, bars, PART):
            end = min(begin + PART, bars)
            if state.counts[RUINED] == 0:
                _open_gates(
                    sets.which,
                    sets.op[index],
                    sets.left[index],
                    sets.right[index],
                    sets.number[index],
                    sets.filled,
                    rules.filter_all,
                    columns,
                    rows,
                    begin,
                    end,
                    gates,
                )
                if levels is not None:
                    run_bars(
                        begin, end, market, decisions, None, sets.parts,
                        _levels_of_set(levels, index), reading, rules, state, trades, curve,
                        scratch.room,
                    )  # fmt: skip
                elif reads_any(reading):
                    run_bars(
                        begin, end, market, decisions, None, sets.parts, None, reading, rules,
                        state, trades, curve, scratch.room,
                    )  # fmt: skip
                else:
                    run_bars(
                        begin, end, market, decisions, None, None, None, None, rules, state,
                        trades, curve, scratch.room,
                    )  # fmt: skip
            add_drawdowns(meter, worth, days, begin - start, end - start)
            if not measured.size:
                add_returns(meter, worth, begin - start, end - start)
        _finish(account, rules, scratch, worth, days, out[index], ends, returns[index])


__all__ = [
    "Account",
    "Market",
    "Rules",
    "Scratch",
    "Sets",
    "Tables",
    "new_scratch",
    "run_sets",
]
