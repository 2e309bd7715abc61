"""Many processes on one database; `make crowds` has the full size."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
from support.broken_off import numbers
from support.deep import sized

from btkit.jobs import list_runs, load_run

PROCESSES = sized(6, 50)


def test_runs_at_once_are_all_complete(arguments, start, settings, query, steps):
    command, step = arguments(), steps(PROCESSES, "runs at once")
    # None has made the database yet: they race for its schema as well.
    processes = [start(command, BT_CHECKPOINT_BARS="20") for _ in range(PROCESSES)]
    documents = []
    for process in processes:
        out, err = process.communicate()
        assert process.returncode in (0, 1), err + out
        assert "locked" not in err
        documents.append(json.loads(out))
        step()
    ids = {document["run"]["run_id"] for document in documents}
    assert len(ids) == PROCESSES
    rows = list_runs(limit=1000, settings=settings)
    assert {row["run_id"] for row in rows} == ids
    assert {row["status"] for row in rows} == {"complete"}
    assert query("PRAGMA integrity_check") == [("ok",)]
    assert {path.name for path in settings.curve_dir.iterdir()} == {
        f"{run_id}.parquet" for run_id in ids
    }
    for path in settings.curve_dir.iterdir():
        assert pq.read_table(path).num_rows == 60
    first, *others = ids
    whole = numbers(first, settings)
    for run_id in others:
        assert numbers(run_id, settings) == whole
        assert load_run(run_id, settings=settings).report.run.run_id == run_id


def test_only_one_of_many_resumes_a_run(arguments, start, settings, query):
    # Enough bars that it is not over before it is seen, on a busy machine too.
    command = arguments(3_000)
    process = start(command, BT_CHECKPOINT_BARS="1")
    while process.poll() is None and not list_runs(settings=settings):
        pass
    process.kill()
    process.wait()
    (row,) = list_runs(settings=settings)
    assert row["status"] == "interrupted"
    rivals = [
        start([*command[:3], "resume", "--run-id", row["run_id"], "--no-report", "-q"])
        for _ in range(3)
    ]
    codes = []
    for rival in rivals:
        out, err = rival.communicate()
        codes.append("error" not in json.loads(out))
        if "error" in json.loads(out):
            assert json.loads(out)["error"]["type"] in {"StoreBusyError", "StoreError"}, err
    assert sum(codes) == 1
    (row,) = list_runs(settings=settings)
    assert row["status"] == "complete"
    assert query("SELECT count(*) FROM backtest_trades")[0][0] == row["total_trades"]
