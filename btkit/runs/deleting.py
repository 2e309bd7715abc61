"""Deleting runs."""

from __future__ import annotations

from typing import Any

from btkit.runs.delivering import deliver_queued
from btkit.runs.environment import read_settings
from btkit.runs.progress import Silent
from btkit.settings import Settings
from btkit.storage import Store, check_run_id

_REPORT_ENDINGS = (".json", ".ipynb", ".html", ".failed.ipynb")


def delete(run_id: str, *, settings: Settings | None = None) -> dict[str, Any]:
    """Delete a run: its rows, its equity curve, its report files, its objects.

    Parameters
    ----------
    run_id
        A run that is not at work.
    settings
        Where the store is; None reads the BT_* environment.

    Returns
    -------
    dict
        ``run_id``, and ``files``, the files that were removed. Objects that could not be removed
        at once are removed by a later run or `sync`.

    Raises
    ------
    RunNotFoundError
        If there is no such run.
    StoreError
        If it is at work, or the database cannot be written.
    """
    known = read_settings() if settings is None else settings
    store = Store.from_settings(known)
    stem = check_run_id(run_id)
    files = store.delete(stem).files
    folder = known.report_dir.expanduser().absolute()
    for path in (folder / f"{stem}{ending}" for ending in _REPORT_ENDINGS):
        if path.is_file():
            path.unlink()
            files.append(path)
    deliver_queued(store, Silent())
    return {"run_id": stem, "files": [str(path) for path in files]}
