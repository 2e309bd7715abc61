"""Whether a model is asked about what it has seen: its features against those of its training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def outside_ranges(rows: Floats, lowest: Floats, highest: Floats) -> Flags:
    """Return which features lie outside what they were in training.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n_features)
        As the model takes them; what is missing lies nowhere.
    lowest, highest : ndarray, shape (n_features,)
        Their ends in training; NaN where nobody says them, and nothing lies outside.

    Returns
    -------
    ndarray of bool, shape (n_rows, n_features)

    Examples
    --------
    >>> outside_ranges(np.array([[0.5, 3.0]]), np.zeros(2), np.ones(2)).tolist()
    [[False, True]]
    """
    # Training rows have gone through a file: what is a rounding beyond their end is not outside.
    room = 1e-9 * np.maximum(np.abs(lowest), np.abs(highest))
    with np.errstate(invalid="ignore"):
        return np.asarray((rows < lowest - room) | (rows > highest + room), np.bool_)


def stability_index(values: Floats, levels: Sequence[float], quantiles: Floats) -> float | None:
    """Return the population stability index: how far a feature has moved since its training.

    Parameters
    ----------
    values : ndarray, shape (n_rows,)
        The feature now; what is not finite is left out.
    levels
        Of the quantiles, from 0 to 1, rising.
    quantiles : ndarray, shape (n_levels,)
        Of the feature in training.

    Returns
    -------
    float or None
        Σ (a − e) ln(a / e) over the groups between the quantiles, with e the share of training
        rows and a that of these; a counts as half a row at the least. By custom below 0.10 is
        stable, above 0.25 has moved. None without a value, and where quantiles are equal: then
        one value has an unknown share of the training's rows.

    Notes
    -----
    Siddiqi, Credit Risk Scorecards, 2006; Kullback and Leibler's divergence both ways (1951).

    Examples
    --------
    >>> even = (np.arange(1000) + 0.5) / 1000
    >>> round(stability_index(even, (0.25, 0.5, 0.75), np.array([0.25, 0.5, 0.75])), 12)
    0.0
    """
    values = values[np.isfinite(values)]
    if not len(values) or not len(quantiles) or (np.diff(quantiles) <= 0.0).any():
        return None
    expected = np.diff([0.0, *levels, 1.0])
    counts = np.bincount(quantiles.searchsorted(values), minlength=len(expected))
    actual = np.maximum(counts, 0.5) / len(values)
    return float(((actual - expected) * np.log(actual / expected)).sum())
