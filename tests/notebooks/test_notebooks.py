"""The notebooks for people, and every template, executed by both engines."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest

import btkit as bt
from btkit.render import execute_template
from btkit.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SPEC = {
    "name": "crossover",
    "entry_conditions": ["sma_20 > sma_50", "not in_position"],
    "exit_conditions": ["sma_20 < sma_50"],
    "stop_conditions": [],
}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("DB_PATH", "CURVE_DIR", "REPORT_DIR"):
        monkeypatch.setenv(f"BT_{name}", str(tmp_path / name.lower()))
    return Settings(_env_file=None)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_stripped_and_cells_short(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
            assert len(cell.source.splitlines()) <= 12


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_in_this_process(path, store, tmp_path):
    papermill.execute_notebook(
        path, tmp_path / "out.ipynb", engine_name="btkit", progress_bar=False
    )


def test_every_notebook_runs_in_a_kernel(store):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax",
         "--rootdir", str(store.report_dir.parent), *map(str, NOTEBOOKS)],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("template", ["run", "compare"])
def test_a_template_gives_the_same_by_both_engines(template, store, tmp_path):
    run = bt.run(SPEC, "SPX", "2015-01-02", "2016-12-30", source="sample", settings=store)
    parameters = {"database": str(store.db_path)}
    parameters |= {"run_id": run.run_id} if template == "run" else {"run_ids": [run.run_id]}
    cells = {}
    for engine in ("btkit", "nbclient"):
        files = execute_template(
            template, parameters, out_dir=tmp_path / engine, run_id="r", engine=engine
        )
        assert files.html.stat().st_size > 4_000_000
        cells[engine] = [
            (cell.source, cell.get("outputs"), cell.get("execution_count"))
            for cell in nbformat.read(files.notebook, as_version=4).cells
        ]
    assert cells["btkit"] == cells["nbclient"]
