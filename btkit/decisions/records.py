"""Decisions as the loop takes them: plain arrays."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.program import Tables

Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

ENTRY_LIST, EXIT_LIST, STOP_LIST, FILTER_LIST, SIZE_LIST = range(5)
# What an entry is decided with beside its size, each of none or one program (SEMANTICS 9.1).
ENTRY_PRICE, STOP_PRICE, TARGET_PRICE, DISTANCE = range(5, 9)
FORMULA_LISTS = (SIZE_LIST, ENTRY_PRICE, STOP_PRICE, TARGET_PRICE, DISTANCE)
LIST_COUNT = 9

PESSIMISTIC, OPTIMISTIC, PATH = range(3)
INTRABAR = {"pessimistic": PESSIMISTIC, "path": PATH, "optimistic": OPTIMISTIC}
"""What came first inside a bar, by its name in a spec."""


class Levels(NamedTuple):
    """Orders inside the bar for the lots of one side, as far as they are numbers (SEMANTICS 9).

    Parameters
    ----------
    stop, target
        Fractions of the entry fill; NaN for none, or where a program gives the price.
    trail
        Distance of a trailing stop as a fraction of the highest high; NaN for none, or where a
        program gives the distance.
    after
        Gain from which on there is a trailing stop; NaN for from the entry on.
    valid_bars
        Bars through which an entry rests.
    order
        `btkit.engine.orders.Kind` of an entry that rests, -1 where entries are market orders.
    intrabar
        `PESSIMISTIC`, `OPTIMISTIC` or `PATH`.
    touch
        Whether a target or limit fills where the bar only reaches it.
    """

    stop: float
    target: float
    trail: float
    after: float
    valid_bars: float
    order: int
    intrabar: int
    touch: bool


class FinerBars(NamedTuple):
    """Bars of a finer interval, which say what came first inside each bar (SEMANTICS 9.8).

    Parameters
    ----------
    first, after
        int64 (n_instruments, n_bars): the places of a bar's first finer one, and of the one after
        its last; the same where none are to be gone by. (0, 0) without `detail`.
    lowest, highest
        float64 (n_instruments, n_bars): beyond them nothing fills in a bar.
    open, high, low, close
        float64 (n_finer,): $, adjusted as the bars are.
    """

    first: Integers
    after: Integers
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]


NO_FINER = FinerBars(
    np.zeros((0, 0), np.int64),
    np.zeros((0, 0), np.int64),
    np.zeros((0, 0)),
    np.zeros((0, 0)),
    *(np.zeros(0) for _ in range(4)),
)
"""Of a strategy that goes by its own bars alone."""


class Inside(NamedTuple):
    """Orders inside the bar, as the loop takes them.

    Parameters
    ----------
    long, short
        Those of lots of each side.
    finer
        What says what came first inside a bar.
    """

    long: Levels
    short: Levels
    finer: FinerBars


class LevelSets(NamedTuple):
    """The `Levels` of many sets of parameters.

    Parameters
    ----------
    numbers
        float64 (n_sets, 5): stop, target, trail, after and valid_bars of each.
    order, intrabar, touch, finer
        What is the same for all.
    """

    numbers: NDArray[np.float64]
    order: int
    intrabar: int
    touch: bool
    finer: FinerBars = NO_FINER


class Parts(NamedTuple):
    """When lots leave in parts (SEMANTICS 3.12), each of them one entry.

    Parameters
    ----------
    fractions
        float64 (n_parts,): how much of the shares at entry leaves.
    gates
        bool (n_parts, n_bars): the whole-array part of each condition, filters included where they
        apply.
    programs
        int64 (n_parts, 2): each condition's first program, and the one after its last.
    leave_gate
        bool (n_bars,): where the gate of the exit list or that of any part is open; (0,) without
        parts.
    """

    fractions: NDArray[np.float64]
    gates: Flags
    programs: Integers
    leave_gate: Flags


NO_PARTS = Parts(
    np.zeros(0), np.zeros((0, 0), np.bool_), np.zeros((0, 2), np.int64), np.zeros(0, np.bool_)
)
"""Of a strategy whose lots leave as a whole."""


class Decisions(NamedTuple):
    """When to act, worked out before the loop as far as it does not depend on the position.

    Parameters
    ----------
    entry_gate, exit_gate, stop_gate
        bool (n_bars,): the whole-array part of each list, filters included where they apply.
    entry_when_flat
        Whether ``not in_position`` is among the entry conditions; it is so common that it is
        not left to the machine.
    code, programs, lists
        int64: instructions (n, 2); each program's first instruction and the one after its last
        (n_programs, 2); each list's first program and the one after its last (LIST_COUNT, 2).
    tables
        Constants and columns that the programs read.
    parts
        When lots leave in parts.
    levels
        Orders inside the bar; None for a strategy that has none, which runs faster.
    """

    entry_gate: Flags
    exit_gate: Flags
    stop_gate: Flags
    entry_when_flat: bool
    code: Integers
    programs: Integers
    lists: Integers
    tables: Tables
    parts: Parts = NO_PARTS
    levels: Levels | None = None


class BothSides(NamedTuple):
    """When to act long and when to act short, where one run may hold either (SEMANTICS 3.11).

    Parameters
    ----------
    long, short
        What concerns lots of each side. Their filters are the same, and either both have levels or
        neither has.
    entry_gate
        bool (n_bars,): where the gate of either entry list is open.
    separation
        int64 (n_bars,): what an entry or exit list decides at a bar counts only if the last fill,
        of an entry or an exit, was at this bar or before; (0,) for a strategy that never waits. A
        stop list does not wait.
    """

    long: Decisions
    short: Decisions
    entry_gate: Flags
    separation: Integers

    @classmethod
    def of(cls, long: Decisions, short: Decisions, *, separation: Integers | None = None) -> Self:
        """Return both sides' decisions as the loop takes them."""
        waits = np.zeros(0, np.int64) if separation is None else np.array(separation, np.int64)
        return cls(long, short, long.entry_gate | short.entry_gate, waits)
