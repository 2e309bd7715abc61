"""One run of ready signals in one call of compiled code."""

from __future__ import annotations

import numpy as np

from btkit.conditions.compiled import compiled
from btkit.conditions.machine import Op, Tag
from btkit.conditions.program import Tables
from btkit.decisions.records import ENTRY_LIST, EXIT_LIST, LIST_COUNT, SIZE_LIST, Parts
from btkit.engine.carry import Carry
from btkit.engine.inputs import CAPITAL, Flags, Floats, Integers, Market, Rules
from btkit.engine.sweep_loop import Account, Sets, new_scratch, run_sets
from btkit.engine.sweep_plan import Term
from btkit.metrics import MEASURED

_POSITION, _COLUMN, _DIVIDE = int(Op.POSITION), int(Op.COLUMN), int(Op.DIV)
_NUMBER, _ROW = int(Tag.FLOAT), int(Term.ROW)
_COLUMNS = len(MEASURED) + 1


# What the loop takes is made here, in compiled code: to hand over an array costs more than to
# make a small one.
@compiled
def measured_signals(
    closes: Floats,
    days: Integers,
    entries: Flags,
    exits: Flags,
    capital: float,
    rate: float,
    annual: float,
) -> Floats:
    """Return what `btkit.engine.signals.measure_signals` does; its arrays are contiguous."""
    bars = closes.size
    prices = closes.reshape((1, bars))
    every_bar, none = np.empty(0, np.int64), np.empty(0)
    # `capital / close`: the loop cuts an order to what cash pays for (SEMANTICS 3.5).
    code, programs = np.zeros((3, 2), np.int64), np.zeros((1, 2), np.int64)
    code[0, 0], code[0, 1], code[1, 0], code[2, 0] = _POSITION, CAPITAL, _COLUMN, _DIVIDE
    programs[0, 1] = 3
    lists = np.zeros((1, LIST_COUNT, 2), np.int64)
    lists[0, SIZE_LIST, 1] = 1
    left, which = np.zeros((1, 2), np.int32), np.empty(2, np.int64)
    left[0, 1] = 1
    which[0], which[1] = ENTRY_LIST, EXIT_LIST
    filled = np.zeros(LIST_COUNT, np.bool_)
    filled[ENTRY_LIST] = filled[EXIT_LIST] = True
    rows, out = np.empty((2, bars), np.bool_), np.empty((1, _COLUMNS))
    rows[0], rows[1] = entries, exits
    sets = Sets(
        np.full((1, 2), _ROW, np.int8), left, np.full((1, 2), -1, np.int32), np.zeros((1, 2)),
        which, filled, np.ones(1, np.bool_), np.zeros(1, np.int64), lists, code, programs,
        Parts(
            np.empty(0), np.empty((0, 0), np.bool_), np.empty((0, 2), np.int64),
            np.empty(0, np.bool_),
        ),
    )  # fmt: skip
    tables = Tables(np.zeros((0, 2)), prices, np.full((1, bars), _NUMBER, np.uint8))
    run_sets(
        # As variables: for constants all would be compiled again.
        None, np.int64(0), np.int64(1),
        # Fills are at closes, whatever the other prices are.
        Market(prices, prices, prices, prices, Carry(every_bar, none, none, none, none)),
        # Long, at the close, in fractions of a share, one lot at a time however long.
        Rules(False, True, True, False, bars, 1, 0.0, 0.0, 0.0, rate, 1.0, 0.0),
        Account(0, capital, annual, np.empty(0), every_bar, days, days, 1.0 / 24.0),
        sets, np.empty((0, 0)), rows, tables, new_scratch(bars, 1, 0), out,
        every_bar, np.empty((1, 0)),
    )  # fmt: skip
    row: Floats = out[0]
    return row


__all__ = ["measured_signals"]
