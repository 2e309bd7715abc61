"""Entries that rest, and lots that leave inside a bar (SEMANTICS 9)."""

from __future__ import annotations

from btkit.conditions.compiled import compiled_inline, compiled_lean
from btkit.engine.books.shares import enter_at, leave_at
from btkit.engine.inside import is_beyond, turned
from btkit.engine.levels import (
    follow,
    has_crossed,
    judge_inside,
    levels_of,
    levels_turned,
    path_of,
    seen_by,
    trailing_of,
)
from btkit.engine.lots import keep_lot, keep_order, note_entry, note_exit
from btkit.engine.orders import (
    INSTRUMENT,
    KIND,
    LAST_BAR,
    PRICE,
    SIDE,
    FillKind,
    Kind,
    Reason,
    Skip,
)
from btkit.engine.state import (
    CASH,
    LOT_BAR,
    LOT_ENTRY_KIND,
    LOT_INSTRUMENT,
    LOT_OFFERED,
    LOT_PRICE,
    LOT_REASON,
    LOT_SIDE,
    LOT_TOLD_BY,
    LOT_TRAIL,
    LOTS,
    ORDERS,
    SKIPPED,
)

_LIMIT, _STOP = int(Kind.LIMIT), int(Kind.STOP)
_CLOSE, _LEVEL, _GAP = int(FillKind.CLOSE), int(FillKind.LEVEL), int(FillKind.GAP)
_CROSSED = int(Reason.CROSSED_AT_ENTRY)
_EXPIRED = int(Skip.ORDER_EXPIRED)


@compiled_inline
def _rests(orders, order):
    return orders[order, KIND] == _LIMIT or orders[order, KIND] == _STOP


@compiled_inline
def _meets(levels, orders, order, opened, high, low, inside):
    # Whether an open has passed an entry's price already, or a bar reaches it after that.
    side = int(orders[order, SIDE])
    opened, high, low, _ = turned(side, opened, high, low, opened)
    wanted = side * orders[order, PRICE]
    if orders[order, KIND] == _STOP:
        return (high if inside else opened) >= wanted
    return is_beyond(wanted, low if inside else opened, levels_of(levels, side).touch)


@compiled_lean
def _next_fill(market, levels, counts, orders, bar, step):
    # The first step through a bar, from `step` on, in which an entry fills; -1 for none.
    nearest = -1
    for order in range(counts[ORDERS]):
        if not _rests(orders, order):
            continue
        instrument = int(orders[order, INSTRUMENT])
        opens, highs, lows, _, first, after = path_of(levels, market, instrument, bar)
        if after - first > 1:
            low, high = levels.finer.lowest[instrument, bar], levels.finer.highest[instrument, bar]
            if not _meets(levels, orders, order, low, high, low, True):
                continue
        last = after if nearest < 0 else min(first + nearest, after)
        for at in range(first + step, last):
            if _meets(levels, orders, order, opens[at], highs[at], lows[at], True) or _meets(
                levels, orders, order, opens[at], highs[at], lows[at], False
            ):
                nearest = at - first
                break
    return nearest


@compiled_lean
def _fill_step(
    rules, market, levels, money, counts, lots, marks, orders, reading, bar, step, inside
):  # fmt: skip
    waiting = 0
    for order in range(counts[ORDERS]):
        fills, price, at = False, 0.0, 0
        if _rests(orders, order):
            opens, highs, lows, _, first, after = path_of(
                levels, market, int(orders[order, INSTRUMENT]), bar
            )
            at = first + step
            if at < after:
                fills = _meets(levels, orders, order, opens[at], highs[at], lows[at], inside)
                price = orders[order, PRICE] if inside else opens[at]
        if not fills:
            keep_order(orders, order, waiting)
            waiting += 1
            continue
        lot = counts[LOTS]
        slippage = rules.slippage if orders[order, KIND] == _STOP else 0.0
        refused = enter_at(rules, money, lots, marks, orders, order, lot, price, slippage)
        if refused >= 0:
            counts[SKIPPED + refused] += 1
            continue
        # The open of a later one lies inside the bar, too.
        kind = _LEVEL if inside or step > 0 else _GAP
        note_entry(market, levels, counts, lots, marks, orders, reading, order, lot, bar, kind)
        marks[lot, LOT_TOLD_BY] = at + 1 if inside else -at - 1
    counts[ORDERS] = waiting


@compiled_inline
def fill_resting(rules, market, levels, money, counts, lots, marks, orders, reading, bar):
    """Open a lot for each resting entry that a bar's open has passed, or that it reaches inside.

    Oldest decision first (9.9), in one of finer bars after the other (9.8). Both extremes of a bar
    come after its open, so that an entry at a stop follows its low, or at a limit its high, as
    `btkit.engine.inside` has it.
    """
    step = _next_fill(market, levels, counts, orders, bar, 0)
    while step >= 0:
        for inside in (False, True):
            _fill_step(
                rules, market, levels, money, counts, lots, marks, orders, reading, bar, step,
                inside,
            )  # fmt: skip
        step = _next_fill(market, levels, counts, orders, bar, step + 1)


@compiled_inline
def leave_inside(
    book, rules, market, levels, money, counts, lots, marks, closed, closed_marks, bar
):  # fmt: skip
    """Close every lot whose level a bar reaches, oldest first, after all entries of the bar.

    The trailing stops of the others follow, for the next bar (9.2): no decision reads them.
    """
    kept = 0
    for lot in range(counts[LOTS]):
        side, fresh = marks[lot, LOT_SIDE], marks[lot, LOT_BAR] == bar
        against, along, followed = seen_by(levels, market, marks, lot)
        worst, best = side * against[bar], side * along[bar]
        stop, trail, target = levels_turned(lots, lot, side)
        # Most bars reach nothing; of NaN, where there is no such level, all is false.
        if fresh or worst <= stop or worst <= trail or best >= target:
            reason, price, slippage, kind = judge_inside(
                levels, rules, market, lots, marks, lot, bar
            )
            if reason != 0:
                _leave(
                    book, rules, money, counts, lots, marks, closed, closed_marks, lot, bar,
                    reason, price, slippage, kind,
                )  # fmt: skip
                continue
        extreme = side * followed[bar]
        if fresh and marks[lot, LOT_ENTRY_KIND] == _LEVEL:
            # What came before the fill is none of its.
            close = market.close[marks[lot, LOT_INSTRUMENT], bar]
            extreme = max(side * lots[lot, LOT_PRICE], side * close)
        trail, threshold, factor, away = trailing_of(levels_of(levels, side), lots, marks, lot)
        lots[lot, LOT_TRAIL] = side * follow(trail, threshold, factor, away, extreme)[0]
        keep_lot(book, lots, marks, lot, kept)
        kept += 1
    counts[LOTS] = kept


@compiled_lean
def leave_crossed(book, rules, levels, money, counts, lots, marks, closed, closed_marks, bar):
    """Close every lot that was filled at a close beyond one of its levels already (9.1).

    The trailing stops of the others are then judged as at any close: by fill and close, of which
    the fill is the better, as slippage has it (9.2).
    """
    kept = 0
    for lot in range(counts[LOTS]):
        fresh = marks[lot, LOT_BAR] == bar and marks[lot, LOT_ENTRY_KIND] == _CLOSE
        if not (fresh and has_crossed(lots, marks, lot)):
            if fresh:
                side = marks[lot, LOT_SIDE]
                trail, threshold, factor, away = trailing_of(
                    levels_of(levels, side), lots, marks, lot
                )
                filled = side * lots[lot, LOT_PRICE]
                lots[lot, LOT_TRAIL] = side * follow(trail, threshold, factor, away, filled)[0]
            keep_lot(book, lots, marks, lot, kept)
            kept += 1
            continue
        _leave(
            book, rules, money, counts, lots, marks, closed, closed_marks, lot, bar, _CROSSED,
            lots[lot, LOT_OFFERED], rules.slippage, _CLOSE,
        )  # fmt: skip
    counts[LOTS] = kept


@compiled_inline
def _leave(
    book, rules, money, counts, lots, marks, closed, closed_marks, lot, bar, reason, price,
    slippage, kind,
):  # fmt: skip
    marks[lot, LOT_REASON] = reason
    fill, commission, proceeds = leave_at(rules, lots, marks, lot, price, slippage)
    money[CASH] += proceeds
    note_exit(book, counts, lots, marks, closed, closed_marks, lot, bar, fill, commission, kind)


@compiled_lean
def expire_orders(counts, orders, bar):
    """Drop entries whose last bar this was, before its close is judged, and count them (9.9)."""
    waiting = 0
    for order in range(counts[ORDERS]):
        if _rests(orders, order) and orders[order, LAST_BAR] <= bar:
            counts[SKIPPED + _EXPIRED] += 1
            continue
        keep_order(orders, order, waiting)
        waiting += 1
    counts[ORDERS] = waiting
