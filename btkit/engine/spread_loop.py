"""The loop of option spreads: one compiled function for every spec.

The order of work at each bar is SEMANTICS sections 3 and 4: orders decided at the bar before
fill at the open, spreads whose expiry session ends are settled at the close, the rest is marked
and judged, oldest first, then one entry. Everything it remembers is a `SpreadState`.
"""

from __future__ import annotations

import math

import numpy as np

from btkit.conditions.compiled import compiled, compiled_inline
from btkit.conditions.machine import STACK_SIZE
from btkit.decisions.records import ENTRY_LIST, EXIT_LIST, FILTER_LIST, STOP_LIST
from btkit.engine.books.quotes import (
    cost_to_close,
    leg_sums,
    leg_volatility,
    short_leg_delta,
    strike_at,
    within,
)
from btkit.engine.books.spread_records import (
    BARS_HELD,
    CALL_LONG,
    CALL_SHORT,
    CAPITAL,
    CASH,
    CLOSE_VALUE,
    CLOSED,
    CONTRACTS,
    CREDIT,
    CREDIT_KEPT,
    DELTA,
    ENTRY_BAR,
    ENTRY_COMMISSION,
    EXIT_BAR,
    EXIT_COMMISSION,
    EXPIRY,
    IN_POSITION,
    LAST_DECIDED,
    MARK_COLUMNS,
    MAX_LOSS,
    MID,
    OPEN,
    PENDING,
    PNL,
    POSITION_SLOTS,
    PUT_LONG,
    PUT_SHORT,
    REASON,
    RUINED,
    SHARES_PER_CONTRACT,
    SHORT_DELTA,
    SKIPPED,
    SPREAD_COLUMNS,
    TO_CLOSE,
    UNFILLED,
    WING,
    SpreadReason,
    SpreadSkip,
)
from btkit.engine.loop import all_met
from btkit.pricing.scalar import years_left

_EXPIRATION, _STOP = int(SpreadReason.EXPIRATION), int(SpreadReason.STOP)
_PROFIT_TARGET, _EXIT = int(SpreadReason.PROFIT_TARGET), int(SpreadReason.EXIT)
_MAX_HOLDING, _END_OF_DATA = int(SpreadReason.MAX_HOLDING), int(SpreadReason.END_OF_DATA)
_RUIN = int(SpreadReason.RUIN)
_NO_VOLATILITY = int(SpreadSkip.NO_VOLATILITY)
_NO_TIME = int(SpreadSkip.NO_TIME_TO_EXPIRY)
_NO_STRIKE, _COINCIDE = int(SpreadSkip.NO_STRIKE), int(SpreadSkip.STRIKES_COINCIDE)
_CROSS, _NO_CREDIT = int(SpreadSkip.STRIKES_CROSS), int(SpreadSkip.NO_CREDIT)
_ABOVE_WIDTH = int(SpreadSkip.CREDIT_ABOVE_WIDTH)
_BELOW_ONE = int(SpreadSkip.SIZE_BELOW_ONE_CONTRACT)


@compiled_inline
def legs_of(rules):
    """Return the number of legs of a spread."""
    return 2.0 * (rules.puts + rules.calls)


@compiled_inline
def free_cash(money, counts, spreads):
    """Return the cash that no open spread reserves, in $ (4.6)."""
    reserved = 0.0
    for spread in range(counts[OPEN]):
        reserved += spreads[spread, WING] * SHARES_PER_CONTRACT * spreads[spread, CONTRACTS]
    return money[CASH] - reserved


@compiled_inline
def equity_at(money, counts, spreads, quotes):
    """Return cash less what the open spreads are worth at mid, in $ (4.6)."""
    equity = money[CASH]
    for spread in range(counts[OPEN]):
        equity -= quotes[spread, MID] * SHARES_PER_CONTRACT * spreads[spread, CONTRACTS]
    return equity


@compiled_inline
def mark(rules, counts, spreads, marks, quotes, close, day, volatility):
    """Write the quotes of every open spread at a close."""
    for spread in range(counts[OPEN]):
        years = years_left(marks[spread, EXPIRY], day)
        wing = spreads[spread, WING]
        short, long = leg_sums(spreads, spread, close, years, volatility, rules)
        quotes[spread, MID] = within(short - long, wing)
        quotes[spread, TO_CLOSE] = cost_to_close(short, long, wing, rules.slippage)
        quotes[spread, DELTA] = short_leg_delta(spreads, spread, close, years, volatility, rules)


@compiled_inline
def leave(rules, money, counts, spreads, marks, rows, row_marks, bar, spot, day, volatility):
    """Close every spread that has a reason, oldest first; an expired one is settled (4.5)."""
    kept = 0
    for spread in range(counts[OPEN]):
        reason = marks[spread, REASON]
        if reason == 0:
            for column in range(SPREAD_COLUMNS):
                spreads[kept, column] = spreads[spread, column]
            for column in range(MARK_COLUMNS):
                marks[kept, column] = marks[spread, column]
            kept += 1
            continue
        settled = reason == _EXPIRATION
        years = 0.0 if settled else years_left(marks[spread, EXPIRY], day)
        short, long = leg_sums(spreads, spread, spot, years, volatility, rules)
        slippage = 0.0 if settled else rules.slippage
        value = cost_to_close(short, long, spreads[spread, WING], slippage)
        contracts = spreads[spread, CONTRACTS]
        commission = 0.0 if settled else rules.commission * legs_of(rules) * contracts
        money[CASH] -= value * SHARES_PER_CONTRACT * contracts + commission
        row = counts[CLOSED]
        for column in range(SPREAD_COLUMNS):
            rows[row, column] = spreads[spread, column]
        rows[row, CLOSE_VALUE] = value
        rows[row, EXIT_COMMISSION] = commission
        for column in range(MARK_COLUMNS):
            row_marks[row, column] = marks[spread, column]
        row_marks[row, EXIT_BAR] = bar
        counts[CLOSED] += 1
    counts[OPEN] = kept


@compiled_inline
def choose_strikes(rules, spreads, row, near, far, spot, years, volatility):
    """Write the strikes of a new spread and its widest wing; return why not, or -1."""
    short_iv = leg_volatility(volatility, rules.short_premium)
    long_iv = leg_volatility(volatility, rules.long_premium)
    if short_iv <= 0.0 or long_iv <= 0.0:
        return _NO_VOLATILITY
    if not (math.isfinite(near) and math.isfinite(far)):
        return _NO_STRIKE
    wing = 0.0
    for leg in range(CREDIT):
        spreads[row, leg] = 0.0
    if rules.puts:
        short = strike_at(near, False, spot, years, short_iv, rules)
        long = strike_at(far, False, spot, years, long_iv, rules)
        if not (long > 0.0 and math.isfinite(short)):
            return _NO_STRIKE
        if short <= long:
            return _COINCIDE
        spreads[row, PUT_SHORT], spreads[row, PUT_LONG] = short, long
        wing = short - long
    if rules.calls:
        short = strike_at(near, True, spot, years, short_iv, rules)
        long = strike_at(far, True, spot, years, long_iv, rules)
        if not (short > 0.0 and math.isfinite(long)):
            return _NO_STRIKE
        if long <= short:
            return _COINCIDE
        spreads[row, CALL_SHORT], spreads[row, CALL_LONG] = short, long
        wing = max(wing, long - short)
    if rules.puts and rules.calls and spreads[row, PUT_SHORT] > spreads[row, CALL_SHORT]:
        # Both sides could be in the money at once, and the wing would not bound the loss.
        return _CROSS
    spreads[row, WING] = wing
    return -1


@compiled_inline
def sell(rules, money, counts, spreads, marks, bar, spot, day, expiry, near, far, volatility):
    """Sell the spread that was decided (4.2 to 4.4); return why not, or -1."""
    if expiry <= day:
        return _NO_TIME
    years = years_left(expiry, day)
    row = counts[OPEN]
    refused = choose_strikes(rules, spreads, row, near, far, spot, years, volatility)
    if refused >= 0:
        return refused
    short, long = leg_sums(spreads, row, spot, years, volatility, rules)
    credit = short * (1.0 - rules.slippage) - long * (1.0 + rules.slippage)
    wing = spreads[row, WING]
    if not credit > 0.0:
        return _NO_CREDIT
    if credit >= wing:
        return _ABOVE_WIDTH
    fee = rules.commission * legs_of(rules)
    max_loss = (wing - credit) * SHARES_PER_CONTRACT + fee * 2.0
    free = free_cash(money, counts, spreads)
    contracts = np.floor(rules.risk * free / max_loss)
    if contracts * (wing * SHARES_PER_CONTRACT) > free:
        contracts = np.floor(free / (wing * SHARES_PER_CONTRACT))
    if not contracts >= 1.0:
        return _BELOW_ONE
    spreads[row, CREDIT] = credit
    spreads[row, CONTRACTS] = contracts
    spreads[row, MAX_LOSS] = max_loss
    spreads[row, ENTRY_COMMISSION] = fee * contracts
    marks[row, ENTRY_BAR] = bar
    marks[row, EXPIRY] = expiry
    marks[row, REASON] = 0
    marks[row, EXIT_BAR] = -1
    money[CASH] += credit * SHARES_PER_CONTRACT * contracts - fee * contracts
    counts[OPEN] += 1
    return -1


@compiled
def enter(rules, market, money, counts, spreads, marks, bar, spot, priced_at):
    """Carry the pending entry out with the volatility of bar `priced_at`, or count why not."""
    counts[PENDING] = 0
    refused = _NO_VOLATILITY
    if market.known[priced_at]:
        refused = sell(
            rules,
            money,
            counts,
            spreads,
            marks,
            bar,
            spot,
            market.day[bar],
            market.expiry[bar],
            market.short_quantile[bar],
            market.long_quantile[bar],
            market.volatility[priced_at],
        )
    if refused >= 0:
        counts[SKIPPED + refused] += 1


@compiled_inline
def describe(rules, position, counts, spreads, marks, quotes, spread, bar, free):
    """Fill in the position's names for one spread, or for none (4.7)."""
    position[CAPITAL] = free
    if counts[OPEN] == 0:
        position[IN_POSITION] = 0.0
        position[BARS_HELD] = 0.0
        position[PNL] = 0.0
        position[CREDIT_KEPT] = 0.0
        position[SHORT_DELTA] = rules.short_delta
        return
    kept = spreads[spread, CREDIT] - quotes[spread, TO_CLOSE]
    position[IN_POSITION] = 1.0
    position[BARS_HELD] = bar - marks[spread, ENTRY_BAR]
    position[PNL] = kept * SHARES_PER_CONTRACT / spreads[spread, MAX_LOSS]
    position[CREDIT_KEPT] = kept / spreads[spread, CREDIT]
    position[SHORT_DELTA] = quotes[spread, DELTA]


@compiled_inline
def close_all(rules, money, counts, spreads, marks, rows, row_marks, bar, spot, day, iv, reason):
    """Close every open spread for one reason."""
    for spread in range(counts[OPEN]):
        marks[spread, REASON] = reason
    leave(rules, money, counts, spreads, marks, rows, row_marks, bar, spot, day, iv)


@compiled
def run_spreads(first, last, market, decisions, rules, state, closed, curve):
    """Simulate bars `first` to `last` - 1, going on from `state`.

    Parameters
    ----------
    first, last
        Bars to simulate. Orders are decided at each; the books close at the last bar of the
        data, so a run in parts gives what a run in one piece gives.
    market, rules
        What does not change: see `btkit.engine.books.spread_records`.
    decisions
        A `btkit.engine.Decisions`.
    state, closed, curve
        What the loop remembers and what it has done, all changed in place.
    """
    # Taken apart here, since taking an array out of a tuple costs a reference count each time.
    opens, closes, volatilities = market.open, market.close, market.volatility
    days, ends_session = market.day, market.ends_session
    money, counts, spreads, marks = state.money, state.counts, state.spreads, state.marks
    rows, row_marks = closed.rows, closed.marks
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
    position = np.zeros(POSITION_SLOTS)
    stack = np.empty((STACK_SIZE, 2))
    quotes = np.zeros((spreads.shape[0], 3))
    final = closes.size - 1
    for bar in range(first, last):
        close, day, iv = closes[bar], days[bar], volatilities[bar]
        if not rules.at_close and bar > 0:
            # What fills at an open is priced with the volatility of the last closed bar (4.1).
            before = volatilities[bar - 1]
            spot = opens[bar]
            leave(rules, money, counts, spreads, marks, rows, row_marks, bar, spot, day, before)
            if counts[PENDING] > 0:
                enter(rules, market, money, counts, spreads, marks, bar, spot, bar - 1)
        for spread in range(counts[OPEN]):
            expiry = marks[spread, EXPIRY]
            if day > expiry or (day == expiry and ends_session[bar]):
                marks[spread, REASON] = _EXPIRATION
        leave(rules, money, counts, spreads, marks, rows, row_marks, bar, close, day, iv)
        mark(rules, counts, spreads, marks, quotes, close, day, iv)
        worth = equity_at(money, counts, spreads, quotes)
        ruined = worth <= 0.0
        free = free_cash(money, counts, spreads)
        decision_cash[bar] = free
        if not ruined:
            counts[LAST_DECIDED] = bar
            entering = entry_gate[bar] and counts[OPEN] < rules.max_positions
            entering = entering and not (counts[OPEN] > 0 and when_flat)
            # Filters and entries see the oldest open spread (3.2).
            describe(rules, position, counts, spreads, marks, quotes, 0, bar, free)
            filtered = True
            if entering or counts[OPEN] > 0:
                filtered = all_met(
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
                and all_met(
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
            ):
                counts[PENDING] = 1
            in_scope = filtered or not rules.filter_all
            stopping = in_scope and stop_gate[bar]
            leaving = in_scope and exit_gate[bar]
            for spread in range(counts[OPEN]):
                describe(rules, position, counts, spreads, marks, quotes, spread, bar, free)
                credit, value = spreads[spread, CREDIT], quotes[spread, TO_CLOSE]
                # One reason per spread, in the order of 4.5.
                if value >= rules.stop_loss * credit:
                    marks[spread, REASON] = _STOP
                elif value <= (1.0 - rules.profit_target) * credit:
                    marks[spread, REASON] = _PROFIT_TARGET
                elif stopping and all_met(
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
                ):
                    marks[spread, REASON] = _STOP
                elif leaving and all_met(
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
                ):
                    marks[spread, REASON] = _EXIT
                elif bar - marks[spread, ENTRY_BAR] >= rules.max_holding:
                    marks[spread, REASON] = _MAX_HOLDING
            if rules.at_close:
                leave(rules, money, counts, spreads, marks, rows, row_marks, bar, close, day, iv)
                if counts[PENDING] > 0 and bar < final:
                    enter(rules, market, money, counts, spreads, marks, bar, close, bar)
                mark(rules, counts, spreads, marks, quotes, close, day, iv)
                worth = equity_at(money, counts, spreads, quotes)
                ruined = worth <= 0.0
            if bar == final:
                # An order decided at the last bar has nothing to fill at (3.8).
                counts[UNFILLED] += counts[PENDING]
                counts[PENDING] = 0
                for spread in range(counts[OPEN]):
                    counts[UNFILLED] += marks[spread, REASON] != 0
                if not ruined:
                    close_all(
                        rules,
                        money,
                        counts,
                        spreads,
                        marks,
                        rows,
                        row_marks,
                        bar,
                        close,
                        day,
                        iv,
                        _END_OF_DATA,
                    )
                    worth = money[CASH]
                    ruined = worth <= 0.0
        equity[bar] = worth
        cash[bar] = free_cash(money, counts, spreads)
        if ruined:
            # The run ends here: all spreads close, and the curve stays flat (3.10).
            close_all(
                rules,
                money,
                counts,
                spreads,
                marks,
                rows,
                row_marks,
                bar,
                close,
                day,
                iv,
                _RUIN,
            )
            counts[PENDING] = 0
            counts[RUINED] = 1
            equity[bar:] = money[CASH]
            cash[bar:] = money[CASH]
            decision_cash[bar + 1 :] = money[CASH]
            return
