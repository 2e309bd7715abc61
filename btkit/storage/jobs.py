"""Jobs that are not complete: whose they are, whether they may go on, and where they stand."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from btkit.errors import StoreBusyError, StoreError
from btkit.owner import now_text
from btkit.storage import rows
from btkit.storage.checkpoints import (
    CANCELLATION,
    Checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from btkit.storage.checksums import REPORT, check_request, forget_checksums
from btkit.storage.database import transaction
from btkit.storage.ids import check_job_id
from btkit.storage.job_rows import (
    SELECT_FAMILY,
    SELECT_JOB,
    SHARED_KINDS,
    JobKind,
    JobOutcome,
    JobRow,
    awaits_document,
    check_ownership,
    insert_job,
    is_own,
    name_of,
    second_text,
    set_status,
    shown_status,
    unknown_job,
)
from btkit.storage.reading import Database


@dataclass(frozen=True)
class ClaimedJob:
    """A job that this process may go on with.

    Parameters
    ----------
    job_id, kind
        Its id and its command.
    request
        What was asked for when it began.
    run
        The columns of the run's row; empty for a job that is no run.
    """

    job_id: str
    kind: JobKind
    request: dict[str, Any]
    run: dict[str, Any]


class JobProgress(NamedTuple):
    """How far a job is.

    Parameters
    ----------
    done, total
        Pieces of work.
    unit
        What they are, such as ``"sets"``.
    """

    done: int
    total: int
    unit: str


class JobTable:
    """Jobs in the database.

    Each method raises RunNotFoundError if there is no job of the id that it is given, and
    StoreError if the database cannot be written.

    Parameters
    ----------
    database
        Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.path = database.path

    def begin(self, job: JobRow) -> None:
        """Write the row of a job that is no run, and make it this process's own.

        A sweep has the same id whenever the same is asked, and begins again.
        """
        with self._database.change(create=True) as connection:
            insert_job(connection, job, created_at=second_text())
            # What an earlier asking left has no document now; its files are written anew.
            forget_checksums(connection, job.job_id, name=REPORT)

    def take(self, job_id: str) -> None:
        """Make a job this process's own again, so that more can be done for it."""
        with self._database.change() as connection:
            self._row(connection, job_id)
            set_status(connection, job_id, "running")

    def complete(self, job_id: str, document: Mapping[str, Any] | None) -> None:
        """Store the outcome of a job that is no run; a document that is yet to be made is None.

        Raises
        ------
        StoreError
            If the job was deleted or taken over.
        """
        outcome = None
        if document is not None:
            text = json.dumps(document, allow_nan=False)
            outcome = JobOutcome(bool(document["passed"]), text)
        with self._database.change() as connection:
            if self._row(connection, job_id)["kind"] not in SHARED_KINDS:
                check_ownership(connection, job_id, self.path)
            set_status(connection, job_id, "complete", outcome=outcome)

    def claim(self, job_id: str) -> ClaimedJob:
        """Make an unfinished job this process's own, so that it goes on as ``running``.

        Raises
        ------
        StoreError
            If it is complete or still at work, or began without a stored request.
        CorruptFileError
            If its request is not what was written.
        """
        job_id = check_job_id(job_id)
        if not self._database.exists():
            raise unknown_job(job_id, self.path)
        with self._database.change() as connection:
            row = self._row(connection, job_id)
            self._check_claim(row)
            check_request(connection, job_id, row["request"], self.path)
            set_status(connection, job_id, "running")
            connection.execute(
                "UPDATE btkit_jobs SET attempts = attempts + 1 WHERE job_id = ?", (job_id,)
            )
            run = connection.execute(rows.SELECT_RUN, (job_id,)).fetchone()
            # It runs again: a checkpoint that a cancellation left is one like any other.
            connection.execute(
                "UPDATE backtest_checkpoints SET type = 'periodic' WHERE run_id = ?", (job_id,)
            )
        return ClaimedJob(
            job_id, row["kind"], json.loads(row["request"]), {} if run is None else dict(run)
        )

    def beat(self, job_id: str, progress: JobProgress | None = None) -> bool:
        """Say that this process is still at work on a job, and how far it is, where that is known.

        Returns
        -------
        bool
            Whether somebody wants the job to stop.

        Raises
        ------
        StoreError
            If the job was taken over or deleted.
        """
        with self._database.change() as connection:
            return self._beat(connection, job_id, progress)

    def is_cancel_requested(self, job_id: str) -> bool:
        """Tell whether somebody wants a job to stop; reads only."""
        with self._database.open() as connection:
            row = connection.execute(
                "SELECT cancel_requested FROM btkit_jobs WHERE job_id = ?", (job_id,)
            ).fetchone()
        return row is not None and bool(row["cancel_requested"])

    def save_checkpoint(self, run_id: str, checkpoint: Checkpoint, *, first_part: int) -> bool:
        """Store where a run of this process stands: all of it, or nothing.

        Parameters
        ----------
        run_id
            The run.
        checkpoint
            Its `parts` are those since the last checkpoint.
        first_part
            How many parts are stored already; what lies beyond is replaced.

        Returns
        -------
        bool
            Whether somebody wants the run to stop.

        Raises
        ------
        StoreError
            If the run was taken over or deleted.
        """
        with self._database.change() as connection:
            wanted = self._beat(connection, run_id)
            write_checkpoint(connection, run_id, "periodic", checkpoint, first_part=first_part)
        return wanted

    def load_checkpoint(self, run_id: str) -> Checkpoint | None:
        """Return where an unfinished run stands, with all its parts.

        None if it has no checkpoint, or none that can be read.
        """
        opened = self._database.open()
        with opened as connection, transaction(connection, kind="DEFERRED"):
            return read_checkpoint(connection, run_id)

    def end(
        self,
        job_id: str,
        status: Literal["failed", "cancelled"],
        *,
        error_message: str,
        checkpoint: Checkpoint | None = None,
        first_part: int = 0,
    ) -> bool:
        """Mark a job of this process that ended before its time.

        Parameters
        ----------
        job_id, status
            The job, and how it ended. A run that was cancelled has a checkpoint of that type then.
        error_message
            Why, after the error's type.
        checkpoint
            As for `save_checkpoint`; None keeps the one there is.
        first_part
            As for `save_checkpoint`.

        Returns
        -------
        bool
            False if the job is complete already, and stays so.

        Raises
        ------
        StoreError
            If the database cannot be written, or the job was taken over or deleted.
        """
        with self._database.change() as connection:
            row = self._row(connection, job_id)
            if row["status"] == "complete":
                return False
            if row["kind"] in SHARED_KINDS and not is_own(row):
                # Another process does the same, and goes on.
                return True
            check_ownership(connection, job_id, self.path)
            if checkpoint is not None:
                write_checkpoint(
                    connection, job_id, CANCELLATION, checkpoint, first_part=first_part
                )
            mark_ended(connection, row, status, error_message)
        return True

    def request_cancel(self, job_id: str) -> Literal["cancelling", "cancelled"]:
        """Ask the processes at work on a job, and on its parts, to stop.

        Returns
        -------
        str
            ``"cancelling"``; or ``"cancelled"`` where its process is no more, so that the job
            was marked at once.

        Raises
        ------
        StoreError
            If it is not running.
        """
        job_id = check_job_id(job_id)
        if not self._database.exists():
            raise unknown_job(job_id, self.path)
        with self._database.change() as connection:
            row = self._row(connection, job_id)
            status = shown_status(row)
            if status not in ("running", "interrupted"):
                raise self._refuse(
                    row,
                    f"is {status}, so there is nothing to cancel",
                    f"`backtest report --run-id {job_id}` prints it.",
                )
            for member in connection.execute(SELECT_FAMILY, {"job_id": job_id}).fetchall():
                stands = shown_status(member)
                if stands == "running":
                    connection.execute(
                        "UPDATE btkit_jobs SET cancel_requested = 1 WHERE job_id = ?",
                        (member["job_id"],),
                    )
                elif stands == "interrupted":
                    message = "InterruptedRunError: It was cancelled after it broke off."
                    mark_ended(connection, member, "cancelled", message)
        return "cancelling" if status == "running" else "cancelled"

    def _row(self, connection: sqlite3.Connection, job_id: str) -> sqlite3.Row:
        row: sqlite3.Row | None = connection.execute(SELECT_JOB, (job_id,)).fetchone()
        if row is None:
            raise unknown_job(job_id, self.path)
        return row

    def _check_claim(self, row: sqlite3.Row) -> None:
        job_id, status = row["job_id"], shown_status(row)
        if (status == "complete" and not awaits_document(row)) or status == "running":
            raise self._refuse(
                row,
                f"is {status}, so there is nothing to resume",
                f"`backtest report --run-id {job_id}` prints it."
                if status == "complete"
                else "Wait for it, or stop it with `backtest cancel`.",
            )
        if row["request"] is None:
            raise self._refuse(
                row,
                f"is {status}, but what was asked of it is not stored",
                "Run the backtest again.",
            )

    def _refuse(self, row: sqlite3.Row, what: str, hint: str) -> StoreError:
        details = {"run_id": row["job_id"], "status": shown_status(row)}
        kind = StoreBusyError if details["status"] == "running" else StoreError
        return kind(f"{name_of(row)} {row['job_id']} {what}.", hint=hint, details=details)

    def _beat(
        self, connection: sqlite3.Connection, job_id: str, progress: JobProgress | None = None
    ) -> bool:
        row = connection.execute(SELECT_JOB, (job_id,)).fetchone()
        if row is None:
            raise StoreError(
                f"Run {job_id} was deleted from {self.path} while it ran.",
                hint="Run the backtest again.",
                details={"run_id": job_id, "database": str(self.path)},
            )
        if row["kind"] in SHARED_KINDS and not is_own(row):
            # Another process does the same; either may finish it.
            return bool(row["cancel_requested"])
        check_ownership(connection, job_id, self.path)
        done, total, unit = progress or (row["done"], row["total"], row["unit"])
        connection.execute(
            "UPDATE btkit_jobs SET heartbeat_at = ?, done = ?, total = ?, unit = ?"
            " WHERE job_id = ?",
            (now_text(), done, total, unit, job_id),
        )
        return bool(row["cancel_requested"])


def mark_ended(
    connection: sqlite3.Connection,
    row: sqlite3.Row,
    status: Literal["failed", "cancelled"],
    error_message: str,
) -> None:
    """Say of a job that it ended before its time; a run that was cancelled can go on from there.

    Parameters
    ----------
    connection
        In a transaction.
    row
        The job's.
    status, error_message
        As for `JobTable.end`.
    """
    if row["run_id"] is not None and status == "cancelled":
        connection.execute(
            "INSERT INTO backtest_checkpoints (run_id, type, saved_at) VALUES (?, ?, ?)"
            " ON CONFLICT (run_id) DO UPDATE SET type = excluded.type",
            (row["run_id"], CANCELLATION, now_text()),
        )
    set_status(connection, row["job_id"], status, error_message=error_message)
