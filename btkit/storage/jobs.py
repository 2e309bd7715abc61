"""Runs that are not complete: whose they are, whether they may go on, and where they stand."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from btkit.errors import RunNotFoundError, StoreError
from btkit.storage import rows
from btkit.storage.checkpoints import (
    CANCELLATION,
    Checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from btkit.storage.database import has_content, open_database, transaction
from btkit.storage.ids import check_run_id
from btkit.storage.owner import Owner, is_alive, now_text, this_process

Status = Literal["running", "interrupted", "cancelled", "complete", "failed"]
"""How a run stands. The tables know ``running``, ``complete`` and ``failed``: an interrupted run
is one that runs and whose process is no more, a cancelled one failed by being told to."""


@dataclass(frozen=True)
class Claimed:
    """A run that this process may go on with.

    Parameters
    ----------
    run
        The columns of its row.
    request
        What was asked for when it began.
    """

    run: dict[str, Any]
    request: dict[str, Any]


def shown_status(row: sqlite3.Row) -> Status:
    """Return how a run stands.

    Parameters
    ----------
    row
        As `rows.SELECT_RUN` and `rows.SELECT_RUNS` give it.
    """
    if row["status"] == "running":
        return "running" if _owner_is_alive(row) else "interrupted"
    if row["status"] == "failed" and row["checkpoint_type"] == CANCELLATION:
        return "cancelled"
    known: Status = row["status"]
    return known


def insert_job(
    connection: sqlite3.Connection, run_id: str, request: Mapping[str, Any] | None
) -> None:
    """Make a run, whose row was just written, this process's own."""
    text = None if request is None else json.dumps(request, allow_nan=False)
    connection.execute(
        "INSERT INTO backtest_jobs (run_id, request, host, pid, process_started, heartbeat_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (run_id, text, *this_process(), now_text()),
    )


def check_ownership(connection: sqlite3.Connection, run_id: str, path: Path) -> None:
    """Refuse to write about a run that another process has taken over.

    Raises
    ------
    StoreError
        If it has.
    """
    row = connection.execute(
        "SELECT host, pid, process_started FROM backtest_jobs WHERE run_id = ?", (run_id,)
    ).fetchone()
    # A run that an older btkit began has no such row.
    if row is not None and Owner(*row) != this_process():
        raise StoreError(
            f"Run {run_id} was taken over by another process, which will finish it.",
            hint="Leave it to that process; `backtest list` shows how it stands.",
            details={"run_id": run_id, "database": str(path)},
        )


def clear_job(connection: sqlite3.Connection, run_id: str) -> None:
    """Forget what only an unfinished run needs."""
    connection.execute("DELETE FROM backtest_jobs WHERE run_id = ?", (run_id,))
    connection.execute("DELETE FROM backtest_checkpoints WHERE run_id = ?", (run_id,))


def release_job(connection: sqlite3.Connection, run_id: str) -> None:
    """Say that nobody is at work on a run any more."""
    connection.execute(
        "UPDATE backtest_jobs SET host = NULL, pid = NULL, process_started = NULL,"
        " heartbeat_at = NULL, cancel_requested = 0 WHERE run_id = ?",
        (run_id,),
    )


class Jobs:
    """Unfinished runs in the database.

    Parameters
    ----------
    path
        The SQLite file.
    busy_timeout_s
        How long to wait for another program's lock, in seconds.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float) -> None:
        self.path = path
        self._open = partial(open_database, path, create=False, busy_timeout_s=busy_timeout_s)

    def claim(self, run_id: str) -> Claimed:
        """Make an unfinished run this process's own, so that it goes on as ``running``.

        Parameters
        ----------
        run_id
            The run's id.

        Returns
        -------
        Claimed
            What is known of it.

        Raises
        ------
        RunNotFoundError
            If there is no such run.
        StoreError
            If it is complete or still at work, or began without a stored request.
        """
        run_id = check_run_id(run_id)
        if not has_content(self.path):
            raise self._unknown(run_id)
        with self._open() as connection, transaction(connection):
            row = self._row(connection, run_id)
            status = shown_status(row)
            if status in ("complete", "running"):
                raise self._refuse(
                    row,
                    f"Run {run_id} is {status}, so there is nothing to resume",
                    f"`backtest report --run-id {run_id}` prints it."
                    if status == "complete"
                    else "Wait for it, or stop it with `backtest cancel`.",
                )
            if row["request"] is None:
                raise self._refuse(
                    row,
                    f"Run {run_id} is {status}, but what was asked of it is not stored",
                    "Run the backtest again.",
                )
            connection.execute(
                "UPDATE backtest_runs SET status = 'running', error_message = NULL,"
                " completed_at = NULL WHERE run_id = ?",
                (run_id,),
            )
            connection.execute(
                "UPDATE backtest_jobs SET host = ?, pid = ?, process_started = ?,"
                " heartbeat_at = ?, cancel_requested = 0 WHERE run_id = ?",
                (*this_process(), now_text(), run_id),
            )
            # It runs again: a checkpoint that a cancellation left is one like any other.
            connection.execute(
                "UPDATE backtest_checkpoints SET type = 'periodic' WHERE run_id = ?", (run_id,)
            )
        return Claimed(run=dict(row), request=json.loads(row["request"]))

    def beat(self, run_id: str) -> bool:
        """Say that this process is still at work on a run.

        Parameters
        ----------
        run_id
            The run's id.

        Returns
        -------
        bool
            Whether somebody wants the run to stop.

        Raises
        ------
        StoreError
            If the run was taken over or deleted.
        """
        with self._open() as connection, transaction(connection):
            return self._beat(connection, run_id)

    def is_cancel_requested(self, run_id: str) -> bool:
        """Tell whether somebody wants a run to stop; reads only.

        Parameters
        ----------
        run_id
            The run's id.
        """
        with self._open() as connection:
            row = connection.execute(
                "SELECT cancel_requested FROM backtest_jobs WHERE run_id = ?", (run_id,)
            ).fetchone()
        return row is not None and bool(row["cancel_requested"])

    def save_checkpoint(self, run_id: str, checkpoint: Checkpoint, *, first_part: int) -> bool:
        """Store where a run stands: all of it, or nothing.

        Parameters
        ----------
        run_id
            A run of this process.
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
            If the database cannot be written, or the run was taken over or deleted.
        """
        with self._open() as connection, transaction(connection):
            wanted = self._beat(connection, run_id)
            write_checkpoint(connection, run_id, "periodic", checkpoint, first_part=first_part)
        return wanted

    def load_checkpoint(self, run_id: str) -> Checkpoint | None:
        """Return where an unfinished run stands.

        Parameters
        ----------
        run_id
            The run's id.

        Returns
        -------
        Checkpoint or None
            With all its parts; None if it has no checkpoint, or none that can be read.
        """
        with self._open() as connection, transaction(connection, kind="DEFERRED"):
            return read_checkpoint(connection, run_id)

    def cancel(
        self,
        run_id: str,
        *,
        error_message: str,
        checkpoint: Checkpoint | None = None,
        first_part: int = 0,
    ) -> bool:
        """Mark a run of this process as cancelled, with a checkpoint of that type.

        Parameters
        ----------
        run_id
            The run's id.
        error_message
            Who or what stopped it.
        checkpoint
            As for `save_checkpoint`; None keeps the one there is.
        first_part
            As for `save_checkpoint`.

        Returns
        -------
        bool
            False if the run is complete already, and stays so.

        Raises
        ------
        StoreError
            If the database cannot be written, or the run was taken over or deleted.
        """
        with self._open() as connection, transaction(connection):
            if self._row(connection, run_id)["status"] == "complete":
                return False
            self._beat(connection, run_id)
            if checkpoint is not None:
                write_checkpoint(
                    connection, run_id, CANCELLATION, checkpoint, first_part=first_part
                )
            self._mark_cancelled(connection, run_id, error_message)
        return True

    def request_cancel(self, run_id: str) -> Literal["cancelling", "cancelled"]:
        """Ask the process at work on a run to stop.

        Parameters
        ----------
        run_id
            The run's id.

        Returns
        -------
        str
            ``"cancelling"``; or ``"cancelled"`` where its process is no more, so that the run
            was marked at once.

        Raises
        ------
        RunNotFoundError
            If there is no such run.
        StoreError
            If it is not running, or the database cannot be written.
        """
        run_id = check_run_id(run_id)
        if not has_content(self.path):
            raise self._unknown(run_id)
        with self._open() as connection, transaction(connection):
            row = self._row(connection, run_id)
            status = shown_status(row)
            if status == "running":
                connection.execute(
                    "UPDATE backtest_jobs SET cancel_requested = 1 WHERE run_id = ?", (run_id,)
                )
                return "cancelling"
            if status == "interrupted":
                self._mark_cancelled(connection, run_id, "It was cancelled after it broke off.")
                return "cancelled"
        raise self._refuse(
            row,
            f"Run {run_id} is {status}, so there is nothing to cancel",
            f"`backtest report --run-id {run_id}` prints what it came to.",
        )

    def _row(self, connection: sqlite3.Connection, run_id: str) -> sqlite3.Row:
        row: sqlite3.Row | None = connection.execute(rows.SELECT_RUN, (run_id,)).fetchone()
        if row is None:
            raise self._unknown(run_id)
        return row

    def _unknown(self, run_id: str) -> RunNotFoundError:
        return RunNotFoundError(
            f"There is no run {run_id} in {self.path}.",
            hint="`backtest list` shows the runs that exist; BT_DB_PATH names the database.",
            details={"run_id": run_id, "database": str(self.path)},
        )

    def _refuse(self, row: sqlite3.Row, message: str, hint: str) -> StoreError:
        details = {"run_id": row["run_id"], "status": shown_status(row)}
        return StoreError(f"{message}.", hint=hint, details=details)

    def _beat(self, connection: sqlite3.Connection, run_id: str) -> bool:
        check_ownership(connection, run_id, self.path)
        connection.execute(
            "UPDATE backtest_jobs SET heartbeat_at = ? WHERE run_id = ?", (now_text(), run_id)
        )
        row = connection.execute(
            "SELECT cancel_requested FROM backtest_jobs WHERE run_id = ?", (run_id,)
        ).fetchone()
        if row is None:
            raise StoreError(
                f"Run {run_id} was deleted from {self.path} while it ran.",
                hint="Run the backtest again.",
                details={"run_id": run_id, "database": str(self.path)},
            )
        return bool(row["cancel_requested"])

    def _mark_cancelled(
        self, connection: sqlite3.Connection, run_id: str, error_message: str
    ) -> None:
        connection.execute(
            "INSERT INTO backtest_checkpoints (run_id, type, saved_at) VALUES (?, ?, ?)"
            " ON CONFLICT (run_id) DO UPDATE SET type = excluded.type",
            (run_id, CANCELLATION, now_text()),
        )
        connection.execute(
            rows.FAIL_RUN,
            {
                "run_id": run_id,
                "error_message": f"InterruptedRunError: {error_message}",
                "completed_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            },
        )
        release_job(connection, run_id)


def _owner_is_alive(row: sqlite3.Row) -> bool:
    if row["host"] is None:
        return False
    owner = Owner(row["host"], row["pid"], row["process_started"])
    return is_alive(owner, row["heartbeat_at"])
