"""What the loop reads: prices, decisions and the numbers of a spec, as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
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
