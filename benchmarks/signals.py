"""One run with the least around it: signals in, metrics out."""

from __future__ import annotations

import numpy as np

from btkit.conditions.machine import Op, Tag
from btkit.conditions.program import Tables
from btkit.decisions.records import ENTRY_LIST, EXIT_LIST, LIST_COUNT, SIZE_LIST
from btkit.engine.inputs import CAPITAL, Flags, Floats, Integers, Market, Rules
from btkit.engine.sweep_loop import Account, Sets, new_scratch, run_sets
from btkit.engine.sweep_plan import Term
from btkit.metrics import MEASURED

# The program of `capital / close`: the loop cuts an order to what cash pays for (SEMANTICS 3.5).
_CODE = np.array([[Op.POSITION, CAPITAL], [Op.COLUMN, 0], [Op.DIV, 0]], np.int64)
_PROGRAMS = np.array([[0, 3]], np.int64)
_NUMBER_TAG = int(Tag.FLOAT)
_LISTS = np.zeros((1, LIST_COUNT, 2), np.int64)
_LISTS[0, SIZE_LIST] = 0, 1
_OP = np.full((1, 2), int(Term.ROW), np.int8)
_LEFT = np.array([[0, 1]], np.int32)
_RIGHT = np.full((1, 2), -1, np.int32)
_NUMBER = np.zeros((1, 2))
_WHICH = np.array([ENTRY_LIST, EXIT_LIST], np.int64)
_FILLED = np.zeros(LIST_COUNT, np.bool_)
_FILLED[[ENTRY_LIST, EXIT_LIST]] = True
_FLAT = np.ones(1, np.bool_)
_NONE = np.zeros(1, np.int64)
_EVERY_BAR = np.zeros(0, np.int64)
_NO_COLUMNS = np.zeros((0, 0))
_CONSTANTS = np.zeros((0, 2))
_SETS = Sets(_OP, _LEFT, _RIGHT, _NUMBER, _WHICH, _FILLED, _FLAT, _NONE, _LISTS, _CODE, _PROGRAMS)


def measure_signals(
    opens: Floats,
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

    The engine's own loop and metrics, on one set.

    Parameters
    ----------
    opens, closes : ndarray, shape (n_bars,)
        Prices.
    days : ndarray of int64, shape (n_bars,)
        The calendar day of each bar, counted from any one.
    entries, exits : ndarray of bool, shape (n_bars,)
        Signals.
    capital
        $ at the start.
    rate
        Commission as a fraction of each fill.
    annual
        The square root of the bars per year; each bar has a return.

    Returns
    -------
    ndarray of float64, shape (n_metrics + 1,)
        In the order of `MEASURED`.
    """
    bars = closes.size
    # Columns of a frame need not be contiguous, and compiled code reads several bars at once.
    # Fills are at closes, whatever highs and lows are.
    opened, closed = (np.ascontiguousarray(column, float)[None] for column in (opens, closes))
    market = Market(opened, opened, closed, closed)
    tables = Tables(_CONSTANTS, closed, np.full((1, bars), _NUMBER_TAG, np.uint8))
    rules = Rules(
        short=False,
        at_close=True,
        fractional=True,
        filter_all=False,
        max_holding=bars,
        max_positions=1,
        slippage=0.0,
        per_order=0.0,
        per_share=0.0,
        rate=rate,
    )
    out: Floats = np.empty((1, len(MEASURED) + 1))
    rows = np.empty((2, bars), np.bool_)
    rows[0], rows[1] = entries, exits
    account = Account(0, capital, annual, np.empty(0), _EVERY_BAR, days, days, 1.0 / 24.0)
    run_sets(
        0, 1, market, rules, account,
        _SETS, _NO_COLUMNS, rows, tables, new_scratch(bars, 1, 0), out,
        _EVERY_BAR, np.empty((1, 0)),
    )  # fmt: skip
    row: Floats = out[0]
    return row


__all__ = ["measure_signals"]
