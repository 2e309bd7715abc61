"""Sweeps, walk-forwards and batches are jobs: every command that takes an id knows theirs."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from support.random_bars import crossover
from support.specs import rules

from btkit import writing
from btkit.cli import batching
from btkit.cli.main import main
from btkit.jobs import cancel, exporting, list_runs, read_settings, watching

RANGE = ["--symbol", "SPX", "--start", "2012-01-03", "--end", "2013-12-31", "--source", "sample"]
GROWING = rules(entry_conditions=["close > 0", "not in_position"], max_holding_bars=20)


@pytest.fixture
def ask(workplace, capsys, monkeypatch):
    monkeypatch.setenv("BT_MIN_TRADES_REQUIRED", "3")
    (workplace / "cross.json").write_text(json.dumps(crossover()), encoding="utf-8")
    (workplace / "growing.json").write_text(json.dumps(GROWING), encoding="utf-8")
    jobs = [
        {"spec": "growing.json", "symbol": ["SPX", "NOPE"], "start": "2012-01-03",
         "end": "2013-12-31", "source": "sample"},
    ]  # fmt: skip
    (workplace / "jobs.yaml").write_text(json.dumps(jobs), encoding="utf-8")

    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        text = capsys.readouterr().out
        if arguments[0] == "batch":
            text = text.splitlines()[-1]
        document = json.loads(text)
        document.pop("next")
        return code, document

    return call


def walked(ask, *more):
    return ask("walk-forward", "--strategy", "cross.json", *RANGE, "--windows", 2, "-q", *more)[1]


def swept(ask, *more):
    flags = ("--param", "fast=3:9:2", "--param", "slow=10,21")
    return ask("sweep", "--strategy", "cross.json", *RANGE, *flags, "-q", *more)[1]


def batched(ask, *more):
    return ask("batch", "jobs.yaml", "-q", *more)[1]


MADE = {"walk-forward": walked, "sweep": swept, "batch": batched}
NAMED = {"walk-forward": "walk_forward_id", "sweep": "sweep_id", "batch": "run_id"}
PARTS = {"walk-forward": 4, "sweep": 0, "batch": 2}


@pytest.mark.parametrize("kind", MADE)
def test_what_was_asked_for_is_listed_and_reported_and_its_parts_are_folded(ask, kind):
    made = MADE[kind](ask, "--no-report")
    job_id = made[NAMED[kind]]
    code, document = ask("report", "--run-id", job_id)
    assert code == 0
    results = document.pop("results", None)
    assert document == made
    if kind == "batch":
        assert [("error" in line, line["job"]) for line in results] == [(False, 1), (True, 2)]
    code, listed = ask("list")
    assert code == 0
    (row,) = listed["runs"]
    assert (row["run_id"], row["kind"], row["status"]) == (job_id, kind, "complete")
    assert row["passed"] == made["passed"]
    if kind != "batch":
        numbers = made["stitched"] if kind == "walk-forward" else made["best"]["metrics"]
        assert row["sharpe_ratio"] == numbers["sharpe_ratio"]
        assert (row["strategy_name"], row["symbol"]) == (made["strategy_name"], "SPX")
    _, parts = ask("list", "--parent", job_id)
    assert [row["part"] for row in parts["runs"]] == list(range(1, PARTS[kind] + 1))
    assert {row["parent_id"] for row in parts["runs"]} <= {job_id}
    _, everything = ask("list", "--all")
    assert len(everything["runs"]) == PARTS[kind] + 1
    _, some = ask("list", "--all", "--kind", "run")
    assert len(some["runs"]) == PARTS[kind]


def test_nothing_else_has_parts(ask):
    code, document = ask("list", "--parent", "0123456789abcdef")
    assert (code, document["error"]["type"]) == (2, "RunNotFoundError")
    code, document = ask("list", "--kind", "study")
    assert (code, document["error"]["type"]) == (2, "UsageError")


@pytest.mark.parametrize("kind", MADE)
def test_deleting_it_deletes_its_parts_and_files(ask, kind, workplace):
    kept = ask("run", "--strategy", "growing.json", *RANGE, "-q", "--no-report")[1]
    made = MADE[kind](ask, *(("--optimize", "fast=3:9:2") if kind == "walk-forward" else ()))
    code, document = ask("delete", "--run-id", made[NAMED[kind]])
    assert code == 0
    assert len(document["deleted"]) == PARTS[kind] + 1
    assert [row["run_id"] for row in list_runs(everything=True)] == [kept["run"]["run_id"]]
    left = [path.name for path in (workplace / "reports").rglob("*")]
    assert [name for name in left if not name.startswith("plotly-")] == []
    curves = [path.stem for path in (workplace / "curves").iterdir()]
    assert curves == [kept["run"]["run_id"]]
    with closing(sqlite3.connect(read_settings().db_path)) as connection:
        for table in ("backtest_runs", "backtest_metrics", "btkit_jobs"):
            count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - literals
            assert count == 1


@pytest.mark.parametrize("kind", [*MADE, "run", "options-sim"])
def test_pages_that_were_not_made_can_be_made_later(ask, kind, workplace):
    if kind in MADE:
        job_id = MADE[kind](ask, "--no-report")[NAMED[kind]]
    else:
        spec = "growing.json"
        if kind == "options-sim":
            spec = "spreads.json"
            text = {"name": "spreads", "spread_type": "short_put_spread", "target_dte": 7,
                    "entry_conditions": ["close > 0"]}  # fmt: skip
            (workplace / spec).write_text(json.dumps(text))
        made = ask(kind, "--strategy", spec, *RANGE, "-q", "--no-report")[1]
        job_id = made["run"]["run_id"]
    code, document = ask("report", "--run-id", job_id, "--render", "-q")
    assert code == 0
    assert document == ask("report", "--run-id", job_id)[1]
    reports = workplace / "reports"
    page = "index" if kind == "batch" else job_id
    assert (reports / f"{page}.html").stat().st_size > 1_000
    if kind != "batch":
        assert (reports / f"{page}.ipynb").exists()
        written = json.loads((reports / f"{page}.json").read_text())
        assert {name: document[name] for name in written} == written


def test_the_report_of_a_failed_run_says_so_and_answers(ask):
    code, failed = ask("run", "--strategy", "growing.json", *RANGE[2:], "--symbol", "NOPE", "-q")
    assert code == 1
    code, document = ask("report", "--run-id", failed["run_id"])
    assert code == 0
    assert document["run"]["status"] == "failed"
    assert document["error"]["type"] == "NoDataError"
    assert document["error"]["message"] == failed["error"]["message"]
    assert document["passed"] is False
    code, document = ask("report", "--run-id", failed["run_id"], "--render")
    assert code == 2
    assert "nothing to make pages of" in document["error"]["message"]


@pytest.fixture
def several(ask, workplace):
    """Write three jobs."""
    jobs = [{"spec": "growing.json", "symbol": ["SPX", "IXIC", "SPX"], "start": "2012-01-03",
             "end": "2012-12-31", "source": "sample"}]  # fmt: skip
    (workplace / "jobs.yaml").write_text(json.dumps(jobs), encoding="utf-8")
    return ask


@pytest.mark.parametrize("by", ["cancel", "interrupt"])
def test_a_batch_that_was_stopped_goes_on_with_the_jobs_that_are_left(several, monkeypatch, by):
    ordinary = batching.do_task
    worked = []

    def do_task(task):
        worked.append(task.number)
        if task.number == 2 and by == "interrupt":
            raise KeyboardInterrupt
        line = ordinary(task)
        if task.number == 1 and by == "cancel":
            (batch,) = list_runs(status="running")
            assert batch["kind"] == "batch"
            assert cancel(batch["run_id"])["status"] == "cancelling"
        return line

    with monkeypatch.context() as patch:
        patch.setattr(batching, "do_task", do_task)
        patch.setattr(watching, "LOOK_S", 0.0)
        code, stopped = several("batch", "jobs.yaml", "-q", "--no-report")
    assert (code, stopped["error"]["type"]) == (2, "InterruptedRunError")
    (batch,) = list_runs()
    assert (batch["status"], batch["run_id"]) == ("cancelled", stopped["run_id"])
    assert stopped["error"]["details"]["done"] == 1
    (first,) = list_runs(parent=batch["run_id"], status="complete")
    worked.clear()
    monkeypatch.setattr(
        batching, "do_task", lambda task: (worked.append(task.number), ordinary(task))[1]
    )
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    main(["resume", "--run-id", batch["run_id"], "-q"])
    lines = [json.loads(line) for line in sys.stdout.getvalue().splitlines()]
    assert worked == [2, 3]
    assert [line.get("job") for line in lines] == [1, 2, 3, None]
    assert lines[0]["run_id"] == first["run_id"]
    assert lines[-1]["batch"]["jobs"] == 3
    (batch,) = list_runs()
    assert (batch["status"], batch["run_id"]) == ("complete", stopped["run_id"])
    assert len(list_runs(parent=batch["run_id"])) == 3


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_windows_and_sets_are_exported(ask, workplace, form):
    walk, sweep = walked(ask, "--no-report"), swept(ask, "--no-report")
    code, document = ask("export", "--format", form, "-o", "all")
    assert code == 0
    assert {name: entry["rows"] for name, entry in document["files"].items()} == {
        **{name: entry["rows"] for name, entry in document["files"].items()},
        "runs": 4, "windows": 2, "sets": sweep["sets"],
    }  # fmt: skip
    read = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}[form]
    windows = read(workplace / "all" / f"windows.{form}")
    assert set(windows["walk_forward_id"].astype(str)) == {walk["walk_forward_id"]}
    assert windows["oos_sharpe"].tolist() == pytest.approx(
        [window["oos_sharpe"] for window in walk["windows"]], rel=1e-9
    )
    sets = read(workplace / "all" / f"sets.{form}")
    assert {"fast", "slow", "sharpe_ratio"} <= set(sets)
    assert sets["sharpe_ratio"].max() == pytest.approx(
        sweep["best"]["metrics"]["sharpe_ratio"], rel=1e-9
    )
    # The id of a walk-forward stands for its runs; that of a sweep has none.
    _, document = ask("export", "--run-id", walk["walk_forward_id"], "-o", "walk")
    assert (document["runs"], sorted(document["files"])) == (
        4, ["curves", "runs", "trades", "windows"],
    )  # fmt: skip
    _, document = ask("export", "--run-id", sweep["sweep_id"], "--table", "sets", "-o", "sweep")
    assert (document["runs"], document["files"]["sets"]["rows"]) == (0, sweep["sets"])


def test_an_export_is_of_one_moment(ask, workplace, monkeypatch):
    ids = [
        ask("run", "--strategy", "growing.json", *RANGE, "-q", "--no-report")[1]["run"]["run_id"]
        for _ in range(2)
    ]
    original = exporting._Chosen._runs

    def meanwhile(self):
        yield from original(self)
        with closing(sqlite3.connect(read_settings().db_path)) as connection:
            connection.execute("DELETE FROM backtest_trades")
            connection.execute("DELETE FROM backtest_checksums")
            connection.commit()

    monkeypatch.setattr(exporting._Chosen, "_runs", meanwhile)
    _, document = ask("export", "-o", "out")
    trades = pd.read_parquet(workplace / "out" / "trades.parquet")
    assert set(trades["run_id"]) == set(ids)
    assert len(trades) == document["files"]["trades"]["rows"] > 0
    with closing(sqlite3.connect(read_settings().db_path)) as connection:
        assert connection.execute("SELECT count(*) FROM backtest_trades").fetchone() == (0,)


def test_what_a_killed_process_was_writing_is_swept(ask, workplace):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = writing._partial_name(Path("x")).name.split("-")[2]
    left = [
        workplace / folder / f".x.{ending}.{dead.pid}-1-{host}-0badcafe.partial"
        for folder, ending in (("reports", "html"), ("curves", "parquet"), ("out", "csv"))
    ]
    for path in left:
        path.parent.mkdir()
        path.write_text("half")
    mine = writing._partial_name(workplace / "reports" / "y.html")
    mine.write_text("at work")
    ask("run", "--strategy", "growing.json", *RANGE, "-q", "--html-assets", "shared")
    ask("export", "-o", "out", "--table", "runs")
    assert [path for path in left if path.exists()] == []
    assert mine.exists()
