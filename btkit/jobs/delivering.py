"""Delivering what waits for object storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from btkit.errors import StoreError, UsageError
from btkit.jobs.progress import ProgressListener
from btkit.settings import Settings, read_settings
from btkit.storage import ObjectStore, Store, Uploads, has_content

# What a run takes on for the runs before it, in seconds; the rest is left to the next, or `sync`.
_LONGEST_S = 30.0


def deliver_queued(store: Store, progress: ProgressListener, *, first: str | None = None) -> None:
    """Deliver what waits for object storage, where there is any; a failure stays in the queue.

    Parameters
    ----------
    store, progress
        Whose queue, and what is notified.
    first
        The run to begin with.
    """
    if store.uploads is None or store.objects is None or not store.objects.is_on():
        return
    with progress.stage("deliver") as note:
        try:
            delivery = store.uploads.deliver(first=first, seconds=_LONGEST_S)
        except StoreError as error:
            # The run is stored and its files are queued: that is what counts.
            note(error.message)
            return
        note(f"{len(delivery.delivered)} to {store.objects.endpoint}")
        if delivery.waiting:
            reason = delivery.failures[0]["reason"] if delivery.failures else "another time"
            note(f"{delivery.waiting} queued for later: {reason}")


def queue_report(run_id: str, files: dict[str, Path], *, settings: Settings) -> dict[str, Any]:
    """Send a run's report files to object storage, now or later; return what `sync` does.

    Parameters
    ----------
    run_id
        A stored run.
    files
        Paths by kind: ``json``, ``notebook``, ``html``, ``csv``.
    settings
        Where the store and the bucket are.
    """
    uploads, _ = _object_storage_of(Store.from_settings(settings))
    uploads.queue_files(
        run_id, {kind: files[kind] for kind in ("json", "notebook", "html", "csv") if kind in files}
    )
    return sync(settings=settings, first=run_id)


def sync(
    *, settings: Settings | None = None, first: str | None = None, create_bucket: bool = False
) -> dict[str, Any]:
    """Deliver what is queued for object storage, each file once.

    Parameters
    ----------
    settings
        Where the store and the bucket are; None reads the BT_* environment.
    first
        The run to begin with.
    create_bucket
        Whether to make the bucket, if it is not there.

    Returns
    -------
    dict
        ``endpoint``, ``bucket``, ``delivered`` and ``removed`` (URLs), ``waiting`` (how many
        still wait), ``failures`` (run_id, object_key, reason) and ``queue``, what waits and why
        (see `Delivery.queue`).

    Raises
    ------
    StoreError
        If the database cannot be read or written, or the bucket not be made.
    UsageError
        If the settings name no object storage.
    """
    store = Store.from_settings(read_settings(settings))
    uploads, objects = _object_storage_of(store)
    if create_bucket:
        objects.make_bucket()
    place = {"endpoint": objects.endpoint, "bucket": objects.bucket}
    if not has_content(store.path):
        return {**place, "delivered": [], "removed": [], "waiting": 0, "failures": [], "queue": []}
    delivery = uploads.deliver(first=first)
    return {
        **place,
        "delivered": delivery.delivered,
        "removed": delivery.removed,
        "waiting": delivery.waiting,
        "failures": delivery.failures,
        "queue": delivery.queue,
    }


def _object_storage_of(store: Store) -> tuple[Uploads, ObjectStore]:
    if store.uploads is None or store.objects is None:
        raise UsageError(
            "The settings name no object storage.", hint="Give them a minio_endpoint, host:port."
        )
    return store.uploads, store.objects
