"""Runs killed with signal 9 at random moments; `make kills` has the full sizes."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import time
from contextlib import suppress

import psutil
import pytest
from support.broken_off import numbers
from support.deep import sized

from btkit.jobs import cancel, list_runs, load_run, resume, run

BARS = 300
# So many that a run which saves every bar is not over before it is told, on a busy machine too.
ENDLESS = 3_000
KILLS = sized(4, 30)
EVERY_BAR = {"BT_CHECKPOINT_BARS": "1"}


@pytest.fixture
def reached(query):
    """Tell the last bar that any unfinished run has saved."""

    def ask():
        with suppress(sqlite3.OperationalError):  # no database or no table yet
            return query("SELECT max(bar_index) FROM backtest_checkpoints")[0][0] or 0
        return 0

    return ask


def wait_until(process, happened):
    while process.poll() is None and not happened():
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.002)


def test_killed_at_random_moments_and_resumed_to_the_same_bits(
    arguments, start, settings, query, reached, steps
):
    command, step = arguments(BARS), steps(KILLS, "kills")
    began = time.monotonic()
    out, err = start(command, **EVERY_BAR).communicate()
    lasts = time.monotonic() - began
    assert out, err
    whole = numbers(list_runs(settings=settings)[0]["run_id"], settings)
    assert len(whole[0]["trades"]) > 20
    chance = random.Random(20260101)  # noqa: S311 - a repeatable choice, not a secret
    in_simulation = 0
    for number in range(KILLS):
        step()
        process = start(command, **EVERY_BAR)
        if number % 3 == 2:
            moment = time.monotonic() + chance.uniform(0.1, 1.0) * lasts
            wait_until(process, lambda moment=moment: time.monotonic() >= moment)
        else:
            bar = chance.randrange(1, BARS - 5)
            wait_until(process, lambda bar=bar: reached() >= bar)
        process.kill()
        process.wait()
        if not settings.db_path.exists():
            continue
        assert query("PRAGMA integrity_check") == [("ok",)]
        in_simulation += reached() > 0
        for row in list_runs(limit=1000, settings=settings):
            assert row["status"] in {"complete", "interrupted"}
            if row["status"] == "interrupted":
                resume(row["run_id"], settings=settings)
            if row["run_id"] and number == KILLS - 1:
                assert numbers(row["run_id"], settings) == whole
        # Torn or left-over files would show here.
        assert {path.stem for path in settings.curve_dir.glob("*.parquet")} == {
            row["run_id"] for row in list_runs(limit=1000, settings=settings)
        }
    assert in_simulation >= KILLS // 2
    assert query("SELECT count(*) FROM btkit_jobs WHERE host IS NOT NULL") == [(0,)]


def test_an_interrupted_run_is_resumed_by_another_process(
    arguments, start, settings, query, reached
):
    command = arguments(ENDLESS)
    process = start(command, **EVERY_BAR)
    wait_until(process, lambda: reached() >= 5)
    assert [row["status"] for row in list_runs(settings=settings)] == ["running"]
    process.kill()
    process.wait()
    (row,) = list_runs(status="interrupted", settings=settings)
    resumed = [*command[:3], "resume", "--run-id", row["run_id"], "--no-report", "-q"]
    out, err = start(resumed).communicate()
    assert '"status": "complete"' in out, err
    first, last = command[command.index("--start") + 1], command[command.index("--end") + 1]
    anew = run("spec.json", "TINY", first, last, settings=settings)
    assert numbers(row["run_id"], settings) == numbers(anew.run_id, settings)


def test_cancel_from_another_process(arguments, start, settings, reached):
    process = start(arguments(ENDLESS), **EVERY_BAR)
    wait_until(process, lambda: reached() >= 5)
    (row,) = list_runs(settings=settings)
    assert cancel(row["run_id"], settings=settings)["status"] == "cancelling"
    out, err = process.communicate()
    assert process.returncode == 2
    assert '"type": "InterruptedRunError"' in out, err
    assert "Traceback" not in err
    (row,) = list_runs(status="cancelled", settings=settings)
    resume(row["run_id"], settings=settings)
    assert load_run(row["run_id"], settings=settings).report.run.status == "complete"


def test_the_workers_of_a_batch_end_with_it(arguments, start, workplace, settings, reached):
    command = arguments(ENDLESS)
    asked = dict(zip(command[4::2], command[5::2], strict=False))
    job = {"spec": "spec.json", "symbol": ["TINY", "TINY"], "start": asked["--start"],
           "end": asked["--end"]}  # fmt: skip
    (workplace / "jobs.yaml").write_text(json.dumps([job]))
    process = start([*command[:3], "batch", "jobs.yaml", "--jobs", "2", "--no-report"], **EVERY_BAR)
    wait_until(process, lambda: reached() >= 5)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    process.kill()
    process.wait()
    gone, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []
    assert len(gone) == len(workers)
    # What they were at ended as interrupted or was broken off: either can be resumed.
    (batch,) = list_runs(settings=settings)
    assert (batch["kind"], batch["status"], batch["resumable"]) == ("batch", "interrupted", True)
    parts = list_runs(parent=batch["run_id"], settings=settings)
    assert {part["status"] for part in parts} <= {"cancelled", "interrupted"}
