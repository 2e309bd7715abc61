"""Runs, trades and curves as files for other programs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, Literal, get_args

import pandas as pd

from btkit.errors import StoreError, UsageError
from btkit.report.documents import bar_text
from btkit.runs.spreadsheet import write_csv
from btkit.settings import Settings, read_settings
from btkit.storage import Store, check_run_id, make_folder, writing_aside

Format = Literal["parquet", "csv", "json"]
Table = Literal["runs", "trades", "curves"]
_FORMATS: tuple[Format, ...] = get_args(Format)
_TABLES: tuple[Table, ...] = get_args(Table)


def export(
    folder: Path | str,
    *,
    format: str = "parquet",  # noqa: A002 - what the command calls it
    tables: Sequence[str] = (),
    run_ids: Sequence[str] = (),
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Write complete runs as tables: one file for runs, one for trades, one for curves.

    Parameters
    ----------
    folder
        Where ``runs.<format>`` and so on appear, each once it is whole; made if it is not there.
    format
        ``"parquet"``, ``"csv"`` or ``"json"`` (a list of records).
    tables
        Which of ``runs`` (run, verdict and metrics), ``trades`` and ``curves`` (by bar); none
        means all.
    run_ids
        Only these; none means all complete runs.
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
        If a run is not complete or its curve is missing, or a file cannot be written.
    """
    kind = _known(format, _FORMATS, "format")
    chosen = [_known(table, _TABLES, "table") for table in tables or _TABLES]
    wanted = read_settings(settings)
    store = Store.from_settings(wanted)
    known = list(dict.fromkeys(check_run_id(run_id) for run_id in run_ids)) or [
        row["run_id"] for row in store.runs(status="complete", limit=None)
    ]
    target = _target(folder)
    files = {}
    with _explained(target):
        make_folder(target, private=wanted.private)
        for table in chosen:
            path = target / f"{table}.{kind}"
            with writing_aside(path, private=wanted.private) as aside:
                rows = _WRITERS[kind](aside.file, _frames(store, known, table))
                aside.publish()
            files[table] = {"path": str(path), "rows": rows}
    return {"format": kind, "runs": len(known), "files": files}


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


def _known(text: str, names: tuple[Any, ...], what: str) -> Any:  # noqa: ANN401 - one of `names`
    if text not in names:
        raise UsageError(
            f"There is no {what} {text!r} to export.",
            hint=f"Choose one of {' '.join(names)}.",
            details={"argument": what, "received": text, "known": list(names)},
        )
    return text


def _frames(store: Store, run_ids: Sequence[str], table: Table) -> Iterator[pd.DataFrame]:
    for run_id in run_ids:
        if table == "runs":
            yield _run_frame(store.document(run_id))
            continue
        document = store.load(run_id)
        frame = document.trades if table == "trades" else document.curve.reset_index()
        frame = frame.assign(run_id=str(document.report.run.run_id))
        yield frame[["run_id", *frame.columns.drop("run_id")]]


def _run_frame(document: dict[str, Any]) -> pd.DataFrame:
    if document["metrics"] is None:
        run = document["run"]
        raise StoreError(
            f"Run {run['run_id']} is {run['status']}; only complete runs can be exported.",
            hint="Leave it out, or take up an interrupted run with `backtest resume`.",
            details={"run_id": run["run_id"], "status": run["status"]},
        )
    run = document["run"] | document["metrics"]
    # The metrics' names come after, and a list has no place in a cell.
    run["undefined"] = " ".join(run["undefined"])
    kept = ("passed", "verdict", "equity_curve_url")
    # A report of an earlier version has no verdict.
    row = run | {name: document.get(name) for name in kept}
    return pd.DataFrame([row])


def _write_csv(file: IO[bytes], frames: Iterator[pd.DataFrame]) -> int:
    rows = 0
    with _as_text(file) as texts:
        for number, frame in enumerate(frames):
            write_csv(texts, _with_texts(frame), header=number == 0)
            rows += len(frame)
    return rows


def _write_json(file: IO[bytes], frames: Iterator[pd.DataFrame]) -> int:
    rows = 0
    with _as_text(file) as texts:
        texts.write("[")
        for frame in frames:
            columns = [column.tolist() for _, column in _with_texts(frame).items()]
            for values in zip(*columns, strict=True):
                record = dict(zip(frame.columns, values, strict=True))
                texts.write((",\n" if rows else "\n") + json.dumps(record, allow_nan=False))
                rows += 1
        texts.write("\n]\n")
    return rows


def _write_parquet(file: IO[bytes], frames: Iterator[pd.DataFrame]) -> int:
    # pyarrow is slow to import.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    parts = list(frames)
    if len({_zone(part) for part in parts}) > 1:
        # Sessions and moments share no type: a session becomes its midnight, UTC.
        parts = [
            part.assign(**{name: pd.to_datetime(part[name], utc=True) for name in _times(part)})
            for part in parts
        ]
    tables = [pa.Table.from_pandas(part, preserve_index=False) for part in parts]
    whole = pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({})
    pq.write_table(whole.replace_schema_metadata(), file)
    return int(whole.num_rows)


def _times(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame if pd.api.types.is_datetime64_any_dtype(frame[name])]


def _zone(frame: pd.DataFrame) -> str:
    return str({frame[name].dt.tz for name in _times(frame)})


def _with_texts(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{name: frame[name].map(bar_text) for name in _times(frame)})


_WRITERS: dict[Format, Callable[[IO[bytes], Iterator[pd.DataFrame]], int]] = {
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
