"""The service on this machine: submissions at once, two workers beside one, and what it costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from timing import Row

import btkit as bt
from btkit.jobs import execute
from btkit.jobs.asking import make_job
from btkit.jobs.job import SweepJob
from btkit.settings import Settings

RANGE = {"symbol": "SPX", "start": "2000-01-03", "end": "2018-12-31", "source": "sample"}
SUBMISSIONS, AT_ONCE = 200, 50
# Conditions that read the position are judged bar by bar: the processor is what is waited for.
SEARCH = {
    "name": "crossing",
    "entry_conditions": ["sma_{fast} > sma_{slow}"],
    "exit_conditions": ["sma_{fast} < sma_{slow}", "bars_held > {hold}"],
    "stop_conditions": ["position_pnl_pct < -{stop} / 1000"],
    "position_sizing_formula": "capital / (close * 1.01)",
    "parameters": {"fast": 10, "slow": 50, "hold": 20, "stop": 50},
}
AXES = {
    "fast": list(range(5, 45)),
    "slow": list(range(50, 130)),
    "hold": list(range(5, 65, 6)),
    "stop": list(range(20, 100, 10)),
}
SAMPLE = 2_000


def rows() -> list[Row]:
    """Measure submissions, and one sweep here, by one worker and by two."""
    found: list[Row] = []
    with serving(2) as client:
        found += _submissions(client)
        two = _sweep_there(client)
    with serving(1) as client:
        one = _sweep_there(client)
    here, both = (_sweep_here(threads) for threads in (1, 2))
    sets = 1
    for axis in AXES.values():
        sets *= len(axis)
    return [
        *found,
        Row(f"a sweep of {sets:,} sets here, one thread", here, "s", None),
        Row("  by one worker", one, "s", None),
        Row("  by one worker / here, one thread", one / here, "x", 1.15),
        Row("  here, two threads", both, "s", None),
        Row("  by two workers", two, "s", None),
        Row("  by two workers / here, two threads", two / both, "x", 1.15),
        Row("  by two workers / by one", two / one, "x", 1 / 1.5),
    ]


@contextmanager
def serving(workers: int) -> Iterator[httpx.Client]:
    """Run a server until the block ends; give what asks it."""
    with tempfile.TemporaryDirectory(prefix="btkit-bench-") as name:
        environment = {**os.environ, **_places(Path(name)), "BT_REQUESTS_PER_MINUTE": "1000000"}
        command = [sys.executable, "-m", "btkit.cli.main", "serve", "--port", "0"]
        with subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--workers", str(workers)],
            cwd=name, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            limits = httpx.Limits(max_connections=AT_ONCE)
            try:
                with httpx.Client(base_url=url, timeout=600.0, limits=limits) as client:
                    while client.get("/workers").json()["count"] < workers:
                        time.sleep(0.1)
                    yield client
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(60)


def _places(folder: Path) -> dict[str, str]:
    return {
        "BT_DB_PATH": str(folder / "results.db"),
        "BT_CURVE_DIR": str(folder / "curves"),
        "BT_REPORT_DIR": str(folder / "reports"),
        "BT_SERVICE_DIR": str(folder / "service"),
        "BT_KEEP_LOCAL": "1",
    }


def _submissions(client: httpx.Client) -> list[Row]:
    job = {"kind": "run", **RANGE, "spec": {**SEARCH, "name": "submitted"}}
    _ended(client, _start(client, {**job, "spec": SEARCH})[0])

    def submit(number: int) -> tuple[str, float]:
        parameters = {**SEARCH["parameters"], "hold": 5 + number}
        return _start(client, {**job, "spec": {**job["spec"], "parameters": parameters}})

    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(submit, range(SUBMISSIONS)))
    asked = time.perf_counter() - began
    known = {operation for operation, _ in answers}
    runs = {_ended(client, operation)["run_id"] for operation in known}
    seconds = time.perf_counter() - began
    stored = client.get("/runs", params={"kind": "run", "page_size": 200}).json()["runs"]
    assert len(known) == len(runs) == SUBMISSIONS
    assert len(runs & {run["run_id"] for run in stored}) >= SUBMISSIONS - 1
    took = sorted(elapsed for _, elapsed in answers)
    return [
        Row(f"{SUBMISSIONS} submissions, {AT_ONCE} at a time: all answered", asked, "s", None),
        Row("  start, p50", 1e3 * took[len(took) // 2], "ms", None),
        Row("  start, p99", 1e3 * took[int(0.99 * len(took))], "ms", None),
        Row("  each done and stored once, by two workers", SUBMISSIONS / seconds, "runs/s", None),
    ]


def _sweep_there(client: httpx.Client) -> float:
    job = {
        "kind": "sweep", **RANGE, "spec": SEARCH, "parameters": AXES, "overfitting_sample": SAMPLE,
    }  # fmt: skip
    # The same sweep again has its table already; another capital makes it another question.
    began = time.perf_counter()
    operation = _start(client, {**job, "capital": 100_000.0 + began})[0]
    ended = _ended(client, operation)
    assert ended["status"] == "complete", ended["error"]
    return time.perf_counter() - began


def _sweep_here(threads: int) -> float:
    with tempfile.TemporaryDirectory(prefix="btkit-bench-") as name:
        folder = Path(name)
        settings = Settings(
            db_path=folder / "results.db", curve_dir=folder / "curves", report_dir=folder
        )
        asked = {
            **RANGE, "spec": bt.load_spec(SEARCH), "parameters": AXES, "threads": threads,
            "overfitting_sample": SAMPLE,
        }  # fmt: skip
        job = make_job(SweepJob, asked, settings=settings)
        began = time.perf_counter()
        execute(job, settings=settings)
        return time.perf_counter() - began


def _start(client: httpx.Client, body: dict[str, Any]) -> tuple[str, float]:
    began = time.perf_counter()
    answer = client.post("/backtests/start", json=body)
    elapsed = time.perf_counter() - began
    assert answer.status_code == 202, answer.text
    return answer.json()["operation_id"], elapsed


def _ended(client: httpx.Client, operation: str) -> dict[str, Any]:
    while True:
        known = client.get(f"/operations/{operation}").json()
        if known["done"]:
            return dict(known)
        # To ask more often would take a tenth of the cores from who is measured.
        time.sleep(0.1)
