"""How little would change a decision: what stands so near that rounding may decide it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def class_margins(probabilities: Floats, *, hold: int | None, threshold: Floats) -> Floats:
    """Return by how much probabilities have to change before a classification decides otherwise.

    Parameters
    ----------
    probabilities : ndarray, shape (n_rows, n_classes)
        Each row adds up to 1; finite.
    hold
        Which class is HOLD, None for none: nothing is decided of it, whatever its probability.
    threshold : ndarray, shape (n_rows,)
        Below it nothing is decided.

    Returns
    -------
    ndarray, shape (n_rows,)
        The least distance, of one probability to another or to the threshold.

    Notes
    -----
    What is decided is the class of highest probability p, if it reaches the threshold t. With the
    best of the others at q, a class but HOLD that reaches it changes at min(p − t, p − q), one
    that does not at t − p; under HOLD a class is decided once it is above HOLD and reaches t: at
    max(p − q, t − q).

    Examples
    --------
    >>> rows = np.array([[0.625, 0.25, 0.125], [0.25, 0.25, 0.5]])
    >>> class_margins(rows, hold=2, threshold=np.full(2, 0.5)).tolist()
    [0.125, 0.25]
    """
    first = probabilities.argmax(axis=1)
    ordered = np.sort(probabilities, axis=1)
    best, second = ordered[:, -1], ordered[:, -2]
    apart = best - second
    decided = np.minimum(best - threshold, apart)
    margins = np.where(best >= threshold, decided, threshold - best)
    if hold is not None:
        margins = np.where(first == hold, np.maximum(apart, threshold - second), margins)
    return np.asarray(margins, np.float64)


def return_margins(outputs: Floats, edge: Floats) -> Floats:
    """Return by how much a return foreseen has to change before something else is decided.

    Parameters
    ----------
    outputs : ndarray, shape (n_rows,)
        Of a regression, fractions; finite.
    edge : ndarray, shape (n_rows,)
        What they have to exceed, or to fall below its negative.

    Examples
    --------
    >>> return_margins(np.array([0.004, -0.001]), np.full(2, 0.003)).round(6).tolist()
    [0.001, 0.002]
    """
    return np.abs(np.abs(outputs) - edge)
