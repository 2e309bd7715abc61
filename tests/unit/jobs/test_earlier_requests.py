"""What an earlier version stored is a job of today: it goes on, and is verified."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from btkit.errors import StoreError
from btkit.jobs import list_runs, load_document, resume, verify
from btkit.jobs.asking import stored_job
from btkit.jobs.job import BatchJob, Rendering, RunJob, SweepJob, WalkForwardJob
from btkit.shipped import shipped

# A store as the last version without jobs left it: five of them, interrupted before their bars
# were there. The batch holds command lines.
SCRIPT = (Path(__file__).parent / "data" / "store_before_jobs.sql").read_text(encoding="utf-8")
SINGLE = ["run", "options-sim", "sweep", "walk-forward"]


@pytest.fixture
def stored(settings):
    """Return what was asked for, by kind, and the id of each."""
    with closing(sqlite3.connect(settings.db_path)) as connection:
        connection.executescript(SCRIPT)
        rows = connection.execute("SELECT kind, job_id, request FROM btkit_jobs").fetchall()
    (settings.db_path.parent / "strategies").symlink_to(shipped("strategies"))
    return {kind: (job_id, json.loads(request)) for kind, job_id, request in rows}


@pytest.mark.parametrize("kind", SINGLE)
def test_a_request_is_a_job_that_says_the_same(stored, kind):
    request = stored[kind][1]
    job = stored_job(request)
    now = job.to_json()
    assert {name: now[name] for name in request} == request
    assert job.rendering is None
    assert stored_job(now) == job
    assert job.strategy.name == request["spec"]["name"]


def test_the_command_lines_of_a_batch_are_jobs(stored):
    request = stored["batch"][1]
    job = stored_job(request | {"rendering": {"engine": "btkit", "html_assets": "shared"}})
    assert isinstance(job, BatchJob)
    assert (job.name, job.workers) == ("jobs.yaml", 1)
    first, second, sweep, walk = job.jobs
    assert isinstance(first, RunJob)
    assert (first.symbol, second.symbol) == ("SPX", "IXIC")
    assert (first.capital, first.format) == (50_000.0, {"decimal": ","})
    assert first.rendering == Rendering(html_assets="shared")
    assert isinstance(sweep, SweepJob)
    assert (sweep.parameters, sweep.max_sets) == ({"fast": [5, 10], "slow": [20, 40]}, 10)
    assert sweep.rendering is None
    assert isinstance(walk, WalkForwardJob)
    assert (walk.windows, walk.is_ratio, walk.commission) == (2, 0.6, 2.0)
    assert stored_job(job.to_json()) == job


def test_what_nobody_knows_is_told():
    for request in (
        {"kind": "model"},
        {"kind": "run"},
        {"kind": "batch", "jobs": [{"options": 1}]},
    ):
        with pytest.raises(StoreError, match="in a form that this btkit does not know"):
            stored_job(request)


@pytest.mark.parametrize("kind", SINGLE)
def test_it_goes_on_under_its_own_id(stored, settings, kind):
    job_id, request = stored[kind]
    resume(job_id, settings=settings)
    (row,) = list_runs(kind=kind, settings=settings)
    assert (row["run_id"], row["status"], row["attempts"]) == (job_id, "complete", 2)
    document = load_document(job_id, settings=settings)
    assert document.get("error") is None
    if kind in {"run", "options-sim"}:
        assert document["run"]["commission_per_contract"] == request["commission"]
        assert verify(job_id, settings=settings)["reproduced"]
    else:
        assert document["constraint"] == request["constraint"]


def test_a_batch_goes_on_with_its_command_lines(stored, settings):
    result = resume(stored["batch"][0], settings=settings)
    assert [line["command"] for line in result.lines] == ["run", "run", "sweep", "walk-forward"]
    # The format is one of files, and these bars come with btkit.
    assert [line["exit_code"] for line in result.lines] == [2, 2, 1, 1]
    assert result.lines[2]["metrics"]["total_trades"] > 0
    assert load_document(stored["batch"][0], settings=settings)["batch"]["jobs"] == 4
