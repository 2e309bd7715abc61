"""Runs in SQLite, their equity curves beside it."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from btkit.errors import RunNotFoundError, StoreError
from btkit.report import Report, RunDocument, RunInfo, read_report
from btkit.settings import Settings
from btkit.storage import rows
from btkit.storage.curves import LocalCurves, read_curve
from btkit.storage.database import BUSY_TIMEOUT_S, has_content, open_database, transaction
from btkit.storage.ids import check_run_id
from btkit.storage.jobs import (
    Jobs,
    Status,
    check_ownership,
    clear_job,
    insert_job,
    release_job,
    shown_status,
)
from btkit.storage.objects import ObjectStore
from btkit.storage.uploads import Uploads, queue_removal, queue_upload

_REMOTE = "s3://"
# Which stored status a shown one is found under; see `Status`.
_STORED: Mapping[Status, str] = {
    "running": "running",
    "interrupted": "running",
    "cancelled": "failed",
    "failed": "failed",
    "complete": "complete",
}


class Store:
    """Everything that runs leave behind.

    Each method opens the database anew, so that a store may be shared between threads, and no
    connection outlives its use. Reading never makes a file.

    Parameters
    ----------
    path
        The SQLite file.
    curves
        Where equity curves live on this machine.
    objects
        Where they go from there; None keeps them.
    private
        Whether only its owner may read the database.
    busy_timeout_s
        How long to wait for another program's lock, in seconds.

    Attributes
    ----------
    jobs
        The runs that are not complete.
    """

    def __init__(
        self,
        path: Path,
        *,
        curves: LocalCurves,
        objects: ObjectStore | None = None,
        private: bool = False,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        self.path = path.expanduser().absolute()
        self.curves = curves
        self.objects = objects
        self.private = private
        self.busy_timeout_s = busy_timeout_s
        self.jobs = Jobs(self.path, busy_timeout_s=busy_timeout_s)

    @classmethod
    def from_settings(cls, settings: Settings) -> Store:
        """Return the store that BT_DB_PATH, BT_CURVE_DIR and the BT_MINIO_* variables name."""
        return cls(
            settings.db_path,
            curves=LocalCurves(settings.curve_dir, private=settings.private),
            objects=ObjectStore.from_settings(settings),
            private=settings.private,
        )

    @property
    def uploads(self) -> Uploads | None:
        """What is to go to object storage; None where there is none to go to."""
        if self.objects is None:
            return None
        connect = partial(self._open, create=True)
        return Uploads(connect, self.objects, find_curve=self.curves.path_of)

    def begin(
        self, run: RunInfo, *, interval: str, request: Mapping[str, Any] | None = None
    ) -> None:
        """Write the row of a run that is about to start.

        Parameters
        ----------
        run
            With a run id and the status ``"running"``.
        interval
            The bars' interval, such as ``"1d"``.
        request
            What resuming it needs to know, plain JSON values; None where it cannot be resumed.

        Raises
        ------
        StoreError
            If the database cannot be written.
        """
        with self._open(create=True) as connection, transaction(connection):
            connection.execute(rows.INSERT_RUN, rows.run_row(run, interval=interval))
            insert_job(connection, str(run.run_id), request)

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
            with self._open(create=True) as connection, transaction(connection):
                self._write(connection, run_id, report, document.trades)
                if goes_on:
                    queue_upload(connection, run_id, kind="curve", path=pending.path)
                # Last, and under the lock: no other process can have the run's name by now.
                pending.publish()
        return RunDocument(report=report, trades=document.trades, curve=document.curve)

    def fail(self, run_id: str, *, error_message: str, completed_at: datetime) -> None:
        """Mark a run that was begun as failed.

        Parameters
        ----------
        run_id
            The run's id.
        error_message
            Why it failed.
        completed_at
            When, UTC.

        Raises
        ------
        StoreError
            If the database cannot be written.
        """
        values = {
            "run_id": check_run_id(run_id),
            "error_message": error_message,
            "completed_at": completed_at.strftime("%Y-%m-%dT%H:%M:%S"),
        }
        with self._open(create=True) as connection, transaction(connection):
            check_ownership(connection, values["run_id"], self.path)
            connection.execute(rows.FAIL_RUN, values)
            release_job(connection, values["run_id"])

    def delete(self, run_id: str) -> list[Path]:
        """Remove a run, its metrics, trades, checkpoints and curve.

        What it has in object storage is queued for removal.

        Parameters
        ----------
        run_id
            The run's id.

        Returns
        -------
        list of Path
            The files that were removed.

        Raises
        ------
        RunNotFoundError
            If there is no such run.
        StoreError
            If it is still at work, or the database cannot be written.
        """
        run_id = check_run_id(run_id)
        if not self._exists():
            raise self._unknown(run_id)
        with self._open(create=False) as connection, transaction(connection):
            row = connection.execute(rows.SELECT_RUN, (run_id,)).fetchone()
            if row is None:
                raise self._unknown(run_id)
            if shown_status(row) == "running":
                raise StoreError(
                    f"Run {run_id} is running.",
                    hint=f"Stop it first: `backtest cancel --run-id {run_id}`.",
                    details={"run_id": run_id, "status": "running"},
                )
            queue_removal(
                connection, run_id, bucket="" if self.objects is None else self.objects.bucket
            )
            connection.execute("DELETE FROM backtest_runs WHERE run_id = ?", (run_id,))
        path = self.curves.path_of(run_id)
        found = [path] if path.exists() else []
        self.curves.delete(run_id)
        return found

    def document(self, run_id: str) -> dict[str, Any]:
        """Return the JSON document of a run, as ``run`` printed it.

        Parameters
        ----------
        run_id
            The run's id.

        Returns
        -------
        dict
            The whole report. A run that is not complete has a ``run`` object, no metrics, and
            does not pass.

        Raises
        ------
        RunNotFoundError
            If there is no such run.
        StoreError
            If the database cannot be read.
        """
        return self._read(run_id)[0]

    def document_with_trades(self, run_id: str) -> dict[str, Any]:
        """Return the JSON document of a run and, under ``trades``, its trades.

        Parameters
        ----------
        run_id
            The run's id.

        Returns
        -------
        dict
            As `document`, with a list of trades, dates as ISO text.

        Raises
        ------
        RunNotFoundError
            If there is no such run.
        StoreError
            If the database cannot be read.
        """
        document, trades = self._read(run_id)
        return {**document, "trades": trades}

    def load(self, run_id: str) -> RunDocument:
        """Return a complete run: report, trades, curve.

        Parameters
        ----------
        run_id
            The run's id.

        Returns
        -------
        RunDocument
            As it was stored.

        Raises
        ------
        RunNotFoundError
            If there is no such run.
        StoreError
            If the run is not complete, or its parts cannot be read.
        """
        document, trades = self._read(run_id)
        run = document["run"]
        if run["status"] != "complete":
            reason = f": {run['error_message']}" if run["error_message"] else ""
            raise StoreError(
                f"Run {run['run_id']} is {run['status']} and has no report{reason}.",
                hint="Only a complete run has one; `backtest list` shows them.",
                details={"run_id": run["run_id"], "status": run["status"]},
            )
        try:
            curve = self._curve(run["run_id"], document["equity_curve_url"])
        except StoreError:
            # It may have been delivered to object storage between the two readings.
            now = self.document(run["run_id"])
            if now["equity_curve_url"] == document["equity_curve_url"]:
                raise
            document, curve = now, self._curve(run["run_id"], now["equity_curve_url"])
        with self._damage_named(run["run_id"]):
            return RunDocument(
                report=read_report(document),
                trades=rows.trades_frame(trades, times=pd.DatetimeIndex(curve.index)),
                curve=curve,
            )

    def runs(
        self, *, symbol: str | None = None, limit: int | None = 20, status: Status | None = None
    ) -> list[dict[str, Any]]:
        """List runs, the newest first.

        Parameters
        ----------
        symbol
            Only runs on this instrument, in upper or lower case; None for all.
        limit
            At most so many; None for all.
        status
            Only runs that stand so; None for all.

        Returns
        -------
        list of dict
            Per run the report's ``run`` object, interval, verdict, curve URL, four metrics, which
            are None unless the run is complete, and whether it can be resumed.

        Raises
        ------
        StoreError
            If the database cannot be read.
        """
        if not self._exists():
            return []
        values = {"symbol": symbol, "stored": None if status is None else _STORED[status]}
        found: list[dict[str, Any]] = []
        with self._open(create=False) as connection:
            for row in connection.execute(rows.SELECT_RUNS, values):
                shown = shown_status(row)
                if status is None or shown == status:
                    known = {**row, "status": shown, "resumable": bool(row["resumable"])}
                    known["resumable"] &= shown != "running"
                    known["passed"] = None if row["passed"] is None else bool(row["passed"])
                    for name in rows.OWNER_COLUMNS:
                        del known[name]
                    found.append(known)
                if len(found) == limit:
                    break
        return found

    def _read(self, run_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        run_id = check_run_id(run_id)
        row, trades = None, []
        if self._exists():
            # One transaction, so that the report and the trades are of the same moment.
            with self._open(create=False) as connection, transaction(connection, kind="DEFERRED"):
                row = connection.execute(rows.SELECT_RUN, (run_id,)).fetchone()
                trades = [
                    dict(trade) for trade in connection.execute(rows.SELECT_TRADES, (run_id,))
                ]
        if row is None:
            raise self._unknown(run_id)
        if row["report"] is not None:
            with self._damage_named(run_id):
                return rows.report_document(row["report"]), trades
        return {
            "run": {name: row[name] for name in rows.RUN_COLUMNS} | {"status": shown_status(row)},
            "metrics": None,
            "equity_curve_url": None,
            "trade_count": 0,
            "passed": False,
            "failures": [],
        }, trades

    def _write(
        self, connection: sqlite3.Connection, run_id: str, report: Report, trades: pd.DataFrame
    ) -> None:
        outcome = {
            "run_id": run_id,
            "completed_at": report.run.completed_at,
            "passed": report.passed,
            "equity_curve_url": report.equity_curve_url,
            "report": report.to_json(indent=None),
        }
        check_ownership(connection, run_id, self.path)
        if connection.execute(rows.COMPLETE_RUN, outcome).rowcount != 1:
            raise StoreError(
                f"Run {run_id} is not running in {self.path}, so its outcome was not stored.",
                hint="Its row was removed or finished by another program; run the backtest again.",
                details={"run_id": run_id, "database": str(self.path)},
            )
        connection.execute(rows.INSERT_METRICS, rows.metrics_row(report.metrics))
        connection.executemany(rows.INSERT_TRADE, rows.trade_rows(run_id, trades))
        clear_job(connection, run_id)

    def _curve(self, run_id: str, url: str) -> pd.DataFrame:
        if not url.startswith(_REMOTE):
            return self.curves.load(run_id, url)
        if self.objects is None:
            raise StoreError(
                f"The equity curve of run {run_id} is at {url}, and no object storage is known.",
                hint="Set the BT_MINIO_* variables.",
                details={"run_id": run_id, "url": url},
            )
        return read_curve(io.BytesIO(self.objects.get(url)), run_id=run_id, url=url)

    @contextmanager
    def _damage_named(self, run_id: str) -> Iterator[None]:
        try:
            yield
        # What pydantic, pandas and json raise are all of these.
        except (ValueError, TypeError) as error:
            first = str(error).partition("\n")[0]
            raise StoreError(
                f"What is stored of run {run_id} in {self.path} is damaged: {first}.",
                hint=f"Run the backtest again; `backtest delete --run-id {run_id}` removes this.",
                details={"run_id": run_id, "database": str(self.path)},
            ) from error

    def _unknown(self, run_id: str) -> RunNotFoundError:
        return RunNotFoundError(
            f"There is no run {run_id} in {self.path}.",
            hint="`backtest list` shows the runs that exist; BT_DB_PATH names the database.",
            details={"run_id": run_id, "database": str(self.path)},
        )

    def _exists(self) -> bool:
        # Reading is not to fill an empty file.
        return has_content(self.path)

    def _open(self, *, create: bool) -> AbstractContextManager[sqlite3.Connection]:
        return open_database(
            self.path, create=create, private=self.private, busy_timeout_s=self.busy_timeout_s
        )
