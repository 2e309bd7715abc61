"""Long and short lots in one run: never at once, but one after the other (SEMANTICS 3.11).

Where the rules leave a choice, this is what is done:

- ``in_position`` is True while a lot leaves (3.4), for an entry on the other side, too: a list with
  ``not in_position`` enters when flat, and never reverses.
- Filters are judged for each entry with the `capital` that it has. Where they gate exits, too, they
  are judged before, with what is in cash.
- That both sides would enter is counted before a size is worked out.
- Pending entries are all of one side, since those of one bar the other; a market order never waits
  for longer than until the next fill, which comes before the next decision.
"""

from __future__ import annotations

from btkit.conditions.compiled import compiled_inline, compiled_lean
from btkit.decisions.records import ENTRY_LIST, FILTER_LIST, SIZE_LIST
from btkit.engine.entries import place_entry
from btkit.engine.inputs import CAPITAL
from btkit.engine.judging import has_room, judge_lots
from btkit.engine.orders import SIDE, Side, Skip
from btkit.engine.parts import judge_parts, leaves_whole
from btkit.engine.reading import all_met, result_of
from btkit.engine.state import (
    LAST_ENTRY,
    LAST_ORDERED_EXIT,
    LOT_SIDE,
    LOTS,
    ORDERS,
    SKIPPED,
)

_BUY, _SELL, _BOTH_SIDES = int(Side.BUY), int(Side.SELL), int(Skip.BOTH_SIDES)


@compiled_inline
def side_held(both, counts, marks):
    """Return the decisions that concern the open lots; the long ones where there are none."""
    return both.short if counts[LOTS] > 0 and marks[0, LOT_SIDE] == _SELL else both.long


@compiled_inline
def parts_held(parts, both, counts, marks):
    """Return the part exits that concern the open lots: `parts`, or those of their side."""
    if both is not None:
        return side_held(both, counts, marks).parts
    return parts


@compiled_inline
def _turns(counts, marks, side):
    # Whether an entry would be on the other side of the open lots.
    return counts[LOTS] > 0 and marks[0, LOT_SIDE] != side


@compiled_inline
def _all_leave(rules, parts, counts, lots, marks):
    leaving = 0
    for lot in range(counts[LOTS]):
        leaving += leaves_whole(rules, parts, lots, marks, lot)
    return leaving == counts[LOTS]


@compiled_inline
def _barred(counts, orders, side):
    return counts[ORDERS] > 0 and orders[0, SIDE] != side


@compiled_lean
def _meets(decisions, which, bar, room):
    # Called, not put in place, so that the interpreter is compiled once for all of this.
    return all_met(decisions, which, bar, room)


@compiled_inline
def _describe_entry(book, rules, closes, money, counts, lots, marks, turns, bar, room):
    # Filters, entries and sizing see the oldest open lot (3.2).
    book.describe(rules, closes, money, counts, lots, marks, 0, bar, room.position)
    if turns:
        # What the leaving lots will bring may be spent, too.
        room.position[CAPITAL] = book.worth(rules, closes, money, counts, lots, marks, bar)


@compiled_lean
def _would_enter(
    book, rules, closes, money, counts, lots, marks, orders, both, decisions, reading, side, turns,
    bar, room,
):  # fmt: skip
    if not decisions.entry_gate[bar] or (counts[LOTS] > 0 and decisions.entry_when_flat):
        return False
    if _barred(counts, orders, side):
        return False
    if turns:
        parts = side_held(both, counts, marks).parts
        if not _all_leave(rules, parts, counts, lots, marks):
            return False
    elif not has_room(rules, counts):
        return False
    if reading.filters or reading.entries:
        _describe_entry(book, rules, closes, money, counts, lots, marks, turns, bar, room)
    return (not reading.filters or _meets(decisions, FILTER_LIST, bar, room)) and (
        not reading.entries or _meets(decisions, ENTRY_LIST, bar, room)
    )


@compiled_inline
def _enter(
    book, rules, levels, closes, money, counts, lots, marks, orders, decisions, side, bar, kind,
    room,
):  # fmt: skip
    turns = _turns(counts, marks, side)
    _describe_entry(book, rules, closes, money, counts, lots, marks, turns, bar, room)
    wanted, tag = result_of(decisions, decisions.lists[SIZE_LIST, 0], bar, room)
    quantity = book.size(rules, counts, wanted, tag)
    if quantity > 0.0:
        place_entry(levels, decisions, counts, orders, kind, side, quantity, bar, room)


@compiled_inline
def _separated(both, counts, bar):
    last = max(counts[LAST_ENTRY], counts[LAST_ORDERED_EXIT])
    return not both.separation.size or last <= both.separation[bar]


@compiled_lean
def decide_either(
    book, rules, levels, closes, money, counts, lots, marks, orders, both, reading, bar, kind, room
):
    """Decide at a close which lots leave, and whether one side enters; return whether any leaves.

    Parameters
    ----------
    book, rules, closes, money, counts, lots, marks, orders
        As `btkit.engine.books.book.Book` has them.
    levels
        `Levels` of the long side and of the short one; None without orders inside the bar.
    both
        `btkit.decisions.records.BothSides`.
    reading
        What either side reads of the position.
    bar, kind, room
        Where the loop is, how orders fill, and what programs work in.
    """
    own, held = side_held(both, counts, marks), counts[LOTS] > 0
    separated = _separated(both, counts, bar)
    in_scope = True
    if held and reading.filters and rules.filter_all:
        book.describe(rules, closes, money, counts, lots, marks, 0, bar, room.position)
        in_scope = _meets(own, FILTER_LIST, bar, room)
    # A stop does not wait.
    exiting = judge_lots(
        book, rules, closes, money, counts, lots, marks, own, reading,
        in_scope and own.stop_gate[bar], separated and in_scope and own.exit_gate[bar], bar, room,
    )  # fmt: skip
    exiting |= judge_parts(
        book, rules, closes, money, counts, lots, marks, own, in_scope, bar, room
    )
    if not separated:
        return exiting
    buys = _would_enter(
        book, rules, closes, money, counts, lots, marks, orders, both, both.long, reading, _BUY,
        _turns(counts, marks, _BUY), bar, room,
    )  # fmt: skip
    sells = _would_enter(
        book, rules, closes, money, counts, lots, marks, orders, both, both.short, reading, _SELL,
        _turns(counts, marks, _SELL), bar, room,
    )  # fmt: skip
    if buys and sells:
        counts[SKIPPED + _BOTH_SIDES] += 1
    elif buys or sells:
        side = _SELL if sells else _BUY
        chosen = both.short if sells else both.long
        _enter(
            book, rules, levels, closes, money, counts, lots, marks, orders, chosen, side, bar,
            kind, room,
        )  # fmt: skip
    return exiting
