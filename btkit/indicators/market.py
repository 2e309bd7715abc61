"""The market's own gauge: the VIX."""

from __future__ import annotations

import numpy as np

from btkit.indicators.arrays import Array, Mask
from btkit.indicators.base import Columns, Definition, Indicator
from btkit.indicators.entries import alias

GROUP = "market"
VIX_FALLBACK = 20.0


def _vix_or_fallback(columns: Columns) -> Array:
    vix = columns.raw("vix")
    return np.where(np.isfinite(vix), vix, VIX_FALLBACK)


def _vix_unknown(columns: Columns) -> Mask:
    return ~np.isfinite(columns.raw("vix"))


VIX = Definition(
    Indicator(
        name="vix",
        group=GROUP,
        kind="float",
        lookback=0,
        meaning="Close of the Cboe Volatility Index, in index points (20 is 20 % a year); 20.0 "
        "where it is not known.",
        formula="the last close known on the date, at most 5 sessions old, else 20.0",
        source="bars",
    ),
    _vix_or_fallback,
    fallback=_vix_unknown,
)
ENTRIES = (
    VIX,
    alias("vix_spot", GROUP, VIX, meaning="The VIX, in index points; 20.0 where not known."),
)
