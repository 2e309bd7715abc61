"""Whether a sweep's best result is more than trying many parameter sets gives by chance."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.compiled import compiled, compiled_lean
from btkit.metrics.curves import ROUNDING
from btkit.validation.cross_validation import (
    FEWEST_SETS,
    BacktestOverfitting,
    block_edges,
    probability_of_overfitting,
)
from btkit.validation.lanes import LANES, lay
from btkit.validation.resampling import RunCutter, stationary_resamples
from btkit.validation.sharing import share_out
from btkit.validation.sharpe import (
    FEWEST_PERIODS,
    ConfidenceInterval,
    SharpeBootstrap,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    moments_of,
    probabilistic_sharpe_ratio,
)
from btkit.validation.superiority import Superiority, SuperiorityTest, mean_block

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Overfitting:
    """The truth about the best set of a sweep.

    Parameters
    ----------
    trials
        Number of sets tried.
    sampled
        Of how many of these the returns were taken; None for all that could be simulated.
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
    sampled: int | None
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
    winner : ndarray, shape (n_periods,)
        The returns of the best one, fractions.
    held : ndarray, shape (n_periods,)
        The returns of buy-and-hold, fractions.
    repetitions, seed
        Of the resampling.
    threads
        How many work at a time; no result depends on it.
    """

    def __init__(
        self,
        sets: int,
        winner: Floats,
        held: Floats,
        *,
        repetitions: int,
        seed: int,
        threads: int,
    ) -> None:
        self.winner, self.held, self.threads = winner, held, threads
        self.edges = block_edges(len(held), sets)
        blocks = len(self.edges) - 1
        self.sums, self.squares = np.zeros((sets, blocks)), np.zeros((sets, blocks))
        self.sharpe = np.full(sets, np.nan)
        self.bootstrap = SharpeBootstrap(winner)
        # One after the other, and the first sets are simulated meanwhile.
        with ThreadPoolExecutor(1) as pool:
            self._test = pool.submit(self._resample, repetitions, seed)
            pool.shutdown(wait=False)

    def _resample(self, repetitions: int, seed: int) -> SuperiorityTest | None:
        periods = len(self.held)
        if periods < FEWEST_PERIODS:
            return None
        cutter = RunCutter(periods, mean_block(periods))
        for resample in stationary_resamples(periods, repetitions=repetitions, seed=seed):
            self.bootstrap.add(resample)
            cutter.add(resample)
        benchmarks = np.stack([np.zeros(periods), self.held])
        return SuperiorityTest(benchmarks, cutter.runs(), threads=self.threads)

    def add(self, begin: int, returns: Floats) -> None:
        """Take in more sets.

        Parameters
        ----------
        begin
            The first one's place.
        returns : ndarray, shape (n_sets, n_periods)
            Fractions.
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
        test = self._test.result()
        if test is not None:
            test.add(returns)

    def conclude(
        self,
        *,
        periods_per_year: float,
        period: str,
        trials: int | None = None,
        sharpe: Floats | None = None,
    ) -> Overfitting:
        """Return the statistics, once every set was taken in.

        How many sets were tried, and how far their Sharpe ratios lie apart, is what the deflated
        Sharpe ratio takes of them (Bailey and López de Prado 2014), and both are known of every set
        also where the returns of a sample alone are. The probability of overfitting (Bailey,
        Borwein, López de Prado and Zhu 2015) and the tests of superiority (White 2000; Hansen 2005)
        need series: of a sample they speak of the sample. The maximum over fewer sets is lower, so
        the p-values of a sample that has the best of all sets are rather too low.

        Parameters
        ----------
        periods_per_year
            To annualise with.
        period
            What a return spans.
        trials
            How many sets were tried; None where all that were tried were taken in.
        sharpe : ndarray
            The annualised Sharpe ratio of each set that was measured, NaN where undefined, where
            only a sample of them was taken in; None for those taken in.
        """
        taken, periods = self.sums.shape[0], len(self.winner)
        trials = taken if trials is None else trials
        annual = math.sqrt(periods_per_year)
        moments = moments_of(self.winner)
        ratios = self.sharpe if sharpe is None else sharpe / annual
        known = ratios[np.isfinite(ratios)]
        variance = float(known.var(ddof=1)) if len(known) > 1 else 0.0
        test = self._test.result()
        enough = taken > 1 and test is not None
        to_nothing, to_holding = (None, None) if test is None else test.results()
        return Overfitting(
            trials=trials,
            sampled=None if sharpe is None else taken,
            periods=periods,
            period=period,
            sharpe_ratio=moments.sharpe * annual,
            interval=self.bootstrap.interval(annual=annual),
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
            warnings=self._warnings(taken, periods)
            + ([] if sharpe is None else [_of_a_sample(taken, trials)]),
        )

    def _warnings(self, taken: int, periods: int) -> list[str]:
        found = []
        if taken < FEWEST_SETS:
            found.append(
                f"Only {taken} parameter sets were tried; with fewer than {FEWEST_SETS} the "
                "probability of overfitting is too unsteady to be read."
            )
        if periods < FEWEST_PERIODS:
            found.append(f"Only {periods} periods: too few for any of these statistics.")
        return found


def _of_a_sample(taken: int, trials: int) -> str:
    return (
        f"The probability of overfitting and the p-values rest on the returns of {taken:,} of "
        f"{trials:,} parameter sets, drawn at random, the best among them; of all sets the "
        "p-values would rather be higher. The Sharpe ratio expected by chance and the deflated "
        "one count every set."
    )


@compiled
def _sum_up(
    returns: Floats, edges: NDArray[np.int64], sums: Floats, squares: Floats, sharpe: Floats
) -> None:
    """Write each set's sums over the blocks, and where it moves its Sharpe ratio per period."""
    sets, count = returns.shape
    tile, total, square, spread = (
        np.empty((count, LANES)),
        np.empty(LANES),
        np.empty(LANES),
        np.empty(LANES),
    )
    mean = np.empty(LANES)
    for first in range(0, sets, LANES):
        some = min(LANES, sets - first)
        lay(returns, first, some, tile)
        for block in range(len(edges) - 1):
            total[:], square[:] = 0.0, 0.0
            _add(tile[edges[block] : edges[block + 1]], total, square)
            sums[first : first + some, block] = total[:some]
            squares[first : first + some, block] = square[:some]
        for lane in range(LANES):
            mean[lane] = sums[first + (lane if lane < some else 0)].sum() / count
        spread[:] = 0.0
        _add_distances(tile, mean, spread)
        for lane in range(some):
            # A set that never moves has no ratio; less a risk-free rate its returns only round.
            if spread[lane] > ROUNDING**2 * (count - 1):
                sharpe[first + lane] = mean[lane] / math.sqrt(spread[lane] / (count - 1))


@compiled_lean
def _add(tile: Floats, total: Floats, square: Floats) -> None:
    for period in range(len(tile)):
        for lane in range(LANES):
            value = tile[period, lane]
            total[lane] += value
            square[lane] += value * value


@compiled_lean
def _add_distances(tile: Floats, mean: Floats, spread: Floats) -> None:
    for period in range(len(tile)):
        for lane in range(LANES):
            distance = tile[period, lane] - mean[lane]
            spread[lane] += distance * distance
