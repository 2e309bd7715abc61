"""Which parts of a strategy read the position: programs, run bar by bar and lot by lot."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from btkit.conditions.compiled import also_compiled, compiled_inline, compiled_lean
from btkit.conditions.machine import STACK_SIZE, Op, Tag, is_true, run_program
from btkit.decisions.records import (
    ENTRY_LIST,
    EXIT_LIST,
    FILTER_LIST,
    LIST_COUNT,
    SIZE_LIST,
    STOP_LIST,
)
from btkit.engine.inputs import CAPITAL, EQUITY, HIGHEST, POSITION_SLOTS, Floats

_FAILED, _MISSING = int(Tag.FAILED), int(Tag.NONE)
_CONST, _COLUMN, _POSITION = int(Op.CONST), int(Op.COLUMN), int(Op.POSITION)
_MUL, _DIV = int(Op.MUL), int(Op.DIV)
# Instructions of `capital / column`, and of `share * capital / column`.
_UNSCALED, _SCALED = 3, 5


@compiled_inline
def result_of(decisions, program, bar, room):
    """Return the value and the tag of a program, for the lot that `room` describes."""
    programs, tables = decisions.programs, decisions.tables
    return run_program(
        decisions.code,
        programs[program, 0],
        programs[program, 1],
        tables.constants,
        tables.columns,
        tables.column_tags,
        bar,
        room.position,
        room.stack,
    )


@compiled_inline
def all_met(decisions, which, bar, room):
    """Return whether a list's programs are all met, for the lot that `room` describes."""
    return met_by(decisions, decisions.lists[which, 0], decisions.lists[which, 1], bar, room)


@compiled_inline
def met_by(decisions, first, last, bar, room):
    """Return whether programs `first` to `last` - 1 are all met, for the lot in `room`."""
    for program in range(first, last):
        value, tag = result_of(decisions, program, bar, room)
        if tag == _FAILED or not is_true(value, tag):
            return False
    return True


@compiled_inline
def _share_of_cash(code, first, last, constants):
    # `share * capital / column`, in either order.
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
    """Which parts of a strategy read the position, and so are run bar by bar.

    Parameters
    ----------
    filters, entries, exits, stops, sizing
        Whether the list, or the formula, does.
    extremes
        Whether any of them reads what prices came to since a lot's entry.
    account
        Whether any reads what the account is worth, or what trades came to.
    """

    filters: bool
    entries: bool
    exits: bool
    stops: bool
    sizing: bool
    extremes: bool
    account: bool


NOTHING = Reading(False, False, False, False, False, False, False)


@compiled_inline
def _any_program(decisions, which):
    return decisions.lists[which, 0] < decisions.lists[which, 1]


@compiled_inline
def _any_reads(decisions, first, last):
    # Whether a program reads one of the position's slots from `first` to `last` - 1.
    code, programs, lists = decisions.code, decisions.programs, decisions.lists
    for which in range(LIST_COUNT):
        for program in range(lists[which, 0], lists[which, 1]):
            for at in range(programs[program, 0], programs[program, 1]):
                if code[at, 0] == _POSITION and first <= code[at, 1] < last:
                    return True
    spans = decisions.parts.programs
    for part in range(decisions.parts.fractions.size):
        for program in range(spans[part, 0], spans[part, 1]):
            for at in range(programs[program, 0], programs[program, 1]):
                if code[at, 0] == _POSITION and first <= code[at, 1] < last:
                    return True
    return False


@compiled_inline
def sizing_of(decisions):
    """Read a strategy's sizing as ``share * capital / column``, the form that nearly all have.

    Returns
    -------
    tuple
        The share, and the column; -1 where the sizing is another one.
    """
    programs, program = decisions.programs, decisions.lists[SIZE_LIST, 0]
    first, last = programs[program, 0], programs[program, 1]
    return _share_of_cash(decisions.code, first, last, decisions.tables.constants)


@compiled_lean
def reading_of(decisions):
    """Return the `Reading` of a strategy.

    Parameters
    ----------
    decisions
        `btkit.decisions.records.Decisions`.
    """
    return Reading(
        _any_program(decisions, FILTER_LIST),
        _any_program(decisions, ENTRY_LIST),
        _any_program(decisions, EXIT_LIST),
        _any_program(decisions, STOP_LIST),
        sizing_of(decisions)[1] < 0,
        _any_reads(decisions, HIGHEST, EQUITY),
        _any_reads(decisions, EQUITY, POSITION_SLOTS),
    )


@compiled_inline
def reads_any(reading):
    """Return whether anything is run bar by bar."""
    return reading.filters or reading.entries or reading.exits or reading.stops or reading.sizing


class Room(NamedTuple):
    """What programs work in.

    Parameters
    ----------
    position
        float64: the values of the position's names.
    stack
        float64 (`STACK_SIZE`, 2).
    """

    position: Floats
    stack: Floats


@also_compiled
def new_room() -> Room:
    """Return room for the programs of one thread."""
    return Room(np.zeros(POSITION_SLOTS), np.empty((STACK_SIZE, 2)))
