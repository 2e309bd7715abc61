"""Several series side by side, so that one instruction works on all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.compiled import compiled_inline

Floats = NDArray[np.float64]

LANES = 16
"""Series at a time."""


@compiled_inline
def lay(returns: Floats, first: int, count: int, tile: Floats) -> None:
    """Lay series side by side; the first stands for those that there are none of.

    Parameters
    ----------
    returns : ndarray, shape (n_series, n_periods)
        Fractions.
    first, count
        The first one to be laid, and how many, `LANES` at the most.
    tile : ndarray, shape (n_periods, LANES)
        Written.
    """
    for period in range(len(tile)):
        for lane in range(LANES):
            tile[period, lane] = returns[first + (lane if lane < count else 0), period]
