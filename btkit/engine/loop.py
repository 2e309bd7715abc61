"""The simulation loop: one for every spec and every book.

Everything that varies from spec to spec arrives as arrays and numbers, so nothing is compiled per
spec. What varies from book to book are functions, which the compiler chooses by the type of the
rules and puts in place; what a kind of strategy never does is None, and is left out: one source,
and a loop of machine code for each kind. Its whole memory is a `State`: saving that is a
checkpoint, and running on from it gives the same trades to the last bit.

The order of work at each bar is SEMANTICS sections 3, 4 and 9: what is paid for holding, orders
decided at the bar before fill at the open, entries at a price where the bar reaches it, lots leave
at their levels, what expires is settled at the close, positions are marked, exits are judged lot by
lot, then one entry.
"""

from __future__ import annotations

from btkit.conditions.compiled import compiled_lean
from btkit.engine.books.choice import book_of
from btkit.engine.history import describe_account, note_extremes, note_trades
from btkit.engine.judging import decide
from btkit.engine.lots import close_lots, fill_orders, order_exits
from btkit.engine.orders import Kind, Reason
from btkit.engine.parts import drop_due
from btkit.engine.quiet import skip_inside
from btkit.engine.reading import NOTHING, sizing_of
from btkit.engine.resting import expire_orders, fill_resting, leave_crossed, leave_inside
from btkit.engine.sides import decide_either, parts_held, side_held
from btkit.engine.state import (
    CASH,
    FINAL,
    FINAL_EQUITY,
    LAST_DECIDED,
    LOT_REASON,
    LOTS,
    ORDERS,
    RUINED,
    STREAK,
    TRADES,
    UNFILLED,
)

_ON_OPEN, _ON_CLOSE = int(Kind.MARKET_ON_OPEN), int(Kind.MARKET_ON_CLOSE)
_END_OF_DATA, _RUIN = int(Reason.END_OF_DATA), int(Reason.RUIN)


@compiled_lean
def run_bars(
    first, last, market, decisions, both, parts, levels, reading, rules, state, trades, curve, room,
):  # fmt: skip
    """Simulate bars `first` to `last` - 1, going on from `state`.

    Parameters
    ----------
    first, last
        Bars to simulate. Orders are decided at each; the books close at the last bar of the
        data, so a run in parts gives what a run in one piece gives.
    decisions, both, parts, levels, reading
        See `btkit.engine.loop_decisions.LoopDecisions`.
    market, rules
        What does not change: see `btkit.engine.inputs`, or `btkit.engine.books.spread_records`.
    state, trades, curve
        What the loop remembers and what it has done, all changed in place.
    room
        What programs work in, see `btkit.engine.reading.Room`.
    """
    book = book_of(rules)
    sizing = 1.0, -1
    if decisions is not None:
        sizing = sizing_of(decisions)
    if reading is None:
        reading = NOTHING
    # Taken apart here, since handing tuples of arrays on costs, even to what is put in place.
    money, counts, orders = state.money, state.counts, state.orders
    lots, marks, closes = state.lots, state.marks, market.close
    closed, closed_marks = trades.lots, trades.marks
    equity, cash = curve.equity, curve.cash
    decision_cash, decision_equity = curve.decision_cash, curve.decision_equity
    if decisions is not None:
        entry_gate, exit_gate = decisions.entry_gate, decisions.exit_gate
        stop_gate, fullest = decisions.stop_gate, rules.max_positions
        if decisions.entry_when_flat:
            fullest = 1
    if parts is not None and parts.fractions.size:
        exit_gate = parts.leave_gate
    if both is not None:
        entry_gate = both.entry_gate
    kind = _ON_CLOSE if rules.at_close else _ON_OPEN
    # Always at the close; as a variable, since for each constant all would be compiled again.
    late = kind if rules.at_close else _ON_CLOSE
    final = closes.shape[1] - 1
    exiting = counts[LOTS] > 0
    decided = counts[LAST_DECIDED]
    judges_filters = reading.filters and rules.filter_all
    streak = 0
    due, paid = market.carry.due, 0
    while paid < due.size and due[paid] < first:
        paid += 1
    next_due = due[paid] if paid < due.size else closes.shape[1]
    bar = first - 1
    while bar < last - 1:
        bar += 1
        if both is not None:
            own = side_held(both, counts, marks)
            exit_gate, stop_gate = own.exit_gate, own.stop_gate
            if own.parts.fractions.size:
                exit_gate = own.parts.leave_gate
            fullest = 1 if own.entry_when_flat else rules.max_positions
        if (
            bar != next_due
            and not exiting
            and counts[ORDERS] == 0
            and (counts[LOTS] == 0 or (counts[LOTS] >= fullest and not judges_filters))
        ):
            # Most bars only mark the account; they need none of what follows.
            if levels is None:
                until = book.skip_quiet(
                    entry_gate, exit_gate, stop_gate, rules, closes, money, counts, lots, marks,
                    equity, bar, min(last, final, next_due),
                )  # fmt: skip
            else:
                until = skip_inside(
                    book, levels, entry_gate, exit_gate, stop_gate, rules, market, money, counts,
                    lots, marks, equity, bar, min(last, final, next_due),
                )  # fmt: skip
            if until > bar:
                # Slices: the compiler fills many at once when it counts from 0.
                if cash.size:
                    cash[bar:until] = money[CASH]
                if decision_cash.size:
                    decision_cash[bar:until] = money[CASH]
                    for at in range(bar, until):
                        decision_equity[at] = equity[at]
                if reading.extremes:
                    note_extremes(market.high, market.low, counts, lots, marks, bar, until)
                decided = until - 1
                bar = until
                if bar == last:
                    break
        if bar == next_due:
            book.pay(market, rules, state, bar, curve.carry)
            paid += 1
            next_due = due[paid] if paid < due.size else closes.shape[1]
        closed_before = counts[TRADES]
        if reading.account:
            streak = counts[STREAK]
        if not rules.at_close:
            if exiting:
                close_lots(
                    book, rules, market, parts_held(parts, both, counts, marks), money, counts,
                    lots, marks, closed, closed_marks, bar, kind,
                )  # fmt: skip
                exiting = False
            if counts[ORDERS] > 0:
                fill_orders(
                    book, rules, market, levels, money, counts, lots, marks, orders, reading, bar,
                    kind,
                )  # fmt: skip
        if levels is not None:
            if counts[ORDERS] > 0:
                fill_resting(
                    rules, market, levels, money, counts, lots, marks, orders, reading, bar
                )
                expire_orders(counts, orders, bar)
            if counts[LOTS] > 0:
                leave_inside(
                    book, rules, market, levels, money, counts, lots, marks, closed, closed_marks,
                    bar,
                )  # fmt: skip
        if book.expire(market, counts, marks, bar):
            close_lots(
                book, rules, market, None, money, counts, lots, marks, closed, closed_marks,
                bar, late,
            )  # fmt: skip
        book.mark(rules, market, counts, lots, marks, bar)
        if reading.extremes:
            note_extremes(market.high, market.low, counts, lots, marks, bar, bar + 1)
        worth = book.worth(rules, closes, money, counts, lots, marks, bar)
        free = book.free(rules, closes, money, counts, lots, marks, bar)
        if decision_cash.size:
            decision_cash[bar], decision_equity[bar] = free, worth
        if reading.account:
            if counts[TRADES] > closed_before:
                note_trades(
                    book, rules, money, counts, closed, closed_marks, closed_before, streak, bar
                )
            describe_account(money, counts, worth, bar, room.position)
        ruined = worth <= 0.0
        if not ruined:
            decided = bar
            if decisions is not None:
                exiting = decide(
                    book, rules, levels, closes, money, counts, lots, marks, orders, decisions,
                    reading, sizing, bar, kind, free, room, parts,
                )  # fmt: skip
            if both is not None:
                exiting = decide_either(
                    book, rules, levels, closes, money, counts, lots, marks, orders, both, reading,
                    bar, kind, room,
                )  # fmt: skip
            if bar == final:
                money[FINAL], money[FINAL_EQUITY] = free, worth
            if rules.at_close:
                if exiting:
                    close_lots(
                        book, rules, market, parts_held(parts, both, counts, marks), money,
                        counts, lots, marks, closed, closed_marks, bar, late,
                    )  # fmt: skip
                    exiting = False
                if counts[ORDERS] > 0 and bar < final:
                    fill_orders(
                        book, rules, market, levels, money, counts, lots, marks, orders, reading,
                        bar, kind,
                    )  # fmt: skip
                    if levels is not None:
                        leave_crossed(
                            book, rules, levels, money, counts, lots, marks, closed, closed_marks,
                            bar,
                        )  # fmt: skip
                book.mark(rules, market, counts, lots, marks, bar)
                worth = book.worth(rules, closes, money, counts, lots, marks, bar)
                ruined = worth <= 0.0
        if ruined or bar == final:
            # What was decided at the last bar has nothing to fill at (3.8). Ruin ends the run: all
            # lots close, what rests is dropped, and the curve stays flat (3.10).
            if bar == final and decided == bar:
                counts[UNFILLED] += counts[ORDERS]
            counts[ORDERS] = 0
            for lot in range(counts[LOTS]):
                counts[UNFILLED] += not ruined and marks[lot, LOT_REASON] != 0
                marks[lot, LOT_REASON] = _RUIN if ruined else _END_OF_DATA
                counts[UNFILLED] += drop_due(marks, lot)
            close_lots(
                book, rules, market, None, money, counts, lots, marks, closed, closed_marks,
                bar, late,
            )  # fmt: skip
            worth = money[CASH]
            ruined = ruined or worth <= 0.0
        equity[bar] = worth
        if cash.size:
            cash[bar] = book.free(rules, closes, money, counts, lots, marks, bar)
        if ruined:
            counts[RUINED] = 1
            equity[bar:] = money[CASH]
            if cash.size:
                cash[bar:] = money[CASH]
            if decision_cash.size:
                decision_cash[bar + 1 :] = money[CASH]
                decision_equity[bar + 1 :] = money[CASH]
        if reading.account:
            if counts[TRADES] > closed_before:
                note_trades(
                    book, rules, money, counts, closed, closed_marks, closed_before, streak, bar
                )
        elif counts[TRADES] > closed_before + 1:
            order_exits(counts, closed, closed_marks, bar)
        if ruined:
            break
    counts[LAST_DECIDED] = decided
