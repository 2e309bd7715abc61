"""What is decided at a close: which lots leave, and what enters."""

from __future__ import annotations

from btkit.conditions.compiled import compiled_inline
from btkit.conditions.machine import Tag
from btkit.decisions.records import ENTRY_LIST, EXIT_LIST, FILTER_LIST, SIZE_LIST, STOP_LIST
from btkit.engine.entries import place_entry
from btkit.engine.orders import Reason
from btkit.engine.parts import judge_parts
from btkit.engine.reading import all_met, result_of
from btkit.engine.state import LOT_BAR, LOT_REASON, LOTS, ORDERS

_FAILED, _MISSING = int(Tag.FAILED), int(Tag.NONE)
_STOP, _EXIT, _MAX_HOLDING = int(Reason.STOP), int(Reason.EXIT), int(Reason.MAX_HOLDING)
_MARGIN_CALL = int(Reason.MARGIN_CALL)


@compiled_inline
def judge_lots(
    book, rules, closes, money, counts, lots, marks, decisions, reading,
    stopping, leaving, bar, room,
):  # fmt: skip
    """Give each lot that is to leave its reason; return whether there is one.

    One reason a lot: a margin call, the book's own, then stop, exit, max_holding (SEMANTICS 3.3,
    3.13, 4.5).
    """
    exiting = False
    called = book.called(rules, closes, money, counts, lots, marks, bar)
    for lot in range(counts[LOTS]):
        reason = _MARGIN_CALL if called else book.judge(rules, lots, lot)
        if reason == 0:
            if reading.exits or reading.stops:
                book.describe(rules, closes, money, counts, lots, marks, lot, bar, room.position)
            if stopping and (not reading.stops or all_met(decisions, STOP_LIST, bar, room)):
                reason = _STOP
            elif leaving and (not reading.exits or all_met(decisions, EXIT_LIST, bar, room)):
                reason = _EXIT
            elif bar - marks[lot, LOT_BAR] >= rules.max_holding:
                reason = _MAX_HOLDING
            else:
                continue
        marks[lot, LOT_REASON] = reason
        exiting = True
    return exiting


@compiled_inline
def has_room(rules, counts):
    """Return whether one more lot may be entered beside those and what is pending (3.4)."""
    return counts[LOTS] + counts[ORDERS] < rules.max_positions


@compiled_inline
def decide(
    book, rules, levels, closes, money, counts, lots, marks, orders, decisions, reading, sizing,
    bar, kind, free, room, parts,
):  # fmt: skip
    """Decide at a close what enters and which lots leave; return whether any leaves."""
    share, size_column = sizing
    held = counts[LOTS] > 0
    entering = decisions.entry_gate[bar] and has_room(rules, counts)
    entering = entering and not (held and decisions.entry_when_flat)
    filtered = True
    if entering or (held and reading.filters):
        # Filters, entries and sizing see the oldest open lot (3.2), and so do prices (9.1).
        if levels is not None or reading.filters or reading.entries or reading.sizing:
            book.describe(rules, closes, money, counts, lots, marks, 0, bar, room.position)
        filtered = not reading.filters or all_met(decisions, FILTER_LIST, bar, room)
        if (
            entering
            and filtered
            and (not reading.entries or all_met(decisions, ENTRY_LIST, bar, room))
        ):
            if not reading.sizing:
                divisor = decisions.tables.columns[size_column, bar]
                tag = int(decisions.tables.column_tags[size_column, bar])
                if tag == _MISSING or divisor == 0.0:
                    tag = _FAILED
                wanted = share * free / divisor
            else:
                wanted, tag = result_of(decisions, decisions.lists[SIZE_LIST, 0], bar, room)
            quantity = book.size(rules, counts, wanted, tag)
            if quantity > 0.0:
                place_entry(
                    levels, decisions, counts, orders, kind, book.side_of(rules), quantity, bar,
                    room,
                )  # fmt: skip
    in_scope = filtered or not rules.filter_all
    stopping = in_scope and decisions.stop_gate[bar]
    leaving = in_scope and decisions.exit_gate[bar]
    exiting = judge_lots(
        book, rules, closes, money, counts, lots, marks, decisions, reading,
        stopping, leaving, bar, room,
    )  # fmt: skip
    if parts is not None:
        # Of those that stay.
        exiting |= judge_parts(
            book, rules, closes, money, counts, lots, marks, decisions, in_scope, bar, room
        )
    return exiting
