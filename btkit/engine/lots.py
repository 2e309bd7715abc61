"""Orders become lots, and lots become trades."""

from __future__ import annotations

import numpy as np

from btkit.conditions.compiled import compiled_inline, compiled_lean
from btkit.engine.books.shares import made_by
from btkit.engine.orders import INSTRUMENT, KIND, ORDER_COLUMNS, SIDE, Kind
from btkit.engine.parts import cut_part, keep_rest
from btkit.engine.state import (
    CASH,
    ENTERED,
    LAST_ENTRY,
    LAST_EXIT,
    LOT_BAR,
    LOT_ENTERED,
    LOT_EXIT_BAR,
    LOT_EXIT_COMMISSION,
    LOT_EXIT_PRICE,
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
    LOTS,
    ORDERS,
    SKIPPED,
    TRADES,
)

_ON_CLOSE = int(Kind.MARKET_ON_CLOSE)


@compiled_inline
def _begin_extremes(lots, lot, kind, close):
    # A bar entered at its close counts by its fill and close (2.12), one entered at its open whole.
    price, late = lots[lot, LOT_PRICE], kind == _ON_CLOSE
    lots[lot, LOT_HIGHEST] = max(price, close) if late else -np.inf
    lots[lot, LOT_LOWEST] = min(price, close) if late else np.inf


@compiled_inline
def fill_orders(book, rules, market, money, counts, lots, marks, orders, reading, bar, kind):
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
        if reading.extremes:
            _begin_extremes(lots, lot, kind, market.close[marks[lot, LOT_INSTRUMENT], bar])
        counts[LOTS] += 1
        counts[ENTERED] += 1
        marks[lot, LOT_NUMBER] = counts[ENTERED]
        marks[lot, LOT_PARTS_MADE] = marks[lot, LOT_PARTS_DUE] = marks[lot, LOT_STAYS] = 0
        lots[lot, LOT_ENTERED], lots[lot, LOT_MADE] = lots[lot, LOT_QUANTITY], 0.0
        counts[LAST_ENTRY] = bar
    counts[ORDERS] = waiting


@compiled_inline
def _close(
    book, rules, market, money, counts, lots, marks, closed, closed_marks, lot, bar, kind
):  # fmt: skip
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
    counts[LAST_EXIT] = bar


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
            made = made_by(closed, closed_marks, counts[TRADES] - 1)
            keep_rest(lots, marks, lot, rest, kept, made)
    marks[lot, LOT_PARTS_MADE] |= marks[lot, LOT_PARTS_DUE]
    marks[lot, LOT_PARTS_DUE] = 0


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
            if kept < lot:
                for column in range(book.columns):
                    lots[kept, column] = lots[lot, column]
                for column in range(book.mark_columns):
                    marks[kept, column] = marks[lot, column]
            kept += 1
            continue
        _close(
            book, rules, market, money, counts, lots, marks, closed, closed_marks, lot, bar, kind
        )
    counts[LOTS] = kept


@compiled_lean
def order_exits(counts, lots, marks, bar):
    """Put the exits of one bar in order, the oldest lot first (3.9).

    Only where lots leave at a bar's close after others left in it can they be out of it.
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
