"""`backtest batch`: a line a job, an index of all, and the worst exit code."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest
from support import signals
from support.specs import rules

from btkit.cli import batching
from btkit.cli.main import main
from btkit.errors import RenderError
from btkit.jobs import loading

ROUND = {"source": "sample", "start": "2010-01-04", "end": "2011-12-30"}
GROWING = rules(
    entry_conditions=["close > 0", "not in_position"],
    position_sizing_formula="1",
    max_holding_bars=20,
    parameters={"days": 20},
    filter_conditions=["sma_{days} > 0"],
)


@pytest.fixture
def batch(tmp_path, capsys):
    (tmp_path / "growing.json").write_text(json.dumps(GROWING | {"name": "growing"}))

    def call(entries, *flags):
        path = tmp_path / "jobs.yaml"
        path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
        code = main(["batch", str(path), *flags])
        captured = capsys.readouterr()
        return code, [json.loads(line) for line in captured.out.splitlines()], captured.err

    return call


def numbers(line):
    return {name: value for name, value in line["metrics"].items() if name != "run_id"}


def test_each_job_has_its_line_and_the_index_links_all(batch, tmp_path):
    entries = [
        {"spec": "*.json", "symbol": ["SPX", "IXIC"], **ROUND},
        {"spec": "growing.json", "symbol": "SPX", "command": "walk-forward", **ROUND},
        {"spec": "missing.json", "symbol": "SPX", **ROUND},
        {"spec": "growing.json", "symbol": "NOPE", **ROUND},
    ]
    code, lines, said = batch(entries)
    assert code == 2
    *jobs, last = lines
    assert [line["job"] for line in jobs] == list(range(1, 8))
    assert [line["exit_code"] for line in jobs] == [1, 1, 1, 1, 1, 2, 1]
    assert last["batch"]["jobs"] == 7
    assert (last["batch"]["soft_failures"], last["batch"]["errors"]) == (6, 1)
    reports = tmp_path / "reports"
    for line in jobs[:5]:
        assert sorted(line["files"]) == ["html", "json", "notebook"]
        assert all(os.path.exists(path) for path in line["files"].values())  # noqa: PTH110 - texts
        assert line["metrics"]["total_trades"] > 0
        assert json.loads((reports / f"{line['run_id']}.json").read_text()) == line["document"]
    assert jobs[4]["metrics"] == jobs[4]["document"]["stitched"]
    assert [line["error"]["type"] for line in jobs[5:]] == ["UsageError", "NoDataError"]
    assert "6 of 7" in said
    assert "there is no file missing.json" in said

    index = (reports / "index.html").read_text()
    links = set(re.findall(r'href="([^"]+)"', index))
    assert {f"{line['run_id']}.html" for line in jobs[:5]} | {"compare.html"} <= links
    assert all((reports / link).is_file() for link in links)
    # Plotly's script once for the folder, and nothing half-written.
    assert len(list(reports.glob("plotly-*.min.js"))) == 1
    assert (reports / "compare.html").stat().st_size < 1_000_000
    assert not [path.name for path in reports.iterdir() if path.name.startswith(".")]


def test_without_reports_the_numbers_are_the_same(batch, tmp_path):
    entries = [{"spec": "growing.json", "symbol": "SPX", **ROUND}]
    _, (with_report, _), _ = batch(entries, "-q")
    code, (line, last), said = batch(entries, "--no-report", "-q")
    assert code == 1
    assert said == ""
    assert "files" not in line
    assert last["batch"]["index"] is None
    assert numbers(line) == numbers(with_report)


def test_a_sweep_shows_its_best_set(batch):
    flags = {"param": ["days=10,20"], "max-sets": 2}
    entries = [{"spec": "growing.json", "symbol": "SPX", "command": "sweep", **ROUND}]
    entries[0]["flags"] = flags
    code, (line, _), _ = batch(entries, "--no-report")
    assert code == 1
    assert line["metrics"] == line["document"]["best"]["metrics"]
    assert line["run_id"] == line["document"]["sweep_id"]


def test_bad_yaml_is_one_line_of_error(batch):
    code, (line,), _ = batch("- [1")
    assert code == 2
    assert line["error"]["type"] == "UsageError"


def test_an_absent_pattern_starts_nothing(batch, tmp_path):
    entries = [
        {"spec": "growing.json", "symbol": "SPX", **ROUND},
        {"spec": "none/*.yaml", "symbol": "SPX", **ROUND},
    ]
    code, (line,), _ = batch(entries)
    assert code == 2
    assert "Entry 2" in line["error"]["message"]
    assert not (tmp_path / "results.db").exists()


def test_a_fault_in_one_job_stops_no_other(batch, monkeypatch):
    ordinary = loading.load_from_source

    def load(symbol, *arguments, **options):
        if symbol == "SPX":
            raise ZeroDivisionError("a fault")
        return ordinary(symbol, *arguments, **options)

    monkeypatch.setattr(loading, "load_from_source", load)
    entries = [{"spec": "growing.json", "symbol": ["SPX", "IXIC"], **ROUND}]
    code, (broken, fine, _), _ = batch(entries, "--no-report")
    assert code == 2
    assert broken["error"]["type"] == "InternalError"
    assert fine["exit_code"] == 1


def test_a_comparison_that_fails_takes_no_line_away(batch, monkeypatch):
    from btkit import render  # noqa: PLC0415 - patched where the command finds it

    ordinary = render.execute_template

    def execute(template, *arguments, **options):
        if template == "compare":
            raise RenderError("no room", hint="make some")
        return ordinary(template, *arguments, **options)

    monkeypatch.setattr(render, "execute_template", execute)
    code, (job, last), _ = batch([{"spec": "growing.json", "symbol": "SPX", **ROUND}])
    assert code == 2
    assert job["exit_code"] == 1
    assert last["batch"]["jobs"] == 1
    assert last["batch"]["error"]["message"] == "no room"


def test_an_interrupt_ends_the_batch_and_leaves_the_index(batch, monkeypatch, tmp_path):
    ordinary = batching.do_task

    def do_task(task):
        if task.number == 2:
            raise KeyboardInterrupt
        return ordinary(task)

    monkeypatch.setattr(batching, "do_task", do_task)
    entries = [{"spec": "growing.json", "symbol": ["SPX", "IXIC", "SPX"], **ROUND}]
    code, (job, last), _ = batch(entries)
    assert code == 2
    assert last["error"]["type"] == "InterruptedRunError"
    assert last["error"]["details"]["done"] == 1
    assert job["run_id"] in (tmp_path / "reports" / "index.html").read_text()


@contextmanager
def processes(*flags, ears=signals.heard):
    with subprocess.Popen(
        [sys.executable, "-m", "btkit.cli.main", "batch", "jobs.yaml", "--jobs", "2", *flags],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=ears,  # noqa: PLW1509 - it takes no lock
    ) as running:  # fmt: skip
        try:
            yield running
        finally:
            with suppress(ProcessLookupError):  # which is how it should be
                os.killpg(running.pid, signal.SIGKILL)


def write_jobs(tmp_path, symbols):
    (tmp_path / "growing.json").write_text(json.dumps(GROWING | {"name": "growing"}))
    entry = {"spec": "growing.json", "symbol": symbols, **ROUND}
    (tmp_path / "jobs.yaml").write_text(json.dumps([entry]))


def test_jobs_in_processes_give_the_same_numbers(batch, tmp_path):
    write_jobs(tmp_path, ["SPX", "IXIC", "NOPE", "SPX"])
    with processes() as running:
        out, _ = running.communicate(timeout=240)
    assert running.returncode == 1
    *lines, last = [json.loads(line) for line in out.splitlines()]
    assert last["batch"]["jobs"] == 4
    by_job = {line["job"]: line for line in lines}
    _, (alone, _), _ = batch([{"spec": "growing.json", "symbol": "SPX", **ROUND}], "--no-report")
    assert numbers(by_job[1]) == numbers(by_job[4]) == numbers(alone)
    assert by_job[3]["error"]["type"] == "NoDataError"


def test_ctrl_c_ends_all_processes_quietly(tmp_path):
    write_jobs(tmp_path, ["SPX", "IXIC"] * 100)
    with processes("--no-report") as running:
        first = running.stdout.readline()
        os.killpg(running.pid, signal.SIGINT)
        out, said = running.communicate(timeout=240)
    assert running.returncode == 2
    assert json.loads(first)["job"] in {1, 2}
    last = json.loads(out.splitlines()[-1])
    assert last["error"]["type"] == "InterruptedRunError"
    assert 1 <= last["error"]["details"]["done"] < 200
    assert "SpawnProcess" not in said  # as multiprocessing begins the traceback of a worker


def test_a_closed_terminal_ends_nothing_that_nohup_started(tmp_path):
    write_jobs(tmp_path, ["SPX", "IXIC"] * 6)
    with processes("--no-report", ears=signals.deaf_to_a_closed_terminal) as running:
        running.stdout.readline()
        os.killpg(running.pid, signal.SIGHUP)
        out, said = running.communicate(timeout=240)
    assert running.returncode == 1, said
    assert json.loads(out.splitlines()[-1])["batch"]["jobs"] == 12


def end_process(task):
    if task.number == 2:
        os._exit(9)
    return {"job": task.number, "exit_code": 0, "verdict": "pass"}


def test_a_process_that_dies_fails_only_its_own_job(batch, monkeypatch):
    monkeypatch.setattr(batching, "do_task", end_process)
    entries = [{"spec": "growing.json", "symbol": ["SPX"] * 5, **ROUND}]
    code, lines, _ = batch(entries, "--jobs", "2", "--no-report", "-q")
    assert code == 2
    by_job = {line["job"]: line for line in lines[:-1]}
    assert sorted(by_job) == [1, 2, 3, 4, 5]
    assert "process of this job ended" in by_job[2]["error"]["message"]
    assert (by_job[2]["exit_code"], by_job[2]["symbol"]) == (2, "SPX")
    assert by_job[2]["next"][0]["command"].startswith("backtest run --strategy growing.json")
    assert all("error" not in by_job[number] for number in (1, 3, 4, 5))


def test_what_makes_no_sense_is_told_of_every_entry_before_anything_runs(batch, tmp_path):
    entries = [
        {
            "spec": "growing.json",
            "symbol": "SPX",
            "command": "walk-forward",
            **ROUND,
            "flags": {"windoows": 3},
        },
        {"spec": "growing.json", "symbol": "a b", **ROUND, "capital": -1},
    ]
    code, (line,), _ = batch(entries)
    assert code == 2
    problems = line["error"]["details"]["problems"]
    assert [problem["message"].split(":")[0] for problem in problems] == [
        "Entry 1 of the jobs file", "Entry 2 of the jobs file", "Entry 2 of the jobs file",
    ]  # fmt: skip
    assert "windows" in problems[0]["hint"]
    assert not (tmp_path / "results.db").exists()
