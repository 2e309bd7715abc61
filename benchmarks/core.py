"""How long one run takes: import, simulation, the loop alone, the whole command."""

from __future__ import annotations

import copy
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from sweep import make_bars
from timing import Row, best

import btkit as bt
from btkit.engine import ChunkedRun, Outcome
from btkit.simulation import check_inputs, simulate_inputs
from btkit.simulation.simulate import in_one_piece

SPEC = Path(__file__).resolve().parents[1] / "strategies" / "spy_momentum_v1.json"
LEVELS = {"stop_loss": 0.03, "take_profit": 0.06, "trailing_stop": {"fraction": 0.05}}


def rows() -> list[Row]:
    """Measure the momentum spec of the reference on the S&P 500 sample, 5,031 daily bars."""
    spec = bt.load_spec(SPEC)
    bars = bt.load_bars("SPX", "1999-01-04", "2018-12-31", source="sample")
    simulate = best(lambda: bt.simulate(spec, bars), repeats=50)
    plain = json.loads(SPEC.read_text(encoding="utf-8"))
    loop, inside = _loops(bars, plain, plain | LEVELS)
    # The least of turns taken side by side, so that what else the machine does touches both.
    turns = [(_command(), _process("-c", "import pandas")) for _ in range(3)]
    command, pandas = (min(times) for times in zip(*turns, strict=True))
    return [
        Row("simulate, features and metrics included", simulate * 1e3, "ms", 10.0),
        Row("the loop alone", loop * 1e3, "ms", 0.1),
        Row("  with stop, target and trailing stop, beside it", inside / loop, "x", 1.5),
        Row("import btkit", _process("-c", "import btkit"), "s", 0.5),
        Row("  an empty Python process", _process("-c", "pass"), "s", None),
        Row("backtest run --no-report, process time", command, "s", None),
        Row("  beside a process that imports pandas", command / pandas, "x", 2.5),
        Row("two million one-minute bars with report, peak memory", _peak(), "MB", 600.0),
    ]


def _loops(bars: pd.DataFrame, *specs: Mapping[str, Any]) -> list[float]:
    """Return the least time in seconds that the loop takes for each spec, in turns."""
    runs: list[ChunkedRun] = []

    def note(run: ChunkedRun) -> Outcome:
        runs.append(copy.deepcopy(run))
        return in_one_piece(run)

    for spec in specs:
        simulate_inputs(check_inputs(note, spec, bars))
    times: list[list[float]] = [[] for _ in runs]
    beginnings = [run.snapshot() for run in runs]
    for _ in range(300):
        for run, beginning, taken in zip(runs, beginnings, times, strict=True):
            run.restore(beginning)
            start = time.perf_counter()
            run.advance(run.bars)
            taken.append(time.perf_counter() - start)
    return [min(taken) for taken in times]


def _process(*arguments: str, environment: dict[str, str] | None = None) -> float:
    """Return the least user and system time of three processes in seconds."""
    times = []
    # As installed: with its modules compiled.
    environment = {**(environment or os.environ)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(  # noqa: S603 - our own interpreter, arguments from this file
            [sys.executable, *arguments],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(times)


def _command() -> float:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "BT_DB_PATH": f"{folder}/results.db",
            "BT_CURVE_DIR": f"{folder}/curves",
        }
        arguments = ["run", "--strategy", str(SPEC), "--symbol", "SPX", "--source", "sample"]
        arguments += ["--start", "1999-01-04", "--end", "2018-12-31", "--no-report"]
        return _process("-m", "btkit.cli.main", *arguments, environment=environment)


def _peak() -> float:
    """Return the most memory that a run of two million bars with its report takes, in MB."""
    with tempfile.TemporaryDirectory() as name:
        bars = make_bars(2_000_000, 0, minutes=True).rename_axis("timestamp")
        bars.to_parquet(Path(name) / "MANY_1m.parquet")
        places = {"DB_PATH": "r.db", "CURVE_DIR": "curves", "REPORT_DIR": "reports", "DATA_DIR": ""}
        environment = os.environ | {f"BT_{key}": f"{name}/{place}" for key, place in places.items()}
        command = [sys.executable, "-c", _MEASURED, sys.executable, "-m", "btkit.cli.main", "run"]
        command += [f"--strategy={SPEC}", "--symbol=MANY", "--source=files", "--interval=1m"]
        command += ["--start=2019-01-02", "--end=2038-12-31", "--quiet"]
        done = subprocess.run(  # noqa: S603 - as above
            command, env=environment, check=True, capture_output=True, text=True
        )
        assert list(Path(name, "reports").glob("*.html")), "it left a report"
    return float(done.stdout) / 1e3


# A process counts what its parent held when it began, so a small one stands between.
_MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
