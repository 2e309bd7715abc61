"""Databases of the schema before the one table of jobs."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from btkit.owner import this_process
from btkit.storage import LocalCurves, Store, database, rows

OLD_STEPS = database.migrations()[:2]
INSERT_OLD_JOB = """
INSERT INTO backtest_jobs (run_id, request, host, pid, process_started, heartbeat_at)
VALUES (?, ?, ?, ?, ?, '2026-01-05T10:00:00.000+00:00')
"""
IDS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(7)]
COMPLETE, SPREADS, BROKEN, FAILED, INTERRUPTED, CANCELLED, RUNNING = IDS


@pytest.fixture
def old(tmp_path, make_run):
    """Give the path of a version-2 database with a run in each state, and the complete one."""
    path = tmp_path / "old.db"
    info, document = make_run()
    report = document.report.to_dict()
    report["run"]["run_id"] = COMPLETE
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for version, script in OLD_STEPS:
            connection.executescript(script)
            connection.execute(f"PRAGMA user_version = {version}")

        def insert(run_id, status, **values):
            row = rows.run_row(info, interval="1d") | {"run_id": run_id, "error_message": None}
            report_text = values.pop("report", None)
            connection.execute(rows.INSERT_RUN, row)
            connection.execute(
                "UPDATE backtest_runs SET status = ?, report = ?, error_message = ?"
                " WHERE run_id = ?",
                (status, report_text, values.get("error_message"), run_id),
            )

        insert(COMPLETE, "complete", report=json.dumps(report))
        insert(SPREADS, "complete", report=json.dumps(report | {"spreads": []}))
        insert(BROKEN, "complete", report="{")
        insert(FAILED, "failed", error_message="DataError: no bars")
        insert(INTERRUPTED, "running")
        insert(CANCELLED, "failed", error_message="InterruptedRunError: it was stopped")
        insert(RUNNING, "running")
        request = json.dumps({"kind": "options-sim"})
        connection.execute(INSERT_OLD_JOB, (INTERRUPTED, request, "elsewhere", 1, "1"))
        connection.execute(INSERT_OLD_JOB, (CANCELLED, json.dumps({"kind": "run"}), *[None] * 3))
        connection.execute(INSERT_OLD_JOB, (RUNNING, "{", *this_process()))
        connection.execute(
            "INSERT INTO backtest_checkpoints (run_id, type, saved_at) VALUES (?, 'cancellation',"
            " '2026-01-05T10:00:00')",
            (CANCELLED,),
        )
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
        assert "backtest_jobs" in tables
        assert "btkit_jobs" not in tables
    return path


EXPECTED = {
    COMPLETE: ("run", "complete", False),
    SPREADS: ("options-sim", "complete", False),
    BROKEN: ("run", "complete", False),
    FAILED: ("run", "failed", False),
    INTERRUPTED: ("options-sim", "interrupted", True),
    CANCELLED: ("run", "cancelled", True),
    RUNNING: ("run", "running", False),
}


def listed(store):
    return {
        row["run_id"]: (row["kind"], row["status"], row["resumable"])
        for row in store.runs(limit=None)
    }


def test_every_run_becomes_a_job_with_its_kind_and_state(old):
    store = Store(old, curves=LocalCurves(old.parent / "curves"))
    assert listed(store) == EXPECTED
    assert [row["run_id"] for row in store.runs(limit=None)] == IDS[::-1]
    assert store.document(COMPLETE)["run"]["run_id"] == COMPLETE
    assert store.jobs.claim(CANCELLED).request == {"kind": "run"}
    with closing(sqlite3.connect(old)) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert "backtest_jobs" not in names
    assert {"backtest_runs", "backtest_metrics", "backtest_trades", "btkit_jobs"} <= names
