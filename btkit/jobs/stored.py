"""Reading what runs left behind, and the documents made of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

from btkit.arguments import check_choice, check_flag, check_whole
from btkit.documents import (
    RunDocument,
    build_provenance,
    build_report,
    check_result,
    describe_run,
    gather_versions,
)
from btkit.markets import check_symbol
from btkit.settings import Settings, read_settings
from btkit.storage import JobKind, Status, Store

if TYPE_CHECKING:
    from btkit.simulation import Result

_STATUSES: tuple[Status, ...] = get_args(Status)
_KINDS: tuple[JobKind, ...] = get_args(JobKind)


def load_run(run_id: str, *, settings: Settings | None = None) -> RunDocument:
    """Return a complete run from the store: report, trades, curve.

    Parameters
    ----------
    run_id
        The run's id.
    settings
        None reads the BT_* environment.

    Returns
    -------
    RunDocument
        As it was stored.

    Raises
    ------
    RunNotFoundError
        If there is no such run.
    StoreError
        If the run is not complete, or the store cannot be read.
    """
    return _store(settings).load(run_id)


def load_document(
    run_id: str, *, trades: bool = False, settings: Settings | None = None
) -> dict[str, Any]:
    """Return the JSON document of a stored job, whatever its status.

    Parameters
    ----------
    run_id
        The id of a run, a sweep, a walk-forward validation or a batch.
    trades
        Whether the list of a run's trades is added under ``trades``.
    settings
        None reads the BT_* environment.

    Returns
    -------
    dict
        Exactly what its command printed. What is not complete has no metrics, and one that ended
        before its time says why in ``error``.

    Raises
    ------
    RunNotFoundError
        If there is no such job.
    StoreError
        If the store cannot be read.
    """
    store = _store(settings)
    return store.document_with_trades(run_id) if trades else store.document(run_id)


def list_runs(
    symbol: str | None = None,
    *,
    limit: int = 20,
    status: str | None = None,
    kind: str | None = None,
    parent: str | None = None,
    everything: bool = False,
    after: str | None = None,
    settings: Settings | None = None,
) -> list[dict[str, Any]]:
    """List what was asked for, the newest first: runs, sweeps, walk-forwards, batches.

    Parameters
    ----------
    symbol
        Only on this instrument, in upper or lower case; None for all.
    limit
        At most so many, 1 or more.
    status
        Only what is ``"running"``, ``"interrupted"`` (its process is no more), ``"cancelled"``,
        ``"complete"`` or ``"failed"``; None for all.
    kind
        Only ``"run"``, ``"options-sim"``, ``"walk-forward"``, ``"sweep"`` or ``"batch"``; None
        for all.
    parent
        The parts of this job, in their order: the runs of a walk-forward's windows, or the jobs
        of a batch.
    everything
        Whether parts are listed like what was asked for itself.
    after
        Only what stands after the job of this id in the list, to go on where a list ended.
    settings
        None reads the BT_* environment.

    Returns
    -------
    list of dict
        Empty where nothing was stored yet. See `Store.runs` for the keys.

    Raises
    ------
    UsageError
        If the symbol, the limit, the status or the kind makes no sense.
    RunNotFoundError
        If there is no job `parent`, or none `after`.
    StoreError
        If the store cannot be read.

    Examples
    --------
    >>> list_runs("SPX", kind="run")  # doctest: +SKIP
    """
    return _store(settings).runs(
        symbol=None if symbol is None else check_symbol(symbol),
        limit=check_whole(
            limit, "limit", least=1, hint="Give how many to list at most, such as 50."
        ),
        status=None
        if status is None
        else check_choice(status, _STATUSES, name="status", noun="status"),
        kind=None if kind is None else check_choice(kind, _KINDS, name="kind", noun="kind"),
        parent=parent,
        everything=check_flag(everything, "everything"),
        after=after,
    )


def report(result: Result, *, settings: Settings | None = None) -> dict[str, Any]:
    """Return the JSON document of a result.

    Parameters
    ----------
    result
        What `run`, `options_sim` or `simulate` returned.
    settings
        None reads the BT_* environment.

    Returns
    -------
    dict
        The stored document if the run was stored, else one that is built now.

    Raises
    ------
    StoreError
        If the run was stored, and the store cannot be read.
    """
    known = read_settings(settings)
    check_result(result)
    if result.run_id is not None:
        return load_document(result.run_id, settings=known)
    now = datetime.now(UTC)
    return build_report(
        result,
        describe_run(result, created_at=now, completed_at=now),
        min_trades_required=known.min_trades_required,
        provenance=build_provenance(result, versions=gather_versions()),
    ).to_dict()


def _store(settings: Settings | None) -> Store:
    return Store.from_settings(read_settings(settings))
