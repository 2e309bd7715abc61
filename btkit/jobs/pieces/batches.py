"""A batch in pieces: one job a piece, carried over to where they are put side by side."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from btkit.errors import (
    CorruptFileError,
    InterruptedRunError,
    LeaseLostError,
    ServerError,
    StoreFullError,
    UsageError,
    WorkerUnavailableError,
)
from btkit.jobs.batch_run import (
    PASSED,
    SOFT_FAILURE,
    begin_batch,
    conclude_batch,
    line_of,
)
from btkit.jobs.dispatch import execute_part
from btkit.jobs.execution import Execution
from btkit.jobs.job import BatchJob, SpecJob
from btkit.jobs.pieces.division import Piece, check_piece, check_whole, torn
from btkit.jobs.pool import Line
from btkit.settings import Settings
from btkit.storage import Part, Store
from btkit.storage.parcels import pack_job, unpack_job

_LINE, _PARCEL = "line.json", "job.parcel"
# What ends the work on a piece, and says nothing of its job.
_STOPS = (InterruptedRunError, LeaseLostError, ServerError, StoreFullError)


class _Told(BaseModel):
    # What a line says that the outcome does not.

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    exit_code: Annotated[int, Field(ge=0, le=2)]
    seconds: Annotated[float, Field(ge=0)]
    # By the clock, in seconds since 1970; None where nobody knows.
    began: Annotated[float, Field(ge=0)] | None
    refusal: dict[str, JsonValue] | None


def groups_of_batch(job: BatchJob) -> list[int]:
    """Return how many jobs there are, one group of them."""
    return [len(job.jobs)]


def inputs_of_one(job: BatchJob, piece: Piece) -> SpecJob | None:
    """Return the job of a piece; None for the whole, which needs no bars."""
    return None if piece.group < 0 else job.jobs[piece.lo]


def work_on_one(job: BatchJob, piece: Piece, given: Execution) -> bytes:
    """Carry out a job, and return it with its parts and files, or why it was refused."""
    check_piece(piece, groups_of_batch(job))
    if len(piece) != 1:
        raise UsageError(
            f"A piece of a batch is one job, not {len(piece):,}.",
            hint="Divide it job by job.",
            details={"piece": piece.to_json()},
        )
    store = Store.from_settings(given.settings)
    # A sweep that is a part has an id that no other asking of the same has; whose part it is, is
    # said when the batch is put together.
    part = Part(begin_batch(job, given), piece.lo + 1)
    began = time.time()
    line = execute_part(job.jobs[piece.lo], part, given, stops=_STOPS)
    stored = store.runs(parent=part.parent_id, limit=None)
    error = {name: line[name] for name in ("passed", "run_id", "error") if name in line}
    told = _Told(
        exit_code=line["exit_code"],
        seconds=line["seconds"],
        began=began,
        refusal=error if "error" in line else None,
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / _PARCEL
        parcels = [pack_job(store, row["run_id"], given.settings, path) for row in stored]
        return _content(told, parcels)


def mark_lost(job: BatchJob, piece: Piece, reason: str) -> bytes:
    """Return a content that says that a job ended whoever worked on it, and why.

    Parameters
    ----------
    job, piece
        The batch, and which job of it.
    reason
        A sentence that its line shows.
    """
    check_piece(piece, groups_of_batch(job))
    error = WorkerUnavailableError(reason, hint="Memory may have run out: try fewer bars.")
    told = _Told(exit_code=error.exit_code, seconds=0.0, began=None, refusal=error.to_document())
    return _content(told, [])


def finish_batch(job: BatchJob, contents: Iterable[tuple[Piece, Path]], given: Execution) -> str:
    """Put the jobs of a batch side by side; none of them is run."""
    batch_id = begin_batch(job, given)
    pieces: set[Piece] = set()
    lines: list[Line] = []
    spans: list[tuple[float, float]] = []
    for piece, path in contents:
        check_piece(piece, groups_of_batch(job))
        if piece in pieces:
            raise torn(piece.to_json())
        pieces.add(piece)
        line, began = _line_of(job, piece, path, Part(batch_id, piece.lo + 1), given)
        lines.append(line)
        if began is not None:
            spans.append((began, began + line["seconds"]))
    check_whole(pieces, groups_of_batch(job))
    return conclude_batch(batch_id, job, lines, given, worked_s=_covered(spans)).batch_id


def _covered(spans: list[tuple[float, float]]) -> float:
    """Return for how long something went on: of what overlaps once, and of a pause nothing."""
    seconds, until = 0.0, 0.0
    for began, ended in sorted(spans):
        seconds += max(ended - max(began, until), 0.0)
        until = max(until, ended)
    return seconds


def _content(told: _Told, parcels: list[Path]) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr(_LINE, told.model_dump_json())
        for path in parcels:
            file.write(path, _PARCEL)
    return content.getvalue()


def _line_of(
    job: BatchJob, piece: Piece, path: Path, part: Part, given: Execution
) -> tuple[Line, float | None]:
    """Take the outcome of a job into the store, and return its line, and when it began."""
    one, store = job.jobs[piece.lo], Store.from_settings(given.settings)
    told, job_id = _opened(path, piece, part, store, given.settings)
    if told.refusal is not None:
        document, code = told.refusal, told.exit_code
    elif job_id is None:
        raise _unreadable(piece, "it has neither an outcome nor an error")
    else:
        document = store.document(job_id)
        code = PASSED if document["passed"] else SOFT_FAILURE
    line = line_of(part.number, one, document, exit_code=code, seconds=told.seconds)
    assert given.batch is not None, "hooks are there wherever a batch is"
    if told.refusal is None:
        line = given.batch.finish_line(line, one, None)
    return line, told.began


def _opened(
    path: Path, piece: Piece, part: Part, store: Store, settings: Settings
) -> tuple[_Told, str | None]:
    try:
        with zipfile.ZipFile(path) as file, TemporaryDirectory() as folder:
            entries = {entry.filename: entry for entry in file.infolist()}
            # What is stored as it is has no more bytes than the file.
            kept = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries.values())
            if not kept or not {_LINE} <= entries.keys() <= {_LINE, _PARCEL}:
                raise _unreadable(piece, "its entries are not those of a job")
            told = _Told.model_validate_json(file.read(_LINE))
            if _PARCEL not in entries:
                return told, None
            parcel = Path(file.extract(_PARCEL, folder))
            return told, unpack_job(parcel, store, settings, part=part)
    except (ValidationError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise _unreadable(piece, f"{error}") from error


def _unreadable(piece: Piece, why: str) -> CorruptFileError:
    return CorruptFileError(
        f"What was brought back of job {piece.lo + 1:,} of the batch cannot be read: {why}.",
        hint="Have it done again.",
        details={"piece": piece.to_json()},
    )
