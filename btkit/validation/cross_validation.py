"""How often the best of many sets disappoints: combinatorially symmetric cross-validation."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.compiled import compiled
from btkit.validation.sharing import share_out

Floats = NDArray[np.float64]

FEWEST_SETS = 12
"""Below this many sets the probability of overfitting is too unsteady to be read."""

MOST_BLOCKS = 16
_EVALUATIONS = 200_000_000


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
    sums: Floats, squares: Floats, sizes: NDArray[np.int64], *, threads: int = 1
) -> BacktestOverfitting:
    """Return how often the best set of one half of the periods disappoints in the other.

    Parameters
    ----------
    sums, squares : ndarray, shape (n_sets, n_blocks)
        Sum of the returns, and of their squares, of each set in each block.
    sizes : ndarray, shape (n_blocks,)
        Periods in each block.
    threads
        How many work at a time; no result depends on it.

    Notes
    -----
    Bailey, Borwein, Lopez de Prado and Zhu 2015. Sharpe ratios of any half follow from the
    blocks' sums, so no series is needed. A set without any deviation in a half has a Sharpe ratio
    of 0 there. Of equals the first is the winner, and they share their rank.
    """
    sets, blocks = sums.shape
    halves = _halves(blocks)
    ranks = np.empty(len(halves))
    low, shares = blocks // 2, shares_of(sums, squares, sizes)
    share_out(
        len(halves) // 2,
        threads,
        lambda first, last: _rank_winners(first, last, halves, low, shares, ranks),
    )
    relative = ranks / (sets + 1)
    logits = np.log(relative / (1.0 - relative))
    return BacktestOverfitting(float((logits <= 0.0).mean()), blocks, len(halves), logits)


def _halves(blocks: int) -> NDArray[np.int64]:
    """Return every choice of half of the blocks, a bit a block; the last is what the first is not.

    And so on inwards: they are in the order of their blocks, so that a choice's complement stands
    as far from the end as it does from the beginning.
    """
    chosen = itertools.chain.from_iterable(itertools.combinations(range(blocks), blocks // 2))
    half = np.fromiter(chosen, np.int64).reshape(-1, blocks // 2)
    masks: NDArray[np.int64] = np.left_shift(1, half).sum(axis=1)
    return masks


class HalfSums(NamedTuple):
    """Sums over every choice of the first blocks, and over every choice of the others.

    Any choice is put together from one of each. So every set is added up in the same order: two
    sets that earned the same in a half have the same ratio there, which a matrix product does not
    promise.
    """

    low_sum: Floats
    high_sum: Floats
    low_square: Floats
    high_square: Floats
    low_count: Floats
    high_count: Floats


def shares_of(sums: Floats, squares: Floats, sizes: NDArray[np.int64]) -> HalfSums:
    """Return the sums over every choice; see `probability_of_overfitting` for the parameters."""
    low = sums.shape[1] // 2
    return HalfSums(
        *(
            _of_choices(values[part])
            for values in (sums.T, squares.T, sizes[:, None].astype(np.float64))
            for part in (slice(low), slice(low, None))
        )
    )


@compiled
def _rank_winners(
    first: int, last: int, halves: NDArray[np.int64], low: int, shares: HalfSums, ranks: Floats
) -> None:
    """Write where each half's best set comes in the other half, of some halves and their others."""
    sets = shares.low_sum.shape[1]
    one, other = np.empty(sets), np.empty(sets)
    for place in range(first, last):
        opposite = len(halves) - 1 - place
        _ratios(halves[place], low, shares, one)
        _ratios(halves[opposite], low, shares, other)
        ranks[place] = _rank(one, other)
        ranks[opposite] = _rank(other, one)


@compiled
def _ratios(half: int, low: int, shares: HalfSums, out: Floats) -> None:
    """Write each set's Sharpe ratio in a half, squared with its sign, which keeps their order."""
    near, far = half & ((1 << low) - 1), half >> low
    count = shares.low_count[near, 0] + shares.high_count[far, 0]
    for place in range(out.size):
        mean = (shares.low_sum[near, place] + shares.high_sum[far, place]) / count
        square = (shares.low_square[near, place] + shares.high_square[far, place]) / count
        variance = square - mean * mean
        # What cancellation leaves of a set that did not move is no deviation.
        out[place] = 0.0 if variance <= 1e-15 * square else mean * abs(mean) / variance


@compiled
def _rank(inside: Floats, outside: Floats) -> float:
    winner = 0
    for place in range(inside.size):
        if inside[place] > inside[winner]:
            winner = place
    value, below, equal = outside[winner], 0, 0
    for place in range(outside.size):
        below += outside[place] < value
        equal += outside[place] == value
    return below + (equal + 1) / 2.0


def _of_choices(blocks: Floats) -> Floats:
    """Return the sum over each choice of blocks, (2 ** n_blocks, n_sets), from those of fewer."""
    sums = np.zeros((1 << len(blocks), blocks.shape[1]))
    for index, values in enumerate(blocks):
        sums[1 << index : 2 << index] = sums[: 1 << index] + values
    return sums
