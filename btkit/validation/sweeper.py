"""A strategy on bars, ready to be simulated with many sets of parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.conditions.evaluators import evaluator_over
from btkit.conditions.over_time import KeptCalls
from btkit.engine import AnyDecisions
from btkit.engine.carry import NO_CARRY
from btkit.engine.inputs import Market
from btkit.engine.state import TRADES, Trades
from btkit.engine.sweep import SweepEngine
from btkit.engine.sweep_apart import SetBySetEngine
from btkit.engine.sweep_loop import Account, Scratch, trade_values_into
from btkit.engine.sweep_plan import SweepPlan, check_conditions, plan_sweep
from btkit.errors import Problem, SpecError, UsageError
from btkit.metrics import MEASURED, columns_for, metric_of
from btkit.metrics.arrays import RunArrays
from btkit.metrics.curves import period_returns, risk_free_returns
from btkit.metrics.registering import work_out
from btkit.simulation import Inputs, Result, check_inputs, in_one_piece, simulate_inputs
from btkit.simulation.carry import carry_of
from btkit.simulation.levels import levels_of_sets
from btkit.simulation.shares import plan_rules, rules_of
from btkit.simulation.simulate import NO_FRAMES
from btkit.spec import CONDITION_LISTS, StrategySpec
from btkit.spec.carry import rate_parameters
from btkit.spec.expressions import number_parameters
from btkit.spec.parts import fraction_problems, part_conditions, part_parameters
from btkit.validation.axes import Axes, Number
from btkit.validation.grid import ParameterSets, decode, met_by

Floats = NDArray[np.float64]
OnChunk = Callable[[int, Floats], None]
"""Notified of finished sets: the first one's index, and their rows."""

AnySweepEngine: TypeAlias = SweepEngine | SetBySetEngine

_PLANNED = 200_000
# Some three thousand calls over time on twenty years of days.
_KEPT_BYTES = 128_000_000


@dataclass(frozen=True)
class Periods:
    """What the returns of the statistics span.

    Parameters
    ----------
    ends
        int64 (n_periods,): the last bar of each, counted from the start of the run.
    per_year
        How many make a year.
    name
        ``"bar"`` or ``"session"``.
    """

    ends: NDArray[np.int64]
    per_year: float
    name: str


@dataclass(frozen=True)
class Sweeper:
    """A strategy on bars, ready to be simulated with any parameters.

    Parameters
    ----------
    inputs
        What the first set would be simulated from: spec, bars and account, checked.
    threads
        How many sets are simulated at once; no result depends on it.
    objective
        The metric that sets will be ranked by. One with a function of its own is worked out set
        by set, on one thread.
    """

    inputs: Inputs
    threads: int
    objective: str = "sharpe_ratio"

    @cached_property
    def first(self) -> Result:
        """The run of the first set."""
        return simulate_inputs(self.inputs)

    @property
    def columns(self) -> tuple[str, ...]:
        """What the columns of `measure` are."""
        return columns_for(self.objective)

    def engine(self, sets: ParameterSets) -> AnySweepEngine:
        """Return what simulates some sets.

        Raises
        ------
        SpecError
            If a condition is refused with any set's values.
        """
        inputs, spec = self.inputs, self.inputs.spec
        assert isinstance(spec, StrategySpec)
        plan = _plan(spec, sets)
        market = Market.of(inputs.bars, inputs.carry, inputs.start)
        rules = rules_of(spec, commission=inputs.commission, slippage=inputs.slippage)
        varied = any(name in sets.columns for _, _, name, _ in rate_parameters(spec.model_dump()))
        if spec.takes_both_sides or spec.leaves_in_parts or varied:
            decide = partial(self._decide, spec, sets)

            def trade_on(index: int) -> Market:
                return self._carried(market, _at(spec, sets, index)) if varied else market

            rests = any(
                side.entry_order is not None
                for side in ((spec, spec.opposite) if spec.takes_both_sides else (spec,))
            )
            return SetBySetEngine(
                decide,
                trade_on,
                len(sets),
                market,
                rules,
                self._account,
                spec.most_parts,
                rests,
                inputs.finer,
            )
        return SweepEngine(
            plan=plan,
            # Columns are kept for the sets that follow.
            evaluator=evaluator_over(inputs.features, let_go=lambda: True, kept=self._kept),
            keep=inputs.features.keep,
            market=market,
            rules=rules,
            account=self._account,
            threads=self.threads,
            finer=inputs.finer,
        )

    def _decide(self, spec: StrategySpec, sets: ParameterSets, index: int) -> AnyDecisions:
        return plan_rules(_at(spec, sets, index), self.inputs, kept=self._kept)[1]

    def _carried(self, market: Market, spec: StrategySpec) -> Market:
        inputs = self.inputs
        carry = carry_of(spec, inputs.bars, inputs.start, measured=inputs.annualisation)
        return market._replace(carry=NO_CARRY if carry is None else carry.after(inputs.start))

    @cached_property
    def _kept(self) -> KeptCalls:
        return KeptCalls(_KEPT_BYTES)

    @cached_property
    def _account(self) -> Account:
        inputs, start = self.inputs, self.inputs.start
        index = pd.DatetimeIndex(inputs.bars.index)
        ends = inputs.annualisation.period_ends(index[start:])
        risk_free = None if inputs.risk_free is None else inputs.risk_free[start:]
        per_year = inputs.annualisation.periods_per_year
        return Account(
            start,
            inputs.capital,
            math.sqrt(per_year),
            risk_free_returns(risk_free, ends, per_year),
            np.zeros(0, np.int64) if ends is None else ends,
            index.to_numpy(dtype="datetime64[D]").astype(np.int64),
            index.asi8,
            float(np.timedelta64(1, "h") / np.timedelta64(1, index.unit)),
        )

    def measure(self, sets: ParameterSets, *, on_chunk: OnChunk | None = None) -> Floats:
        """Simulate every set.

        Parameters
        ----------
        sets
            The parameters.
        on_chunk
            Notified of each chunk when it is done.

        Returns
        -------
        ndarray of float64, shape (n_sets, n_metrics)
            In the order of `columns`.

        Raises
        ------
        SpecError
            As `engine`.
        UsageError
            If a set's equity is not a finite number, as `simulate` would.
        """
        engine = self.engine(sets)
        table = np.empty((len(sets), len(self.columns)))
        for begin, end in engine.chunks():
            if self.columns == MEASURED:
                rows = engine.metrics(begin, end)
            else:
                rows = self._one_by_one(engine, begin, end)
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

    def _one_by_one(self, engine: AnySweepEngine, begin: int, end: int) -> Floats:
        entry = metric_of(self.objective)
        assert entry is not None
        table = np.empty((end - begin, len(self.columns) + 1))
        for place, (row, left) in enumerate(engine.runs(begin, end)):
            value = work_out(self.objective, entry, self._arrays(engine, left))
            table[place] = [*row[:-1], value, row[-1]]
        return table

    def _arrays(self, engine: AnySweepEngine, left: Scratch) -> RunArrays:
        account, start, done = engine.account, engine.account.start, left.state.counts[TRADES]
        equity = left.curve.equity[start:].copy()
        values, marks = left.trades[0][:done], left.trades[1][:done]
        pnl, share, hours = np.empty((3, done))
        whole = trade_values_into(
            engine.rules, values, marks, account.clock, account.tick_hours, pnl, share, hours
        )
        trades = Trades(values, marks)
        ends = trades.ends_lot
        times = pd.DatetimeIndex(self.inputs.bars.index).tz_localize(None).to_numpy()
        return RunArrays(
            equity=equity,
            times=times[start:],
            returns=period_returns(
                equity, account.capital, account.ends if account.ends.size else None
            ),
            benchmark_returns=self._benchmark_returns,
            pnl=pnl[:whole],
            return_pct=share[:whole],
            fill_value=trades.by_lot(
                values[:, 2] * engine.rules.multiplier * (values[:, 0] + values[:, 1])
            ),
            hours=hours[:whole],
            entry_time=times[trades.entry_bar[ends]],
            exit_time=times[trades.exit_bar[ends]],
            initial_capital=account.capital,
            periods_per_year=self.inputs.annualisation.periods_per_year,
        )

    @cached_property
    def _benchmark_returns(self) -> Floats:
        inputs = self.inputs
        closes = inputs.benchmark.closes[inputs.start :]
        index = pd.DatetimeIndex(inputs.bars.index[inputs.start :])
        ends = inputs.annualisation.period_ends(index)
        return period_returns(closes, float(closes[0]), ends)

    def periods(self) -> Periods:
        """Return the periods whose returns the statistics take: those of the metrics."""
        index = pd.DatetimeIndex(self.inputs.bars.index[self.inputs.start :])
        measured = self.inputs.annualisation
        ends = measured.period_ends(index)
        return Periods(
            np.arange(len(index)) if ends is None else ends,
            measured.periods_per_year,
            "bar" if ends is None else "session",
        )


def check_sets(
    spec: StrategySpec, axes: Axes, sets: ParameterSets | None, constraint: str | None
) -> None:
    """Refuse a spec that any set's values spoil.

    Parameters
    ----------
    spec
        Has the parameters.
    axes
        Their values.
    sets
        Which sets will be tried; None where that is not known yet, then each that may be, or of a
        very large grid each value.
    constraint
        What leaves sets out.

    Raises
    ------
    SpecError
        The message names the values.
    """
    if sets is None:
        total = math.prod(len(values) for values in axes.values())
        if total <= _PLANNED:
            sets = decode(axes, np.arange(total))
            sets = sets.take(met_by(constraint, sets)) if constraint else sets
        else:
            longest = max(len(values) for values in axes.values())
            values = {name: np.resize(np.array(axis), longest) for name, axis in axes.items()}
            sets = ParameterSets(values, frozenset())
    _plan(spec, sets)


def _at(spec: StrategySpec, sets: ParameterSets, index: int) -> StrategySpec:
    # What `replace` would check was checked for all sets together.
    return spec.model_copy(update={"parameters": {**spec.parameters, **sets.at(index)}})


def _plan(spec: StrategySpec, sets: ParameterSets) -> SweepPlan:
    count = len(sets)
    parameters = {name: np.full(count, float(value)) for name, value in spec.parameters.items()}
    parameters |= sets.columns

    def planned(side: StrategySpec, within: str = "") -> SweepPlan:
        fields = side.model_dump()
        _check_fractions(fields, parameters, within)
        check_conditions(
            {f"{within}{path}": text for path, text in part_conditions(fields)},
            parameters=parameters,
            sets=count,
            declared=spec.declared,
        )
        return plan_sweep(
            {name: getattr(side, name) for name in CONDITION_LISTS},
            side.position_sizing_formula,
            risk_pct=side.per_trade_risk_pct,
            multiplier=spec.point_value,
            parameters=parameters,
            sets=count,
            within=within,
            declared=spec.declared,
            prices=side.price_texts,
            levels=levels_of_sets(side, parameters, count),
        )

    _check_numbers(spec, sets, parameters)
    _check_free_rate(spec, sets)
    plan = planned(spec)
    if spec.takes_both_sides:
        planned(spec.opposite, within="short.")
    return plan


def _check_fractions(
    fields: Mapping[str, Any], parameters: Mapping[str, Floats], within: str
) -> None:
    for path, _, name in part_parameters(fields):
        for value in np.unique(parameters[name]).tolist():
            problems = fraction_problems(f"{within}{path}", name, {name: value})
            if problems:
                raise SpecError(problems, origin=f"the spec with {name}={value:g}")


def _check_numbers(
    spec: StrategySpec, sets: ParameterSets, parameters: Mapping[str, Floats]
) -> None:
    """Refuse numbers of orders inside the bar that are out of bounds with a set's values."""
    for _, _, name, bounds in number_parameters(spec.model_dump()):
        if name not in sets.columns or not len(sets):
            continue
        # Of what is in bounds the largest alone might be refused: a short's target.
        largest = parameters[name].max()
        odd = [value for value in parameters[name].tolist() if not bounds.holds(value)]
        value = odd[0] if odd else float(largest)
        with_parameters(spec, {name: int(value) if value.is_integer() else value})


def _check_free_rate(spec: StrategySpec, sets: ParameterSets) -> None:
    """Refuse sets of which each would have its Sharpe ratio less a rate of its own."""
    for path, _, name, _ in rate_parameters(spec.model_dump()):
        if path == spec.free_of_risk and name in sets.columns:
            raise SpecError(
                [
                    Problem(
                        path,
                        f"is {{{name}}}, which the sweep varies, and Sharpe ratios would take "
                        "another rate off returns in each set",
                        "write a sharpe_risk_free of its own, such as sharpe_risk_free: 0.03",
                    )
                ]
            )


def prepare(  # noqa: PLR0913 - what `simulate` takes, and what a sweep adds
    spec: StrategySpec,
    bars: pd.DataFrame,
    sets: ParameterSets,
    *,
    capital: float,
    commission: float,
    slippage: float,
    start: str | pd.Timestamp | None,
    threads: int,
    objective: str = "sharpe_ratio",
    benchmark: pd.DataFrame | None = None,
    others: Mapping[str, pd.DataFrame] = NO_FRAMES,
    detail: pd.DataFrame | None = None,
) -> Sweeper:
    """Check everything that a sweep rests on.

    Parameters
    ----------
    spec
        Has the parameters that the sets vary.
    bars, capital, commission, slippage, start, benchmark, detail
        See `simulate`.
    others
        The bars of the other instruments that conditions read, by symbol.
    sets
        At least one.
    threads, objective
        See `Sweeper`.

    Raises
    ------
    SpecError, DataError, NoDataError, UsageError
        As `simulate`.
    """
    inputs = check_inputs(
        in_one_piece,
        with_parameters(spec, sets.at(0)),
        bars,
        capital=capital,
        commission=commission,
        slippage=slippage,
        start=start,
        benchmark=benchmark,
        others=others,
        detail=detail,
        copy=True,
    )
    return Sweeper(inputs, max(1, threads), objective)


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
