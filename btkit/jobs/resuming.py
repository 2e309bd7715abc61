"""Taking up again what was broken off, and stopping what runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from btkit.documents import RunInfo
from btkit.errors import BtkitError, UsageError
from btkit.jobs.execute import carry_out
from btkit.jobs.progress import Progress, check_progress
from btkit.jobs.run_request import RunRequest
from btkit.settings import Settings, read_settings
from btkit.storage import Claimed, Store, check_job_id

if TYPE_CHECKING:
    from btkit.jobs.walk_forward import WalkForwardResult
    from btkit.simulation import Result
    from btkit.validation import SweepResult

_UNFINISHED = {"status": "running", "completed_at": None, "error_message": None}


def resume(
    run_id: str, *, settings: Settings | None = None, progress: Progress | None = None
) -> Result | SweepResult | WalkForwardResult:
    """Go on with what was interrupted, was cancelled or failed.

    A run goes on at the bar after its last checkpoint, and gives what it would have given unbroken,
    to the last bit. Where the bars, the versions or the code are not those of the checkpoint, it
    starts again at its first bar, for the same reason. A sweep and the searches of a walk-forward
    validation go on with the sets that they have not tried.

    Parameters
    ----------
    run_id
        The id of a run, a sweep or a walk-forward validation.
    settings
        Where the store is and where bars come from; None reads the BT_* environment. Strategy,
        capital, costs and source are those that it began with.
    progress
        Told of each stage.

    Returns
    -------
    Result, SweepResult or WalkForwardResult
        With the same id, now complete.

    Raises
    ------
    RunNotFoundError
        If there is no such job.
    StoreError
        If it is complete, still at work, or cannot be resumed.
    UsageError
        If it is a batch, which only the command goes on with.
    BtkitError
        As the verb that began it. It can be resumed again then.
    """
    known = read_settings(settings)
    watched = check_progress(progress)
    store = Store.from_settings(known)
    if store.kind_of(run_id) == "batch":
        raise UsageError(
            f"{run_id} is a batch, whose jobs run in processes of their own.",
            hint=f"`backtest resume --run-id {run_id}` goes on with it.",
            details={"run_id": run_id, "kind": "batch"},
        )
    claimed = store.jobs.claim(run_id)
    if claimed.kind == "sweep":
        from btkit.jobs.sweep import go_on_with_sweep  # noqa: PLC0415 - few need it

        return go_on_with_sweep(claimed, settings=known, progress=watched)
    if claimed.kind == "walk-forward":
        from btkit.jobs.walk_forward import go_on_with_walk_forward  # noqa: PLC0415 - likewise

        return go_on_with_walk_forward(claimed, settings=known, progress=watched)
    request, info = _read_claim(store, claimed)
    return carry_out(request, info, store, settings=known, progress=watched, is_resumed=True)


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


def _read_claim(store: Store, claimed: Claimed) -> tuple[RunRequest, RunInfo]:
    fields = {name: claimed.run[name] for name in RunInfo.model_fields}
    try:
        return RunRequest.from_json(claimed.request), RunInfo.model_validate(fields | _UNFINISHED)
    except BtkitError as error:
        message = f"{type(error).__name__}: {error.message}"
        store.fail(fields["run_id"], error_message=message, completed_at=datetime.now(UTC))
        raise
