"""What a model listens to: how much worse it answers when one feature is shuffled."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from btkit.models.evidence.shuffling import shuffled_by_blocks

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Importance(NamedTuple):
    """What became of the answers as each feature was shuffled.

    Parameters
    ----------
    rise
        float64 (n_features,): by how much the mean loss of a row rose; below 0 it fell.
    error
        float64 (n_features,): its standard error, of as many rows as share no bars.
    changed
        float64 (n_features,): the share of rows that were answered otherwise.
    """

    rise: Floats
    error: Floats
    changed: Floats


def permutation_importance(
    forward: Callable[[Floats], Floats],
    judge: Callable[[Floats], tuple[Floats, Integers]],
    rows: Floats,
    *,
    features: Integers,
    block: int,
    horizon: int,
    seed: int,
) -> Importance:
    """Shuffle each feature by blocks of rows, and ask the model again.

    Parameters
    ----------
    forward
        Returns the model's outputs of rows; NaN where it has no answer.
    judge
        Returns of outputs each row's loss, NaN where it has no answer or no label, and its answer.
    rows : ndarray, shape (n_rows, n_features)
        In order of time.
    features : ndarray of int64
        Which of them are shuffled, one after the other.
    block
        Rows that a shuffle keeps together.
    horizon
        Bars that a label looks ahead: rows less far apart share some.
    seed
        Of the shuffles.

    Returns
    -------
    Importance
        NaN where no row has a loss.

    Notes
    -----
    Breiman, Machine Learning 45 (2001); as a measure of any model Fisher, Rudin and Dominici,
    Journal of Machine Learning Research 20 (2019). Of features that are nearly the same, each
    hides the other.
    """
    losses, answers = judge(forward(rows))
    known = np.isfinite(losses)
    random = np.random.default_rng(seed)
    found = []
    shuffled = rows.copy()
    for feature in features.tolist():
        shuffled[:, feature] = shuffled_by_blocks(rows[:, feature], block, random)
        worse, others = judge(forward(shuffled))
        shuffled[:, feature] = rows[:, feature]
        both = known & np.isfinite(worse)
        found.append(_compared((worse - losses)[both], (others != answers)[both], horizon))
    rise, error, changed = np.array(found, np.float64).reshape(-1, 3).T
    return Importance(rise, error, changed)


def _compared(rises: Floats, changes: NDArray[np.bool_], horizon: int) -> tuple[float, ...]:
    if not len(rises):
        return np.nan, np.nan, np.nan
    apart = max(1.0, len(rises) / max(1, horizon))
    return float(rises.mean()), float(rises.std() / np.sqrt(apart)), float(changes.mean())
