"""How fast this machine is at a job, timed on a slice of its bars whose results nobody sees."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from btkit.jobs.commands import command_of
from btkit.jobs.job import SearchJob, SpecJob
from btkit.jobs.single_run import begin, document_of
from btkit.storage import LocalCurves, Store

if TYPE_CHECKING:
    from btkit.simulation import Inputs, Result
    from btkit.validation import ParameterSets

SLICE_BARS = 1_000
"""At most so many bars are timed, and at most half of the job's."""
_FEW_SETS, _MANY_SETS = 16, 256
# The machine is busy with other things at times; the quicker of two is nearer to what it can.
_REPEATS = 2


@dataclass(frozen=True)
class RunPace:
    """How long runs take.

    Parameters
    ----------
    fixed_s, per_bar_s
        In seconds.
    bytes_per_bar
        Memory at the peak.
    bars
        How many were timed.
    """

    fixed_s: float
    per_bar_s: float
    bytes_per_bar: float
    bars: int

    def seconds(self, bars: int) -> float:
        """Return how long a run over so many bars takes."""
        return self.fixed_s + self.per_bar_s * bars


@dataclass(frozen=True)
class SetPace:
    """How long many sets of parameters take, over `bars` bars.

    Parameters
    ----------
    fixed_s, per_set_s
        To measure them.
    statistics_fixed_s, statistics_per_set_s
        To say how much of the best of them is chance.
    bytes_per_bar, bytes_per_set
        Memory at the peak.
    bars, sets
        How many were timed.
    """

    fixed_s: float
    per_set_s: float
    statistics_fixed_s: float
    statistics_per_set_s: float
    bytes_per_bar: float
    bytes_per_set: float
    bars: int
    sets: int

    def seconds(self, sets: int, bars: int) -> float:
        """Return how long so many sets over so many bars take to be measured."""
        return (self.fixed_s + self.per_set_s * sets) * bars / self.bars

    def statistics(self, sets: int, bars: int) -> float:
        """Return how long the statistics of overfitting take."""
        return (self.statistics_fixed_s + self.statistics_per_set_s * sets) * bars / self.bars


def pace_of_run(job: SpecJob, inputs: Inputs) -> tuple[RunPace, Result]:
    """Time a run over the last bars, from its beginning to its end in a store that is thrown away.

    Parameters
    ----------
    job
        A prepared job of any kind.
    inputs
        Of the whole run.

    Returns
    -------
    tuple of RunPace and Result
        The result is of those bars, for what it reads; what it earned is nobody's business.
    """
    most = min(SLICE_BARS, max(1, (len(inputs.bars) - inputs.start) // 2))
    few = max(1, most // 4)
    with TemporaryDirectory(prefix="btkit-plan-") as folder:
        store = Store(Path(folder) / "plan.db", curves=LocalCurves(Path(folder)))

        def run(bars: int) -> Result:
            return _run(job, _last(inputs, bars), store)

        result = run(most)  # what is compiled or loaded once is not timed
        fixed, each = _line(few, most, run)
        memory = _peak(lambda: run(most)) / most
    return RunPace(fixed, each, memory, most), result


def pace_of_sets(job: SearchJob, sets: ParameterSets, inputs: Inputs, *, threads: int) -> SetPace:
    """Time some sets over the last bars, and the statistics of these.

    Parameters
    ----------
    job
        A prepared job that tries sets.
    sets
        Those that it tries.
    inputs
        Of the whole job, with the parameters of one of them.
    threads
        How many sets are simulated at a time.
    """
    from btkit.validation import Sweeper, SweepResult  # noqa: PLC0415 - brings numba

    most = min(SLICE_BARS, max(1, (len(inputs.bars) - inputs.start) // 2))

    def measured(count: int) -> SweepResult:
        chosen = sets.take(np.linspace(0, len(sets) - 1, count).astype(np.int64))
        sweeper = Sweeper(_last(inputs, most), threads, job.objective)
        rows = sweeper.measure(chosen)
        return SweepResult(job.rules, chosen, rows, job.objective, job.least_trades, sweeper)

    few, many = min(_FEW_SETS, len(sets)), min(_MANY_SETS, len(sets))
    some, all_ = measured(few), measured(many)
    some.overfitting()
    fixed, each = _line(few, many, measured)
    told = {few: some, many: all_}
    statistics, each_told = _line(few, many, lambda count: told[count].overfitting())
    memory = _peak(lambda: measured(many).overfitting())
    return SetPace(
        fixed, each, statistics, each_told, memory / most, 8.0 * all_.rows.shape[1], most, many
    )


def _last(inputs: Inputs, bars: int) -> Inputs:
    end = len(inputs.bars)
    first = max(0, end - bars - inputs.start)
    return inputs.cut(first, end, start=end - bars - first, begin=max(0, inputs.begin - first))


def _run(job: SpecJob, inputs: Inputs, store: Store) -> Result:
    from btkit.simulation import simulate_inputs  # noqa: PLC0415 - brings numba
    from btkit.validation import check_briefly  # noqa: PLC0415 - likewise

    info = begin(store, job)
    result = simulate_inputs(inputs)
    result = replace(result, lookahead=check_briefly(inputs, result))
    store.complete(document_of(job, result, info, command=command_of(job)))
    return result


def _line(few: int, many: int, work: Callable[[int], object]) -> tuple[float, float]:
    """Return what some work takes whatever its extent, and what each piece adds, in seconds."""
    long, short = _timed(lambda: work(many)), _timed(lambda: work(few))
    each = max(0.0, long - short) / max(1, many - few)
    return max(0.0, long - each * many), each


def _timed(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def _peak(work: Callable[[], object]) -> int:
    """Return how many bytes some work holds at its peak; Python and NumPy say it."""
    if tracemalloc.is_tracing():  # somebody else's measurement
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        work()
        return tracemalloc.get_traced_memory()[1] - before
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
