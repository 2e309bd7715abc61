"""A ready column of signals as decisions: what a model says, or anybody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.columns import ColumnEvaluator
from btkit.conditions.nodes import Column, Node
from btkit.conditions.program import Assembler
from btkit.decisions.records import (
    LIST_COUNT,
    SIZE_LIST,
    BothSides,
    Decisions,
    Flags,
    Integers,
)
from btkit.decisions.rules import tables_of


class Signal(IntEnum):
    """What is decided at a bar's close (SEMANTICS 10.4)."""

    SELL = -1
    HOLD = 0
    BUY = 1


@dataclass(frozen=True)
class Size:
    """How many shares an entry is of.

    Parameters
    ----------
    formula
        A sizing formula, parsed.
    evaluator
        Evaluates it over the columns that it reads.
    positions
        For each of the position's names that it reads, where the loop keeps its value.
    """

    formula: Node
    evaluator: ColumnEvaluator
    positions: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, shares: NDArray[np.float64]) -> Self:
        """Return a size that is known for each bar beforehand.

        Parameters
        ----------
        shares : ndarray, shape (n_bars,)
            Where it is NaN an entry is not made, and counted as ``size_missing``.
        """
        return cls(Column("shares"), ColumnEvaluator({"shares": shares}.__getitem__, _no_flag))


def _no_flag(name: str) -> bool:
    del name
    return False


def decide_at(enter: Flags, leave: Flags, size: Size, *, stop: Flags | None = None) -> Decisions:
    """Return decisions that enter and leave at given bars.

    Parameters
    ----------
    enter, leave : ndarray of bool, shape (n_bars,)
        Where an entry is decided if nothing is held, and where what is held is left.
    size
        Of an entry.
    stop : ndarray of bool, shape (n_bars,)
        Where what is held is stopped out; a stop comes before an exit. None stops nowhere.

    Examples
    --------
    >>> enter, leave = np.array([True, False, False]), np.array([False, True, False])
    >>> decide_at(enter, leave, Size.of(np.full(3, 10.0))).entry_gate.tolist()
    [True, False, False]
    """
    bars = len(enter)
    assembler = Assembler(size.positions)
    program = assembler.add(size.formula)
    lists = np.zeros((LIST_COUNT, 2), np.int64)
    lists[SIZE_LIST] = 0, 1
    with np.errstate(all="ignore"):
        tables = tables_of(assembler, size.evaluator, bars)
    return Decisions(
        entry_gate=np.array(enter, np.bool_),
        exit_gate=np.array(leave, np.bool_),
        stop_gate=np.zeros(bars, np.bool_) if stop is None else np.array(stop, np.bool_),
        entry_when_flat=True,
        code=np.array(assembler.code, np.int64),
        programs=np.array([program], np.int64),
        lists=lists,
        tables=tables,
    )


def decide_by_signals(
    signals: Integers, size: Size, *, short: bool = False, separation: Integers | None = None
) -> Decisions | BothSides:
    """Return decisions of one lot at most (SEMANTICS 10.4).

    A BUY while flat opens a long lot, and a SELL closes it. With `short` a SELL while flat opens
    a short lot, and a BUY closes it. What closes a lot opens no other at that bar.

    Parameters
    ----------
    signals : ndarray of int64, shape (n_bars,)
        A `Signal` for each bar.
    size
        Of an entry.
    short
        Whether a SELL while flat opens a short lot.
    separation : ndarray of int64, shape (n_bars,)
        A signal at a bar counts, to open or to close, only if the last fill of an entry or an
        exit was at this bar or before; -1 for none that was. None lets every signal count. What
        else closes a lot, as a longest holding time, does not wait.

    Examples
    --------
    >>> decide_by_signals(np.array([1, 0, -1]), Size.of(np.ones(3))).exit_gate.tolist()
    [False, False, True]
    >>> both = decide_by_signals(np.array([1, 0, -1]), Size.of(np.ones(3)), short=True)
    >>> both.short.entry_gate.tolist()
    [False, False, True]
    """
    everywhere = np.ones(len(signals), np.bool_)
    base = decide_at(everywhere, everywhere, size)
    return follow_signals(base, signals, short=short, separation=separation)


def follow_signals(
    base: Decisions, signals: Integers, *, short: bool, separation: Integers | None
) -> Decisions | BothSides:
    """Return what `decide_by_signals` does, where conditions gate the signals or stop a lot.

    Parameters
    ----------
    base
        Of a spec: where its gates of entry and exit are open, signals count.
    signals, short, separation
        As for `decide_by_signals`.
    """
    buys, sells = signals == Signal.BUY, signals == Signal.SELL
    long = base._replace(
        entry_gate=base.entry_gate & buys, exit_gate=base.exit_gate & sells, entry_when_flat=True
    )
    if not short and separation is None:
        return long
    # "Not in position" keeps a signal that closes a lot from opening one on the other side.
    opposite = long._replace(
        entry_gate=base.entry_gate & sells & short, exit_gate=base.exit_gate & buys
    )
    return BothSides.of(long, opposite, separation=separation)
