"""Jobs as rows of their table: what was asked for, whose it is, how it stands."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from btkit.errors import RunNotFoundError, StoreBusyError
from btkit.owner import Owner, is_alive, now_text, this_process
from btkit.storage.checksums import note_checksums, report_checksum, request_checksum

JobKind = Literal["run", "options-sim", "walk-forward", "sweep", "batch"]
"""What was asked for, by the name of its command."""

Status = Literal["running", "interrupted", "cancelled", "complete", "failed"]
"""How a job stands. The table has all but ``interrupted``, which is a job that runs and whose
process is no more."""

SHARED_KINDS: frozenset[JobKind] = frozenset({"sweep"})
"""Jobs whose id says what is asked: asked again they go on, and several processes may be at work
on one, since either comes to the same."""

FOUND_UNDER: Mapping[Status, str] = {
    "running": "running",
    "interrupted": "running",
    "cancelled": "cancelled",
    "failed": "failed",
    "complete": "complete",
}
"""The stored status of a job that is shown with another."""


@dataclass(frozen=True)
class Part:
    """The place of a job within another one.

    Parameters
    ----------
    parent_id
        The job that it is a part of.
    number
        Its place there, from 1.
    """

    parent_id: str
    number: int


@dataclass(frozen=True)
class JobRow:
    """A job as it begins.

    Parameters
    ----------
    job_id, kind
        Its id and its command.
    request
        What was asked for, plain JSON values.
    part
        Its place within another job, if it has one.
    strategy_name, strategy_version, symbol, interval, start_date, end_date
        What a list shows of it; None where it has no such thing, or several.
    """

    job_id: str
    kind: JobKind
    request: Mapping[str, Any] | None
    part: Part | None = None
    strategy_name: str | None = None
    strategy_version: str | None = None
    symbol: str | None = None
    interval: str | None = None
    start_date: str | None = None
    end_date: str | None = None


@dataclass(frozen=True)
class JobOutcome:
    """What a job came to.

    Parameters
    ----------
    passed
        Whether it passed.
    document
        The JSON that its command prints.
    equity_curve_url
        Where the curve of a run is; None for a job that is no run.
    """

    passed: bool
    document: str
    equity_curve_url: str | None = None


SELECT_JOB = "SELECT * FROM btkit_jobs WHERE job_id = ?"

SELECT_DOCUMENT = """
SELECT j.run_id, coalesce(r.report, j.document) AS document FROM btkit_jobs j
LEFT JOIN backtest_runs r USING (run_id) WHERE j.job_id = ?
"""

SELECT_FAMILY = """
WITH RECURSIVE family (job_id) AS (
    VALUES (:job_id)
    UNION SELECT j.job_id FROM btkit_jobs j JOIN family f ON j.parent_id = f.job_id
)
SELECT j.* FROM family f JOIN btkit_jobs j USING (job_id)
"""
"""A job and all its parts, theirs included."""

_INSERT = """
INSERT INTO btkit_jobs
    (job_id, kind, status, run_id, parent_id, part, created_at, strategy_name, strategy_version,
     symbol, interval, start_date, end_date, request, host, pid, process_started, heartbeat_at)
VALUES
    (:job_id, :kind, 'running', :run_id, :parent_id, :part, :created_at, :strategy_name,
     :strategy_version, :symbol, :interval, :start_date, :end_date, :request, :host, :pid,
     :process_started, :heartbeat_at)
ON CONFLICT (job_id) DO UPDATE SET
    status = 'running', created_at = excluded.created_at, completed_at = NULL,
    error_message = NULL, passed = NULL, document = NULL, request = excluded.request,
    done = NULL, total = NULL, unit = NULL, host = excluded.host, pid = excluded.pid,
    process_started = excluded.process_started, heartbeat_at = excluded.heartbeat_at,
    cancel_requested = 0, attempts = attempts + 1
"""

_SET_STATUS = """
UPDATE btkit_jobs SET
    status = :status, completed_at = :completed_at, error_message = :error_message,
    passed = coalesce(:passed, passed),
    document = CASE WHEN run_id IS NULL THEN coalesce(:document, document) END,
    host = :host, pid = :pid, process_started = :process_started, heartbeat_at = :heartbeat_at,
    cancel_requested = 0
WHERE job_id = :job_id
"""

_SET_STATUS_OF_RUN = """
UPDATE backtest_runs SET
    status = :documented, completed_at = :completed_at, error_message = :error_message,
    passed = coalesce(:passed, passed), report = coalesce(:document, report),
    equity_curve_url = coalesce(:equity_curve_url, equity_curve_url)
WHERE run_id = :job_id
"""


def insert_job(
    connection: sqlite3.Connection, job: JobRow, *, created_at: str, run_id: str | None = None
) -> None:
    """Write the row of a job of this process; one that has the same id begins again.

    Parameters
    ----------
    connection
        In a transaction.
    job
        What it is.
    created_at
        As `second_text` gives it.
    run_id
        Its own id where it is a run.
    """
    host, pid, started = this_process()
    values = {
        **vars(job),
        "parent_id": None if job.part is None else job.part.parent_id,
        "part": None if job.part is None else job.part.number,
        "created_at": created_at,
        "run_id": run_id,
        "request": None if job.request is None else json.dumps(job.request, allow_nan=False),
        "host": host,
        "pid": pid,
        "process_started": started,
        "heartbeat_at": now_text(),
    }
    connection.execute(_INSERT, values)
    if values["request"] is not None:
        note_checksums(connection, [request_checksum(job.job_id, values["request"])])


def shown_status(row: sqlite3.Row) -> Status:
    """Return how a job stands.

    Parameters
    ----------
    row
        With its status and its owner.
    """
    known: Status = row["status"]
    if known == "running" and not _owner_is_alive(row):
        return "interrupted"
    return known


def check_ownership(connection: sqlite3.Connection, job_id: str, path: Path) -> None:
    """Refuse to write about a job that another process has taken over.

    Raises
    ------
    StoreError
        If it has.
    """
    row = connection.execute(
        "SELECT kind, run_id, host, pid, process_started FROM btkit_jobs WHERE job_id = ?",
        (job_id,),
    ).fetchone()
    # A run that the first version of btkit began has no owner.
    if row is not None and row["host"] is not None and not is_own(row):
        raise StoreBusyError(
            f"{name_of(row)} {job_id} was taken over by another process, which will finish it.",
            hint="Leave it to that process; `backtest list` shows how it stands.",
            details={"run_id": job_id, "database": str(path)},
        )


def is_own(row: sqlite3.Row) -> bool:
    """Tell whether a job is this process's."""
    return Owner(row["host"], row["pid"], row["process_started"]) == this_process()


def set_status(
    connection: sqlite3.Connection,
    job_id: str,
    status: Status,
    *,
    completed_at: str | None = None,
    error_message: str | None = None,
    outcome: JobOutcome | None = None,
) -> None:
    """Say how a job stands, and whose it is: this process's where it runs, else nobody's.

    All that is said of a job's status is said here. Its row of `btkit_jobs` is the truth. That of
    a run in `backtest_runs`, which other programs read, says the same in the same transaction, and
    calls a cancelled run failed.

    Parameters
    ----------
    connection
        In a transaction.
    job_id, status
        The job, and how it stands now.
    completed_at
        When it ended, as `second_text` gives it; None takes the present moment.
    error_message
        Why it ended before its time.
    outcome
        What it came to; None leaves what is stored of an earlier one.
    """
    runs = status == "running"
    host, pid, started = this_process() if runs else (None, None, None)
    values = {
        "job_id": job_id,
        "status": status,
        "documented": "failed" if status == "cancelled" else status,
        "completed_at": None if runs else completed_at or second_text(),
        "error_message": error_message,
        "passed": None if outcome is None else outcome.passed,
        "document": None if outcome is None else outcome.document,
        "equity_curve_url": None if outcome is None else outcome.equity_curve_url,
        "host": host,
        "pid": pid,
        "process_started": started,
        "heartbeat_at": now_text() if runs else None,
    }
    connection.execute(_SET_STATUS, values)
    connection.execute(_SET_STATUS_OF_RUN, values)
    if outcome is not None:
        note_checksums(connection, [report_checksum(job_id, outcome.document)])


def unknown_job(job_id: str, path: Path) -> RunNotFoundError:
    """Return the error that says that a job does not exist.

    Parameters
    ----------
    job_id
        The id that was asked for.
    path
        Of the database.
    """
    return RunNotFoundError(
        f"There is no run {job_id} in {path}.",
        hint="`backtest list --all` shows what there is; BT_DB_PATH names the database.",
        details={"run_id": job_id, "database": str(path)},
    )


def second_text() -> str:
    """Return the present moment as documents have it, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def name_of(row: sqlite3.Row) -> str:
    """Return what a job is called at the beginning of a sentence."""
    return "Run" if row["run_id"] is not None else str(row["kind"]).capitalize()


def awaits_document(row: sqlite3.Row) -> bool:
    """Return whether a job is done but for its document: the sets of a sweep may be."""
    return row["status"] == "complete" and row["run_id"] is None and row["document"] is None


def _owner_is_alive(row: sqlite3.Row) -> bool:
    if row["host"] is None:
        return False
    owner = Owner(row["host"], row["pid"], row["process_started"])
    return is_alive(owner, row["heartbeat_at"])
