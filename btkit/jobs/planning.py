"""What a job would rest on, cost and add, said before it is run; nothing is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import psutil

from btkit.conditions import lookback_of, names_of
from btkit.data import WARMUP_BARS, LoadedBars
from btkit.documents import (
    DataSection,
    Plan,
    ReportWarning,
    bars_hash,
    data_section,
    detail_hash,
    others_hashes,
)
from btkit.documents.models import bar_text
from btkit.documents.plans import (
    BatchPlan,
    Estimate,
    PlannedBundle,
    PlannedCondition,
    PlannedJob,
    PlannedName,
    PlannedWindow,
    PlannedWork,
    TrialCount,
)
from btkit.errors import BtkitError
from btkit.indicators import lookup
from btkit.jobs.commands import command_of
from btkit.jobs.execution import Execution
from btkit.jobs.job import BaseJob, BatchJob, SearchJob, SpecJob, SweepJob, WalkForwardJob
from btkit.jobs.loading import bars_of
from btkit.jobs.pace import RunPace, SetPace, pace_of_run, pace_of_sets
from btkit.jobs.plan_hash import PlanHash, bundles_read, hash_of_error, plan_hash_of
from btkit.jobs.prepare import prepare
from btkit.jobs.progress import ProgressListener, check_progress
from btkit.settings import Settings, read_settings, usable_cores
from btkit.spec import ModelSpec, spec_hash
from btkit.storage import Store, Trials, count_trials

if TYPE_CHECKING:
    from btkit.models.timeline import KnownBundle
    from btkit.simulation import Inputs, Result
    from btkit.simulation.inputs import InSample
    from btkit.validation import ParameterSets

_COUNTED = (
    "Distinct specs, and the sets of sweeps and of optimised walk-forwards, in the complete jobs "
    "of the store; what was tried elsewhere, or deleted, is not known. A sweep that is made again "
    "counts once."
)


@dataclass(frozen=True)
class _Found:
    """What planning a job found out, for what becomes of it by its kind."""

    job: SpecJob
    loaded: LoadedBars
    load_s: float
    inputs: Inputs
    pace: RunPace
    bars: int
    """Deciding ones."""


@dataclass(frozen=True)
class _Cost:
    work: PlannedWork
    seconds: dict[str, float]
    sets: SetPace | None
    adds: int


def plan_job(
    job: BaseJob, *, settings: Settings | None = None, progress: ProgressListener | None = None
) -> dict[str, Any]:
    """Say what a job would rest on, cost and add: load its bars, run nothing of it, store nothing.

    Its speed is timed on a slice of the bars; what that came to is thrown away unseen.

    Parameters
    ----------
    job
        What is asked for.
    settings
        Where bars come from, and where outcomes go; None reads the BT_* environment.
    progress
        Notified of each stage.

    Returns
    -------
    dict
        See `btkit.documents.Plan`; of a batch `btkit.documents.BatchPlan`.

    Raises
    ------
    SpecError, UsageError
        If the spec is refused, an unknown name among its problems, or makes no sense with the job.
    NoDataError, DataError, SourceError, BundleError
        If bars or models cannot be had.

    Examples
    --------
    >>> from btkit.jobs.job import RunJob
    >>> job = RunJob(spec="strategies/golden_cross.yaml", symbol="SPX", source="sample",
    ...              start=date(2005, 1, 3), end=date(2018, 12, 31))  # doctest: +SKIP
    >>> plan_job(job)["data"]["rows"]  # doctest: +SKIP
    3523
    """
    given = Execution(settings=read_settings(settings), progress=check_progress(progress))
    if isinstance(job, BatchJob):
        return _plan_batch(job, given).to_dict()
    assert isinstance(job, SpecJob)
    return _plan(job, given).to_dict()


def _plan(job: SpecJob, given: Execution) -> Plan:
    known = prepare(job, settings=given.settings)
    sets = _sets_of(known)
    _check_sets(known, sets)
    began = time.perf_counter()
    loaded = bars_of(known, given)
    load_s = time.perf_counter() - began
    with given.progress.stage("time a slice") as note:
        inputs = _inputs(known, loaded, sets)
        pace, timed = pace_of_run(known, inputs)
        bars = len(inputs.bars) - inputs.start
        found = _Found(known, loaded, load_s, inputs, pace, bars)
        note(f"{pace.bars:,} of {bars:,} bars")
    fingerprint = bars_hash(loaded.bars, columns=known.strategy.hashed_columns)
    trials = _trials(known, loaded, fingerprint, given.settings)
    cost = _COSTS[known.kind](found, sets, trials)
    bundles = bundles_read(known)
    view = _seen_whole(timed, _scored(inputs))
    data = data_section(view)
    names = _names(view, data)
    return Plan(
        kind=known.kind,
        strategy_name=known.strategy.name,
        spec_kind=known.strategy.kind,
        spec_hash=spec_hash(known.strategy),
        symbol=loaded.info.symbol,
        interval=loaded.info.interval,
        start_date=known.start,
        end_date=known.end,
        **known.account,
        data=data,
        bars_hash=fingerprint,
        warmup_wanted=WARMUP_BARS,
        benchmark=known.benchmark,
        benchmark_hash=None if loaded.benchmark is None else bars_hash(loaded.benchmark),
        others_hash=others_hashes(loaded.others, known.strategy),
        detail_hash=detail_hash(loaded.detail, known.strategy),
        conditions=_conditions(view),
        names=names,
        bundles=_bundles(bundles),
        work=cost.work,
        estimate=_estimate(found, cost),
        trials=TrialCount(
            same_bars=trials.same_bars,
            same_range=trials.same_range,
            adds=cost.adds,
            how=_COUNTED,
        ),
        warnings=_warnings(view, names),
        command=command_of(known, loaded.info),
        plan_hash=str(plan_hash_of(known, loaded)),
    )


def _plan_batch(job: BatchJob, given: Execution) -> BatchPlan:
    plans: list[PlannedJob] = []
    hashes: list[PlanHash] = []
    for number, one in enumerate(job.jobs, start=1):
        try:
            plan = _plan(one, given)
        except BtkitError as error:
            # As in the batch itself, one job's failure stops no other.
            plans.append(PlannedJob(job=number, plan=None, error=error.to_document()["error"]))
            hashes.append(hash_of_error(error))
        else:
            plans.append(PlannedJob(job=number, plan=plan, error=None))
            hashes.append(PlanHash.parse(plan.plan_hash))
    known = [one.plan for one in plans if one.plan is not None]
    stages = sorted({stage for plan in known for stage in plan.estimate.seconds_by})
    workers = min(job.workers, max(1, len(known)))
    seconds = {
        stage: sum(plan.estimate.seconds_by.get(stage, 0.0) for plan in known) / workers
        for stage in stages
    }
    estimate = Estimate(
        seconds=sum(seconds.values()),
        seconds_by=seconds,
        memory_bytes=workers * max((plan.estimate.memory_bytes for plan in known), default=0),
        how=f"The sum of the jobs over {workers} at a time, each in a process of its own.",
    )
    return BatchPlan(
        kind=job.kind,
        name=job.name,
        jobs=plans,
        errors=len(plans) - len(known),
        workers=job.workers,
        estimate=estimate,
        adds=sum({_trial_of(plan): plan.trials.adds for plan in known}.values()),
        plan_hash=str(PlanHash.together(hashes)),
    )


def _trial_of(plan: Plan) -> str:
    # A spec that several jobs run on the same bars is one trial, a search is its own.
    return f"{plan.spec_hash} {plan.bars_hash} {plan.plan_hash if plan.work.sets else ''}"


def _sets_of(job: SpecJob) -> ParameterSets | None:
    """Return the sets that a job tries, of those that optuna will propose some; None for none."""
    if isinstance(job, SweepJob):
        from btkit.validation import sample_grid  # noqa: PLC0415 - brings numba

        return job.sets or sample_grid(
            job.parameters, count=job.samples, seed=job.seed, constraint=job.constraint
        )
    return job.sets if isinstance(job, WalkForwardJob) else None


def _check_sets(job: SpecJob, sets: ParameterSets | None) -> None:
    if sets is None:
        return
    from btkit.validation import check_sets  # noqa: PLC0415 - brings numba

    assert isinstance(job, SearchJob)
    values = job.axes()[1]
    check_sets(job.rules, values, sets, job.constraint)


def _inputs(job: SpecJob, loaded: LoadedBars, sets: ParameterSets | None) -> Inputs:
    from btkit.simulation import check_inputs, in_one_piece  # noqa: PLC0415 - brings numba
    from btkit.validation import with_parameters  # noqa: PLC0415 - likewise

    spec = job.strategy
    if sets is not None:
        # The last of a grid reaches back the furthest, as a rule.
        assert isinstance(job, SearchJob)
        spec = with_parameters(job.rules, sets.at(len(sets) - 1))
    # A validation scores what it was trained on in sample.
    kept: InSample = "scored" if isinstance(job, WalkForwardJob) else "apart"
    return check_inputs(
        in_one_piece,
        spec,
        loaded.bars,
        **job.account,
        start=loaded.start,
        benchmark=loaded.benchmark,
        others=loaded.others,
        detail=loaded.detail,
        in_sample=kept,
    )


def _scored(inputs: Inputs) -> Inputs:
    """Return what counts: of a run of a model the bars that it did not learn, and their warm-up."""
    if not isinstance(inputs.spec, ModelSpec):
        return inputs
    from btkit.simulation.trained import split_training  # noqa: PLC0415 - brings networks

    begin, end = split_training(inputs, inputs.bundles, inputs.spec)
    return inputs.deciding_from(begin if inputs.in_sample == "scored" else max(begin, end))


def _seen_whole(timed: Result, inputs: Inputs) -> Result:
    """Return what a slice reads, as columns of all the bars; nothing that it did is in it."""
    outcome = replace(timed.outcome, start=inputs.start, ruined=False)
    return replace(
        timed,
        all_bars=inputs.bars,
        quality=inputs.quality,
        stated=inputs.stated,
        feature_set=inputs.features,
        benchmark=inputs.benchmark,
        others=inputs.others,
        detail=inputs.detail,
        matched=inputs.matched,
        classified=inputs.classified,
        outcome=outcome,
    )


def _conditions(view: Result) -> list[PlannedCondition]:
    return [
        PlannedCondition(
            list=clause.list_name,
            index=clause.index,
            text=clause.text,
            names=tuple(sorted(names_of(clause.tree))),
        )
        for clause in view.clauses.expressions()
    ]


def _names(view: Result, data: DataSection) -> list[PlannedName]:
    lookbacks: dict[str, int | None] = {}
    for label, _, name in view.columns():
        entry = lookup(name)
        lookbacks[label] = None if entry is None else entry.lookback
    lookbacks |= {call.label: lookback_of(call) for call in view.clauses.calls()}
    return [
        PlannedName(
            name=label,
            lookback=lookback,
            missing=label in data.warmup.missing_until,
            missing_until=data.warmup.missing_until.get(label),
            fallback_bars=data.fallbacks.get(label, 0),
        )
        for label, lookback in lookbacks.items()
    ]


def _bundles(read: Sequence[tuple[str | None, KnownBundle]]) -> list[PlannedBundle]:
    return [
        PlannedBundle(
            name=name,
            path=known.path,
            known_from=known.known_from,
            trained_until=None
            if (until := known.bundle.trained_until) is None
            else bar_text(until),
            hash=known.bundle.hash,
        )
        for name, known in read
    ]


def _warnings(view: Result, names: list[PlannedName]) -> list[ReportWarning]:
    from btkit.simulation.warnings import find_warnings  # noqa: PLC0415 - brings numba

    found = [ReportWarning.model_validate(entry) for entry in find_warnings(view, view.data)]
    late = [
        f"{name.name} ({'never' if name.missing_until is None else f'from {name.missing_until}'})"
        for name in names
        if name.missing
    ]
    if late:
        message = f"At the first bar there is no value yet of {', '.join(late)}."
        found.append(ReportWarning(code="missing_at_start", message=message))
    return found


def _trials(job: SpecJob, loaded: LoadedBars, fingerprint: str, settings: Settings) -> Trials:
    with Store.from_settings(settings).snapshot() as snapshot:
        return count_trials(
            snapshot.connection,
            symbol=loaded.info.symbol,
            interval=loaded.info.interval,
            start=str(job.start),
            end=str(job.end),
            bars_hash=fingerprint,
        )


def _cost_of_run(found: _Found, sets: ParameterSets | None, trials: Trials) -> _Cost:
    del sets
    seconds = {"load": found.load_s, "simulate": found.pace.seconds(found.bars)}
    known = spec_hash(found.job.strategy) in trials.specs
    return _Cost(PlannedWork(simulations=1, sets=0, windows=[]), seconds, None, 0 if known else 1)


def _cost_of_sweep(found: _Found, sets: ParameterSets | None, trials: Trials) -> _Cost:
    del trials
    job = found.job
    assert isinstance(job, SweepJob)
    assert sets is not None
    pace = pace_of_sets(job, sets, found.inputs, threads=job.threads or usable_cores())
    count = len(sets)
    seconds = {
        "load": found.load_s,
        "simulate": pace.seconds(count, found.bars),
        "overfitting": pace.statistics(count, found.bars) + found.pace.seconds(found.bars),
    }
    return _Cost(PlannedWork(simulations=2 * count, sets=count, windows=[]), seconds, pace, count)


def _cost_of_walk_forward(found: _Found, sets: ParameterSets | None, trials: Trials) -> _Cost:
    from btkit.jobs.walk_forward import cut_windows  # noqa: PLC0415 - brings numba

    job = found.job
    assert isinstance(job, WalkForwardJob)
    cut = cut_windows(job, found.loaded)
    index = pd.DatetimeIndex(found.loaded.bars.index)[cut.offset :]
    windows = [
        PlannedWindow(
            is_start=index[window.is_first],
            is_end=index[window.is_last],
            is_bars=window.is_last - window.is_first + 1,
            oos_start=index[window.oos_first],
            oos_end=index[window.oos_last],
            oos_bars=window.oos_last - window.oos_first + 1,
        )
        for window in cut.windows
    ]
    runs = sum(
        found.pace.seconds(window.is_bars) + found.pace.seconds(window.oos_bars)
        for window in windows
    )
    seconds = {"load": found.load_s, "simulate": runs}
    count, pace = 0, None
    if sets is not None:
        count = len(sets)
        pace = pace_of_sets(job, sets, found.inputs, threads=usable_cores())
        seconds["optimize"] = sum(pace.seconds(count, window.is_bars) for window in windows)
    known = not count and spec_hash(job.strategy) in trials.specs
    work = PlannedWork(simulations=len(windows) * (2 + count), sets=count, windows=windows)
    return _Cost(work, seconds, pace, 0 if known else max(count, 1))


_COSTS: Mapping[str, Callable[[_Found, ParameterSets | None, Trials], _Cost]] = {
    "run": _cost_of_run,
    "options-sim": _cost_of_run,
    "walk-forward": _cost_of_walk_forward,
    "sweep": _cost_of_sweep,
}


def _estimate(found: _Found, cost: _Cost) -> Estimate:
    # What is loaded stays, a run comes to it.
    own = psutil.Process().memory_info().rss
    memory, timed = found.pace.bytes_per_bar * found.bars, f"a run of {found.pace.bars:,} bars"
    if cost.sets is not None:
        memory = max(memory, cost.sets.bytes_per_bar * found.bars)
        memory += cost.sets.bytes_per_set * cost.work.sets
        timed += f" and {cost.sets.sets:,} sets over {cost.sets.bars:,}"
    return Estimate(
        seconds=sum(cost.seconds.values()),
        seconds_by=cost.seconds,
        memory_bytes=int(own + np.ceil(memory)),
        how=f"Loading was timed, and on this machine, just now, {timed}, the last ones of the "
        "range, stored in a temporary folder; the rest in proportion. What it earned was thrown "
        "away unseen. The start of the process and the making of pages are not in it.",
    )
