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
import numpy as np
import pandas as pd
from timing import Row

import btkit as bt
from btkit.render import SECTIONS
from btkit.render.export import to_html
from btkit.render.inline import as_document

ROOT = Path(__file__).resolve().parents[1]
STRATEGIES = [ROOT / "strategies" / name for name in ("golden_cross.yaml", "spy_momentum_v1.json")]
REPORTS = 50
BARS = 2_000_000
MINUTES = {
    "name": "minutes",
    "entry_conditions": ["rsi_14 < 25", "not in_position"],
    "exit_conditions": ["rsi_14 > 55"],
    "stop_conditions": [],
    "max_holding_bars": 5_000,
}


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
        Row(f"a report in a batch of {REPORTS}, 2 at a time", whole / REPORTS, "s", None),
        Row("  as a share of papermill's time", whole / REPORTS / ordinary, "x", 0.08),
        Row(f"a page of {BARS:,} bars, beside plotly's script", _megabytes(), "MB", 3.0),
    ]


def _megabytes() -> float:
    """Write the page of a run of many one-minute bars, and more trades than a page shows."""
    document = as_document(bt.simulate(MINUTES, _minute_bars(BARS), slippage=0.00002))
    notebook = nbformat.v4.new_notebook()
    for _, section in SECTIONS:
        shown = [piece.bundle() for piece in section(document)]
        outputs = [
            nbformat.v4.new_output("display_data", data=data, metadata=metadata)
            for data, metadata in shown
        ]
        notebook.cells.append(nbformat.v4.new_code_cell("", outputs=outputs))
    page = to_html(notebook, title="minutes", library="plotly.js")
    return len(page.encode()) / 1e6


def _minute_bars(number: int) -> pd.DataFrame:
    days = pd.bdate_range("1999-01-04", periods=number // 390 + 1).to_numpy()
    minutes = np.timedelta64(14 * 60 + 30, "m") + np.arange(390) * np.timedelta64(1, "m")
    times = pd.DatetimeIndex((days[:, None] + minutes).ravel()[:number], tz="UTC")
    close = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 2e-4, number)))
    before = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(before, close), np.minimum(before, close)
    columns = {"open": before, "high": high, "low": low, "close": close, "volume": 1_000.0}
    return pd.DataFrame(columns, index=times)


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
