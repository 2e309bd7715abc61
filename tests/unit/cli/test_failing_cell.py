"""A cell of the report that fails: the command says so, and its notebook is kept and shows it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from btkit import render
from btkit.render import notebook

RUN = ["run", "--strategy", "tiny.json", "--symbol", "SPX",
       "--start", "2010-01-01", "--end", "2010-12-31"]  # fmt: skip
CELLS = {
    "magic": ("%load_ext no_such_extension", "ModuleNotFoundError", "No module named"),
    "unknown magic": ("%no_such_magic", "CellExecutionError", "`%no_such_magic` not found"),
    "exit": ("import sys; sys.exit(3)", "SystemExit", "SystemExit"),
}


@pytest.fixture
def template(tmp_path, monkeypatch):
    """Put a cell into the template of a run."""
    original = notebook.template_path("run")

    def changed(source):
        made = nbformat.read(original, as_version=4)
        made.cells.append(nbformat.v4.new_code_cell(source))
        made.cells.append(nbformat.v4.new_code_cell("'never'"))
        nbformat.write(made, tmp_path / "run.ipynb")
        monkeypatch.setattr(notebook, "template_path", lambda _: tmp_path / "run.ipynb")

    return changed


def test_it_exits_2_and_leaves_the_notebook(backtest, monkeypatch):
    def broken(_document):
        raise ValueError("no months")

    monkeypatch.setattr(render, "months", broken)
    code, document, _ = backtest(*RUN)
    error = document["error"]
    assert (code, error["type"]) == (2, "RenderError")
    details = error["details"]
    assert (details["error"], details["message"]) == ("ValueError", "no months")
    assert details["source"] == "render.months(document)"
    left = nbformat.read(Path(details["notebook"]), as_version=4)
    failed = next(cell for cell in left.cells if cell.source == details["source"])
    assert "no months" in str(failed.outputs)
    assert (left.cells[-1].outputs, left.cells[-1].execution_count) == ([], None)
    assert "An Exception was encountered" in left.cells[0].source
    asked, stored, _ = backtest("report", "--run-id", details["run_id"])
    assert (asked, stored["run"]["status"]) == (0, "complete")


@pytest.mark.parametrize("case", CELLS.values(), ids=list(CELLS))
def test_so_it_does_for_a_changed_template_which_a_kernel_runs(backtest, template, case):
    source, name, shown = case
    template(source)
    code, document, _ = backtest(*RUN)
    error = document["error"]
    assert (code, error["type"]) == (2, "RenderError")
    assert (error["details"]["error"], error["details"]["source"]) == (name, source)
    left = nbformat.read(Path(error["details"]["notebook"]), as_version=4)
    failed, never = left.cells[-2:]
    assert shown in str(failed.outputs)
    assert (never.outputs, never.execution_count) == ([], None)
