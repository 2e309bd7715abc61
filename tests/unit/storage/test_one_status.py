"""How a run stands is written at one place, and both tables say the same whatever happens."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest

import btkit
from btkit.storage import job_rows

CHANGES = {
    "complete": lambda store, document: store.complete(document),
    "failed": lambda store, document: store.jobs.end(run_of(document), "failed", error_message="x"),
    "cancelled": lambda store, document: store.jobs.end(
        run_of(document), "cancelled", error_message="x"
    ),
}


def run_of(document):
    return document.report.run.run_id


def statuses(store):
    with closing(sqlite3.connect(store.path)) as connection:
        return connection.execute(
            "SELECT j.status, r.status, j.completed_at IS r.completed_at,"
            " j.error_message IS r.error_message, j.passed IS r.passed"
            " FROM btkit_jobs j JOIN backtest_runs r USING (run_id)"
        ).fetchall()


def killed_between_the_writes(change, *given):
    """Do something in a process that dies as it turns from the job's row to that of the run."""
    connect, owner = sqlite3.connect, job_rows.this_process()

    def die(statement):
        if statement.lstrip().startswith("UPDATE backtest_runs"):
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_trace_callback(die)
        return connection

    def do():
        sqlite3.connect, job_rows.this_process = watched, lambda: owner
        change(*given)

    process = get_context("fork").Process(target=do)
    process.start()
    process.join()
    return process.exitcode


@pytest.mark.parametrize("status", CHANGES)
def test_a_kill_between_the_two_rows_changes_neither(store, make_run, status):
    info, document = make_run()
    store.begin(info, interval="1d", request={"kind": "run"})
    assert killed_between_the_writes(CHANGES[status], store, document) == -signal.SIGKILL
    assert statuses(store) == [("running", "running", 1, 1, 1)]
    CHANGES[status](store, document)
    documented = {"cancelled": "failed"}.get(status, status)
    assert statuses(store) == [(status, documented, 1, 1, 1)]


def test_a_kill_as_a_run_is_taken_up_leaves_it_as_it_was(store, make_run):
    info, document = make_run()
    store.begin(info, interval="1d", request={"kind": "run"})
    CHANGES["cancelled"](store, document)
    killed = killed_between_the_writes(store.jobs.claim, info.run_id)
    assert killed == -signal.SIGKILL
    assert statuses(store) == [("cancelled", "failed", 1, 1, 1)]
    store.jobs.claim(info.run_id)
    assert statuses(store) == [("running", "running", 1, 1, 1)]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_what_is_complete_stays_so(store, stored, status):
    run_id = stored.report.run.run_id
    assert not store.jobs.end(run_id, status, error_message="ValueError: too late")
    assert statuses(store) == [("complete", "complete", 1, 1, 1)]


def test_one_module_writes_a_status():
    writes = re.compile(r"UPDATE (btkit_jobs|backtest_runs)\s+SET[^\"]*\bstatus\s*=")
    package = Path(btkit.__file__).parent
    found = {path.name for path in package.rglob("*.py") if writes.search(path.read_text("utf-8"))}
    assert found == {"job_rows.py"}
