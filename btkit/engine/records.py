"""What the loop reads, remembers and writes: plain arrays and numbers, named."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.program import Tables

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Where the loop keeps the values of the position's names; aliases share a place.
IN_POSITION, CAPITAL, BARS_HELD, PNL = range(4)
POSITION_SLOTS = 4
POSITION_NAMES: Mapping[str, int] = MappingProxyType(
    {
        "in_position": IN_POSITION,
        "capital": CAPITAL,
        "bars_held": BARS_HELD,
        "days_held": BARS_HELD,
        "position_pnl_pct": PNL,
    }
)

ENTRY_LIST, EXIT_LIST, STOP_LIST, FILTER_LIST, SIZE_LIST = range(5)
LIST_COUNT = 5

# State.money
CASH, PENDING, FINAL = range(3)
# State.lots and State.lot_marks
LOT_PRICE, LOT_SHARES, LOT_COMMISSION = range(3)
LOT_BAR, LOT_REASON = range(2)
# State.counts; SKIPPED + Skip is one counter for each reason
LOTS, TRADES, UNFILLED, RUINED, LAST_DECIDED, SKIPPED = range(6)


class Reason(IntEnum):
    """Why a lot closed; 0 in the state means that it stays open."""

    STOP = 1
    EXIT = 2
    MAX_HOLDING = 3
    END_OF_DATA = 4
    RUIN = 5


class Skip(IntEnum):
    """Why an entry was not made."""

    SIZE_MISSING = 0
    SIZE_NOT_POSITIVE = 1
    SIZE_BELOW_ONE_SHARE = 2
    INSUFFICIENT_CASH = 3


class Market(NamedTuple):
    """Prices: float64 (n_bars,)."""

    open: Floats
    close: Floats


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
    """

    entry_gate: Flags
    exit_gate: Flags
    stop_gate: Flags
    entry_when_flat: bool
    code: Integers
    programs: Integers
    lists: Integers
    tables: Tables


class Rules(NamedTuple):
    """The numbers of the spec and of the account; the commission models not in use are 0."""

    short: bool
    at_close: bool
    fractional: bool
    filter_all: bool
    max_holding: int
    max_positions: int
    slippage: float
    per_order: float
    per_share: float
    rate: float


class State(NamedTuple):
    """All that the loop remembers from one bar to the next.

    Few arrays with many columns, not the reverse: compiled code pays for each array it is
    handed.

    Parameters
    ----------
    money
        float64: `CASH`, shares of the `PENDING` entry, cash before the `FINAL` bar's closing.
    counts
        int64: open lots, trades and other counters.
    lots, lot_marks
        float64 (n_lots, 3) and int64 (n_lots, 2): open lots, oldest first.
    """

    money: Floats
    counts: Integers
    lots: Floats
    lot_marks: Integers


class TradeRows(NamedTuple):
    """Closed lots in order of exit, as the loop writes them: see `Trades` for the columns."""

    values: Floats
    marks: Integers


class Trades(NamedTuple):
    """Closed lots in order of exit, (n_trades,).

    Parameters
    ----------
    entry_bar, exit_bar, reason
        int64: bars of the fills, and a `Reason`.
    entry_price, exit_price
        Fill prices, slippage included.
    shares
        Always above 0.
    entry_commission, exit_commission
        In $.
    """

    entry_bar: Integers
    exit_bar: Integers
    reason: Integers
    entry_price: Floats
    exit_price: Floats
    shares: Floats
    entry_commission: Floats
    exit_commission: Floats


class Curve(NamedTuple):
    """The account in $ at each bar's close, after that bar's fills, (n_bars,)."""

    equity: Floats
    cash: Floats


def new_state(capital: float, lots: int) -> State:
    """Return the state before the first bar.

    Parameters
    ----------
    capital
        $ in cash.
    lots
        How many lots can be open at once.
    """
    counts = np.zeros(SKIPPED + len(Skip), np.int64)
    counts[LAST_DECIDED] = -1
    return State(
        np.array([capital, 0.0, 0.0]), counts, np.zeros((lots, 3)), np.zeros((lots, 2), np.int64)
    )


def new_trades(bars: int) -> TradeRows:
    """Return room for the trades of `bars` bars: one entry a bar at the most."""
    return TradeRows(np.empty((bars, 5)), np.empty((bars, 3), np.int64))


def new_curve(bars: int) -> Curve:
    """Return an empty curve of `bars` bars."""
    return Curve(np.empty(bars), np.empty(bars))
