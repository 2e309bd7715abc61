"""Looking at all of a store, and putting single parts of it right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from btkit.documents import MetricsSection, Report, read_report
from btkit.errors import CorruptFileError
from btkit.storage import rows
from btkit.storage.checksums import (
    REPORT,
    TRADES,
    Checksum,
    check_content,
    check_request,
    known_checksums,
    note_checksums,
    report_checksum,
    stored_trades_checksum,
)
from btkit.storage.curves import LocalCurves
from btkit.storage.job_rows import SELECT_DOCUMENT, SELECT_JOB
from btkit.storage.objects import ObjectStore
from btkit.storage.reading import Database
from btkit.storage.uploads import queue_upload

# The rows of a job, and what stands both in its document and in columns of these.
_ROWS = (SELECT_JOB, rows.SELECT_RUN)
_LISTED = (
    "strategy_name",
    "strategy_version",
    "symbol",
    "start_date",
    "end_date",
    "initial_capital",
    "commission_per_contract",
    "slippage_pct",
    "completed_at",
    "status",
    "passed",
)
REMOTE = "s3://"
"""How the URL of a curve in object storage begins."""


@dataclass(frozen=True)
class StoredJob:
    """What the database says of a job.

    Parameters
    ----------
    job_id, kind, status
        As `backtest list` has them; a job whose process is gone still is ``running`` here.
    is_run
        Whether it has trades and a curve.
    curve_url
        Where the curve is, for a complete run.
    """

    job_id: str
    kind: str
    status: str
    is_run: bool
    curve_url: str | None


class Inspection:
    """The parts of a store, one by one.

    Parameters
    ----------
    database
        Where all but curves is.
    curves, objects
        Where those are.
    """

    def __init__(
        self, database: Database, *, curves: LocalCurves, objects: ObjectStore | None
    ) -> None:
        self._database = database
        self._curves = curves
        self._objects = objects

    def database_problems(self, *, rebuild: bool = False) -> list[str]:
        """Return what SQLite finds wrong with its file.

        With `rebuild`, its indexes are made anew before, from the tables that they lead to.
        """
        with self._database.open() if rebuild else self._database.read() as connection:
            if rebuild:
                connection.execute("REINDEX")
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
            lost = [
                f"row {row['rowid']} of {row['table']} belongs to nothing in {row['parent']}"
                for row in connection.execute("PRAGMA foreign_key_check")
            ]
        return [text for text in found if text != "ok"] + lost

    def jobs(self) -> dict[str, StoredJob]:
        """Return every job by its id."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT j.job_id, j.kind, j.status, j.run_id IS NOT NULL AS is_run,"
                " r.equity_curve_url AS curve_url FROM btkit_jobs j"
                " LEFT JOIN backtest_runs r USING (run_id) ORDER BY j.created_at, j.rowid"
            )
            return {
                row["job_id"]: StoredJob(**{**row, "is_run": bool(row["is_run"])}) for row in found
            }

    def checksums(self) -> list[Checksum]:
        """Return all that was noted, by owner and name."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT owner_id, name, kind, sha256, size FROM backtest_checksums"
                " ORDER BY owner_id, name"
            )
            return [Checksum(*row) for row in found]

    def waiting(self) -> list[dict[str, Any]]:
        """Return the files that still are to go to object storage: run, kind, key and path."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT run_id, kind, object_key, path FROM backtest_uploads"
                " WHERE action = 'upload' AND delivered_at IS NULL ORDER BY object_key"
            )
            return [dict(row) for row in found]

    def forget_upload(self, object_key: str) -> None:
        """Take a file off the queue."""
        with self._database.change() as connection:
            connection.execute("DELETE FROM backtest_uploads WHERE object_key = ?", (object_key,))

    def curve(self, run_id: str, url: str) -> bytes | None:
        """Return a curve's file as it is now, sound or not; None where there is none.

        Raises
        ------
        OSError, StoreError
            If it may be there, and cannot be read or fetched.
        """
        if url.startswith(REMOTE):
            return None if self._objects is None else self._objects.find(url)
        path = self._curves.find(run_id, url)
        return path.read_bytes() if path.exists() else None

    def copies(self, run_id: str, url: str) -> list[bytes]:
        """Return further copies of a curve: beside the database, or in object storage."""
        path = self._curves.path_of(run_id)
        if url.startswith(REMOTE):
            return [path.read_bytes()] if path.is_file() else []
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT object_key, bucket FROM backtest_uploads WHERE run_id = ?"
                " AND kind = 'curve' AND bucket IS NOT NULL",
                (run_id,),
            ).fetchone()
        if row is None or self._objects is None or not self._objects.is_reachable():
            return []
        known = self._objects.url_of(row["object_key"], bucket=row["bucket"])
        content = self._objects.find(known)
        return [] if content is None else [content]

    def restore_curve(self, run_id: str, url: str, content: bytes) -> Path:
        """Put a curve back where the run has it, and note its checksum; return the local file.

        One of object storage is queued once more.
        """
        with (
            self._curves.writing(run_id, content) as pending,
            self._database.change() as connection,
        ):
            note_checksums(connection, [pending.checksum])
            if url.startswith(REMOTE):
                queue_upload(connection, run_id, kind="curve", path=pending.path)
            pending.publish()
        return pending.path

    def restore_trades(self, run_id: str, trades: pd.DataFrame) -> bool:
        """Write a run's trades anew, and return True, if they are those whose checksum is known."""
        # What runs of earlier versions lack: how lots left, and before that how far they went.
        former = trades.drop(columns=list(rows.FILLS), errors="ignore")
        first = former.assign(**dict.fromkeys(rows.EXCURSIONS, None))
        with self._database.open() as connection:
            known = known_checksums(connection, run_id).get(TRADES)
            for given in (trades, former, first):
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("DELETE FROM backtest_trades WHERE run_id = ?", (run_id,))
                connection.executemany(rows.INSERT_TRADE, rows.trade_rows(run_id, given))
                is_same = stored_trades_checksum(connection, run_id) == known
                connection.execute("COMMIT" if is_same else "ROLLBACK")
                if is_same:
                    return True
        return False

    def report(self, run_id: str) -> Report:
        """Return a run's report, whatever became of its trades.

        Raises
        ------
        CorruptFileError
            If it is not what was written.
        """
        with self._database.read() as connection:
            row = connection.execute(SELECT_DOCUMENT, (run_id,)).fetchone()
            known = known_checksums(connection, run_id).get(REPORT)
        text = row["document"]
        check_content(known, report_checksum(run_id, text), what=f"The report of run {run_id}")
        return read_report(rows.report_document(text, needed=("run", "metrics")))

    def request_problem(self, job_id: str) -> CorruptFileError | None:
        """Return what is wrong with what was asked of a job; None where nothing is known to be."""
        with self._database.read() as connection:
            row = connection.execute(SELECT_JOB, (job_id,)).fetchone()
            try:
                check_request(connection, job_id, row["request"], self._database.path)
            except CorruptFileError as error:
                return error
        return None

    def differing_columns(self, job_id: str, document: Mapping[str, Any]) -> list[str]:
        """Return the columns of a job's row that say something else than its document."""
        said = _columns(document)
        with self._database.read() as connection:
            found = [connection.execute(sql, (job_id,)).fetchone() for sql in _ROWS]
        known = [dict(row) for row in found if row is not None]
        return [
            name
            for name, value in said.items()
            if any(row.get(name, value) != value for row in known)
        ]

    def restore_columns(self, job_id: str, document: Mapping[str, Any]) -> None:
        """Write what lists show of a job anew from its document."""
        said = {**_columns(document), "id": job_id}
        with self._database.change() as connection:
            for table, key in (("btkit_jobs", "job_id"), ("backtest_runs", "run_id")):
                known = {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}
                changes = ", ".join(f"{name} = :{name}" for name in said if name in known)
                connection.execute(
                    f"UPDATE {table} SET {changes} WHERE {key} = :id",  # noqa: S608 - names of columns
                    said,
                )

    def has_other_metrics(self, run_id: str, metrics: Mapping[str, Any]) -> bool:
        """Tell whether the table of metrics says something else than a run's report."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT * FROM backtest_metrics WHERE run_id = ?", (run_id,)
            ).fetchone()
            values = connection.execute(rows.SELECT_METRIC_VALUES, (run_id,)).fetchall()
        section = MetricsSection.model_validate(metrics)
        known = rows.metrics_row(section)
        if row is None or any(row[name] != known.get(name) for name in row.keys()):  # noqa: SIM118 - a row iterates over values
            return True
        further = {entry["name"]: entry["value"] for entry in rows.metric_values(section)}
        return {entry["name"]: entry["value"] for entry in values} != further

    def restore_metrics(self, run_id: str, metrics: Mapping[str, Any]) -> None:
        """Write a run's row of metrics anew from its report."""
        with self._database.change() as connection:
            connection.execute("DELETE FROM backtest_metrics WHERE run_id = ?", (run_id,))
            connection.execute("DELETE FROM backtest_metric_values WHERE run_id = ?", (run_id,))
            section = MetricsSection.model_validate(metrics)
            connection.execute(rows.INSERT_METRICS, rows.metrics_row(section))
            connection.executemany(rows.INSERT_METRIC_VALUE, rows.metric_values(section))


def _columns(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a document says of the columns that lists are made from."""
    said = {**document, **document.get("run", {})}
    return {name: said[name] for name in _LISTED if name in said}
