"""What becomes of an operation at its end: its job goes into the store, where everybody sees it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Literal

from btkit.errors import BtkitError, ConflictError, InterruptedRunError, StoreError
from btkit.jobs.delivering import deliver_queued
from btkit.jobs.progress import Silent
from btkit.settings import Settings
from btkit.storage import Ending, Store
from btkit.storage.parcels import job_in, unpack_job


def end_operation(ending: Ending, store: Store, settings: Settings) -> None:
    """Store what came of an operation, and say how it ended.

    Of one that was cancelled or failed, a whole job leaves where it stands: it can be resumed here,
    too.

    Raises
    ------
    StoreError
        If the store cannot be written for now, such as for a full disk. The operation has not
        ended then, and nothing is lost.
    """
    operations, operation_id = store.operations, ending.operation_id
    parcel = None
    if ending.outcome is not None:
        parcel = operations.files.path_of(operation_id, ending.outcome)
    elif ending.has_parcel:
        parcel = operations.files.parcel_of(operation_id)
    try:
        job_id = None if parcel is None else _merge(ending, parcel, store, settings)
    except BtkitError as error:
        if error.retryable:
            raise
        # Whatever a worker brought that is no parcel, or another job's.
        operations.end(operation_id, "failed", job_id=None, error=error.to_document()["error"])
        return
    operations.end(operation_id, ending.status, job_id=job_id)
    if job_id is not None:
        deliver_queued(store, Silent(), first=job_id)


def _merge(ending: Ending, parcel: Path, store: Store, settings: Settings) -> str:
    job_id = job_in(parcel)
    if ending.job_id is None:
        _refuse_known(job_id, ending, store)
        # Before anything of it is there: whoever is killed now finds its own job later.
        store.operations.note_job(ending.operation_id, job_id)
    unpack_job(parcel, store, settings, replaces=ending.job_id or job_id, ended=_ended(ending))
    return job_id


def _ended(ending: Ending) -> tuple[Literal["failed", "cancelled"], str] | None:
    """Return what is said of a job whose worker was lost, or stopped before it could say it."""
    if ending.status == "complete":
        return None
    error = ending.error or {
        "type": InterruptedRunError.__name__, "message": "It was cancelled on the server.",
    }  # fmt: skip
    return ending.status, f"{error['type']}: {error['message']}"


def _refuse_known(job_id: str, ending: Ending, store: Store) -> None:
    with suppress(StoreError):
        kind = store.kind_of(job_id)
        if kind != "sweep":
            raise ConflictError(
                f"A worker brought a job {job_id} that the store has already.",
                hint="Resume the operation: another worker does it anew.",
                details={"operation_id": ending.operation_id, "run_id": job_id},
            )
