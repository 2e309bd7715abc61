"""A job and its parts on their way from one store to another: a zip of JSON lines and files."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from btkit.errors import StoreError
from btkit.settings import Settings
from btkit.storage.checksums import known_checksums
from btkit.storage.database import migrations, transaction
from btkit.storage.job_rows import SELECT_FAMILY, unknown_job
from btkit.storage.parcel_form import (
    BLOB,
    CURVE,
    FILE,
    FILES,
    MANIFEST,
    ROWS,
    SETS,
    TABLES,
    folders_of,
    is_finished_set,
)
from btkit.storage.store import Store
from btkit.storage.unpacking import job_in, unpack_job
from btkit.writing import writing_aside

__all__ = ["job_in", "pack_job", "unpack_job"]

# Whose a job is says nothing where it goes.
_OWNER = {"host", "pid", "process_started", "heartbeat_at", "cancel_requested"}


def pack_job(store: Store, job_id: str, settings: Settings, path: Path) -> Path:
    """Write all that a store has of a job and its parts into one file.

    Parameters
    ----------
    store
        Where the job is, whatever its status.
    job_id
        Its id.
    settings
        Where its files are.
    path
        Of the parcel, which appears whole or not at all.

    Returns
    -------
    Path
        The same.

    Raises
    ------
    RunNotFoundError
        If there is no such job.
    StoreError
        If something of it cannot be read, or the parcel not be written.

    Examples
    --------
    >>> pack_job(store, result.run_id, settings, Path("run.parcel"))  # doctest: +SKIP
    """
    try:
        with (
            writing_aside(path, private=settings.private) as aside,
            store.database.open() as connection,
            transaction(connection, kind="DEFERRED"),
        ):
            with zipfile.ZipFile(aside.file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as parcel:
                _Packing(store, settings, connection, parcel).write(job_id)
            aside.publish()
    except OSError as error:
        raise StoreError(
            f"The parcel of run {job_id} cannot be written: {error.strerror or error}.",
            hint="Make space where it is written, and see that all files of the run are there.",
            details={"run_id": job_id},
        ) from error
    return path


class _Packing:
    def __init__(
        self,
        store: Store,
        settings: Settings,
        connection: sqlite3.Connection,
        parcel: zipfile.ZipFile,
    ) -> None:
        self._store, self._settings = store, settings
        self._connection, self._parcel = connection, parcel
        self._folders = folders_of(store, settings)

    def write(self, job_id: str) -> None:
        family = self._connection.execute(SELECT_FAMILY, {"job_id": job_id}).fetchall()
        if not family:
            raise unknown_job(job_id, self._store.path)
        manifest = {
            "job_id": job_id,
            "schema": migrations()[-1][0],
            "folders": {name: str(folder) for name, folder in self._folders.items()},
        }
        self._parcel.writestr(MANIFEST, json.dumps(manifest))
        ids = [row["job_id"] for row in family]
        for table, key in TABLES.items():
            self._write_rows(table, key, ids)
        files = [found for row in family for found in self._files(row)]
        self._write_lines(FILES, (entry for entry, _ in files))
        for number, (_, path) in enumerate(files):
            # Parquet is compressed in itself.
            stored = zipfile.ZIP_STORED if path.suffix == ".parquet" else None
            self._parcel.write(path, FILE.format(number), stored)
        for row in family:
            self._write_curve(row["run_id"])

    def _write_rows(self, table: str, key: str, ids: list[str]) -> None:
        # An entry at a time: blobs first, then the rows that name them in the same order.
        for number, blob in enumerate(
            value for row in self._rows(table, key, ids) for value in row if _is_blob(value)
        ):
            self._parcel.writestr(BLOB.format(table, number), blob, zipfile.ZIP_STORED)
        places = count()
        self._write_lines(
            ROWS.format(table),
            (
                {
                    name: {"blob": next(places)} if _is_blob(value) else value
                    for name, value in dict(row).items()
                    if name not in _OWNER
                }
                for row in self._rows(table, key, ids)
            ),
        )

    def _rows(self, table: str, key: str, ids: list[str]) -> Iterator[sqlite3.Row]:
        for job_id in ids:
            yield from self._connection.execute(
                f"SELECT * FROM {table} WHERE {key} = ? ORDER BY rowid",  # noqa: S608 - of `TABLES`
                (job_id,),
            )

    def _write_lines(self, name: str, entries: Iterable[Mapping[str, Any]]) -> None:
        with self._parcel.open(name, "w", force_zip64=True) as file:
            for entry in entries:
                file.write(json.dumps(entry, allow_nan=False).encode() + b"\n")

    def _write_curve(self, run_id: str | None) -> None:
        row = self._connection.execute(
            "SELECT equity_curve_url FROM backtest_runs WHERE run_id = ?", (run_id,)
        ).fetchone()
        if run_id is not None and row["equity_curve_url"] is not None:
            path = self._store.curves.find(run_id, row["equity_curve_url"])
            self._parcel.write(path, CURVE.format(run_id), zipfile.ZIP_STORED)

    def _files(self, job: sqlite3.Row) -> Iterator[tuple[dict[str, str], Path]]:
        """Yield what the report folder has of a job, and where."""
        folder, owner = self._folders["reports"], job["job_id"]
        for one in known_checksums(self._connection, owner).values():
            if one.kind not in ("rows", "curve"):
                yield {"owner": owner, "kind": one.kind, "name": one.name}, folder / one.name
        if job["status"] == "complete":
            return
        # Sets of a search that has not come to its end.
        for marker in sorted(folder.glob(f".*.parts/{owner}.job")):
            for path in sorted(marker.parent.iterdir()):
                if is_finished_set(path.name) or path == marker:
                    name = path.relative_to(folder).as_posix()
                    yield {"owner": owner, "kind": SETS, "name": name}, path


def _is_blob(value: object) -> bool:
    return isinstance(value, bytes)
