"""Taking up again what was broken off, and stopping what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from btkit.data import LoadedBars
from btkit.errors import BtkitError
from btkit.jobs.asking import stored_job
from btkit.jobs.dispatch import execute
from btkit.jobs.execution import BatchHooks
from btkit.jobs.job import Job, SpecJob
from btkit.jobs.prepare import prepare
from btkit.jobs.progress import ProgressListener, check_progress
from btkit.settings import Settings, read_settings
from btkit.storage import ClaimedJob, Store, check_job_id

if TYPE_CHECKING:
    from btkit.jobs.batch_run import BatchResult
    from btkit.jobs.walk_forward import WalkForwardResult
    from btkit.simulation import Result
    from btkit.validation import SweepResult


def resume(
    run_id: str,
    *,
    settings: Settings | None = None,
    progress: ProgressListener | None = None,
    batch: BatchHooks | None = None,
    bars: LoadedBars | None = None,
) -> Result | SweepResult | WalkForwardResult | BatchResult:
    """Go on with what was interrupted, was cancelled or failed.

    A run goes on at the bar after its last checkpoint, and gives what it would have given unbroken,
    to the last bit. Where the bars, the versions or the code are not those of the checkpoint, it
    starts again at its first bar, for the same reason. A sweep and the searches of a walk-forward
    validation go on with the sets that they have not tried, a batch with the jobs it lacks.

    Parameters
    ----------
    run_id
        The id of a run, a sweep, a walk-forward validation or a batch.
    settings
        Where the store is and where bars come from; None reads the BT_* environment. Strategy,
        capital, costs and source are those that it began with.
    progress
        Notified of each stage.
    batch
        As `execute` takes it.
    bars
        Those of the job, loaded already; None loads them.

    Returns
    -------
    Result, SweepResult, WalkForwardResult or BatchResult
        With the same id, now complete.

    Raises
    ------
    RunNotFoundError
        If there is no such job.
    StoreError
        If it is complete, still at work, or cannot be resumed.
    BtkitError
        As the verb that began it. It can be resumed again then.
    """
    known = read_settings(settings)
    watched = check_progress(progress)
    store = Store.from_settings(known)
    claimed = store.jobs.claim(run_id)
    job = _read_claim(store, claimed, settings=known)
    result: Result | SweepResult | WalkForwardResult | BatchResult = execute(
        job,
        settings=known,
        progress=watched,
        bars=bars,
        store=True,
        claimed=claimed,
        batch=batch,
    )
    return result


def cancel(run_id: str, *, settings: Settings | None = None) -> dict[str, Any]:
    """Ask a job to stop, and its parts; its own process does so at the next opportunity.

    Parameters
    ----------
    run_id
        The id of a run, a sweep, a walk-forward validation or a batch.
    settings
        Where the store is; None reads the BT_* environment.

    Returns
    -------
    dict
        ``run_id`` and ``status``: ``"cancelling"``, or ``"cancelled"`` where the job had lost
        its process before.

    Raises
    ------
    RunNotFoundError
        If there is no such job.
    StoreError
        If it is not running.
    """
    store = Store.from_settings(read_settings(settings))
    return {"run_id": check_job_id(run_id), "status": store.jobs.request_cancel(run_id)}


def _read_claim(store: Store, claimed: ClaimedJob, *, settings: Settings) -> Job:
    try:
        job = stored_job(claimed.request)
        return prepare(job, settings=settings) if isinstance(job, SpecJob) else job
    except BtkitError as error:
        message = f"{type(error).__name__}: {error.message}"
        store.jobs.end(claimed.job_id, "failed", error_message=message)
        raise
