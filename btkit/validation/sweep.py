"""A sweep: one strategy, many sets of parameters, one table. Pure: nothing is read or stored."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.conditions.columns import ColumnEvaluator
from btkit.engine.measure import METRIC_NAMES, WHOLE_METRICS
from btkit.engine.records import Market
from btkit.engine.sweep import SweepEngine
from btkit.engine.sweep_loop import Account
from btkit.engine.sweep_plan import plan_sweep
from btkit.errors import SpecError, UsageError
from btkit.indicators.intervals import INTRADAY_MINUTES
from btkit.simulation import Result, simulate
from btkit.simulation.simulate import is_truth_value, rules_of
from btkit.spec import CONDITION_LISTS, StrategySpec
from btkit.validation.grid import Number, ParameterSets
from btkit.validation.overfitting import (
    FEWEST_SETS,
    BacktestOverfitting,
    Interval,
    Superiority,
    SuperiorityTest,
    block_edges,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    moments_of,
    probabilistic_sharpe_ratio,
    probability_of_overfitting,
    sharpe_interval,
)

Floats = NDArray[np.float64]
OnChunk = Callable[[int, Floats], None]
"""Told of finished sets: the first one's index, and their rows."""

LOWER_IS_BETTER = frozenset(
    {"volatility", "max_drawdown_duration_days", "consecutive_losses_max", "losing_trades"}
)
FEWEST_PERIODS = 10
_RETURN_VALUES = 8_000_000


@dataclass(frozen=True)
class Sweeper:
    """A strategy on bars, ready to be simulated with any parameters.

    Parameters
    ----------
    first
        The run of the first set, which has checked spec, bars and account.
    threads
        How many sets are simulated at once; no result depends on it.
    """

    first: Result
    threads: int

    def engine(self, sets: ParameterSets) -> SweepEngine:
        """Return what simulates some sets.

        Raises
        ------
        SpecError
            If a condition is refused with any set's values.
        """
        result, spec = self.first, self.first.spec
        count = len(sets)
        parameters = {name: np.full(count, float(value)) for name, value in spec.parameters.items()}
        plan = plan_sweep(
            {name: getattr(spec, name) for name in CONDITION_LISTS},
            spec.position_sizing_formula,
            risk_pct=spec.per_trade_risk_pct,
            parameters={**parameters, **sets.columns},
            sets=count,
        )
        index = pd.DatetimeIndex(result.all_bars.index)
        return SweepEngine(
            plan=plan,
            evaluator=ColumnEvaluator(result.feature_set.column, is_truth_value),
            market=Market(
                *(np.array(result.all_bars[name], np.float64) for name in ("open", "close"))
            ),
            rules=rules_of(spec, commission=result.commission, slippage=result.slippage),
            account=Account(
                result.outcome.start,
                result.initial_capital,
                math.sqrt(result.bars_per_year),
                index.to_numpy(dtype="datetime64[D]").astype(np.int64),
                index.asi8,
                float(np.timedelta64(1, "h") / np.timedelta64(1, index.unit)),
            ),
            threads=self.threads,
        )

    def measure(self, sets: ParameterSets, *, on_chunk: OnChunk | None = None) -> Floats:
        """Simulate every set.

        Parameters
        ----------
        sets
            The parameters.
        on_chunk
            Told of each chunk when it is done.

        Returns
        -------
        ndarray of float64, shape (n_sets, n_metrics)
            In the order of `METRIC_NAMES`.

        Raises
        ------
        SpecError
            As `engine`.
        UsageError
            If a set's equity is not a finite number, as `simulate` would.
        """
        engine = self.engine(sets)
        table = np.empty((len(sets), len(METRIC_NAMES)))
        for begin, end in engine.chunks():
            rows = engine.metrics(begin, end)
            broken = np.flatnonzero(rows[:, -1] == 0.0)
            if broken.size:
                chosen = sets.at(begin + int(broken[0]))
                raise UsageError(
                    f"The equity curve of {chosen} is not a finite number.",
                    hint="Mend the sizing formula for those values, or leave them out.",
                    details={"parameters": chosen},
                )
            table[begin:end] = rows[:, :-1]
            if on_chunk is not None:
                on_chunk(begin, table[begin:end])
        return table

    def period_ends(self) -> NDArray[np.int64]:
        """Return the last bar of each period whose return the statistics take.

        Every bar is a period, but of intraday bars each day, UTC, is one.
        """
        index = pd.DatetimeIndex(self.first.bars.index)
        if self.first.interval not in INTRADAY_MINUTES:
            return np.arange(len(index))
        days = index.to_numpy(dtype="datetime64[D]")
        return np.flatnonzero(np.append(days[1:] != days[:-1], True))


def prepare(
    spec: StrategySpec,
    bars: pd.DataFrame,
    sets: ParameterSets,
    *,
    capital: float,
    commission: float,
    slippage: float,
    start: str | pd.Timestamp | None,
    threads: int,
) -> Sweeper:
    """Check everything that a sweep rests on, by running its first set.

    Parameters
    ----------
    spec
        Has the parameters that the sets vary.
    bars, capital, commission, slippage, start
        See `simulate`.
    sets
        At least one.
    threads
        See `Sweeper`.

    Raises
    ------
    SpecError, DataError, NoDataError, UsageError
        As `simulate`.
    """
    first = simulate(
        with_parameters(spec, sets.at(0)),
        bars,
        capital=capital,
        commission=commission,
        slippage=slippage,
        start=start,
    )
    return Sweeper(first, max(1, threads))


def with_parameters(spec: StrategySpec, values: Mapping[str, Number]) -> StrategySpec:
    """Return the spec with some parameters changed, checked anew.

    Raises
    ------
    SpecError
        If it is refused with these values; the message names them.
    """
    try:
        return spec.replace(parameters={**spec.parameters, **values})
    except SpecError as error:
        chosen = ", ".join(f"{name}={value:g}" for name, value in values.items())
        raise SpecError(error.problems, origin=f"the spec with {chosen}") from error


def table_of(sets: ParameterSets, rows: Floats) -> pd.DataFrame:
    """Return the table of a sweep.

    Parameters
    ----------
    sets
        The parameters.
    rows : ndarray of float64, shape (n_sets, n_metrics)
        What `Sweeper.measure` returned.

    Returns
    -------
    DataFrame, shape (n_sets, n_parameters + n_metrics)
        One row a set; true values, NaN where undefined, inf where infinite.
    """
    columns: dict[str, Any] = {
        name: values.astype(np.int64) if name in sets.whole else values
        for name, values in sets.columns.items()
    }
    for place, name in enumerate(METRIC_NAMES):
        column = rows[:, place]
        # A parameter may be called like a metric; its column then is told apart.
        key = f"metric_{name}" if name in columns else name
        columns[key] = column.astype(np.int64) if name in WHOLE_METRICS else column.copy()
    return pd.DataFrame(columns)


def check_objective(name: str) -> str:
    """Return the name of a metric.

    Raises
    ------
    UsageError
        If there is no such metric.
    """
    if name not in METRIC_NAMES:
        raise UsageError(
            f"There is no metric {name!r} to be the objective.",
            hint=f"Choose one of {' '.join(METRIC_NAMES)}.",
            details={"received": name, "known": list(METRIC_NAMES)},
        )
    return name


def rank_sets(rows: Floats, *, objective: str, min_trades: int) -> NDArray[np.int64]:
    """Return the sets in order of merit, the best first.

    Parameters
    ----------
    rows : ndarray of float64, shape (n_sets, n_metrics)
        What `Sweeper.measure` returned.
    objective
        The metric to be as good as possible: low for a volatility, else high.
    min_trades
        Sets with fewer trades come after all others.

    Returns
    -------
    ndarray of int64, shape (n_sets,)
        Of equals the first comes first; undefined values come after all others.
    """
    values = rows[:, METRIC_NAMES.index(objective)]
    sign = 1.0 if objective in LOWER_IS_BETTER else -1.0
    keys = np.where(np.isnan(values), np.inf, sign * values)
    few = rows[:, METRIC_NAMES.index("total_trades")] < min_trades
    return np.lexsort((keys, np.isnan(values), few))


@dataclass(frozen=True)
class Overfitting:
    """The truth about the best set of a sweep.

    Parameters
    ----------
    trials
        Number of sets tried.
    periods, period
        Number of returns that the statistics rest on, and what one spans: ``"bar"``, ``"day"``.
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
    superiority
        White's reality check and Hansen's SPA test; None with too few periods.
    warnings
        What a reader must know.
    """

    trials: int
    periods: int
    period: str
    sharpe_ratio: float
    interval: Interval | None
    expected_maximum: float
    probabilistic: float
    deflated: float
    backtest_overfitting: BacktestOverfitting | None
    superiority: Superiority | None
    warnings: list[str]


@dataclass(frozen=True, eq=False)
class SweepResult:
    """The outcome of a sweep.

    Parameters
    ----------
    spec
        The strategy, with the parameters it came with.
    sets
        What was tried.
    rows
        float64 (n_sets, n_metrics).
    table
        DataFrame, one row a set: parameters and metrics.
    objective, min_trades
        What makes a set the best.
    sweeper
        Simulates any set again.
    method, constraint
        How the sets were chosen.
    files
        Where the table was written, by kind; empty if it was not.
    """

    spec: StrategySpec
    sets: ParameterSets
    rows: Floats
    objective: str
    min_trades: int
    sweeper: Sweeper
    method: str = "grid"
    constraint: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    sweep_id: str | None = None

    @property
    def table(self) -> pd.DataFrame:
        """One row a set: its parameters, every metric. True values."""
        return table_of(self.sets, self.rows)

    @property
    def order(self) -> NDArray[np.int64]:
        """The sets in order of merit, the best first."""
        return rank_sets(self.rows, objective=self.objective, min_trades=self.min_trades)

    @property
    def winner(self) -> int:
        """The place of the best set."""
        return int(self.order[0])

    @property
    def best(self) -> dict[str, Number]:
        """The parameters of the best set."""
        return self.sets.at(self.winner)

    @property
    def best_spec(self) -> StrategySpec:
        """The strategy with the parameters of the best set."""
        return with_parameters(self.spec, self.best)

    def top(self, count: int = 10) -> pd.DataFrame:
        """Return the best sets, the best first; the index is their place in the table."""
        return self.table.iloc[self.order[:count]]

    def run(self, rank: int = 1) -> Result:
        """Simulate one set again, in full.

        Parameters
        ----------
        rank
            1 for the best.
        """
        first = self.sweeper.first
        return simulate(
            with_parameters(self.spec, self.sets.at(int(self.order[rank - 1]))),
            first.all_bars,
            capital=first.initial_capital,
            commission=first.commission,
            slippage=first.slippage,
            start=first.bars.index[0],
        )

    def overfitting(self, *, repetitions: int = 1_000, seed: int = 0) -> Overfitting:
        """Say how much of the best set's result is luck; every set is simulated once more.

        Parameters
        ----------
        repetitions
            Resamples of the bootstrap tests.
        seed
            Of the resampling.
        """
        ends = self.sweeper.period_ends()
        found = _Gathered(len(self.sets), len(ends), repetitions, seed)
        for begin, returns in self._returns(ends):
            found.add(begin, returns, winner=self.winner)
        return found.conclude(self, ends)

    def _returns(self, ends: NDArray[np.int64]) -> Iterator[tuple[int, Floats]]:
        engine = self.sweeper.engine(self.sets)
        size = max(1, _RETURN_VALUES // len(ends))
        for begin, end in engine.chunks():
            for first in range(begin, end, size):
                yield first, engine.returns(first, min(first + size, end), ends)

    def __repr__(self) -> str:
        shown = self.top(5)[[*self.sets.columns, self.objective]].to_string(index=False)
        return f"{len(self.sets):,} sets of {self.spec.name} by {self.objective}\n{shown}"


class _Gathered:
    """What the statistics need of every set, gathered without keeping their series."""

    def __init__(self, sets: int, periods: int, repetitions: int, seed: int) -> None:
        self.repetitions, self.seed = repetitions, seed
        self.edges = block_edges(periods, sets)
        blocks = len(self.edges) - 1
        self.sums, self.squares = np.zeros((sets, blocks)), np.zeros((sets, blocks))
        self.sharpe = np.full(sets, np.nan)
        self.winner = np.zeros(periods)
        enough = periods >= FEWEST_PERIODS
        self.test = SuperiorityTest(periods, repetitions=repetitions, seed=seed) if enough else None

    def add(self, begin: int, returns: Floats, *, winner: int) -> None:
        part = slice(begin, begin + len(returns))
        starts = self.edges[:-1]
        self.sums[part] = np.add.reduceat(returns, starts, axis=1)
        self.squares[part] = np.add.reduceat(np.square(returns), starts, axis=1)
        if returns.shape[1] > 1:
            deviation = returns.std(axis=1, ddof=1)
            moved = deviation > 0.0
            self.sharpe[part][moved] = returns.mean(axis=1)[moved] / deviation[moved]
        if self.test is not None:
            self.test.add(returns)
        if begin <= winner < begin + len(returns):
            self.winner = returns[winner - begin].copy()

    def conclude(self, result: SweepResult, ends: NDArray[np.int64]) -> Overfitting:
        first = result.sweeper.first
        by_bar = len(ends) == len(first.bars)
        years = len(first.bars) / first.bars_per_year
        annual = math.sqrt(first.bars_per_year if by_bar else len(ends) / years)
        trials = len(result.sets)
        moments = moments_of(self.winner)
        known = self.sharpe[np.isfinite(self.sharpe)]
        variance = float(known.var(ddof=1)) if len(known) > 1 else 0.0
        enough = trials > 1 and self.test is not None
        return Overfitting(
            trials=trials,
            periods=len(ends),
            period="bar" if by_bar else "day",
            sharpe_ratio=moments.sharpe * annual,
            interval=sharpe_interval(
                self.winner, annual=annual, repetitions=self.repetitions, seed=self.seed
            ),
            expected_maximum=expected_maximum_sharpe(variance, trials) * annual,
            probabilistic=probabilistic_sharpe_ratio(moments),
            deflated=deflated_sharpe_ratio(moments, variance=variance, trials=trials),
            backtest_overfitting=probability_of_overfitting(
                self.sums, self.squares, np.diff(self.edges)
            )
            if enough
            else None,
            superiority=None if self.test is None else self.test.result(),
            warnings=self._warnings(trials, len(ends)),
        )

    def _warnings(self, trials: int, periods: int) -> list[str]:
        found = []
        if trials < FEWEST_SETS:
            found.append(
                f"Only {trials} sets were tried; with fewer than {FEWEST_SETS} the probability of "
                "overfitting is too unsteady to be read."
            )
        if periods < FEWEST_PERIODS:
            found.append(f"Only {periods} periods: too few for any of these statistics.")
        return found
