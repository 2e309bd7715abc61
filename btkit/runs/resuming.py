"""Taking up again what was broken off, and stopping what runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from btkit.errors import BtkitError
from btkit.report import RunInfo
from btkit.runs.environment import read_settings
from btkit.runs.execute import carry_out
from btkit.runs.progress import Progress, Silent
from btkit.runs.run_request import RunRequest
from btkit.settings import Settings
from btkit.storage import Claimed, Store

if TYPE_CHECKING:
    from btkit.simulation import Result

_UNFINISHED = {"status": "running", "completed_at": None, "error_message": None}


def resume(
    run_id: str, *, settings: Settings | None = None, progress: Progress | None = None
) -> Result:
    """Go on with a run that was interrupted, was cancelled or failed.

    It goes on at the bar after its last checkpoint, and gives what it would have given unbroken,
    to the last bit. Where the bars, the versions or the code are not those of the checkpoint, it
    starts again at its first bar, for the same reason.

    Parameters
    ----------
    run_id
        The run's id.
    settings
        Where the store is and where bars come from; None reads the BT_* environment. Strategy,
        capital, costs and source are those that the run began with.
    progress
        Told of each stage.

    Returns
    -------
    Result
        With the same run id, now complete.

    Raises
    ------
    RunNotFoundError
        If there is no such run.
    StoreError
        If it is complete, still at work, or cannot be resumed.
    BtkitError
        As `run`. It can be resumed again then.
    """
    known = read_settings() if settings is None else settings
    store = Store.from_settings(known)
    claimed = store.jobs.claim(run_id)
    request, info = _read_claim(store, claimed)
    return carry_out(
        request, info, store, settings=known, progress=progress or Silent(), is_resumed=True
    )


def cancel(run_id: str, *, settings: Settings | None = None) -> dict[str, Any]:
    """Ask a run to stop; its own process does so between two stages or parts of a simulation.

    Parameters
    ----------
    run_id
        The run's id.
    settings
        Where the store is; None reads the BT_* environment.

    Returns
    -------
    dict
        ``run_id`` and ``status``: ``"cancelling"``, or ``"cancelled"`` where the run had lost
        its process before.

    Raises
    ------
    RunNotFoundError
        If there is no such run.
    StoreError
        If it is not running.
    """
    store = Store.from_settings(read_settings() if settings is None else settings)
    return {"run_id": run_id, "status": store.jobs.request_cancel(run_id)}


def _read_claim(store: Store, claimed: Claimed) -> tuple[RunRequest, RunInfo]:
    fields = {name: claimed.run[name] for name in RunInfo.model_fields}
    try:
        return RunRequest.from_json(claimed.request), RunInfo.model_validate(fields | _UNFINISHED)
    except BtkitError as error:
        message = f"{type(error).__name__}: {error.message}"
        store.fail(fields["run_id"], error_message=message, completed_at=datetime.now(UTC))
        raise
