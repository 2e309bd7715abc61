"""What a report costs beside papermill on a notebook with one empty cell, in one run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from timing import Row

ROOT = Path(__file__).resolve().parents[1]
STRATEGIES = [ROOT / "strategies" / name for name in ("golden_cross.yaml", "spy_momentum_v1.json")]
REPORTS = 50


def rows() -> list[Row]:
    """Time papermill, `backtest run` and a batch of 50 reports, each from start to end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty = _empty_notebook(folder)
        papermill = [sys.executable, "-m", "papermill", str(empty), str(folder / "out.ipynb")]
        request = ["--symbol", "SPX", "--start", "1999-01-04", "--end", "2018-12-31"]
        request += ["--source", "sample", "--quiet"]
        run = [
            sys.executable,
            "-m",
            "btkit.cli.main",
            "run",
            f"--strategy={STRATEGIES[1]}",
            *request,
        ]
        # Side by side, so that what else the machine does touches both.
        pairs = [(_seconds(papermill, folder), _seconds(run, folder)) for _ in range(3)]
        ordinary, ours = (min(times) for times in zip(*pairs, strict=True))
        batch = [sys.executable, "-m", "btkit.cli.main", "batch", str(_jobs(folder)), "--quiet"]
        whole = _seconds([*batch, "--jobs", "2"], folder)
    return [
        Row("papermill on an empty notebook", ordinary, "s", None),
        Row("backtest run with notebook and HTML", ours, "s", None),
        Row("  as a share of papermill's time", ours / ordinary, "x", 0.8),
        Row(f"a report in a batch of {REPORTS}, 2 at a time", whole / REPORTS, "s", 0.4),
    ]


def _empty_notebook(folder: Path) -> Path:
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    cells = [nbformat.v4.new_code_cell("")]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "empty.ipynb")
    return folder / "empty.ipynb"


def _jobs(folder: Path) -> Path:
    path = folder / "jobs.yaml"
    ends = [f"{year}-12-31" for year in range(2018, 2018 - REPORTS // len(STRATEGIES) // 2 - 1, -1)]
    entry = {"symbol": ["SPX", "IXIC"], "start": "1999-01-04", "source": "sample"}
    jobs = [{**entry, "spec": [str(path) for path in STRATEGIES], "end": end} for end in ends]
    jobs = [*jobs[: REPORTS // 4], {**jobs[-1], "spec": str(STRATEGIES[0])}]
    path.write_text(json.dumps(jobs), encoding="utf-8")
    return path


def _seconds(command: list[str], folder: Path) -> float:
    places = {"DB_PATH": "results.db", "CURVE_DIR": "curves", "REPORT_DIR": "reports"}
    environment = os.environ | {f"BT_{name}": str(folder / place) for name, place in places.items()}
    began = time.perf_counter()
    subprocess.run(  # noqa: S603 - our own interpreter, arguments from this file
        command,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=ROOT,
    )
    return time.perf_counter() - began
