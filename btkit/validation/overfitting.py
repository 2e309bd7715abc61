"""Whether a sweep's best result is more than trying many parameter sets gives by chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.compiled import compiled
from btkit.validation.cross_validation import (
    FEWEST_SETS,
    BacktestOverfitting,
    block_edges,
    probability_of_overfitting,
)
from btkit.validation.sharing import share_out
from btkit.validation.sharpe import (
    FEWEST_PERIODS,
    ConfidenceInterval,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    moments_of,
    probabilistic_sharpe_ratio,
    sharpe_interval,
)
from btkit.validation.superiority import Superiority, SuperiorityTest

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Overfitting:
    """The truth about the best set of a sweep.

    Parameters
    ----------
    trials
        Number of sets tried.
    periods, period
        Number of returns that the statistics rest on, and what one spans: ``"bar"``,
        ``"session"``.
    sharpe_ratio
        The best set's, annualised.
    interval
        A confidence interval of it; None where undefined.
    expected_maximum
        The best Sharpe ratio to be expected of so many trials without skill, annualised.
    probabilistic, deflated
        The probability that the true Sharpe ratio is above 0, for a set that was the only one
        tried, and for the best of them all; NaN where undefined.
    backtest_overfitting
        The probability of backtest overfitting; None with fewer than two sets or too few periods.
    superiority, superiority_to_holding
        White's reality check and Hansen's SPA test: whether the best of all sets earns more than
        nothing, and more than buy-and-hold, which a rule that is always long need not; None with
        too few periods.
    warnings
        What a reader must know.
    """

    trials: int
    periods: int
    period: str
    sharpe_ratio: float
    interval: ConfidenceInterval | None
    expected_maximum: float
    probabilistic: float
    deflated: float
    backtest_overfitting: BacktestOverfitting | None
    superiority: Superiority | None
    superiority_to_holding: Superiority | None
    warnings: list[str]


class Gathered:
    """What the statistics need of every set, gathered without keeping their series.

    Parameters
    ----------
    sets
        How many there are.
    held : ndarray, shape (n_periods,)
        The returns of buy-and-hold, fractions.
    repetitions, seed
        Of the resampling.
    threads
        How many work at a time; no result depends on it.
    """

    def __init__(
        self, sets: int, held: Floats, *, repetitions: int, seed: int, threads: int
    ) -> None:
        self.repetitions, self.seed, periods = repetitions, seed, len(held)
        self.threads = threads
        self.edges = block_edges(periods, sets)
        blocks = len(self.edges) - 1
        self.sums, self.squares = np.zeros((sets, blocks)), np.zeros((sets, blocks))
        self.sharpe = np.full(sets, np.nan)
        self.winner = np.zeros(periods)
        self.test = (
            SuperiorityTest(
                np.stack([np.zeros(periods), held]),
                repetitions=repetitions,
                seed=seed,
                threads=threads,
            )
            if periods >= FEWEST_PERIODS
            else None
        )

    def add(self, begin: int, returns: Floats, *, winner: int) -> None:
        """Take in more sets.

        Parameters
        ----------
        begin
            The first one's place.
        returns : ndarray, shape (n_sets, n_periods)
            Fractions.
        winner
            The place of the best set, whose returns are kept.
        """

        def work(first: int, last: int) -> None:
            place = slice(begin + first, begin + last)
            _sum_up(
                returns[first:last],
                self.edges,
                self.sums[place],
                self.squares[place],
                self.sharpe[place],
            )

        share_out(len(returns), self.threads, work)
        if self.test is not None:
            self.test.add(returns)
        if begin <= winner < begin + len(returns):
            self.winner = returns[winner - begin].copy()

    def conclude(self, *, periods_per_year: float, period: str) -> Overfitting:
        """Return the statistics, once every set was taken in.

        Parameters
        ----------
        periods_per_year
            To annualise with.
        period
            What a return spans.
        """
        trials, periods = self.sums.shape[0], len(self.winner)
        annual = math.sqrt(periods_per_year)
        moments = moments_of(self.winner)
        known = self.sharpe[np.isfinite(self.sharpe)]
        variance = float(known.var(ddof=1)) if len(known) > 1 else 0.0
        enough = trials > 1 and self.test is not None
        to_nothing, to_holding = (None, None) if self.test is None else self.test.results()
        return Overfitting(
            trials=trials,
            periods=periods,
            period=period,
            sharpe_ratio=moments.sharpe * annual,
            interval=sharpe_interval(
                self.winner, annual=annual, repetitions=self.repetitions, seed=self.seed
            ),
            expected_maximum=expected_maximum_sharpe(variance, trials) * annual,
            probabilistic=probabilistic_sharpe_ratio(moments),
            deflated=deflated_sharpe_ratio(moments, variance=variance, trials=trials),
            backtest_overfitting=probability_of_overfitting(
                self.sums, self.squares, np.diff(self.edges), threads=self.threads
            )
            if enough
            else None,
            superiority=to_nothing,
            superiority_to_holding=to_holding,
            warnings=self._warnings(trials, periods),
        )

    def _warnings(self, trials: int, periods: int) -> list[str]:
        found = []
        if trials < FEWEST_SETS:
            found.append(
                f"Only {trials} parameter sets were tried; with fewer than {FEWEST_SETS} the "
                "probability of overfitting is too unsteady to be read."
            )
        if periods < FEWEST_PERIODS:
            found.append(f"Only {periods} periods: too few for any of these statistics.")
        return found


@compiled
def _sum_up(
    returns: Floats, edges: NDArray[np.int64], sums: Floats, squares: Floats, sharpe: Floats
) -> None:
    """Write each set's sums over the blocks, and where it moves its Sharpe ratio per period."""
    for row in range(len(returns)):
        for block in range(len(edges) - 1):
            total, square = 0.0, 0.0
            for period in range(edges[block], edges[block + 1]):
                total += returns[row, period]
                square += returns[row, period] ** 2
            sums[row, block], squares[row, block] = total, square
        count = returns.shape[1]
        mean, spread = sums[row].sum() / count, 0.0
        for period in range(count):
            spread += (returns[row, period] - mean) ** 2
        if spread > 0.0:
            sharpe[row] = mean / math.sqrt(spread / (count - 1))
