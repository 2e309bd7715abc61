"""Runs in SQLite, their equity curves beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from btkit.documents import Report, RunDocument, RunInfo
from btkit.errors import StoreBusyError, StoreError
from btkit.settings import Settings
from btkit.storage import rows
from btkit.storage.checksums import forget_checksums, note_checksums, stored_trades_checksum
from btkit.storage.curves import LocalCurves
from btkit.storage.database import (
    BUSY_TIMEOUT_S,
    migrate,
    transaction,
)
from btkit.storage.ids import check_job_id, check_run_id
from btkit.storage.inspection import Inspection
from btkit.storage.job_rows import (
    SELECT_FAMILY,
    SELECT_JOB,
    JobKind,
    JobOutcome,
    JobRow,
    Part,
    Status,
    check_ownership,
    insert_job,
    set_status,
    shown_status,
    unknown_job,
)
from btkit.storage.jobs import JobTable
from btkit.storage.kept_files import KeptFiles
from btkit.storage.listing import JobFilter
from btkit.storage.objects import ObjectStore
from btkit.storage.operations import OperationTable
from btkit.storage.reading import Database
from btkit.storage.snapshot import StoreSnapshot
from btkit.storage.uploads import Uploads, queue_removal, queue_upload


@dataclass(frozen=True)
class Deleted:
    """What a deletion took away.

    Parameters
    ----------
    jobs
        Kinds by id: the job itself, then its parts.
    files
        Curves.
    left
        Curves that could not be removed, and why.
    """

    jobs: dict[str, JobKind]
    files: list[Path]
    left: dict[Path, str]


class Store:
    """Everything that jobs leave behind.

    Each method has a connection of its own, so that a store may be shared between threads; none
    outlives its use but within `Database.kept_open`. Reading never makes a file.

    Parameters
    ----------
    path
        The SQLite file.
    curves
        Where equity curves live on this machine.
    objects
        Where they go from there; None keeps them.
    keep_local
        Whether what went there stays on this machine as well.
    private
        Whether only its owner may read the database.
    busy_timeout_s
        How long to wait for another program's lock, in seconds.
    service_dir
        Where a server keeps what workers bring; None is a folder beside the database.

    Attributes
    ----------
    jobs
        Whose they are, and how far.
    operations
        What a server was asked to have done, and who is at work on it.
    """

    def __init__(
        self,
        path: Path,
        *,
        curves: LocalCurves,
        objects: ObjectStore | None = None,
        keep_local: bool = False,
        private: bool = False,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        service_dir: Path | None = None,
    ) -> None:
        self.database = Database(path.expanduser().absolute(), private, busy_timeout_s)
        self.curves = curves
        self.objects = objects
        self.keep_local = keep_local
        self.jobs = JobTable(self.database)
        folder = self.path.with_name("service") if service_dir is None else service_dir
        self.operations = OperationTable(self.database, folder / "operations")

    @classmethod
    def from_settings(cls, settings: Settings) -> Store:
        """Return the store that BT_DB_PATH, BT_CURVE_DIR and the BT_MINIO_* variables name."""
        return cls(
            settings.db_path,
            curves=LocalCurves(settings.curve_dir, private=settings.private),
            objects=ObjectStore.from_settings(settings),
            keep_local=settings.keep_local,
            private=settings.private,
            service_dir=settings.service_dir,
        )

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self.database.path

    @property
    def files(self) -> KeptFiles:
        """What lies in the report folder."""
        return KeptFiles(self.database)

    @property
    def inspection(self) -> Inspection:
        """Its parts, one by one."""
        return Inspection(self.database, curves=self.curves, objects=self.objects)

    @property
    def uploads(self) -> Uploads | None:
        """What is to go to object storage; None where there is none to go to."""
        if self.objects is None:
            return None
        return Uploads(
            self.database, self.objects, find_curve=self.curves.path_of, keep_local=self.keep_local
        )

    def begin(
        self,
        run: RunInfo,
        *,
        interval: str,
        kind: JobKind = "run",
        request: Mapping[str, Any] | None = None,
        part: Part | None = None,
    ) -> None:
        """Write the row of a run that is about to start.

        Parameters
        ----------
        run
            With a run id and the status ``"running"``.
        interval
            The bars' interval, such as ``"1d"``.
        kind
            ``"run"`` or ``"options-sim"``.
        request
            What resuming it needs to know, plain JSON values; None where it cannot be resumed.
        part
            Its place within another job; None where it was asked for itself.

        Raises
        ------
        StoreError
            If the database cannot be written.
        """
        with self.database.change(create=True) as connection:
            connection.execute(rows.INSERT_RUN, rows.run_row(run, interval=interval))
            job = JobRow(
                str(run.run_id), kind, request, part, run.strategy_name, run.strategy_version,
                run.symbol, interval, run.start_date, run.end_date,
            )  # fmt: skip
            insert_job(connection, job, created_at=run.created_at, run_id=job.job_id)

    def complete(self, document: RunDocument) -> RunDocument:
        """Store the outcome of a run: all of it, or nothing.

        Parameters
        ----------
        document
            Its report has the id of a run that was begun, and the status ``"complete"``.

        Returns
        -------
        RunDocument
            The same, its report with the URL of the stored curve.

        Raises
        ------
        StoreError
            If the database or the curve cannot be written, or the run is not ``running``.
        """
        run_id = check_run_id(document.report.run.run_id or "")
        goes_on = self.objects is not None and self.objects.is_on()
        with self.curves.writing(run_id, document.curve) as pending:
            report = document.report.model_copy(update={"equity_curve_url": pending.url})
            with self.database.change(create=True) as connection:
                self._write(connection, run_id, report, document.trades)
                note_checksums(connection, [pending.checksum])
                if goes_on:
                    queue_upload(connection, run_id, kind="curve", path=pending.path)
                # Last, and under the lock: no other process can have the run's name by now.
                pending.publish()
        return RunDocument(report=report, trades=document.trades, curve=document.curve)

    def delete(self, job_id: str) -> Deleted:
        """Remove a job and its parts: rows, metrics, trades, checkpoints and curves.

        What they have in object storage is queued for removal.

        Raises
        ------
        RunNotFoundError
            If there is no such job.
        StoreError
            If it or a part is still at work, or the database cannot be written.
        """
        job_id = check_job_id(job_id)
        if not self.database.exists():
            raise unknown_job(job_id, self.path)
        with self.database.change() as connection:
            family = connection.execute(SELECT_FAMILY, {"job_id": job_id}).fetchall()
            if not family:
                raise unknown_job(job_id, self.path)
            for member in family:
                self._delete_row(connection, member)
        gone = Deleted({member["job_id"]: member["kind"] for member in family}, [], {})
        for member in family:
            if member["run_id"] is not None:
                self._delete_curve(member["run_id"], gone)
        return gone

    def _delete_curve(self, run_id: str, gone: Deleted) -> None:
        path = self.curves.path_of(run_id)
        was_there = path.exists()
        try:
            self.curves.delete(run_id)
        except OSError as error:
            gone.left[path] = error.strerror or str(error)
        else:
            gone.files.extend([path] if was_there else [])

    def _delete_row(self, connection: sqlite3.Connection, job: sqlite3.Row) -> None:
        job_id = job["job_id"]
        if shown_status(job) == "running":
            raise StoreBusyError(
                f"Run {job_id} is running.",
                hint=f"Stop it first: `backtest cancel --run-id {job_id}`.",
                details={"run_id": job_id, "status": "running"},
            )
        bucket = "" if self.objects is None else self.objects.bucket
        queue_removal(connection, job_id, bucket=bucket)
        forget_checksums(connection, job_id)
        connection.execute("DELETE FROM backtest_runs WHERE run_id = ?", (job_id,))
        connection.execute("DELETE FROM btkit_jobs WHERE job_id = ?", (job_id,))

    def document(self, job_id: str) -> dict[str, Any]:
        """Return the JSON document of a job, as its command printed it: the whole report.

        A job that is not complete has a ``run`` object, no metrics, and does not pass; one that
        ended early says why in ``error``.

        Raises
        ------
        RunNotFoundError
            If there is no such job.
        StoreError
            If the database cannot be read.
        """
        document = self.document_with_trades(job_id)
        # What has a damaged part is refused as a whole.
        return {name: document[name] for name in document if name != "trades"}

    def document_with_trades(self, job_id: str) -> dict[str, Any]:
        """Return what `document` does and, under ``trades``, those of a run."""
        with self.snapshot() as snapshot:
            document, known, is_run = snapshot.read(job_id)
            if not is_run:
                return document
            return {**document, "trades": snapshot.trades(check_job_id(job_id), known)}

    def kind_of(self, job_id: str) -> JobKind:
        """Return by which command a job was asked for; see `document`."""
        with self.snapshot() as snapshot:
            return snapshot.kind_of(job_id)

    def load(self, run_id: str) -> RunDocument:
        """Return a complete run as it was stored: report, trades, curve.

        Raises
        ------
        RunNotFoundError
            If there is no such run.
        StoreError
            If the run is not complete, or its parts cannot be read.
        """
        with self.snapshot() as snapshot:
            return snapshot.load(run_id)

    def runs(
        self,
        *,
        symbol: str | None = None,
        limit: int | None = 20,
        status: Status | None = None,
        kind: JobKind | None = None,
        parent: str | None = None,
        everything: bool = False,
        after: str | None = None,
    ) -> list[dict[str, Any]]:
        """List what was asked for, the newest first.

        Parameters
        ----------
        symbol
            Only jobs on this instrument, in upper or lower case; None for all.
        limit
            At most so many; None for all.
        status
            Only jobs that stand so; None for all.
        kind
            Only jobs of this command; None for all.
        parent
            The parts of this job, in their order, such as the runs of a batch.
        everything
            Whether parts are listed like what was asked for itself.
        after
            Only what stands after this job in the list, such as the last one of a page.

        Returns
        -------
        list of dict
            Per job its id (``run_id``), kind, parent and place there; the report's ``run`` object,
            interval, verdict, curve URL; four metrics (out of sample for a walk-forward
            validation, of the best set for a sweep), which are None unless it is complete; how
            often it was begun or taken up, how far it is, and whether it can be resumed.

        Raises
        ------
        RunNotFoundError
            If there is no job `parent`, or none `after`.
        StoreError
            If the database cannot be read.
        """
        place = None if parent is None else check_job_id(parent)
        last = None if after is None else check_job_id(after)
        wanted = JobFilter(symbol, status, kind, place, everything, last)
        with self.snapshot() as snapshot:
            for known in (place, last):
                if known is not None:
                    snapshot.kind_of(known)
            return list(islice(snapshot.jobs(wanted), limit))

    @contextmanager
    def snapshot(self) -> Iterator[StoreSnapshot]:
        """Read all that is wanted as of one moment.

        Yields
        ------
        StoreSnapshot
            Until the block ends. Where there is no database, it is empty, and none is made.

        Raises
        ------
        StoreError
            If the database cannot be read.
        """
        opened = self.database.read() if self.database.exists() else self._nothing()
        with opened as connection, transaction(connection, kind="DEFERRED"):
            yield StoreSnapshot(connection, self.path, self.curves, self.objects, self.snapshot)

    @contextmanager
    def _nothing(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            migrate(connection, self.path)
            yield connection

    def _write(
        self, connection: sqlite3.Connection, run_id: str, report: Report, trades: pd.DataFrame
    ) -> None:
        check_ownership(connection, run_id, self.path)
        job = connection.execute(SELECT_JOB, (run_id,)).fetchone()
        if job is None or job["status"] != "running":
            raise StoreError(
                f"Run {run_id} is not running in {self.path}, so its outcome was not stored.",
                hint="Its row was removed or finished by another program; run the backtest again.",
                details={"run_id": run_id, "database": str(self.path)},
            )
        connection.execute(rows.INSERT_METRICS, rows.metrics_row(report.metrics))
        connection.executemany(rows.INSERT_METRIC_VALUE, rows.metric_values(report.metrics))
        connection.executemany(rows.INSERT_TRADE, rows.trade_rows(run_id, trades))
        note_checksums(connection, [stored_trades_checksum(connection, run_id)])
        connection.execute("DELETE FROM backtest_checkpoints WHERE run_id = ?", (run_id,))
        text = report.to_json(indent=None)
        outcome = JobOutcome(report.passed, text, report.equity_curve_url)
        ended = report.run.completed_at
        set_status(connection, run_id, "complete", completed_at=ended, outcome=outcome)
