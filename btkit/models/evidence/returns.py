"""How well a regression foresees returns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def r_squared(foreseen: Floats, came: Floats) -> float | None:
    """Return the share of the returns' variance that was foreseen.

    Parameters
    ----------
    foreseen, came : ndarray, shape (n_rows,)
        Returns, finite.

    Returns
    -------
    float or None
        1 − Σ (y − f)² / Σ (y − ȳ)²: below 0 where the mean of these very returns would have been
        nearer. None where they are all the same.

    Examples
    --------
    >>> r_squared(np.array([0.01, 0.03]), np.array([0.01, 0.03]))
    1.0
    """
    total = float(((came - came.mean()) ** 2).sum())
    if total == 0.0:
        return None
    return 1.0 - float(((came - foreseen) ** 2).sum()) / total
