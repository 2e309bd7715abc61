"""Sweeps and walk-forward validations that break off, are cancelled, or run twice at once."""

from __future__ import annotations

import copy
import shutil
import sqlite3
import threading
from contextlib import closing

import numpy as np
import pytest
from support.random_bars import crossover

import btkit as bt
from btkit.errors import CorruptFileError, InterruptedRunError, NoDataError, StoreError
from btkit.jobs import (
    cancel,
    delete,
    finished_sets,
    list_runs,
    load_document,
    resume,
    watching,
)
from btkit.jobs.finished_sets import FinishedSets
from btkit.jobs.sweep import describe_sweep
from btkit.owner import Owner, this_process
from btkit.settings import Settings
from btkit.storage import JobTable, job_rows
from btkit.validation import sweeper

AXES = {"fast": [3, 5, 8, 13], "slow": [10, 21, 34]}
RANGE = ("SPX", "2012-01-03", "2013-12-31")
SETS = len(AXES["fast"]) * len(AXES["slow"])


class Crash(BaseException):
    """Stands for a kill: nothing after it is written."""


@pytest.fixture
def settings(tmp_path):
    return Settings(
        db_path=tmp_path / "results.db",
        curve_dir=tmp_path / "curves",
        report_dir=tmp_path / "reports",
        data_source="sample",
        min_trades_required=3,
    )


@pytest.fixture
def measured(monkeypatch):
    """Measure two sets at a time, and count them; `act` is called with the count."""
    from btkit.engine import sweep as engine_sweep  # noqa: PLC0415 - patched here alone

    monkeypatch.setattr(engine_sweep, "MOST_SETS", 2)
    original, counted = sweeper.SweepEngine.metrics, Counted()

    def metrics(self, first, last, *arguments, **options):
        counted.act(counted.sets)
        counted.sets += last - first
        return original(self, first, last, *arguments, **options)

    monkeypatch.setattr(sweeper.SweepEngine, "metrics", metrics)
    return counted


class Counted:
    def __init__(self):
        self.sets, self.act = 0, lambda _sets: None


def swept(settings):
    result = bt.sweep(crossover(), *RANGE, parameters=AXES, settings=settings)
    return describe_sweep(result, start=RANGE[1], end=RANGE[2], settings=settings).to_dict()


def walked(settings):
    result = bt.walk_forward(crossover(), *RANGE, settings=settings, windows=2, optimize=AXES)
    return result.report.to_dict()


MADE = {"sweep": swept, "walk-forward": walked}
OWN = {"sweep_id", "walk_forward_id", "table_url", "curve_url", "provenance", "top", "best"}


def numbers(document):
    """Return what was found, without the names of runs and files."""
    found = copy.deepcopy({name: document[name] for name in document if name not in OWN})
    for window in found.get("windows", []):
        for name in ("is_run_id", "oos_run_id", "command"):
            del window[name]
    return found


@pytest.fixture
def break_off(settings, measured, monkeypatch):
    """Begin something, and stop it after some sets as a process that is gone by now."""
    dead = Owner(this_process().host, this_process().pid, "another start")

    def stop(kind, after, error=Crash):
        def act(sets):
            if sets >= after:
                raise error

        measured.sets, measured.act = 0, act
        with monkeypatch.context() as patch:
            if error is Crash:
                patch.setattr(job_rows, "this_process", lambda: dead)
                patch.setattr(JobTable, "end", lambda *_, **__: False)
            with pytest.raises(error) as caught:
                MADE[kind](settings)
        measured.sets, measured.act = 0, lambda _sets: None
        (row,) = list_runs(settings=settings)
        return row, caught.value

    return stop


@pytest.mark.parametrize(("kind", "after"), [("sweep", 4), ("walk-forward", SETS + 4)])
def test_what_was_killed_goes_on_under_its_own_id(
    settings, measured, break_off, kind, after, tmp_path
):
    elsewhere = {"report_dir": tmp_path / "elsewhere", "db_path": tmp_path / "elsewhere.db"}
    expected = MADE[kind](settings.model_copy(update=elsewhere))
    row, _ = break_off(kind, after)
    assert (row["kind"], row["status"], row["resumable"]) == (kind, "interrupted", True)
    document = load_document(row["run_id"], settings=settings)
    assert document["error"]["type"] == "InterruptedRunError"
    assert not document["passed"]
    resume(row["run_id"], settings=settings)
    total = SETS if kind == "sweep" else 2 * SETS
    assert 0 < measured.sets <= total - after
    (now,) = list_runs(settings=settings)
    assert (now["run_id"], now["status"]) == (row["run_id"], "complete")
    again = load_document(row["run_id"], settings=settings)
    assert numbers(again) == numbers(expected)
    parts = list_runs(parent=row["run_id"], settings=settings)
    assert len(parts) == (4 if kind == "walk-forward" else 0)
    if kind == "walk-forward":
        named = [window[f"{part}_run_id"] for window in again["windows"] for part in ("is", "oos")]
        assert [part["run_id"] for part in parts] == named
    assert list(settings.report_dir.glob(".*")) == []
    with pytest.raises(StoreError, match="is complete"):
        resume(row["run_id"], settings=settings)


@pytest.mark.parametrize("kind", MADE)
def test_something_else_than_was_asked_for_is_not_gone_on_with(settings, measured, break_off, kind):
    row, _ = break_off(kind, 1)
    with closing(sqlite3.connect(settings.db_path, isolation_level=None)) as connection:
        connection.execute("UPDATE btkit_jobs SET request = replace(request, '100000', '100001')")
    with pytest.raises(CorruptFileError, match="What was asked of run"):
        resume(row["run_id"], settings=settings)
    assert measured.sets == 0
    (left,) = list_runs(settings=settings)
    assert left["status"] == "interrupted"


@pytest.mark.parametrize("kind", MADE)
def test_what_was_interrupted_by_hand_says_how_to_go_on(settings, break_off, kind):
    row, error = break_off(kind, 4, KeyboardInterrupt)
    assert row["status"] == "cancelled"
    told = " ".join(error.__notes__)
    assert f"backtest resume --run-id {row['run_id']}" in told
    assert "the same command goes on" in told
    resume(row["run_id"], settings=settings)
    assert load_document(row["run_id"], settings=settings).get("error") is None


@pytest.mark.parametrize("kind", MADE)
def test_another_process_can_cancel_it(settings, measured, monkeypatch, kind):
    monkeypatch.setattr(watching, "LOOK_S", 0.0)

    def act(sets):
        if sets == 4:
            (row,) = list_runs(status="running", settings=settings)
            assert cancel(row["run_id"], settings=settings)["status"] == "cancelling"

    measured.act = act
    with pytest.raises(InterruptedRunError) as caught:
        MADE[kind](settings)
    (row,) = list_runs(settings=settings)
    assert (row["run_id"], row["status"]) == (caught.value.run_id, "cancelled")
    assert measured.sets < SETS
    resume(row["run_id"], settings=settings)
    assert list_runs(status="complete", settings=settings)[0]["run_id"] == row["run_id"]


@pytest.mark.parametrize("kind", MADE)
def test_how_far_it_is_is_stored(settings, measured, monkeypatch, kind):
    monkeypatch.setattr(watching, "_STORE_S", 0.0)
    seen = []

    def act(_sets):
        rows = list_runs(status="running", settings=settings)
        seen.extend(row["progress"] for row in rows if row["progress"])

    measured.act = act
    MADE[kind](settings)
    assert {"done": 2, "total": SETS, "unit": "sets"} in seen


@pytest.mark.parametrize("kind", MADE)
def test_deleting_what_was_broken_off_leaves_no_sets(settings, break_off, kind):
    row, _ = break_off(kind, 4, KeyboardInterrupt)
    assert list(settings.report_dir.glob(".*.parts/*.parquet"))
    delete(row["run_id"], settings=settings)
    assert list(settings.report_dir.glob(".*")) == []
    assert list_runs(settings=settings, everything=True) == []


def test_a_resumption_that_fails_can_be_tried_again(settings, break_off, monkeypatch):
    for kind in MADE:
        row, _ = break_off(kind, 4)
        with monkeypatch.context() as patch:

            def none(*_arguments, **_options):
                raise NoDataError("no bars", hint="wait")

            patch.setattr("btkit.jobs.loading.load_from_source", none)
            with pytest.raises(NoDataError):
                resume(row["run_id"], settings=settings)
        (failed,) = list_runs(settings=settings)
        assert (failed["status"], failed["error_message"]) == ("failed", "NoDataError: no bars")
        resume(row["run_id"], settings=settings)
        delete(row["run_id"], settings=settings)


def test_a_sweep_whose_document_was_not_made_is_resumed_for_it(settings):
    result = bt.sweep(crossover(), *RANGE, parameters=AXES, settings=settings)
    (row,) = list_runs(settings=settings)
    assert (row["status"], row["resumable"]) == ("complete", True)
    assert load_document(result.sweep_id, settings=settings)["metrics"] is None
    resume(result.sweep_id, settings=settings)
    assert load_document(result.sweep_id, settings=settings)["sweep_id"] == result.sweep_id


def test_two_identical_sweeps_at_once_both_end_well(settings, measured, monkeypatch):
    from btkit.jobs import finished_sets  # noqa: PLC0415 - patched here alone

    monkeypatch.setattr(finished_sets, "_KEEP_EVERY_S", 0.0)
    together = threading.Barrier(2, timeout=60)
    found, errors = [], []

    def work():
        try:
            together.wait()
            found.append(swept(settings))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test tells it
            errors.append(error)

    for _ in range(3):
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
    assert len({document["sweep_id"] for document in found}) == 1
    assert all(numbers(document) == numbers(found[0]) for document in found)
    (row,) = list_runs(settings=settings)
    assert row["status"] == "complete"
    assert list(settings.report_dir.glob(".*")) == []


def test_finished_sets_are_kept_though_their_folder_goes_meanwhile(tmp_path, monkeypatch):
    from btkit.jobs import finished_sets  # noqa: PLC0415 - patched here alone
    from btkit.metrics import MEASURED  # noqa: PLC0415 - brings numba

    original, removals = finished_sets.make_folder, []

    def made_and_removed(folder, **options):
        original(folder, **options)
        if len(removals) < 2:
            removals.append(folder)
            shutil.rmtree(folder)

    monkeypatch.setattr(finished_sets, "make_folder", made_and_removed)
    kept = FinishedSets(tmp_path / ".x.parts", job_id="0123456789abcdef")
    kept.add(np.arange(2), np.ones((2, len(MEASURED))))
    kept.flush()
    assert kept.read()[0].tolist() == [0, 1]
    assert len(removals) == 2


def test_a_search_that_goes_on_and_finds_nothing_new_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(finished_sets, "_KEEP_EVERY_S", -1.0)
    kept = FinishedSets(tmp_path / "sets", job_id="job", columns=("cagr",))
    kept.add(np.array([], np.int64), np.empty((0, 1)))
    kept.flush()
    assert not kept.folder.exists()
    kept.add(np.array([3]), np.array([[0.5]]))
    places, rows = kept.read()
    assert (places.tolist(), rows.tolist()) == ([3], [[0.5]])
