"""Whether probabilities come true, and how far they are off."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

TWO_SIDED_95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


class Groups(NamedTuple):
    """Rows put into groups by what was foreseen, the lowest first.

    Parameters
    ----------
    rows
        int64 (n_groups,): how many each has.
    foreseen
        float64 (n_groups,): the mean of what was foreseen.
    came
        float64 (n_groups,): the share of rows at which it came.
    """

    rows: Integers
    foreseen: Floats
    came: Floats


def by_quantile(foreseen: Floats, came: Flags, *, groups: int = 10) -> Groups:
    """Group rows into equal numbers by what was foreseen: a reliability curve, or deciles.

    Parameters
    ----------
    foreseen : ndarray, shape (n_rows,)
        Probabilities, or whatever else orders the rows; finite.
    came : ndarray of bool, shape (n_rows,)
        Whether it came.
    groups
        How many; equal values are never parted, so that there may be fewer.

    Returns
    -------
    Groups
        Empty of no rows.

    Notes
    -----
    The reliability diagram of Murphy and Winkler, Journal of the Royal Statistical Society C 26
    (1977), in groups of equal size, as `sklearn.calibration.calibration_curve` has it with
    ``strategy="quantile"``.

    Examples
    --------
    >>> by_quantile(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 0], bool), groups=2).came
    array([0. , 0.5])
    """
    if not len(foreseen):
        return Groups(np.empty(0, np.int64), np.empty(0), np.empty(0))
    edges = np.quantile(foreseen, np.linspace(0.0, 1.0, groups + 1))
    place = edges[1:-1].searchsorted(foreseen)
    rows = np.bincount(place, minlength=groups)
    sums = np.bincount(place, weights=foreseen, minlength=groups)
    hits = np.bincount(place, weights=came.astype(np.float64), minlength=groups)
    there = rows > 0
    return Groups(rows[there], sums[there] / rows[there], hits[there] / rows[there])


def wilson_interval(share: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Return the 95 % interval of a share.

    Parameters
    ----------
    share : ndarray, shape (n,)
        Observed, from 0 to 1.
    rows : ndarray, shape (n,)
        Independent rows that it is of, above 0; they may be a fraction, where rows share bars.

    Returns
    -------
    tuple of ndarray, shape (n,)
        Its ends: (p + z²/2n ± z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n).

    Notes
    -----
    Wilson, Journal of the American Statistical Association 22 (1927).

    Examples
    --------
    >>> low, high = wilson_interval(np.array([0.5]), np.array([100.0]))
    >>> round(float(low[0]), 4), round(float(high[0]), 4)
    (0.4038, 0.5962)
    """
    square = TWO_SIDED_95**2 / rows
    middle = (share + square / 2.0) / (1.0 + square)
    half = np.sqrt(square * (share * (1.0 - share) + square / 4.0)) / (1.0 + square)
    return middle - half, middle + half


def brier_score(probabilities: Floats, labels: Integers) -> float:
    """Return the Brier score: the mean of Σ (p − o)² over the classes, 0 the best and 2 the worst.

    Parameters
    ----------
    probabilities : ndarray, shape (n_rows, n_classes)
        Each row adds up to 1.
    labels : ndarray of int64, shape (n_rows,)
        The class that came; o is 1 of it, and 0 of the others.

    Notes
    -----
    Brier, Monthly Weather Review 78 (1950), over all classes. What is often called by that name
    of two classes is half of it.

    Examples
    --------
    >>> round(brier_score(np.array([[0.8, 0.2]]), np.array([0])), 4)
    0.08
    """
    came = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - came) ** 2).sum(axis=1).mean())


def log_loss(probabilities: Floats, labels: Integers) -> float:
    """Return the mean of −ln of the probability of the class that came.

    Parameters
    ----------
    probabilities, labels
        As for `brier_score`; a probability counts as 2.2e-16 at the least.

    Examples
    --------
    >>> round(log_loss(np.array([[0.8, 0.2]]), np.array([0])), 4)
    0.2231
    """
    return float(log_losses(probabilities, labels).mean())


def log_losses(probabilities: Floats, labels: Integers) -> Floats:
    """Return of each row what `log_loss` is the mean of."""
    came = probabilities[np.arange(len(labels)), labels]
    return -np.log(np.maximum(came, np.finfo(np.float64).eps))


def reference_brier(labels: Integers) -> float:
    """Return the Brier score of saying at each row how often each class comes: 1 − Σ f².

    Parameters
    ----------
    labels : ndarray of int64, shape (n_rows,)
        The classes that came.

    Examples
    --------
    >>> reference_brier(np.array([0, 0, 1, 1]))
    0.5
    """
    shares = np.bincount(labels) / len(labels)
    return float(1.0 - (shares**2).sum())


def reference_log_loss(labels: Integers) -> float:
    """Return the log loss of saying at each row how often each class comes: −Σ f ln f.

    Parameters
    ----------
    labels : ndarray of int64, shape (n_rows,)
        The classes that came.
    """
    counts = np.bincount(labels)
    shares = counts[counts > 0] / len(labels)
    return float(-(shares * np.log(shares)).sum())
