"""Reports of what is stored, made when somebody looks, in a process of their own."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Any

from btkit.errors import ConflictError, CorruptFileError, QueueFullError, RenderError, StoreError
from btkit.jobs import load_document
from btkit.jobs.files import report_folder
from btkit.settings import Settings
from btkit.storage import JobKind, Store

_MOST_WAITING = 8
_LONGEST_S = 180.0


class PageMaker:
    """Makes one report at a time, and keeps it in BT_REPORT_DIR beside those of the command.

    A report is a notebook that runs, so it has a process of its own: what goes wrong there is no
    harm here.

    Parameters
    ----------
    settings
        Where the store and the report folder are.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()
        self._room = threading.Semaphore(_MOST_WAITING)

    def page(self, job_id: str) -> bytes:
        """Return the report of what is complete, as HTML.

        Parameters
        ----------
        job_id
            Of a run, a sweep, a walk-forward validation or a batch.

        Raises
        ------
        RunNotFoundError
            If there is none of this id.
        ConflictError
            If it is not complete.
        QueueFullError
            If too many wait for theirs.
        RenderError, StoreError
            If it cannot be made.
        """
        _check_complete(job_id, self._settings)
        if not self._room.acquire(blocking=False):
            raise QueueFullError(
                f"{_MOST_WAITING} reports are being made.", hint="Ask again in a few seconds."
            )
        try:
            return self._started().submit(make_page, job_id, self._settings).result(_LONGEST_S)
        except (BrokenProcessPool, TimeoutError) as error:
            self.close()
            raise RenderError(
                f"The process that made the report of {job_id} was lost.",
                hint="`backtest report --run-id ID --render` on the server's machine says why.",
                details={"run_id": job_id},
            ) from error
        finally:
            self._room.release()

    def _started(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                # Afresh: one that is forked would inherit threads and locks half-way.
                context = get_context("spawn")
                self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin)
            return self._pool

    def close(self) -> None:
        """End the process; the next report begins another one."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            for process in list(pool._processes.values()):  # noqa: SLF001 - it has no other way to end one that hangs
                process.terminate()
            pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    # Ctrl-C goes to the whole group; the server says when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_outlive_nobody, daemon=True).start()


def _outlive_nobody() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _check_complete(job_id: str, settings: Settings) -> None:
    document = load_document(job_id, settings=settings)
    if "error" in document or ("run" in document and document["metrics"] is None):
        status = document["run"]["status"]
        raise ConflictError(
            f"{job_id} is {status}; there is nothing to make a report of.",
            hint="GET /runs/{id} says how it stands.",
            details={"run_id": job_id, "status": status},
        )


def make_page(job_id: str, settings: Settings) -> bytes:
    """Return the report of what is complete: the one that lies there, or a new one.

    Parameters
    ----------
    job_id, settings
        As for `PageMaker`.

    Raises
    ------
    RenderError, StoreError
        If it cannot be made.
    """
    store = Store.from_settings(settings)
    kind = store.kind_of(job_id)
    document = load_document(job_id, settings=settings)
    if kind == "batch":
        from btkit.render.index import index_page  # noqa: PLC0415 - only where it is made

        lines = [
            {**line, "files": {"html": f"/runs/{line['run_id']}/page"} if "metrics" in line else {}}
            for line in document["results"]
        ]
        return index_page(lines, link=str).encode()
    return _kept(store, job_id, settings) or _made(job_id, document, kind, settings)


def _kept(store: Store, job_id: str, settings: Settings) -> bytes | None:
    """Return the report that lies in the folder, if it is as it was written and whole by itself."""
    folder, name = report_folder(settings), f"{job_id}.html"
    if not (folder / name).is_file():
        return None
    try:
        content = store.files.read(job_id, folder, name)
    except (CorruptFileError, OSError):
        return None
    # One that shares the folder's script is of no use without the folder.
    return None if b"<script src=" in content else content


def _made(job_id: str, document: dict[str, Any], kind: JobKind, settings: Settings) -> bytes:
    # A process that makes none does without papermill and plotly.
    from btkit.render.leaving import prepare_folder, write_report_files  # noqa: PLC0415 - see above

    prepare_folder(settings)
    files = write_report_files(job_id, document, kind=kind, settings=settings)
    try:
        return files["html"].read_bytes()
    except OSError as error:
        raise StoreError(
            f"The report of {job_id} cannot be read: {error.strerror or error}.",
            hint="Check the folder that BT_REPORT_DIR of the server names.",
        ) from error
