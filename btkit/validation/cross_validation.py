"""How often the best of many sets disappoints: combinatorially symmetric cross-validation."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST_SETS = 12
"""Below this many sets the probability of overfitting is too unsteady to be read."""

MOST_BLOCKS = 16
_EVALUATIONS = 200_000_000
_CHUNK_VALUES = 4_000_000


@dataclass(frozen=True)
class BacktestOverfitting:
    """The probability of backtest overfitting by combinatorially symmetric cross-validation.

    Parameters
    ----------
    probability
        Share of the splits in which the set that was best in one half came out at or below the
        median of the other half.
    blocks, splits
        Into how many blocks the periods were cut, and in how many ways these were halved.
    logits
        ln(w / (1 - w)) of each split, w being the winner's relative rank out of sample.
    """

    probability: float
    blocks: int
    splits: int
    logits: Floats


def block_edges(periods: int, sets: int) -> NDArray[np.int64]:
    """Return where to cut the periods into blocks for `probability_of_overfitting`.

    Parameters
    ----------
    periods
        Number of periods.
    sets
        Number of sets; many of them take fewer blocks, so that the work stays bounded.

    Returns
    -------
    ndarray of int64, shape (n_blocks + 1,)
        An even number of blocks, whose sizes differ by one period at the most.
    """
    blocks = MOST_BLOCKS
    while blocks > 2 and (  # noqa: PLR2004 - two halves
        math.comb(blocks, blocks // 2) * sets > _EVALUATIONS or periods // blocks < 2  # noqa: PLR2004 - a deviation takes two
    ):
        blocks -= 2
    return np.linspace(0, periods, blocks + 1).astype(np.int64)


def probability_of_overfitting(
    sums: Floats, squares: Floats, sizes: NDArray[np.int64]
) -> BacktestOverfitting:
    """Return how often the best set of one half of the periods disappoints in the other.

    Parameters
    ----------
    sums, squares : ndarray, shape (n_sets, n_blocks)
        Sum of the returns, and of their squares, of each set in each block.
    sizes : ndarray, shape (n_blocks,)
        Periods in each block.

    Notes
    -----
    Bailey, Borwein, Lopez de Prado and Zhu 2015. Sharpe ratios of any half follow from the
    blocks' sums, so no series is needed. A set without any deviation in a half has a Sharpe ratio
    of 0 there. Of equals the first is the winner, and they share their rank.
    """
    sets, blocks = sums.shape
    halves = _halves(blocks)
    everything = (1 << blocks) - 1
    half = _Halves(sums, squares, sizes)
    logits = np.empty(len(halves))
    step = max(1, _CHUNK_VALUES // sets)
    for first in range(0, len(halves), step):
        part = halves[first : first + step]
        inside, outside = half.sharpe(part), half.sharpe(everything ^ part)
        winner = inside.argmax(axis=1)
        value = np.take_along_axis(outside, winner[:, None], axis=1)
        below = (outside < value).sum(axis=1)
        equal = (outside == value).sum(axis=1)
        rank = (below + (equal + 1) / 2.0) / (sets + 1)
        logits[first : first + step] = np.log(rank / (1.0 - rank))
    return BacktestOverfitting(float((logits <= 0.0).mean()), blocks, len(halves), logits)


def _halves(blocks: int) -> NDArray[np.int64]:
    """Return every choice of half of the blocks, a bit a block."""
    chosen = itertools.combinations(range(blocks), blocks // 2)
    return np.array([sum(1 << block for block in half) for half in chosen], np.int64)


class _Halves:
    """Sharpe ratios over any choice of blocks.

    Each choice is put together from two ready sums, one over its share of the first blocks and one
    over that of the others. So every set is added up in the same order: two sets that earned the
    same in a half have the same ratio there, which a matrix product does not promise.
    """

    def __init__(self, sums: Floats, squares: Floats, sizes: NDArray[np.int64]) -> None:
        self.low_blocks = sums.shape[1] // 2
        self.low_mask = (1 << self.low_blocks) - 1
        self.parts = [
            (_of_choices(values[: self.low_blocks]), _of_choices(values[self.low_blocks :]))
            for values in (sums.T, squares.T, sizes[:, None].astype(np.float64))
        ]

    def sharpe(self, chosen: NDArray[np.int64]) -> Floats:
        low, high = chosen & self.low_mask, chosen >> self.low_blocks
        total, square, count = (first[low] + second[high] for first, second in self.parts)
        mean = total / count
        square /= count
        variance = square - mean**2
        # What cancellation leaves of a set that did not move is no deviation.
        still = variance <= 1e-15 * square
        with np.errstate(all="ignore"):
            return np.where(still, 0.0, mean / np.sqrt(variance))


def _of_choices(blocks: Floats) -> Floats:
    """Return the sum over each choice of blocks, (2 ** n_blocks, n_sets), from those of fewer."""
    sums = np.zeros((1 << len(blocks), blocks.shape[1]))
    for index, values in enumerate(blocks):
        sums[1 << index : 2 << index] = sums[: 1 << index] + values
    return sums
