"""What judges a run's conditions again, in parts that are no larger than its bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from btkit.conditions.evaluators import evaluator_over
from btkit.engine.inputs import Integers
from btkit.engine.orders import Side
from btkit.indicators import FeatureSet
from btkit.simulation.evaluator import Evaluator
from btkit.simulation.simulated import Simulated

_LEAST = 2**20
"""Rows that are judged at once though the bars are fewer: they take some MB a column."""


class Views:
    """Evaluators over the deciding bars of a run, one after the other, in order of bars.

    A bar with a hundred open trades has a hundred rows, so all rows of a run at once may be far
    more than its bars.

    Parameters
    ----------
    features
        What they read.
    opened
        Makes each of them.
    """

    def __init__(self, features: FeatureSet, opened: list[Callable[[], Evaluator]]) -> None:
        self._features = features
        self._opened = opened
        # What one alone has worked out is kept; several are made anew, each when it is its turn.
        self._only = opened[0]() if len(opened) == 1 else None

    def __iter__(self) -> Iterator[Evaluator]:
        """Yield each of them."""
        if self._only is not None:
            yield self._only
        else:
            for opened in self._opened:
                yield opened()

    def forget(self) -> None:
        """Let go of all but truth values, of a long run."""
        if self._only is not None:
            self._only.forget()
        else:
            self._features.forget()


class Rows:
    """Which trades were open at which of the deciding bars.

    Parameters
    ----------
    run
        What was held, and when.
    at_once
        The most rows of one part, but for the last bar's; None for a million, or as many as there
        are bars.
    """

    def __init__(self, run: Simulated, at_once: int | None = None) -> None:
        outcome = run.outcome
        self._start, end = outcome.start, outcome.last_decided + 1
        first, after = run.positions.decided_upon()
        after = np.minimum(after, end)
        order = np.argsort(outcome.trades.lot)
        self._trades = order[(after > first)[order]]
        self._first, self._after = first[self._trades], after[self._trades]
        opened = np.zeros(max(end - self._start, 0) + 1, np.int64)
        np.add.at(opened, self._first - self._start, 1)
        np.add.at(opened, self._after - self._start, -1)
        self._open = np.cumsum(opened[:-1])
        # A bar without a trade has a row, too.
        ends = np.cumsum(np.maximum(self._open, 1))
        size = max(_LEAST, len(run.all_bars)) if at_once is None else at_once
        total = int(ends[-1]) if len(ends) else 0
        cuts = np.unique(ends.searchsorted(np.arange(size, total, size)) + 1)
        edges = [0, *cuts[cuts < len(ends)].tolist(), len(ends)]
        self.parts = list(pairwise(edges))

    @property
    def one_at_most(self) -> bool:
        """Whether no bar saw more than one open trade."""
        return bool((self._open <= 1).all())

    def of(self, part: tuple[int, int]) -> tuple[Integers, Integers]:
        """Return the bars of a part, and the trade that was open there, or -1 for none.

        In order of bars, the trades of each by age, so that what came nearest is reported with
        its first date.
        """
        begin, end = part[0] + self._start, part[1] + self._start
        within = np.flatnonzero((self._first < end) & (self._after > begin))
        first = np.maximum(self._first[within], begin)
        count = np.minimum(self._after[within], end) - first
        at = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first, count)
        held = np.repeat(self._trades[within], count)[np.argsort(at, kind="stable")]
        open_at = self._open[slice(*part)]
        bars = np.repeat(np.arange(begin, end), np.maximum(open_at, 1))
        trades = np.full(len(bars), -1)
        trades[open_at[bars - begin] > 0] = held
        return bars, trades


def views_of(run: Simulated, *, at_once: int | None = None) -> tuple[Views, list[Views]]:
    """Return what sees the oldest open trade at each deciding bar, and what sees every one.

    The latter for each side of a strategy by itself, to which a trade of the other side is none.

    Parameters
    ----------
    run
        Of any kind of spec.
    at_once
        As of `Rows`.
    """
    # What one part has worked out over all bars the next one need not.
    rows, whole = Rows(run, at_once), evaluator_over(run.feature_set)

    def viewed(choose: Callable[[Integers, Integers], tuple[Integers, Integers]]) -> Views:
        def opening(part: tuple[int, int]) -> Callable[[], Evaluator]:
            def opened() -> Evaluator:
                bars, trades = choose(*rows.of(part))
                return Evaluator(run.feature_set, bars, run.positions.known(bars, trades), whole)

            return opened

        return Views(run.feature_set, [opening(part) for part in rows.parts])

    if run.clauses.short is None:
        every = [viewed(lambda bars, trades: (bars, trades))]
        return (every[0] if rows.one_at_most else viewed(_oldest)), every
    # No trade, -1, is of no side.
    sides = np.append(run.outcome.trades.side, 0)
    return viewed(_oldest), [viewed(_of_side(sides, side)) for side in (Side.BUY, Side.SELL)]


def _oldest(bars: Integers, trades: Integers) -> tuple[Integers, Integers]:
    oldest = np.diff(bars, prepend=-1) != 0
    return bars[oldest], trades[oldest]


def _of_side(
    sides: Integers, side: Side
) -> Callable[[Integers, Integers], tuple[Integers, Integers]]:
    return lambda bars, trades: (bars, np.where(sides[trades] == side, trades, -1))
