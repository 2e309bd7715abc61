"""What a worker does with an order: fetch, do, hand in."""

from __future__ import annotations

import sqlite3
import threading
import traceback
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

from btkit.data import LoadedBars, unpack_bars
from btkit.errors import (
    BtkitError,
    CorruptFileError,
    InternalError,
    LeaseLostError,
    OutOfMemoryError,
    ServerError,
    StoreFullError,
    read_error,
)
from btkit.jobs.asking import stored_job
from btkit.jobs.dispatch import HANDLERS, execute, execute_task
from btkit.jobs.execution import BatchHooks, Execution
from btkit.jobs.job import Job, SpecJob
from btkit.jobs.pieces import DIVISIONS, FINISH, WHOLE, Piece
from btkit.jobs.prepare import prepare
from btkit.jobs.resuming import resume
from btkit.service.beats import Beats
from btkit.service.blobs import Blobs
from btkit.service.bundle_hashes import check_bundles
from btkit.service.kept import Kept
from btkit.service.lease_client import LeaseClient, is_temporary, persist, say
from btkit.service.orders import WorkOrder, read_order
from btkit.service.scratch import scratch
from btkit.settings import Settings, read_settings
from btkit.storage import Store
from btkit.storage.parcels import pack_job, unpack_job
from btkit.writing import is_full, write_whole

_LOOK_S = 1.0
# Contents that are on their way, or wait to be read: they take room on the disk.
_AHEAD = 4


def work(order: str) -> None:
    """Do what an order says, and hand in what came of it; that is all a worker ever does.

    Bars and what was done before are fetched from the server, what comes of it is handed in there,
    and how far it is said each 200 ms, all under the lease of the order. What is wrong with the
    work itself is handed in as well, and not raised here.

    Parameters
    ----------
    order
        What the server wrote: the JSON of a `WorkOrder`.

    Raises
    ------
    UsageError
        If it is no order.
    ServerError
        If the server was away for so long that nothing could be handed in.
    """
    known, settings = read_order(order), read_settings()
    with (
        LeaseClient(known.server, known.token, settings=settings) as client,
        scratch(settings, known.settings) as inside,
        Store.from_settings(inside).database.kept_open(),
    ):
        _Work(known, client, settings, inside).do()


@lru_cache(maxsize=1)
def _kept_bars(megabytes: int) -> Kept[LoadedBars]:
    return Kept(megabytes)


class _Work:
    def __init__(
        self, order: WorkOrder, client: LeaseClient, settings: Settings, inside: Settings
    ) -> None:
        self._order, self._client = order, client
        self._settings, self._inside = settings, inside
        self._folder = inside.db_path.parent
        self._store = Store.from_settings(inside)
        whole = order.piece == WHOLE
        # Soon after each checkpoint, whenever that is.
        every_s = min(_LOOK_S, order.settings.checkpoint_seconds)
        self._beats = Beats(client, save=self._save if whole else None, every_s=every_s)
        self._sending = threading.Lock()
        self._saved: object = self._mark()

    def do(self) -> None:
        with self._beats as beats:
            try:
                path = self._outcome()
                persist(partial(self._client.put_result, path), wait=beats.wait)
            except LeaseLostError as error:
                self._tell(error.message)
            except Exception as error:
                if isinstance(error, ServerError) and is_temporary(error):
                    # It was away for as long as anybody waits.
                    raise
                self._fail(error)

    def _outcome(self) -> Path:
        """Return the file of what the piece came to."""
        order = self._order
        job: Job = stored_job(order.job)
        if isinstance(job, SpecJob):
            job = prepare(job, settings=self._inside)
        division = DIVISIONS[job.kind]
        piece = order.piece
        reads = division.inputs_of(job, piece)
        if reads is not None and reads is not job:
            # A job of a batch is as it was asked for.
            reads = prepare(reads, settings=self._inside)
        bars, no_bars = self._bars(), self._no_bars()
        if reads is not None and no_bars is None:
            if bars is None:
                raise InternalError(
                    "The order has neither the bars of its job nor why there are none.",
                    hint="Report it; a worker never loads bars itself.",
                )
            check_bundles(reads, order.bundles)
        if piece == WHOLE:
            return self._packed(self._whole(job, bars))
        given = Execution(
            self._inside,
            self._beats,
            bars=bars,
            no_bars=no_bars,
            batch=BatchHooks(execute_task),
        )
        if piece == FINISH:
            path = self._packed(division.finish(job, self._contents(), given))
        else:
            path = self._folder / "content"
            write_whole(path, division.work(job, piece, given), private=True)
        if reads is job:
            # It is put together with what others measured, and says nothing of its models itself:
            # their files may have been replaced since they were looked at.
            check_bundles(reads, order.bundles)
        return path

    def _whole(self, job: Job, bars: LoadedBars | None) -> str:
        before = self._begun() if self._order.resumes else None
        if before is not None and self._is_complete(before):
            # Who did it was lost when nothing but its result was to be handed in.
            return before
        if before is None:
            result: Any = execute(
                job, settings=self._inside, progress=self._beats, bars=bars, store=True
            )
        else:
            self._tell("It goes on from the checkpoint of an earlier attempt.")
            result = resume(before, settings=self._inside, progress=self._beats, bars=bars)
        return HANDLERS[job.kind].id_of(result)

    def _begun(self) -> str | None:
        """Return the id of the job that goes on, unpacked; None where it begins anew."""
        path = self._folder / "begun.parcel"
        if not persist(partial(self._client.fetch_parcel, path), wait=self._beats.wait):
            return None
        try:
            return unpack_job(path, self._store, self._inside)
        except CorruptFileError as error:
            # That costs time, and changes no number.
            self._tell(f"It begins anew: {error.message}")
            return None

    def _is_complete(self, job_id: str) -> bool:
        row = next(row for row in self._store.runs(limit=None) if row["run_id"] == job_id)
        return row["status"] == "complete" and not row["resumable"]

    def _bars(self) -> LoadedBars | None:
        sha256 = self._order.bars
        if sha256 is None:
            return None

        def fetch() -> tuple[LoadedBars, int]:
            content = Blobs.from_settings(self._settings).find(sha256)
            if content is None:
                content = persist(partial(self._client.fetch_data, sha256), wait=self._beats.wait)
            return unpack_bars(content), len(content)

        return _kept_bars(self._settings.worker_cache_mb).get(sha256, fetch)

    def _no_bars(self) -> BtkitError | None:
        said = self._order.no_bars
        if said is None:
            return None
        return read_error(said["type"], said["message"], hint=said["hint"], details=said["details"])

    def _contents(self) -> Iterator[tuple[Piece, Path]]:
        """Yield all contents in their order; the next ones are fetched while one is read."""

        def fetch(number: int) -> tuple[Piece, Path]:
            path = self._folder / f"content-{number}"
            call = partial(self._client.fetch_content, number, path)
            return persist(call, wait=self._beats.wait), path

        numbers = iter(range(self._order.contents))
        with ThreadPoolExecutor(_AHEAD, thread_name_prefix="fetch") as pool:
            ahead = deque(pool.submit(fetch, number) for number in islice(numbers, _AHEAD))
            while ahead:
                piece, path = ahead.popleft().result()
                ahead.extend(pool.submit(fetch, number) for number in islice(numbers, 1))
                yield piece, path
                # Whoever asks for the next one has read it.
                path.unlink()

    def _packed(self, job_id: str) -> Path:
        path = self._folder / "job.parcel"
        pack_job(self._store, job_id, self._inside, path)
        return path

    def _save(self) -> None:
        """Hand in how far a whole job is, if that has changed."""
        with self._sending:
            mark = self._mark()
            if mark == self._saved or (job_id := self._job_id) is None:
                return
            path = self._folder / "saved.parcel"
            pack_job(self._store, job_id, self._inside, path)
            self._client.put_parcel(path)
            self._saved = mark

    def _mark(self) -> object:
        """Return what is another thing whenever more of a whole job is kept."""
        if not self._store.database.exists():
            return [], []
        with self._store.database.open() as connection:
            saved = connection.execute(
                "SELECT run_id, saved_at FROM backtest_checkpoints"
            ).fetchall()
        sets = self._inside.report_dir.glob(".*.parts/*.parquet")
        return sorted(map(tuple, saved)), sorted(path.name for path in sets)

    @property
    def _job_id(self) -> str | None:
        """The job in the store; None before it begins."""
        found = self._store.runs(limit=1)
        return found[0]["run_id"] if found else None

    def _fail(self, error: Exception) -> None:
        known = _told(error)
        self._tell(f"{type(known).__name__}: {known.message}")
        document = known.to_document()["error"]
        try:
            self._hand_in_as_it_ended()
            persist(partial(self._client.put_failure, document), wait=self._beats.wait)
        except LeaseLostError as lost:
            self._tell(lost.message)

    def _hand_in_as_it_ended(self) -> None:
        """Hand in a whole job with its last checkpoint, and how its row says that it ended."""
        if self._order.piece != WHOLE or (job_id := self._job_id) is None:
            return
        try:
            # What is on its way must not come after this, which has more.
            with self._sending:
                path = self._packed(job_id)
                persist(partial(self._client.put_parcel, path), wait=self._beats.wait)
                self._saved = self._mark()
        except LeaseLostError:
            raise
        except BtkitError as second:
            # Why it ended is the news; it would be lost with this.
            self._tell(f"How far it came could not be handed in: {second.message}")

    def _tell(self, text: str) -> None:
        say(f"Operation {self._order.operation_id}, {self._order.piece}: {text}")


def _told(error: Exception) -> BtkitError:
    """Return what the server is told of an error: nothing of this machine's folders."""
    if _is_full(error):
        return StoreFullError(
            "The worker has no room on its disk for what it works on.",
            hint="Make space where its TMPDIR is, or set that to another folder.",
        )
    if isinstance(error, MemoryError):
        return OutOfMemoryError.of(error)
    if isinstance(error, BtkitError):
        return error
    incident = uuid.uuid4().hex
    text = "".join(traceback.format_exception(error))
    say(f"incident {incident}\n{text}")
    return InternalError(
        f"A worker failed in a way it should not, by {type(error).__name__}.",
        hint="This is a fault in btkit; the worker's log has it under this incident.",
        details={"incident": incident},
    )


def _is_full(error: BaseException | None) -> bool:
    if isinstance(error, OSError) and is_full(error):
        return True
    if isinstance(error, sqlite3.OperationalError) and "disk is full" in str(error):
        return True
    return error is not None and _is_full(error.__cause__)
