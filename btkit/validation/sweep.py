"""A sweep: one strategy, many sets of parameters, one table. Pure: nothing is read or stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.arguments import check_whole, refusal
from btkit.metrics import MEASURED, bar_returns
from btkit.metrics.curves import risk_free_returns
from btkit.simulation import Result, simulate_inputs
from btkit.simulation.carry import carry_of
from btkit.spec import StrategySpec
from btkit.validation.axes import Number
from btkit.validation.grid import ParameterSets
from btkit.validation.overfitting import Gathered, Overfitting
from btkit.validation.ranking import rank_sets, table_of
from btkit.validation.sweeper import AnySweepEngine, OnChunk, Sweeper, with_parameters

Floats = NDArray[np.float64]
_RETURN_VALUES = 2_000_000
# As few values have an inside.
_RANGE = 3


@dataclass(frozen=True)
class CrashedSet:
    """A set of parameters that could not be simulated: it killed whoever worked on it.

    Parameters
    ----------
    parameters
        Its values.
    reason
        What was seen of it.
    """

    parameters: dict[str, Number]
    reason: str


@dataclass(frozen=True, eq=False)
class SweepResult:
    """The outcome of a sweep.

    Parameters
    ----------
    spec
        The strategy, with the parameters it came with.
    sets
        What was tried, but for those that crashed.
    rows
        float64 (n_sets, n_metrics).
    objective, min_trades
        What makes a set the best.
    sweeper
        Simulates any set again.
    method, constraint
        How the sets were chosen.
    files
        Where the table was written, by kind; empty if it was not.
    sweep_id, command
        Names the files, and makes the sweep again; None if nothing was stored, or the spec is in
        no file.
    crashed
        Sets that killed whoever worked on them: in no table and no ranking, but counted as tried.
    overfitting_sample
        Of how many sets at the most `overfitting` takes the returns; None for all.
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
    command: list[str] | None = None
    crashed: tuple[CrashedSet, ...] = ()
    overfitting_sample: int | None = None

    @property
    def trials(self) -> int:
        """How many sets were tried, those that crashed included."""
        return len(self.sets) + len(self.crashed)

    @property
    def sampled(self) -> int:
        """Of how many sets `overfitting` takes the returns."""
        most = self.overfitting_sample
        return len(self.sets) if most is None else min(most, len(self.sets))

    @property
    def table(self) -> pd.DataFrame:
        """One row a set: its parameters, every metric. True values."""
        return table_of(self.sets, self.rows, objective=self.objective)

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The sets in order of merit, the best first; read-only."""
        order = rank_sets(self.rows, objective=self.objective, min_trades=self.min_trades)
        # All that is said of the best sets is read from it, for as long as the result is kept.
        order.flags.writeable = False
        return order

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

    @property
    def edges(self) -> dict[str, str]:
        """The best set's parameters that are the ``"lowest"`` or ``"highest"`` value tried.

        Only of parameters with at least three values: one of two is always at an edge.
        """
        found, winner = {}, self.winner
        for name, column in self.sets.columns.items():
            tried = np.unique(column)
            if len(tried) >= _RANGE and column[winner] in (tried[0], tried[-1]):
                found[name] = "lowest" if column[winner] == tried[0] else "highest"
        return found

    def top(self, count: int = 10) -> pd.DataFrame:
        """Return the best sets, the best first; the index is their place in the table."""
        best = self.order[:count]
        found = table_of(self.sets.take(best), self.rows[best], objective=self.objective)
        return found.set_axis(best, axis="index")

    def run(self, rank: int = 1) -> Result:
        """Simulate one set again, in full: from what it was measured from.

        Parameters
        ----------
        rank
            1 for the best.

        Raises
        ------
        UsageError
            If there is no such rank.
        """
        most = f"Give 1 for the best, up to {len(self.sets)}."
        rank = check_whole(rank, "rank", least=1, hint=most)
        if rank > len(self.sets):
            raise refusal(rank, "rank", rule=f"at most {len(self.sets)}", hint=most)
        return self.run_of(int(self.order[rank - 1]))

    def run_of(self, index: int) -> Result:
        """Simulate a set again by its place among `sets`, as `run` does by its rank.

        Parameters
        ----------
        index
            From 0 on.
        """
        inputs = self.sweeper.inputs
        spec = with_parameters(self.spec, self.sets.at(index))
        # The trained models that the rows were made with, whatever their folders hold by now; and
        # bars of its own, that may be changed.
        bars = inputs.bars.copy()
        carry = carry_of(spec, bars, inputs.start, measured=inputs.annualisation)
        return simulate_inputs(replace(inputs, spec=spec, bars=bars, carry=carry, outputs={}))

    def overfitting(
        self, *, repetitions: int = 1_000, seed: int = 0, on_chunk: OnChunk | None = None
    ) -> Overfitting:
        """Say whether the best set's result could be chance; sets are simulated once more for it.

        All of it is of returns less the spec's ``sharpe_risk_free``, as the Sharpe ratios are: with
        a rate, doing nothing earns that rate.

        Where there are more sets than `overfitting_sample`, only the returns of so many are taken:
        the best set, and others drawn at random, by a seed made of the sets themselves. See
        `Gathered.conclude` for what then rests on the sample. A set that crashed counts as tried,
        which makes the deflated Sharpe ratio the lower: it might have been the best.

        Parameters
        ----------
        repetitions
            Resamples of the bootstrap tests.
        seed
            Of the resampling.
        on_chunk
            Notified of each chunk when it is taken in, with the returns of its sets; `sampled` of
            them in all.
        """
        first, periods, winner = self.sweeper.first, self.sweeper.periods(), self.winner
        sets, place, sharpe = self.sets, winner, None
        if self.sampled < len(sets):
            drawn = _draw(sets, self.sampled, winner)
            place = int(np.searchsorted(drawn, winner))
            sets, sharpe = sets.take(drawn), self.rows[:, MEASURED.index("sharpe_ratio")]
        engine, close = self.sweeper.engine(sets), first.benchmark_closes
        held = bar_returns(close[periods.ends], close[0])
        rates = risk_free_returns(first.risk_free, periods.ends, periods.per_year)
        found = Gathered(
            len(sets),
            _above(engine.returns(place, place + 1, periods.ends), rates)[0],
            _above(held, rates),
            repetitions=repetitions,
            seed=seed,
            threads=self.sweeper.threads,
        )
        for begin, returns in _returns(engine, periods.ends, rates):
            found.add(begin, returns)
            if on_chunk is not None:
                on_chunk(begin, returns)
        return found.conclude(
            periods_per_year=periods.per_year,
            period=periods.name,
            trials=self.trials,
            sharpe=sharpe,
        )

    def __repr__(self) -> str:
        shown = self.top(5)[[*self.sets.columns, self.objective]].to_string(index=False)
        return f"{len(self.sets):,} sets of {self.spec.name} by {self.objective}\n{shown}"


def _draw(sets: ParameterSets, count: int, winner: int) -> NDArray[np.int64]:
    """Return the winner's place and those of others, in their order: the same for the same sets."""
    digest = hashlib.sha256()
    for name, column in sets.columns.items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(column).data)
    random = np.random.default_rng(int.from_bytes(digest.digest()))
    others = random.choice(len(sets) - 1, count - 1, replace=False, shuffle=False)
    return np.sort(np.append(others + (others >= winner), winner))


def _above(returns: Floats, rates: Floats) -> Floats:
    return returns - rates if rates.size else returns


def _returns(
    engine: AnySweepEngine, ends: NDArray[np.int64], rates: Floats
) -> Iterator[tuple[int, Floats]]:
    size = max(1, _RETURN_VALUES // len(ends))
    for begin, end in engine.chunks():
        for first in range(begin, end, size):
            yield first, _above(engine.returns(first, min(first + size, end), ends), rates)
