"""Deleting jobs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from btkit.errors import StoreError
from btkit.jobs.delivering import deliver_queued
from btkit.jobs.files import report_folder
from btkit.jobs.finished_sets import forget_finished
from btkit.jobs.progress import Silent
from btkit.settings import Settings, read_settings
from btkit.storage import SHARED_PAGES, Deleted, Store, check_job_id
from btkit.writing import sweep

_ENDINGS = (".json", ".ipynb", ".html", ".trades.csv", ".failed.ipynb", ".parquet")
_FOLDERS = ("-top", "-windows")
# Of the batch that was the last.
_SHARED = ("index.html", "compare.html", "compare.ipynb")


def delete(run_id: str, *, settings: Settings | None = None) -> dict[str, Any]:
    """Delete a job and its parts: rows, equity curves, report files, objects.

    Parameters
    ----------
    run_id
        A run, a sweep, a walk-forward validation or a batch that is not at work.
    settings
        Where the store is; None reads the BT_* environment.

    Returns
    -------
    dict
        ``run_id``; ``deleted``, the ids that are gone, the parts' included; and ``files``, the
        files that were removed. Objects that could not be removed at once are removed by a later
        run or `sync`.

    Raises
    ------
    RunNotFoundError
        If there is no such job.
    StoreError
        If it or a part of it is at work, the database cannot be written, or a file cannot be
        removed, which the error then names.
    """
    known = read_settings(settings)
    store = Store.from_settings(known)
    stem = check_job_id(run_id)
    gone = store.delete(stem)
    folder = report_folder(known)
    for job_id in gone.jobs:
        _remove_shared(folder, job_id, gone)
        _remove(_files_of(folder, job_id), gone)
        forget_finished(folder, job_id)
        sweep(folder, f"{job_id}.*")
    if folder / _SHARED[0] in gone.files:
        store.files.forget(SHARED_PAGES)
    deliver_queued(store, Silent())
    if gone.left:
        path, reason = next(iter(gone.left.items()))
        raise StoreError(
            f"{stem} is deleted, but {len(gone.left)} of its files cannot be removed, such as "
            f"{path}: {reason}.",
            hint="Remove them by hand, from an account that may write to their folder.",
            details={"run_id": stem, "left": [str(path) for path in gone.left]},
        )
    return {
        "run_id": stem,
        "deleted": list(gone.jobs),
        "files": [str(path) for path in gone.files],
    }


def _files_of(folder: Path, job_id: str) -> Iterator[Path]:
    yield from (folder / f"{job_id}{ending}" for ending in _ENDINGS)
    for ending in _FOLDERS:
        below = folder / f"{job_id}{ending}"
        if below.is_dir() and not below.is_symlink():
            yield from sorted(below.iterdir())
            shutil.rmtree(below, ignore_errors=True)


def _remove_shared(folder: Path, batch_id: str, gone: Deleted) -> None:
    """Remove the index and the comparison, where they are this batch's."""
    index, own = folder / _SHARED[0], folder / f"{batch_id}.html"
    try:
        is_own = index.read_bytes() == own.read_bytes()
    except OSError:
        return
    if is_own:
        _remove((folder / name for name in _SHARED), gone)


def _remove(paths: Iterator[Path], gone: Deleted) -> None:
    for path in paths:
        if path.is_file():
            try:
                path.unlink()
            except OSError as error:
                gone.left[path] = error.strerror or str(error)
            else:
                gone.files.append(path)
