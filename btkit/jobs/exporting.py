"""Runs, trades and curves as files for other programs."""

from __future__ import annotations

import json
import math
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, get_args

import pandas as pd

from btkit.arguments import check_choice
from btkit.documents.models import bar_text
from btkit.errors import StoreError, UsageError
from btkit.jobs.files import load_stored
from btkit.jobs.job import JOB_KINDS
from btkit.jobs.spreadsheet import write_csv
from btkit.metrics import JSON_INFINITY
from btkit.settings import Settings, read_settings
from btkit.storage import (
    Checksums,
    JobFilter,
    Store,
    Stored,
    StoreSnapshot,
    check_job_id,
    trades_frame,
)
from btkit.writing import make_folder, sweep_once, writing_aside

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["parquet", "csv", "json"]
Table = Literal["runs", "trades", "curves", "windows", "sets"]
_FORMATS: tuple[Format, ...] = get_args(Format)
_TABLES: tuple[Table, ...] = get_args(Table)
_DATE = len("2018-12-31")
Frames = Callable[[], Iterator[pd.DataFrame]]
"""Begins a table's frames anew."""
# Which are written where nobody names tables and there is nothing for them.
_ALWAYS = ("runs", "trades", "curves")
# Runs whose trades make one frame: so many that pandas is worth it, so few that memory is.
_TOGETHER = 500


def export(
    folder: Path | str,
    *,
    format: str = "parquet",  # noqa: A002 - what the command calls it
    tables: Sequence[str] = (),
    run_ids: Sequence[str] = (),
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Write what is complete as tables, all as of one moment.

    Parameters
    ----------
    folder
        Where ``runs.<format>`` and so on appear, each once it is whole; made if it is not there.
    format
        ``"parquet"``, ``"csv"`` or ``"json"`` (a list of records).
    tables
        Which of ``runs`` (run, verdict and metrics), ``trades``, ``curves`` (by bar), ``windows``
        (of walk-forward validations) and ``sets`` (of sweeps); none means all there is.
    run_ids
        Only these, and their parts: runs, walk-forward validations, sweeps, batches. None means
        all that is complete.
    settings
        Where the store is; None reads the BT_* environment.

    Returns
    -------
    dict
        ``format``, ``runs`` (how many) and ``files``: per table its path and rows.

    Raises
    ------
    UsageError
        If the format or a table is unknown, or the folder can be none.
    RunNotFoundError
        If one of `run_ids` does not exist.
    StoreError
        If one is not complete or a table of it is missing, or a file cannot be written.

    Examples
    --------
    >>> export("exported", format="csv", tables=["trades"])  # doctest: +SKIP
    """
    kind = check_choice(format, _FORMATS, name="format", noun="format")
    asked = [check_choice(table, _TABLES, name="table", noun="table") for table in tables]
    wanted = read_settings(settings)
    target = _target(folder)
    files = {}
    with Store.from_settings(wanted).snapshot() as snapshot:
        chosen = _Chosen(snapshot, wanted, [check_job_id(run_id) for run_id in run_ids])
        with _explained(target):
            make_folder(target, private=wanted.private)
            sweep_once(target)
            for table in asked or chosen.tables():
                path = target / f"{table}.{kind}"
                with writing_aside(path, private=wanted.private) as aside:
                    rows = _WRITERS[kind](aside.file, partial(chosen.frames, table))
                    aside.publish()
                files[table] = {"path": str(path), "rows": rows}
    return {"format": kind, "runs": len(chosen.runs), "files": files}


class _Chosen:
    """What is exported, and its tables."""

    def __init__(self, snapshot: StoreSnapshot, settings: Settings, job_ids: list[str]) -> None:
        self._snapshot = snapshot
        self._settings = settings
        found = self._family(job_ids) if job_ids else self._all()
        by_table: dict[str | None, list[str]] = {}
        for job_id, kind in found.items():
            by_table.setdefault(JOB_KINDS[kind].exported, []).append(job_id)
        self.runs = by_table.get("runs", [])
        self._walks = by_table.get("windows", [])
        self._sweeps = by_table.get("sets", [])

    def tables(self) -> list[Table]:
        has = {"windows": self._walks, "sets": self._sweeps}
        return [name for name in _TABLES if name in _ALWAYS or has[name]]

    def frames(self, table: Table) -> Iterator[pd.DataFrame]:
        make: dict[Table, Callable[[], Iterator[pd.DataFrame]]] = {
            "runs": self._runs,
            "trades": self._trades,
            "curves": self._curves,
            "windows": self._windows,
            "sets": self._sets,
        }
        return make[table]()

    def _all(self) -> dict[str, str]:
        wanted = JobFilter(status="complete", everything=True)
        # The sets of a sweep may be done, and its document not yet be made.
        jobs = (job for job in self._snapshot.jobs(wanted) if not job["resumable"])
        return {job["run_id"]: job["kind"] for job in jobs}

    def _family(self, job_ids: list[str]) -> dict[str, str]:
        found = {}
        for job_id in job_ids:
            kind = self._snapshot.kind_of(job_id)
            if JOB_KINDS[kind].exported is not None:
                _refuse_unfinished(job_id, kind, self._snapshot.read(job_id))
            found[job_id] = str(kind)
            parts = self._snapshot.jobs(JobFilter(status="complete", parent=job_id))
            found |= self._family([part["run_id"] for part in parts])
        return found

    def _runs(self) -> Iterator[pd.DataFrame]:
        rows = []
        for run_id in self.runs:
            document = self._snapshot.complete(run_id).document
            run = document["run"] | document["metrics"]
            # The metrics' names come after, and a list has no place in a cell.
            run["undefined"] = " ".join(run["undefined"])
            # A report of an earlier version has no verdict.
            kept = ("passed", "verdict", "equity_curve_url")
            rows.append(run | {name: document.get(name) for name in kept})
        if rows:
            yield pd.DataFrame(rows)

    def _trades(self) -> Iterator[pd.DataFrame]:
        # One table for all: it has what the trades of any have.
        own = set().union(*(self._snapshot.own_columns(run_id) for run_id in self.runs))
        for first in range(0, len(self.runs), _TOGETHER):
            by_zone: dict[str, list[dict[str, Any]]] = {}
            for run_id in self.runs[first : first + _TOGETHER]:
                known = self._snapshot.checksums(run_id)
                trades = self._snapshot.trades(run_id, known)
                zone = self._zone(run_id, known, trades)
                by_zone.setdefault(zone, []).extend({"run_id": run_id, **trade} for trade in trades)
            for zone, trades in by_zone.items():
                times = pd.DatetimeIndex([], tz=zone or None)
                frame = trades_frame(trades, times=times, own=own)
                frame.insert(0, "run_id", [trade["run_id"] for trade in trades])
                yield frame

    def _zone(self, run_id: str, known: Checksums, trades: list[dict[str, Any]]) -> str:
        # A session has no zone, and only the curve knows which one a moment has.
        if all(len(trade["entry_date"]) == _DATE for trade in trades):
            return ""
        index = pd.DatetimeIndex(self._curve(run_id, known).index)
        return str(index.tz)

    def _curve(self, run_id: str, known: Checksums) -> pd.DataFrame:
        return self._snapshot.curve(run_id, str(self._snapshot.url_of(run_id)), known)

    def _curves(self) -> Iterator[pd.DataFrame]:
        # What a benchmark or a model adds to a curve is not in each, and a table has one heading.
        alike = _Heading(self._curve_of(run_id) for run_id in self.runs)
        for run_id in self.runs:
            frame = alike.applied(self._curve_of(run_id)).reset_index()
            frame.insert(0, "run_id", run_id)
            yield frame

    def _curve_of(self, run_id: str) -> pd.DataFrame:
        return self._curve(run_id, self._snapshot.checksums(run_id))

    def _windows(self) -> Iterator[pd.DataFrame]:
        rows = []
        for job_id in self._walks:
            for window in self._snapshot.read(job_id).document["windows"]:
                plain = window | {
                    "parameters": json.dumps(window["parameters"]),
                    "undefined": " ".join(window["undefined"]),
                    "command": None if window["command"] is None else shlex.join(window["command"]),
                }
                rows.append({"walk_forward_id": job_id, **plain})
        if rows:
            yield pd.DataFrame(rows)

    def _sets(self) -> Iterator[pd.DataFrame]:
        # Sweeps vary different parameters: the columns of one are not those of another.
        frames = []
        for job_id in self._sweeps:
            _, frame = load_stored("sweep", job_id, settings=self._settings)
            frame.insert(0, "sweep_id", job_id)
            frames.append(frame)
        if frames:
            yield pd.concat(frames, ignore_index=True)


class _Heading:
    """The columns of several frames in one table, those that all have first."""

    def __init__(self, frames: Iterable[pd.DataFrame]) -> None:
        kinds: dict[str, Any] = {}
        every: set[str] | None = None
        for frame in frames:
            kinds |= {str(name): dtype for name, dtype in frame.dtypes.items()}
            every = set(frame.columns) if every is None else every & set(frame.columns)
        missing = [name for name in kinds if name not in (every or ())]
        self._columns = [*(name for name in kinds if name not in missing), *missing]
        # A whole number that is not there is no number of NumPy's.
        self._whole = {
            name: str(kinds[name]).capitalize()
            for name in missing
            if pd.api.types.is_signed_integer_dtype(kinds[name])
        }

    def applied(self, frame: pd.DataFrame) -> pd.DataFrame:
        known = frame.astype({name: kind for name, kind in self._whole.items() if name in frame})
        lacking = {name: kind for name, kind in self._whole.items() if name not in frame}
        return known.reindex(columns=self._columns).astype(lacking)


def _refuse_unfinished(job_id: str, kind: str, stored: Stored) -> None:
    document = stored.document
    if "run" not in document or document["metrics"] is not None:
        return
    status = document["run"]["status"]
    raise StoreError(
        f"{kind.capitalize()} {job_id} is {status}; only what is complete can be exported.",
        hint="Leave it out, or take it up with `backtest resume`.",
        details={"run_id": job_id, "status": status},
    )


def _target(folder: Path | str) -> Path:
    try:
        target = Path(folder).expanduser().absolute()
        if b"\0" not in os.fsencode(target):
            return target
        reason = "it holds a null character"
    except (RuntimeError, ValueError) as error:  # no such home folder; half of a surrogate pair
        reason = str(error)
    raise UsageError(
        f"{str(folder)!r} can be no folder: {reason}.",
        hint="Give a folder to write to, such as data/export.",
        details={"argument": "output", "received": str(folder)},
    )


def _write_csv(file: IO[bytes], frames: Frames) -> int:
    rows = 0
    with _as_text(file) as texts:
        for number, frame in enumerate(frames()):
            write_csv(texts, _with_texts(frame), header=number == 0)
            rows += len(frame)
    return rows


def _write_json(file: IO[bytes], frames: Frames) -> int:
    rows = 0
    with _as_text(file) as texts:
        texts.write("[")
        for frame in frames():
            columns = [column.tolist() for _, column in _with_texts(frame).items()]
            for values in zip(*columns, strict=True):
                record = dict(zip(frame.columns, map(_plain, values), strict=True))
                texts.write((",\n" if rows else "\n") + json.dumps(record, allow_nan=False))
                rows += 1
        texts.write("\n]\n")
    return rows


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell of any table
    """Return a cell as JSON has it: what is infinite as in documents, what is undefined as null."""
    if value is pd.NA:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else math.copysign(JSON_INFINITY, value)
    return value


def _write_parquet(file: IO[bytes], frames: Frames) -> int:
    try:
        return _stream_parquet(file, frames())
    except _MixedZonesError:
        # Sessions and moments share no type: a session becomes its midnight, UTC.
        file.seek(0)
        file.truncate()
        return _stream_parquet(file, (_in_utc(frame) for frame in frames()))


class _MixedZonesError(Exception):
    """Times of several zones, which one column cannot hold."""


def _stream_parquet(file: IO[bytes], frames: Iterator[pd.DataFrame]) -> int:
    # pyarrow is slow to import.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    first = next(frames, None)
    if first is None:
        pq.write_table(pa.table({}), file)
        return 0
    zone, table = _zone(first), _arrow(first)
    rows = int(table.num_rows)
    with pq.ParquetWriter(file, table.schema) as writer:
        writer.write_table(table)
        for frame in frames:
            if _zone(frame) != zone:
                raise _MixedZonesError
            table = _arrow(frame)
            writer.write_table(table)
            rows += table.num_rows
    return rows


def _arrow(frame: pd.DataFrame) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415 - as above

    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()


def _in_utc(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{name: pd.to_datetime(frame[name], utc=True) for name in _times(frame)})


def _times(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame if pd.api.types.is_datetime64_any_dtype(frame[name])]


def _zone(frame: pd.DataFrame) -> str:
    return str({frame[name].dt.tz for name in _times(frame)})


def _with_texts(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{name: frame[name].map(bar_text) for name in _times(frame)})


_WRITERS: dict[Format, Callable[[IO[bytes], Frames], int]] = {
    "parquet": _write_parquet,
    "csv": _write_csv,
    "json": _write_json,
}


@contextmanager
def _as_text(file: IO[bytes]) -> Iterator[TextIOWrapper]:
    texts = TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        yield texts
        texts.flush()
    finally:
        # The file is the caller's to close.
        texts.detach()


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"The export cannot be written to {folder}: {error.strerror or error}.",
            hint="Give a folder that you may write to and that has space left.",
            details={"folder": str(folder)},
        ) from error
