"""Jobs that are cut into pieces, worked on in any order, and put together again."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from btkit.data import LoadedBars
from btkit.jobs import Silent, delete, list_runs, load_document
from btkit.jobs.dispatch import execute_task
from btkit.jobs.execution import BatchHooks, Execution
from btkit.jobs.job import JOB, BaseJob, SpecJob
from btkit.jobs.loading import bars_of
from btkit.jobs.pieces import DIVISIONS, Piece
from btkit.jobs.prepare import prepare
from btkit.settings import Settings

# When something was made, and under names that are drawn anew.
_OWN = {"created_at", "completed_at", "run_id", "walk_forward_id", "batch_id", "is_run_id",
        "oos_run_id", "curve_url", "equity_curve_url", "seconds", "command"}  # fmt: skip


def prepared(settings: Settings, **fields: Any) -> Any:
    return prepare(JOB.validate_python(fields), settings=settings)


def loaded(job: SpecJob, settings: Settings) -> LoadedBars:
    return bars_of(job, Execution(settings, Silent()))


def where(settings: Settings, bars: LoadedBars | None, **further: Any) -> Execution:
    return Execution(settings, Silent(), bars=bars, batch=BatchHooks(execute_task), **further)


def cut(sizes: Sequence[int], at: Iterable[int]) -> list[Piece]:
    """Return all places of all groups in pieces: those of a group are cut at some of its places."""
    marks = set(at)
    found = []
    for group, size in enumerate(sizes):
        edges = [0, *sorted(mark for mark in marks if 0 < mark < size), size]
        found += [Piece(group, lo, hi) for lo, hi in pairwise(edges)]
    return found


def work_on(job: BaseJob, piece: Piece, given: Execution) -> bytes:
    return DIVISIONS[job.kind].work(job, piece, given)


def finished(
    job: BaseJob, contents: Sequence[tuple[Piece, bytes]], given: Execution, folder: Path
) -> str:
    """Put contents together that lie in files, in the order that they are given in."""
    folder.mkdir(exist_ok=True)
    files = []
    for piece, content in contents:
        path = folder / f"{piece.group}-{piece.lo}-{piece.hi}"
        path.write_bytes(content)
        files.append((piece, path))
    return DIVISIONS[job.kind].finish(job, iter(files), given)


def without_names(document: Any) -> Any:
    found = copy.deepcopy(document)
    if isinstance(found, dict):
        return {key: without_names(value) for key, value in found.items() if key not in _OWN}
    return [without_names(one) for one in found] if isinstance(found, list) else found


def taken_out(settings: Settings) -> tuple[str, dict[str, Any], bytes]:
    """Return the id, the document and the table of the only job that is stored, and delete it."""
    (row,) = list_runs(settings=settings)
    known = row["run_id"]
    document = load_document(known, settings=settings)
    table = settings.report_dir / f"{known}.parquet"
    content = table.read_bytes() if table.exists() else b""
    delete(known, settings=settings)
    return known, document, content
