"""Whether what scores high comes more often, against labels that were shuffled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.models.evidence.shuffling import shuffled_by_blocks

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SHUFFLES = 200
"""How often labels are shuffled."""


class RankTest(NamedTuple):
    """A measure, and what it is of labels that were shuffled.

    Parameters
    ----------
    value
        Of the labels as they came.
    shuffled
        float64 (n_shuffles,): of shuffled ones.
    p_value
        (1 + shuffles that reach the value) / (1 + shuffles): how often chance alone is as good.
    """

    value: float
    shuffled: Floats
    p_value: float


def area_under_curve(
    scores: Floats, came: Flags, *, block: int, seed: int, shuffles: int = SHUFFLES
) -> RankTest | None:
    """Return the area under the ROC curve: how often what came was scored above what did not.

    Parameters
    ----------
    scores : ndarray, shape (n_rows,)
        Such as the probability of a class; finite, in order of time.
    came : ndarray of bool, shape (n_rows,)
        Whether the class came.
    block
        Rows that a shuffle keeps together, see `btkit.models.evidence.label_block`.
    seed
        Of the shuffles.
    shuffles
        Their number.

    Returns
    -------
    RankTest or None
        0.5 is chance; equal scores count a half. None where all or none came.

    Notes
    -----
    U / (n₁ n₀) of Mann and Whitney, Annals of Mathematical Statistics 18 (1947), with the mean
    rank for equal scores. The p-value is that of Phipson and Smyth, Statistical Applications in
    Genetics and Molecular Biology 9 (2010), which is never 0.

    Examples
    --------
    >>> scores, came = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    >>> area_under_curve(scores, came, block=1, seed=0).value
    0.75
    """
    positive = int(np.count_nonzero(came))
    pairs = positive * (len(came) - positive)
    if not pairs:
        return None
    least = positive * (positive + 1) / 2.0
    sums = _products(_ranks(scores), came, block, seed, shuffles)
    return _tested((sums - least) / pairs)


def rank_correlation(
    scores: Floats, outcomes: Floats, *, block: int, seed: int, shuffles: int = SHUFFLES
) -> RankTest | None:
    """Return the correlation of ranks of what was foreseen and what came.

    Parameters
    ----------
    scores, outcomes : ndarray, shape (n_rows,)
        Finite, in order of time.
    block, seed, shuffles
        As for `area_under_curve`.

    Returns
    -------
    RankTest or None
        From -1 to 1. None where either is always the same.

    Notes
    -----
    Spearman, American Journal of Psychology 15 (1904), with the mean rank for equal values.

    Examples
    --------
    >>> rising = np.arange(4.0)
    >>> round(rank_correlation(rising, rising**3, block=1, seed=0).value, 12)
    1.0
    """
    first, second = (_ranks(values) - (len(values) + 1) / 2.0 for values in (scores, outcomes))
    scale = float(np.sqrt((first**2).sum() * (second**2).sum()))
    if scale == 0.0:
        return None
    # Ranks are halves at the finest, and half the bytes take a tenth of the time to shuffle.
    doubled = np.rint(2.0 * second).astype(np.int32)
    return _tested(_products(first, doubled, block, seed, shuffles) / (2.0 * scale))


def _ranks(values: Floats) -> Floats:
    return np.asarray(pd.Series(values).rank(), np.float64)


def _products(ranks: Floats, values: NDArray[Any], block: int, seed: int, shuffles: int) -> Floats:
    """Return the sum of products with the values as they are, and with shuffled ones."""
    random = np.random.default_rng(seed)
    # Not as a product of vectors, whose last bits would depend on the number of threads.
    own = (ranks * values).sum()
    others = ((ranks * shuffled_by_blocks(values, block, random)).sum() for _ in range(shuffles))
    return np.array([own, *others])


def _tested(values: Floats) -> RankTest:
    own, shuffled = float(values[0]), values[1:]
    # An order that gives the same again may differ by the last bits of its sum.
    reached = int(np.count_nonzero(shuffled >= own - 1e-12))
    return RankTest(own, shuffled, (1 + reached) / (1 + len(shuffled)))
