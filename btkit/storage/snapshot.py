"""What a store held at one moment."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from btkit.documents import RunDocument, read_report
from btkit.errors import CorruptFileError, StoreError
from btkit.spec import as_it_ran
from btkit.storage import rows
from btkit.storage.checksums import (
    REPORT,
    TRADES,
    Checksums,
    check_content,
    check_request,
    known_checksums,
    report_checksum,
    trades_checksum,
)
from btkit.storage.curves import LocalCurves, read_curve
from btkit.storage.ids import check_job_id
from btkit.storage.inspection import REMOTE
from btkit.storage.job_rows import SELECT_DOCUMENT, SELECT_JOB, JobKind, unknown_job
from btkit.storage.listing import JobFilter, describe_job, list_jobs, unfinished_document
from btkit.storage.objects import ObjectStore


class Stored(NamedTuple):
    """What the database holds of a job.

    Parameters
    ----------
    document
        What its command printed; of one that is not complete, how it stands.
    known
        Checksums of its parts.
    is_run
        Whether it has trades and a curve.
    """

    document: dict[str, Any]
    known: Checksums
    is_run: bool


@dataclass(frozen=True)
class StoreSnapshot:
    """One read transaction: whatever is written meanwhile is not seen.

    Parameters
    ----------
    connection
        In a transaction.
    path
        Of the database, for messages.
    curves, objects
        Where equity curves are, here and in object storage.
    now
        Gives a later snapshot: a curve may have gone to object storage meanwhile.
    """

    connection: sqlite3.Connection
    path: Path
    curves: LocalCurves
    objects: ObjectStore | None
    now: Callable[[], AbstractContextManager[StoreSnapshot]]

    def jobs(self, wanted: JobFilter) -> Iterator[dict[str, Any]]:
        """Yield the jobs that are wanted; see `Store.runs`."""
        return list_jobs(self.connection, wanted)

    def kind_of(self, job_id: str) -> JobKind:
        """Return by which command a job was asked for."""
        kind: JobKind = self._listed(check_job_id(job_id))["kind"]
        return kind

    def request(self, job_id: str) -> dict[str, Any] | None:
        """Return what was asked for, as plain JSON values; None where that is not stored.

        Raises
        ------
        RunNotFoundError
            If there is no such job.
        CorruptFileError
            If it is not what was written.
        """
        job_id = check_job_id(job_id)
        row = self.connection.execute(SELECT_JOB, (job_id,)).fetchone()
        if row is None:
            raise unknown_job(job_id, self.path)
        if row["request"] is None:
            return None
        check_request(self.connection, job_id, row["request"], self.path)
        found: dict[str, Any] = json.loads(row["request"])
        return found

    def read(self, job_id: str) -> Stored:
        """Return what is stored of a job, its trades and its curve aside.

        Raises
        ------
        RunNotFoundError
            If there is no such job.
        StoreError
            If its document is damaged.
        """
        job_id = check_job_id(job_id)
        row = self.connection.execute(SELECT_DOCUMENT, (job_id,)).fetchone()
        if row is None:
            raise unknown_job(job_id, self.path)
        known, is_run = known_checksums(self.connection, job_id), row["run_id"] is not None
        if REPORT in known:
            found = report_checksum(job_id, row["document"])
            check_content(known[REPORT], found, what=f"The report {self._where(job_id)}")
        if row["document"] is None:
            return Stored(unfinished_document(self._listed(job_id)), known, is_run)
        with self._damage_named(job_id):
            needed = ("run", "metrics") if is_run else ()
            return Stored(rows.report_document(row["document"], needed=needed), known, is_run)

    def trades(self, job_id: str, known: Checksums) -> list[dict[str, Any]]:
        """Return a run's trades, dates as ISO text, if they are what was written."""
        found = [dict(trade) for trade in self.connection.execute(rows.SELECT_TRADES, (job_id,))]
        if TRADES in known:
            checksum = trades_checksum(job_id, found)
            check_content(known[TRADES], checksum, what=f"The list of trades {self._where(job_id)}")
        for trade in found:
            for name in rows.OWN_COLUMNS:
                if trade[name] is None:
                    del trade[name]
            if rows.CERTAIN in trade:
                trade[rows.CERTAIN] = bool(trade[rows.CERTAIN])
        return found

    def own_columns(self, job_id: str) -> set[str]:
        """Return those of `rows.OWN_COLUMNS` that a run's trades have."""
        found = dict(self.connection.execute(rows.SELECT_OWN_COLUMNS, (job_id,)).fetchone())
        return {name for name, value in found.items() if value is not None}

    def curve(self, run_id: str, url: str, known: Checksums) -> pd.DataFrame:
        """Return a run's equity curve from where its report has it; a StoreError, if it is gone."""
        try:
            return self._curve(run_id, url, known)
        except StoreError:
            # It may have been delivered to object storage since the snapshot was taken.
            with self.now() as later:
                moved = later.url_of(run_id)
                if moved in (url, None):
                    raise
                return later._curve(run_id, str(moved), known)  # noqa: SLF001 - one of us

    def checksums(self, job_id: str) -> Checksums:
        """Return the checksums of a job's parts."""
        return known_checksums(self.connection, job_id)

    def url_of(self, run_id: str) -> str | None:
        """Return where a run's curve is; None where there is no such run, or it has none."""
        row = self.connection.execute(
            "SELECT equity_curve_url FROM backtest_runs WHERE run_id = ?", (run_id,)
        ).fetchone()
        return None if row is None else row["equity_curve_url"]

    def complete(self, run_id: str) -> Stored:
        """Return what is stored of a complete run; see `read`.

        Raises
        ------
        RunNotFoundError
            If there is no such job.
        StoreError
            If it is no run, or not complete.
        """
        job_id = check_job_id(run_id)
        stored = self.read(job_id)
        if not stored.is_run:
            kind = self.kind_of(job_id)
            shown = f"`backtest list --parent {job_id}` shows its runs."
            if kind == "sweep":
                shown = f"`backtest report --run-id {job_id}` has the commands that run its sets."
            raise StoreError(
                f"{job_id} is a {kind} and no run.",
                hint=shown,
                details={"run_id": job_id, "kind": kind},
            )
        run = stored.document["run"]
        if run["status"] != "complete":
            reason = f": {run['error_message']}" if run["error_message"] else ""
            raise StoreError(
                f"Run {job_id} is {run['status']} and has no report{reason}.",
                hint="Only a complete run has one; `backtest list` shows them.",
                details={"run_id": job_id, "status": run["status"]},
            )
        return stored

    def load(self, run_id: str) -> RunDocument:
        """Return a complete run; see `Store.load`."""
        job_id = check_job_id(run_id)
        document, known, _ = self.complete(job_id)
        trades = self.trades(job_id, known)
        curve = self.curve(job_id, document["equity_curve_url"], known)
        with self._damage_named(job_id):
            report = read_report(document)
            ran = as_it_ran(report.kind, report.provenance.spec)
            times = pd.DatetimeIndex(curve.index)
            # Without a trade the spec says which there might have been.
            shares = not trades and report.kind != "options"
            might = {
                rows.DIRECTION: ran.takes_both_sides,
                rows.LOT: ran.leaves_in_parts,
                rows.FILL_KIND: shares,
                rows.CERTAIN: shares,
            }
            own = {
                name
                for name in rows.OWN_COLUMNS
                if might[name] or any(name in trade for trade in trades)
            }
            return RunDocument(
                report=report,
                trades=rows.trades_frame(trades, times=times, own=own),
                curve=curve,
            )

    def _curve(self, run_id: str, url: str, known: Checksums) -> pd.DataFrame:
        checksum = known.get(self.curves.path_of(run_id).name)
        if not url.startswith(REMOTE):
            return self.curves.load(run_id, url, checksum=checksum)
        kept = self.curves.path_of(run_id)
        if checksum is not None and kept.is_file():
            with kept.open("rb") as file, suppress(CorruptFileError):
                return read_curve(file, run_id=run_id, url=url, checksum=checksum)
        if self.objects is None:
            raise StoreError(
                f"The equity curve of run {run_id} is at {url}, and no object storage is known.",
                hint="Set the BT_MINIO_* variables.",
                details={"run_id": run_id, "url": url},
            )
        content = BytesIO(self.objects.get(url))
        return read_curve(content, run_id=run_id, url=url, checksum=checksum)

    def _listed(self, job_id: str) -> dict[str, Any]:
        listed = describe_job(self.connection, job_id)
        if listed is None:
            raise unknown_job(job_id, self.path)
        return listed

    def _where(self, job_id: str) -> str:
        return f"of run {job_id} in {self.path}"

    @contextmanager
    def _damage_named(self, job_id: str) -> Iterator[None]:
        try:
            yield
        # What pydantic, pandas and json raise are all of these.
        except (ValueError, TypeError) as error:
            first = str(error).partition("\n")[0]
            raise StoreError(
                f"What is stored of run {job_id} in {self.path} is damaged: {first}.",
                hint=f"Run the backtest again; `backtest delete --run-id {job_id}` removes this.",
                details={"run_id": job_id, "database": str(self.path)},
            ) from error
