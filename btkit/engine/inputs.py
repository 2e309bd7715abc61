"""What the loop reads: prices, decisions and the numbers of a spec, as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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


class Market(NamedTuple):
    """Prices: float64 (n_bars,)."""

    open: Floats
    close: Floats


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
