"""The one function that every job is handed to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pandas as pd

from btkit.data import LoadedBars
from btkit.errors import BtkitError, UsageError
from btkit.jobs.batch_run import PASSED, SOFT_FAILURE, execute_batch, line_of
from btkit.jobs.execution import BatchHooks, Execution
from btkit.jobs.job import JOB, BaseJob, SpecJob, WalkForwardJob
from btkit.jobs.pool import Line, Task
from btkit.jobs.progress import ProgressListener, Silent, check_progress
from btkit.jobs.single_run import execute_run
from btkit.jobs.stored import load_document
from btkit.jobs.sweep import execute_sweep
from btkit.settings import Settings, read_settings
from btkit.storage import ClaimedJob, Part

if TYPE_CHECKING:
    from btkit.jobs.walk_forward import WalkForwardResult


@dataclass(frozen=True)
class Handler:
    """How a kind of job is carried out.

    Parameters
    ----------
    execute
        Does it.
    id_of
        Returns the id that is stored, of what came of it.
    """

    execute: Callable[[Any, Execution], Any]
    id_of: Callable[[Any], str]


def _execute_walk_forward(job: WalkForwardJob, given: Execution) -> WalkForwardResult:
    # Its document brings numba, and listing or reading runs does without it.
    from btkit.jobs.walk_forward import execute_walk_forward  # noqa: PLC0415

    return execute_walk_forward(job, given)


_RUN = Handler(execute_run, attrgetter("run_id"))
HANDLERS: Mapping[str, Handler] = {
    "run": _RUN,
    "options-sim": _RUN,
    "walk-forward": Handler(_execute_walk_forward, attrgetter("report.walk_forward_id")),
    "sweep": Handler(execute_sweep, attrgetter("sweep_id")),
    "batch": Handler(execute_batch, attrgetter("batch_id")),
}
"""By the job's kind."""


def execute(  # noqa: PLR0913 - the job, where it goes, and what is at hand already
    job: BaseJob,
    *,
    settings: Settings | None = None,
    progress: ProgressListener | None = None,
    bars: pd.DataFrame | Mapping[str, pd.DataFrame] | LoadedBars | None = None,
    benchmark: pd.DataFrame | None = None,
    detail: pd.DataFrame | None = None,
    store: bool | None = None,
    part: Part | None = None,
    claimed: ClaimedJob | None = None,
    batch: BatchHooks | None = None,
    scores_training: bool = False,
    plan_hash: str | None = None,
) -> Any:  # noqa: ANN401 - each kind of job has its own outcome
    """Carry out what was asked for.

    Parameters
    ----------
    job
        What was asked for.
    settings
        Where bars come from, and where outcomes go; None reads the BT_* environment.
    progress
        Notified of each stage.
    bars
        As `simulate` takes them, or loaded already; then nothing is loaded. Of frames by symbol the
        one is traded that no condition reads.
    benchmark
        The bars of what `bars` are measured against.
    detail
        The finer bars inside of `bars`, where the spec goes by some.
    store
        Whether the outcome is stored; None stores that of bars that are loaded here.
    part
        The place of the job within another.
    claimed
        The stored job that goes on.
    batch
        What is done about the jobs of a batch; None makes no pages.
    scores_training
        Whether bars count that a model was trained on.
    plan_hash
        Of `plan_job`: the job is refused if it is no longer what was planned, before anything of
        it is done or stored.

    Returns
    -------
    Result, SweepResult, WalkForwardResult or BatchResult
        By the job's kind.

    Raises
    ------
    SpecError, UsageError
        If the spec is refused, or makes no sense with the job; or bars of which nobody says where
        they are from are to be stored. Nothing is stored then.
    NoDataError, DataError, SourceError, StoreError
        If bars cannot be had or the outcome not be stored.
    PlanChangedError
        If the spec, the data, the arguments or the code are not what was planned.

    Examples
    --------
    >>> from btkit.jobs.job import RunJob
    >>> job = RunJob(spec="strategies/golden_cross.yaml", symbol="SPX", source="sample",
    ...              start=date(2005, 1, 3), end=date(2018, 12, 31))  # doctest: +SKIP
    >>> execute(job).metrics.sharpe_ratio  # doctest: +SKIP
    """
    if store and isinstance(bars, pd.DataFrame | Mapping):
        raise UsageError(
            "What is stored says where its bars are from, and a frame does not say it.",
            hint="Load them with `btkit.data`, or leave out store=True.",
            details={"argument": "bars"},
        )
    given = Execution(
        settings=read_settings(settings),
        progress=check_progress(progress),
        bars=bars,
        benchmark=benchmark,
        detail=detail,
        is_stored=bars is None if store is None else store,
        part=part,
        claimed=claimed,
        batch=batch or BatchHooks(execute_task),
        scores_training=scores_training,
    )
    if plan_hash is not None:
        from btkit.jobs.plan_hash import hold_to  # noqa: PLC0415 - only who planned waits for it

        given = hold_to(job, plan_hash, given)
    return HANDLERS[job.kind].execute(job, given)


def execute_task(task: Task) -> Line:
    """Carry out a job of a batch, and return its line; no pages are made."""
    job = JOB.validate_json(task.job)
    assert isinstance(job, SpecJob)
    return execute_part(job, Part(task.batch_id, task.number), Execution(task.settings, Silent()))


def execute_part(
    job: SpecJob, part: Part, given: Execution, *, stops: tuple[type[BtkitError], ...] = ()
) -> Line:
    """Carry out a job of a batch that was begun, store what came of it, and return its line.

    Parameters
    ----------
    job, part
        The job, and its place in the batch.
    given
        Where and with what it is executed.
    stops
        Errors that are not the job's own, and are raised.
    """
    began = time.perf_counter()
    try:
        handler = HANDLERS[job.kind]
        result = handler.execute(job, replace(given, is_stored=True, part=part))
        document = load_document(handler.id_of(result), settings=given.settings)
        code = PASSED if document["passed"] else SOFT_FAILURE
    except stops:
        raise
    except BtkitError as error:
        document, code = error.to_document(), error.exit_code
    seconds = time.perf_counter() - began
    return line_of(part.number, job, document, exit_code=code, seconds=seconds)
