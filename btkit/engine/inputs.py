"""What the loop reads beside decisions: prices, and the numbers of spec and account."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.typing import NDArray

from btkit.engine.carry import NO_CARRY, Carry

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Where the loop keeps the values of the position's names, NaN for None; aliases share a place.
IN_POSITION, CAPITAL, BARS_HELD, PNL = range(4)
# An option position's
CREDIT_KEPT, SHORT_DELTA = range(4, 6)
# A share lot's, and the account's
ENTRY_PRICE, HIGHEST, LOWEST = range(6, 9)
EQUITY, OPEN_LOTS, BARS_SINCE_EXIT, LAST_RETURN, LAST_PNL, LOSING_STREAK = range(9, 15)
POSITION_SLOTS = 15
ACCOUNT_NAMES: Mapping[str, int] = MappingProxyType(
    {
        "equity": EQUITY,
        "open_lots": OPEN_LOTS,
        "bars_since_exit": BARS_SINCE_EXIT,
        "last_return_pct": LAST_RETURN,
        "last_pnl": LAST_PNL,
        "losing_streak": LOSING_STREAK,
    }
)
LOT_NAMES: Mapping[str, int] = MappingProxyType(
    {"entry_price": ENTRY_PRICE, "highest_since_entry": HIGHEST, "lowest_since_entry": LOWEST}
)
"""Of share lots only: a spread has no price, and its high and low are of nothing that it holds."""
ANY_POSITION_NAMES: Mapping[str, int] = MappingProxyType(
    {
        "in_position": IN_POSITION,
        "capital": CAPITAL,
        "bars_held": BARS_HELD,
        "days_held": BARS_HELD,
        "position_pnl_pct": PNL,
        **ACCOUNT_NAMES,
    }
)
POSITION_NAMES: Mapping[str, int] = MappingProxyType({**ANY_POSITION_NAMES, **LOT_NAMES})


class Market(NamedTuple):
    """What bars bring.

    Parameters
    ----------
    open, high, low, close
        Prices in $: float64 (n_instruments, n_bars).
    carry
        What is paid at each bar before its fills; `NO_CARRY` for nothing.
    """

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    carry: Carry = NO_CARRY

    @classmethod
    def of(cls, bars: pd.DataFrame, carry: Carry | None = None, start: int = 0) -> Self:
        """Return one instrument's bars, in their own memory where that can be.

        Parameters
        ----------
        bars
            With prices.
        carry
            What may be paid; None for nothing.
        start
            The first bar of the run, at which nothing is.
        """
        prices = {name: as_the_loop_takes(bars[name])[None] for name in cls._fields[:-1]}
        return cls(**prices, carry=NO_CARRY if carry is None else carry.after(start))


class Rules(NamedTuple):
    """The numbers of the spec and of the account; the commission models not in use are 0.

    One unit gains `multiplier` $ per point, and an entry takes `margin` $ a unit in place of its
    price; 0 where it takes the price (SEMANTICS 3.13).
    """

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
    multiplier: float = 1.0
    margin: float = 0.0


def as_the_loop_takes(given: npt.ArrayLike, dtype: type[np.generic] = np.float64) -> NDArray[Any]:
    """Return values as compiled functions take them, in their own memory where that can be."""
    values = np.ascontiguousarray(given, dtype).view()
    try:
        # Nothing writes, but a compiled function takes what it may not write for another type.
        values.flags.writeable = True
    except ValueError:
        return values.copy()
    return values
