"""A batch in pieces: each job anywhere, and the sum that running them all here gives."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO

import pytest
from support.divided import cut, finished, loaded, where, without_names, work_on
from support.random_bars import crossover

from btkit.errors import CorruptFileError, InternalError, InterruptedRunError, UsageError
from btkit.jobs import Silent, delete, execute, list_runs, load_document, load_run, verify
from btkit.jobs.dispatch import HANDLERS, execute_task
from btkit.jobs.execution import Execution
from btkit.jobs.job import JOB, JOB_KINDS
from btkit.jobs.pieces import DIVISIONS, FINISH, WHOLE, Piece
from btkit.jobs.pool import done
from btkit.jobs.prepare import prepare
from btkit.settings import Settings

RANGE = {"symbol": "SPX", "start": "2012-01-03", "end": "2013-12-31"}
SEARCH = {"fast": [3, 5], "slow": [10, 21]}
RUN = {"kind": "run", "spec": crossover(), **RANGE}
SWEEP = {"kind": "sweep", "spec": crossover(), "parameters": SEARCH, **RANGE}
JOBS = [
    RUN,
    {**RUN, "spec": crossover(name="elsewhere"), "symbol": "NOWHERE"},
    SWEEP,
    {"kind": "walk-forward", "spec": crossover(), "optimize": SEARCH, "windows": 2, **RANGE},
    # Nobody says which fraction it is charged.
    {**RUN, "spec": crossover(name="unpaid", commission_model="rate")},
]
DIVISION = DIVISIONS["batch"]


def batch_of(jobs):
    return JOB.validate_python({"kind": "batch", "jobs": jobs, "name": "mine", "workers": 2})


@pytest.fixture(scope="module")
def batch():
    return batch_of(JOBS)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Return settings of one worker after the other, each with a store that is empty."""

    def make():
        folder = tmp_path_factory.mktemp("worker")
        return Settings(
            db_path=folder / "results.db", curve_dir=folder / "curves",
            report_dir=folder / "reports", data_source="sample",
        )  # fmt: skip

    return make


@pytest.fixture(scope="module")
def contents(batch, scratch):
    return worked(batch, scratch)


def bars_for(job, piece, settings):
    needed = DIVISION.inputs_of(job, piece)
    if needed.symbol == "NOWHERE" or needed.spec["name"] == "unpaid":
        return None
    return loaded(prepare(needed, settings=settings), settings)


def worked(batch, scratch):
    found = []
    for piece in cut(DIVISION.groups(batch), range(1, 5)):
        here = scratch()
        found.append((piece, work_on(batch, piece, where(here, bars_for(batch, piece, here)))))
    return found


TOLD = (
    "job",
    "command",
    "strategy",
    "symbol",
    "exit_code",
    "passed",
    "verdict",
    "metrics",
    "error",
)


def told(line):
    return without_names({name: line.get(name) for name in TOLD})


def test_the_sum_and_every_job_are_those_of_a_batch_done_here(batch, scratch, contents, tmp_path):
    here, settings = scratch(), scratch()
    local = execute(batch.model_copy(update={"workers": 1}), settings=settings)
    known = finished(batch, contents[::-1], where(here, None), tmp_path / "contents")
    whole, again = (
        load_document(one, settings=place)
        for one, place in ((local.batch_id, settings), (known, here))
    )
    assert again["passed"] == whole["passed"]
    assert again["verdict"] == whole["verdict"]
    assert without_names(again["batch"]) == without_names(whole["batch"])
    assert [told(line) for line in again["results"]] == [told(line) for line in whole["results"]]
    assert [line["job"] for line in again["results"]] == [1, 2, 3, 4, 5]
    assert again["batch"]["errors"] == 1
    parts = [
        [(row["kind"], row["part"], row["status"]) for row in list_runs(parent=one, settings=place)]
        for one, place in ((local.batch_id, settings), (known, here))
    ]
    assert parts[0] == parts[1]
    for line in again["results"]:
        if line["exit_code"] < 2:
            stored = load_document(line["run_id"], settings=here)
            assert stored["passed"] == line["passed"]
    first = again["results"][0]["run_id"]
    assert (
        len(load_run(first, settings=here).trades) == again["results"][0]["metrics"]["total_trades"]
    )
    assert verify(first, settings=here)["reproduced"]
    (row,) = list_runs(settings=here)
    assert (row["run_id"], row["status"], row["kind"]) == (known, "complete", "batch")
    delete(known, settings=here)
    assert list_runs(everything=True, settings=here) == []


def test_a_batch_took_as_long_as_its_jobs_were_worked_on(batch, scratch, contents, tmp_path):
    # Two that overlap, a pause of a day, one within another, and one that nobody knows of.
    spans = [(0.0, 3_000.0), (2_000.0, 3_000.0), (90_000.0, 4_000.0), (91_000.0, 1_000.0)]
    changed = [
        (piece, retimed(content, began, seconds))
        for (piece, content), (began, seconds) in zip(contents, [*spans, (None, 0.0)], strict=True)
    ]
    here = scratch()
    known = finished(batch, changed[::-1], where(here, None), tmp_path / "contents")
    # And what putting them together took.
    assert 9_000.0 < load_document(known, settings=here)["batch"]["seconds"] < 9_900.0


def retimed(content, began, seconds):
    """Return a content whose job began at another moment, and took another time."""
    changed = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            entry = old.read(name)
            if name == "line.json":
                entry = json.dumps({**json.loads(entry), "began": began, "seconds": seconds})
            new.writestr(name, entry)
    return changed.getvalue()


def test_no_job_is_run_again_when_the_batch_is_put_together(
    batch, scratch, contents, tmp_path, monkeypatch
):
    def none(*_arguments, **_options):
        pytest.fail("a job was run")

    monkeypatch.setattr("btkit.jobs.dispatch.execute", none)
    monkeypatch.setattr("btkit.jobs.loading.load_from_source", none)
    here = scratch()
    for torn in (contents[1:], [*contents, contents[0]]):
        with pytest.raises(InternalError, match="missing, or there twice"):
            finished(batch, torn, where(scratch(), None), tmp_path / "torn")
    finished(batch, contents, where(here, None), tmp_path / "contents")
    assert len(list_runs(settings=here)) == 1


def test_two_askings_of_the_same_batch_are_two(scratch, tmp_path):
    here, batch = scratch(), batch_of([SWEEP])
    for name in ("first", "second"):
        finished(batch, worked(batch, scratch), where(here, None), tmp_path / name)
    rows = list_runs(settings=here)
    assert len({row["run_id"] for row in rows}) == 2
    for row in rows:
        assert len(list_runs(parent=row["run_id"], settings=here)) == 1


def test_what_stops_the_work_is_no_line(batch, scratch):
    class Stopped(Silent):
        def count(self, *_reached):
            raise InterruptedRunError("It was wanted no more.", hint="Ask for it again.")

    piece, here = Piece(0, 2, 3), scratch()
    given = Execution(here, Stopped(), bars=bars_for(batch, piece, here))
    with pytest.raises(InterruptedRunError, match="wanted no more"):
        DIVISION.work(batch, piece, given)


def test_what_is_no_content_of_a_job_is_refused(batch, scratch, contents, tmp_path):
    piece, sound = contents[0]

    def made(entries, how=zipfile.ZIP_STORED):
        content = BytesIO()
        with zipfile.ZipFile(content, "w", how) as file:
            for name, text in entries.items():
                file.writestr(name, text)
        return content.getvalue()

    line = '{"exit_code": 0, "seconds": 1.0, "began": 1.0, "refusal": null}'
    for wrong in (
        b"",
        b"{}",
        sound[:-40],
        made({}),
        made({"line.json": line}),
        made({"line.json": line, "job.parcel": b"PK"}),
        made({"line.json": line, "../job.parcel": b""}),
        made({"line.json": line}, zipfile.ZIP_DEFLATED),
        made({"line.json": line.replace("0,", "7,")}),
        made({"line.json": line.replace("1.0", "NaN", 1)}),
        made({"line.json": line.replace('"began": 1.0', '"began": -1.0')}),
    ):
        with pytest.raises(CorruptFileError) as caught:
            finished(batch, [(piece, wrong)], where(scratch(), None), tmp_path / "contents")
        assert caught.value.hint


def test_a_job_that_ends_its_workers_has_a_line_and_the_others_go_on(
    batch, scratch, contents, tmp_path
):
    lost = DIVISION.crashed(batch, Piece(0, 2, 3), "Three workers in turn ended with it.")
    mixed = [(piece, lost if piece.lo == 2 else content) for piece, content in contents]
    here = scratch()
    known = finished(batch, mixed, where(here, None), tmp_path / "contents")
    document = load_document(known, settings=here)
    assert document["batch"]["errors"] == 2
    line = document["results"][2]
    assert (line["job"], line["exit_code"], line["command"]) == (3, 2, "sweep")
    assert line["error"]["type"] == "WorkerUnavailableError"
    assert "Three workers" in line["error"]["message"]
    assert len(list_runs(parent=known, settings=here)) == len(
        [line for line in document["results"] if line.get("run_id")]
    )


def test_of_no_jobs_that_are_left_none_is_done():
    checked = []
    none = done([], execute_task, workers=2, check=lambda: checked.append(1), say=None)
    assert list(none) == []
    assert checked


def test_every_kind_of_job_says_how_it_is_divided():
    assert DIVISIONS.keys() == HANDLERS.keys() == JOB_KINDS.keys()
    assert {division.unit for division in DIVISIONS.values()} == {"sets", "jobs", "bars"}


def test_a_piece_of_a_batch_is_one_job(batch, scratch):
    assert DIVISION.groups(batch) == [5]
    assert DIVISION.inputs_of(batch, Piece(0, 3, 4)) is batch.jobs[3]
    assert DIVISION.inputs_of(batch, FINISH) is DIVISION.inputs_of(batch, WHOLE) is None
    for piece in (Piece(0, 0, 2), Piece(0, 5, 6), Piece(1, 0, 1)):
        with pytest.raises(UsageError):
            work_on(batch, piece, where(scratch(), None))
