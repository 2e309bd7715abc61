"""Opening a parcel: untrusted, so that nothing of it is taken that the schema does not know."""

from __future__ import annotations

import json
import math
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, get_args

from btkit.errors import (
    BtkitError,
    ConflictError,
    CorruptFileError,
    RunNotFoundError,
    StoreBusyError,
    StoreError,
    StoreFullError,
)
from btkit.settings import Settings
from btkit.storage.checksums import (
    Checksum,
    FileKind,
    forget_checksums,
    note_checksums,
    report_checksum,
    request_checksum,
    stored_trades_checksum,
)
from btkit.storage.database import migrations
from btkit.storage.ids import check_job_id
from btkit.storage.job_rows import SELECT_FAMILY, SELECT_JOB, SHARED_KINDS, Part, shown_status
from btkit.storage.jobs import mark_ended
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
from btkit.storage.uploads import queue_removal, queue_upload
from btkit.writing import is_full, make_folder, writing_aside

MOST_BYTES = 4 << 30
"""A parcel has no more than this when it is opened, in bytes."""

_MOST_ENTRIES = 250_000
_LONGEST_LINE = 256 << 20
_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_FILE_NAME = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})?")
_SETS_FOLDER = re.compile(r"\.[0-9a-f]{16}\.parts")
_TEXTS = {"json", "notebook", "html", "csv", "spec"}
_OF_ITS_OWN = ("rows", "curve")
_NAMING_PLACES = ("report", "document", "equity_curve_url", "error_message")
# What a file is met with that is no zip, or a damaged one, or holds no JSON of ours.
_DAMAGED = (
    ValueError, TypeError, LookupError, EOFError, RuntimeError, OverflowError, RecursionError,
    zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError,
)  # fmt: skip


def unpack_job(
    parcel: Path,
    store: Store,
    settings: Settings,
    *,
    replaces: str | None = None,
    part: Part | None = None,
    ended: tuple[Literal["failed", "cancelled"], str] | None = None,
) -> str:
    """Take a job and its parts into a store: all of it, or nothing.

    What the store has of the same job is replaced, unless that is complete and this is not, or is
    further: has more parts that are complete, or a checkpoint at a later bar.
    Nobody is at work on what was unpacked: what ran is interrupted, and can be resumed. Paths in
    documents become those of the store, and checksums are made anew.

    Parameters
    ----------
    parcel
        As `pack_job` wrote it. It is untrusted: what is not of the schema is refused.
    store, settings
        Where it goes.
    replaces
        The job that is known to be the same. A run or a validation of another id that is there
        already is refused: ids are given once, but for those of sweeps, which say what is asked.
    part
        Its place within a job of the store; None where it was asked for itself.
    ended
        How what still ran when it was packed has ended since, and why; None leaves it interrupted.

    Returns
    -------
    str
        The id of the job.

    Raises
    ------
    CorruptFileError
        If it is no parcel.
    ConflictError
        If the store has another job of such an id.
    StoreBusyError
        If a process is at work on the job in the store.
    StoreError
        If it cannot be written.
    """
    with _explained(parcel), zipfile.ZipFile(parcel) as file:
        return _Unpacking(_Parcel.of(file), store, settings, replaces, part).run(ended)


def job_in(parcel: Path) -> str:
    """Return the id of the job in a parcel.

    Raises
    ------
    CorruptFileError
        If it is no parcel.
    StoreError
        If it cannot be read.
    """
    with _explained(parcel), zipfile.ZipFile(parcel) as file:
        return _Parcel.of(file).job_id


@contextmanager
def _explained(parcel: Path) -> Iterator[None]:
    try:
        yield
    except BtkitError:
        raise
    except OSError as error:
        kind = StoreFullError if is_full(error) else StoreError
        raise kind(
            f"The parcel {parcel.name} cannot be taken into the store: {error.strerror or error}.",
            hint="See that there is space, and that you may write to the store and its folders.",
        ) from error
    except _DAMAGED as error:
        raise CorruptFileError(
            f"The parcel {parcel.name} is not what btkit packs: {error}.",
            hint="Pack the job again, with the same version of btkit.",
        ) from error


@dataclass(frozen=True)
class _Parcel:
    """A zip that was looked over before anything of it is read."""

    file: zipfile.ZipFile
    job_id: str
    folders: Mapping[str, str]

    @classmethod
    def of(cls, file: zipfile.ZipFile) -> _Parcel:
        entries = file.infolist()
        _require(len(entries) <= _MOST_ENTRIES, "it has too many entries")
        _require(sum(entry.file_size for entry in entries) <= MOST_BYTES, "it is too large")
        _require(len({entry.filename for entry in entries}) == len(entries), "names come twice")
        manifest = json.loads(file.read(MANIFEST))
        _require(manifest["schema"] == migrations()[-1][0], "it is of another version")
        folders = manifest["folders"]
        _require(
            all(isinstance(one, str) and Path(one).is_absolute() for one in folders.values()),
            "its folders are none",
        )
        job_id = manifest["job_id"]
        return cls(file, _id(job_id), folders)

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        with self.file.open(name) as file:
            while line := file.readline(_LONGEST_LINE):
                _require(line.endswith(b"\n"), f"a line of {name} is too long")
                entry = json.loads(line, parse_constant=_no_constant)
                _require(isinstance(entry, dict), f"a line of {name} is no object")
                yield entry

    def open(self, name: str) -> IO[bytes]:
        return self.file.open(name)


@dataclass(frozen=True)
class _Column:
    kind: str
    may_lack: bool

    def take(self, value: object, blob: Callable[[int], bytes]) -> object:
        """Return a value as the schema has it; another one is a ValueError."""
        if value is None:
            _require(self.may_lack, "a value is missing")
            return None
        if self.kind == "BLOB":
            _require(isinstance(value, dict) and type(value.get("blob")) is int, "it is no blob")
            assert isinstance(value, dict)
            return blob(value["blob"])
        wanted = {"TEXT": (str,), "INTEGER": (int,), "REAL": (float, int)}[self.kind]
        _require(type(value) in wanted, f"{type(value).__name__} stands for {self.kind}")
        if isinstance(value, int | float):
            _require(math.isfinite(value) and abs(value) < 2**63, "a number is out of range")
        return value


class _Unpacking:
    def __init__(
        self,
        parcel: _Parcel,
        store: Store,
        settings: Settings,
        replaces: str | None,
        part: Part | None,
    ) -> None:
        self._parcel, self._store, self._settings = parcel, store, settings
        self._replaces, self._part = replaces, part
        self._folders = folders_of(store, settings)
        self._moved = _mover(parcel.folders, self._folders)
        self._jobs: dict[str, dict[str, Any]] = {}

    def run(self, ended: tuple[Literal["failed", "cancelled"], str] | None) -> str:
        job_id = self._parcel.job_id
        for row in self._parcel.lines(ROWS.format("btkit_jobs")):
            self._jobs[_id(row["job_id"])] = row
        self._check_family()
        with ExitStack() as stack:
            pending = [
                (run_id, stack.enter_context(self._store.curves.writing(run_id, content)))
                for run_id, content in self._curves()
            ]
            files = list(self._files(stack))
            connection = stack.enter_context(self._store.database.change(create=True))
            gone = self._clear(connection)
            if gone is None:
                return job_id
            for table in TABLES:
                self._insert(connection, table)
            if ended is not None:
                self._mark_ended(connection, *ended)
            self._note(connection, [one.checksum for _, one in pending])
            note_checksums(connection, [checksum for checksum, _ in files if checksum is not None])
            goes_on = self._store.objects is not None and self._store.objects.is_on()
            for run_id, one in pending:
                if goes_on:
                    queue_upload(connection, run_id, kind="curve", path=one.path)
                one.publish()
            for _, publish in files:
                publish()
        for run_id in gone - {run_id for run_id, _ in pending}:
            self._store.curves.delete(run_id)
        return job_id

    def _mark_ended(
        self, connection: sqlite3.Connection, status: Literal["failed", "cancelled"], message: str
    ) -> None:
        for job_id in self._jobs:
            row = connection.execute(SELECT_JOB, (job_id,)).fetchone()
            if row["status"] == "running":
                mark_ended(connection, row, status, message)

    def _check_family(self) -> None:
        root = self._jobs.get(self._parcel.job_id)
        _require(root is not None, "its job is missing")
        assert root is not None
        root["parent_id"] = None if self._part is None else self._part.parent_id
        root["part"] = None if self._part is None else self._part.number
        for job_id, row in self._jobs.items():
            known = row is root or row["parent_id"] in self._jobs
            _require(known, f"{job_id} is no part of it")
            _require(row["run_id"] in (None, job_id), "a run has another id")

    def _clear(self, connection: sqlite3.Connection) -> set[str] | None:
        """Remove what there is of the job, and return its runs; None where that stays."""
        before = connection.execute(SELECT_FAMILY, {"job_id": self._parcel.job_id}).fetchall()
        known = {row["job_id"] for row in before}
        for job_id in self._jobs.keys() - known:
            if connection.execute(SELECT_JOB, (job_id,)).fetchone() is not None:
                raise self._taken(job_id)
        if before:
            root = next(row for row in before if row["job_id"] == self._parcel.job_id)
            is_same = root["kind"] in SHARED_KINDS or self._replaces == root["job_id"]
            if not is_same or root["kind"] != self._jobs[root["job_id"]]["kind"]:
                raise self._taken(root["job_id"])
            is_worse = self._jobs[root["job_id"]]["status"] != "complete"
            if root["status"] == "complete" and is_worse:
                return None
            if shown_status(root) == "running" and root["kind"] not in SHARED_KINDS:
                raise StoreBusyError(
                    f"Run {root['job_id']} is at work in {self._store.path}.",
                    hint="Wait for it, or stop it with `backtest cancel`.",
                    details={"run_id": root["job_id"]},
                )
            if is_worse and _reached(before, _checkpoint_of(connection, root)) > self._reached():
                return None
        bucket = "" if self._store.objects is None else self._store.objects.bucket
        for row in before:
            if row["job_id"] not in self._jobs:
                queue_removal(connection, row["job_id"], bucket=bucket)
            forget_checksums(connection, row["job_id"])
            connection.execute("DELETE FROM backtest_runs WHERE run_id = ?", (row["job_id"],))
            connection.execute("DELETE FROM btkit_jobs WHERE job_id = ?", (row["job_id"],))
        return {row["run_id"] for row in before if row["run_id"] is not None}

    def _reached(self) -> tuple[int, int]:
        bars = [
            row["bar_index"] or 0
            for row in self._parcel.lines(ROWS.format("backtest_checkpoints"))
            if row["run_id"] == self._parcel.job_id
        ]
        return _reached(self._jobs.values(), max(bars, default=0))

    def _taken(self, job_id: str) -> ConflictError:
        return ConflictError(
            f"The store has another job {job_id}.",
            hint="Delete it first, or leave the parcel alone.",
            details={"reason": "job_id", "run_id": job_id},
        )

    def _insert(self, connection: sqlite3.Connection, table: str) -> None:
        columns = {
            name: _Column(kind, not required)
            for name, kind, required in connection.execute(
                'SELECT name, type, "notnull" FROM pragma_table_info(?)', (table,)
            )
        }

        def blob(number: int) -> bytes:
            return self._parcel.file.read(BLOB.format(table, number))

        for entry in self._parcel.lines(ROWS.format(table)):
            row = self._jobs[entry["job_id"]] if table == "btkit_jobs" else entry
            _require(row.keys() <= columns.keys(), f"{table} has no such column")
            _require(row[TABLES[table]] in self._jobs, f"a row of {table} is another job's")
            values = {name: columns[name].take(value, blob) for name, value in row.items()}
            for name in _NAMING_PLACES:
                text = values.get(name)
                if isinstance(text, str):
                    values[name] = self._moved(text)
            names = ", ".join(values)
            marks = ", ".join(f":{name}" for name in values)
            statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - the schema's
            try:
                connection.execute(statement, values)
            except sqlite3.IntegrityError as error:
                # The rules of the schema are the parcel's matter, not the database's.
                raise ValueError(str(error)) from error

    def _note(self, connection: sqlite3.Connection, curves: list[Checksum]) -> None:
        noted = list(curves)
        for job_id in self._jobs:
            row = connection.execute(
                "SELECT j.request, j.status, j.run_id, coalesce(r.report, j.document) AS document"
                " FROM btkit_jobs j LEFT JOIN backtest_runs r USING (run_id) WHERE j.job_id = ?",
                (job_id,),
            ).fetchone()
            for text in (row["request"], row["document"]):
                _require(text is None or isinstance(json.loads(text), dict), "it is no document")
            if row["request"] is not None:
                noted.append(request_checksum(job_id, row["request"]))
            if row["document"] is not None:
                noted.append(report_checksum(job_id, row["document"]))
            if row["run_id"] is not None and row["status"] == "complete":
                noted.append(stored_trades_checksum(connection, job_id))
        note_checksums(connection, noted)

    def _curves(self) -> Iterator[tuple[str, bytes]]:
        names = set(self._parcel.file.namelist())
        for job_id, row in self._jobs.items():
            name = CURVE.format(job_id)
            if row["run_id"] is not None and name in names:
                yield job_id, self._parcel.file.read(name)

    def _files(self, stack: ExitStack) -> Iterator[tuple[Checksum | None, Callable[[], None]]]:
        """Write each file aside, and yield its checksum and what gives it its name."""
        for number, entry in enumerate(self._parcel.lines(FILES)):
            owner, kind, name = (entry[key] for key in ("owner", "kind", "name"))
            _require(owner in self._jobs, "a file is another job's")
            _require(_is_file_of(owner, kind, name), f"{name!r} is no name of its files")
            content = self._parcel.file.read(FILE.format(number))
            if kind in _TEXTS:
                content = self._moved(content.decode()).encode()
            path = self._folders["reports"] / name
            make_folder(path.parent, private=self._settings.private)
            aside = stack.enter_context(writing_aside(path, private=self._settings.private))
            aside.file.write(content)
            aside.finish()
            checksum = None if kind == SETS else Checksum.of(owner, name, kind, content)
            yield checksum, aside.publish


def _checkpoint_of(connection: sqlite3.Connection, job: sqlite3.Row) -> int:
    found = connection.execute(
        "SELECT bar_index FROM backtest_checkpoints WHERE run_id = ?", (job["run_id"],)
    ).fetchone()
    return 0 if found is None else found["bar_index"] or 0


def _reached(jobs: Iterable[Mapping[str, Any] | sqlite3.Row], bar: int) -> tuple[int, int]:
    """Return how far a job is that is not complete: greater than that of one which is less far."""
    return sum(row["status"] == "complete" for row in jobs), bar


def _is_file_of(owner: str, kind: object, name: object) -> bool:
    if not isinstance(name, str):
        return False
    if kind == SETS:
        folder, _, last = name.partition("/")
        known = is_finished_set(last) or last == f"{owner}.job"
        return _SETS_FOLDER.fullmatch(folder) is not None and known
    is_kind = kind in get_args(FileKind) and kind not in _OF_ITS_OWN
    is_its = name.startswith((f"{owner}.", f"{owner}-"))
    return is_kind and is_its and _FILE_NAME.fullmatch(name) is not None


def _mover(before: Mapping[str, str], now: Mapping[str, Path]) -> Callable[[str], str]:
    """Return what puts the places of this store into a text in place of those it came from."""
    places: dict[str, str] = {}
    for name, folder in now.items():
        there, here = Path(before[name]), folder
        for old, new in ((str(there), str(here)), (there.as_uri(), here.as_uri())):
            places[old] = new
            # As they stand in JSON, with and without letters beyond ASCII.
            for ascii_only in (True, False):
                key = json.dumps(old, ensure_ascii=ascii_only)[1:-1]
                places[key] = json.dumps(new, ensure_ascii=ascii_only)[1:-1]
    longest_first = sorted(places, key=len, reverse=True)
    # One pass: what was put in is not looked at again. What only begins like a place is none.
    pattern = re.compile("(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w.-])")
    return lambda text: pattern.sub(lambda found: places[found[0]], text)


def _id(job_id: object) -> str:
    try:
        known = check_job_id(job_id)
    except RunNotFoundError as error:
        raise ValueError(error.message) from error
    _require(known == job_id, f"{known} is not how an id is written")
    return known


def _no_constant(text: str) -> object:
    message = f"{text} is no number"
    raise ValueError(message)


def _require(holds: bool, message: str) -> None:  # noqa: FBT001 - what is required comes first
    if not holds:
        raise ValueError(message)
