"""Ready signals through the loop: arrays in, metrics out."""

from __future__ import annotations

import numpy as np

from btkit.conditions.compiled import compiled
from btkit.conditions.machine import Op, Tag
from btkit.conditions.program import Tables
from btkit.decisions.records import ENTRY_LIST, EXIT_LIST, LIST_COUNT, SIZE_LIST
from btkit.engine.inputs import CAPITAL, Flags, Floats, Integers, Market, Rules
from btkit.engine.sweep_loop import Account, Sets, new_scratch, run_sets
from btkit.engine.sweep_plan import Term
from btkit.errors import UsageError
from btkit.metrics import MEASURED

_POSITION, _COLUMN, _DIVIDE = int(Op.POSITION), int(Op.COLUMN), int(Op.DIV)
_NUMBER, _ROW = int(Tag.FLOAT), int(Term.ROW)
_COLUMNS = len(MEASURED) + 1


def measure_signals(
    closes: Floats,
    days: Integers,
    entries: Flags,
    exits: Flags,
    *,
    capital: float,
    rate: float,
    annual: float,
) -> Floats:
    """Buy with all cash at the close of an entry signal, sell at that of an exit signal.

    One set of a sweep, by the same loop and the same metrics, with nothing between the arrays and
    them: for who has signals already and asks for very many runs. `btkit.simulate` checks bars
    and keeps trades; this does neither.

    Parameters
    ----------
    closes : ndarray of float64, shape (n_bars,)
        Prices in $, finite and above 0.
    days : ndarray of int64, shape (n_bars,)
        The calendar day of each bar, counted from any one.
    entries, exits : ndarray of bool, shape (n_bars,)
        Where to buy if nothing is held, and where to sell what is held.
    capital
        $ at the start.
    rate
        Commission as a fraction of each fill.
    annual
        The square root of the bars per year; each bar has a return.

    Returns
    -------
    ndarray of float64, shape (n_metrics + 1,)
        In the order of `btkit.metrics.MEASURED`; at last 0 where the account was not finite.

    Raises
    ------
    UsageError
        If the arrays are empty, or not of one length.

    Examples
    --------
    >>> closes, days = np.array([100.0, 110.0, 121.0]), np.arange(3)
    >>> enter, leave = np.array([True, False, False]), np.array([False, False, True])
    >>> row = measure_signals(closes, days, enter, leave, capital=1e3, rate=0.0, annual=252**0.5)
    >>> round(float(row[MEASURED.index("total_return_pct")]), 12)
    0.21
    """
    bars = len(closes)
    if not bars or not len(days) == len(entries) == len(exits) == bars:
        raise UsageError(
            f"closes, days, entries and exits have {bars}, {len(days)}, {len(entries)} and "
            f"{len(exits)} bars",
            hint="pass one value of each per bar, and at least one bar",
        )
    # Columns of a frame need not be contiguous, and compiled code reads several bars at once.
    row: Floats = _measured(
        np.ascontiguousarray(closes, np.float64),
        np.ascontiguousarray(days, np.int64),
        np.ascontiguousarray(entries, np.bool_),
        np.ascontiguousarray(exits, np.bool_),
        float(capital),
        float(rate),
        float(annual),
    )
    return row


# What the loop takes is made here, in compiled code: to hand over an array costs more than to
# make a small one.
@compiled
def _measured(
    closes: Floats,
    days: Integers,
    entries: Flags,
    exits: Flags,
    capital: float,
    rate: float,
    annual: float,
) -> Floats:
    bars = closes.size
    prices = closes.reshape((1, bars))
    every_bar = np.empty(0, np.int64)
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
    )  # fmt: skip
    tables = Tables(np.zeros((0, 2)), prices, np.full((1, bars), _NUMBER, np.uint8))
    run_sets(
        0, 1,
        # Fills are at closes, whatever the other prices are.
        Market(prices, prices, prices, prices),
        # Long, at the close, in fractions of a share, one lot at a time however long.
        Rules(False, True, True, False, bars, 1, 0.0, 0.0, 0.0, rate),
        Account(0, capital, annual, np.empty(0), every_bar, days, days, 1.0 / 24.0),
        sets, np.empty((0, 0)), rows, tables, new_scratch(bars, 1, 0), out,
        every_bar, np.empty((1, 0)),
    )  # fmt: skip
    row: Floats = out[0]
    return row


__all__ = ["measure_signals"]
