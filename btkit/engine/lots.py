"""Orders become lots, and lots become trades."""

from __future__ import annotations

import numpy as np

from btkit.conditions.compiled import compiled_inline, compiled_lean
from btkit.engine.books.shares import made_by
from btkit.engine.levels import set_levels
from btkit.engine.orders import INSTRUMENT, KIND, ORDER_COLUMNS, SIDE, FillKind
from btkit.engine.parts import cut_part, keep_rest
from btkit.engine.state import (
    CASH,
    ENTERED,
    LAST_ENTRY,
    LAST_EXIT,
    LAST_ORDERED_EXIT,
    LOT_BAR,
    LOT_CERTAIN,
    LOT_ENTERED,
    LOT_ENTRY_KIND,
    LOT_EXIT_BAR,
    LOT_EXIT_COMMISSION,
    LOT_EXIT_PRICE,
    LOT_FILL_KIND,
    LOT_HIGHEST,
    LOT_INSTRUMENT,
    LOT_LOWEST,
    LOT_MADE,
    LOT_NUMBER,
    LOT_PARTS_DUE,
    LOT_PARTS_MADE,
    LOT_PRICE,
    LOT_QUANTITY,
    LOT_REASON,
    LOT_SIDE,
    LOT_STAYS,
    LOT_TOLD_BY,
    LOTS,
    ORDERS,
    SKIPPED,
    TRADES,
)

_CLOSE, _LEVEL = int(FillKind.CLOSE), int(FillKind.LEVEL)


@compiled_inline
def _begin_extremes(lots, lot, entry_kind, close):
    # A bar entered inside it, or at its close, counts by fill and close (2.12), else whole.
    price, late = lots[lot, LOT_PRICE], entry_kind in (_CLOSE, _LEVEL)
    lots[lot, LOT_HIGHEST] = max(price, close) if late else -np.inf
    lots[lot, LOT_LOWEST] = min(price, close) if late else np.inf


@compiled_inline
def note_entry(market, levels, counts, lots, marks, orders, reading, order, lot, bar, entry_kind):
    """Write of a lot that was filled what is the same for every book."""
    marks[lot, LOT_BAR] = bar
    marks[lot, LOT_EXIT_BAR] = -1
    marks[lot, LOT_REASON] = 0
    marks[lot, LOT_INSTRUMENT] = int(orders[order, INSTRUMENT])
    marks[lot, LOT_SIDE] = int(orders[order, SIDE])
    counts[LOTS] += 1
    counts[LAST_ENTRY] = bar
    counts[ENTERED] += 1
    marks[lot, LOT_NUMBER] = counts[ENTERED]
    marks[lot, LOT_PARTS_MADE] = marks[lot, LOT_PARTS_DUE] = marks[lot, LOT_STAYS] = 0
    lots[lot, LOT_ENTERED], lots[lot, LOT_MADE] = lots[lot, LOT_QUANTITY], 0.0
    marks[lot, LOT_ENTRY_KIND] = entry_kind
    marks[lot, LOT_FILL_KIND] = -1
    marks[lot, LOT_CERTAIN] = 1
    marks[lot, LOT_TOLD_BY] = 0
    if reading.extremes:
        _begin_extremes(lots, lot, entry_kind, market.close[marks[lot, LOT_INSTRUMENT], bar])
    if levels is not None:
        set_levels(levels, lots, marks, orders, order, lot)


@compiled_inline
def keep_order(orders, order, place):
    """Let an order wait on, in the place of one that no longer does."""
    if place < order:
        for column in range(ORDER_COLUMNS):
            orders[place, column] = orders[order, column]


@compiled_inline
def fill_orders(
    book, rules, market, levels, money, counts, lots, marks, orders, reading, bar, kind
):  # fmt: skip
    """Open a lot for each order of a kind, or count why not."""
    waiting = 0
    for order in range(counts[ORDERS]):
        if orders[order, KIND] != kind:
            keep_order(orders, order, waiting)
            waiting += 1
            continue
        lot = counts[LOTS]
        refused = book.enter(
            rules, market, money, counts, lots, marks, orders, order, lot, bar, kind
        )
        if refused >= 0:
            counts[SKIPPED + refused] += 1
            continue
        note_entry(market, levels, counts, lots, marks, orders, reading, order, lot, bar, kind)
    counts[ORDERS] = waiting


@compiled_inline
def note_exit(book, counts, lots, marks, closed, closed_marks, lot, bar, price, commission, kind):
    """Write a lot that left among the trades."""
    trade = counts[TRADES]
    for column in range(book.columns):
        closed[trade, column] = lots[lot, column]
    for column in range(book.mark_columns):
        closed_marks[trade, column] = marks[lot, column]
    closed[trade, LOT_EXIT_PRICE] = price
    closed[trade, LOT_EXIT_COMMISSION] = commission
    closed_marks[trade, LOT_EXIT_BAR] = bar
    closed_marks[trade, LOT_FILL_KIND] = kind
    counts[TRADES] += 1
    counts[LAST_EXIT] = bar


@compiled_inline
def _close(
    book, rules, market, money, counts, lots, marks, closed, closed_marks, lot, bar, kind
):  # fmt: skip
    price, commission, proceeds = book.leave(rules, market, lots, marks, lot, bar, kind)
    money[CASH] += proceeds
    note_exit(book, counts, lots, marks, closed, closed_marks, lot, bar, price, commission, kind)
    counts[LAST_ORDERED_EXIT] = bar


@compiled_lean
def _close_parts(
    book, rules, market, parts, money, counts, lots, marks, closed, closed_marks, lot, bar, kind
):  # fmt: skip
    for part in range(parts.fractions.size):
        if marks[lot, LOT_PARTS_DUE] >> part & 1:
            rest, kept = cut_part(rules, parts, lots, marks, lot, part)
            _close(
                book, rules, market, money, counts, lots, marks, closed, closed_marks, lot, bar,
                kind,
            )  # fmt: skip
            made = made_by(rules, closed, closed_marks, counts[TRADES] - 1)
            keep_rest(lots, marks, lot, rest, kept, made)
    marks[lot, LOT_PARTS_MADE] |= marks[lot, LOT_PARTS_DUE]
    marks[lot, LOT_PARTS_DUE] = 0


@compiled_inline
def keep_lot(book, lots, marks, lot, place):
    """Let a lot stay, in the place of one that left."""
    if place < lot:
        for column in range(book.columns):
            lots[place, column] = lots[lot, column]
        for column in range(book.mark_columns):
            marks[place, column] = marks[lot, column]


@compiled_inline
def close_lots(
    book, rules, market, parts, money, counts, lots, marks, closed, closed_marks, bar, kind
):  # fmt: skip
    """Close every lot that has a reason, and the parts that are due, oldest lot first.

    Of a strategy whose lots leave as a whole `parts` is None.
    """
    kept = 0
    for lot in range(counts[LOTS]):
        if parts is not None and marks[lot, LOT_REASON] == 0 and marks[lot, LOT_PARTS_DUE] != 0:
            _close_parts(
                book, rules, market, parts, money, counts, lots, marks, closed, closed_marks, lot,
                bar, kind,
            )  # fmt: skip
            if lots[lot, LOT_QUANTITY] <= 0.0:
                continue
        if marks[lot, LOT_REASON] == 0:
            keep_lot(book, lots, marks, lot, kept)
            kept += 1
            continue
        _close(
            book, rules, market, money, counts, lots, marks, closed, closed_marks, lot, bar, kind
        )
    counts[LOTS] = kept


@compiled_lean
def order_exits(counts, lots, marks, bar):
    """Put the exits of one bar in order, the oldest lot first (3.9).

    Only where lots leave inside a bar, or at its close, after others left in it can they be out of
    it.
    """
    first = counts[TRADES]
    while first > 0 and marks[first - 1, LOT_EXIT_BAR] == bar:
        first -= 1
    for trade in range(first + 1, counts[TRADES]):
        at = trade
        while at > first and marks[at - 1, LOT_NUMBER] > marks[at, LOT_NUMBER]:
            for column in range(lots.shape[1]):
                swap = lots[at, column]
                lots[at, column] = lots[at - 1, column]
                lots[at - 1, column] = swap
            for column in range(marks.shape[1]):
                mark = marks[at, column]
                marks[at, column] = marks[at - 1, column]
                marks[at - 1, column] = mark
            at -= 1
