"""What the loop reads beside decisions: prices, and the numbers of spec and account."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Where the loop keeps the values of the position's names; aliases share a place.
# The last two are an option position's.
IN_POSITION, CAPITAL, BARS_HELD, PNL, CREDIT_KEPT, SHORT_DELTA = range(6)
POSITION_SLOTS = 6
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
    """Prices in $: float64 (n_instruments, n_bars)."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats

    @classmethod
    def of(cls, bars: pd.DataFrame) -> Self:
        """Return the prices of one instrument's bars."""
        return cls(*(np.array(bars[name], np.float64)[None] for name in cls._fields))


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
