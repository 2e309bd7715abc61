"""A cell of the report that fails: the command says so, and its notebook is kept and shows it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from btkit.render import notebook

RUN = ["run", "--strategy", "tiny.json", "--symbol", "SPX",
       "--start", "2010-01-01", "--end", "2010-12-31"]  # fmt: skip
CELLS = {
    "error": ("1 / 0", "ZeroDivisionError", "division by zero"),
    "magic": ("%load_ext no_such_extension", "ModuleNotFoundError", "No module named"),
    "unknown magic": ("%no_such_magic", "CellExecutionError", "`%no_such_magic` not found"),
    "cell magic": ("%%bash\nexit 3", "CalledProcessError", "non-zero exit status 3"),
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


@pytest.mark.parametrize("case", CELLS.values(), ids=list(CELLS))
def test_it_exits_2_and_leaves_the_notebook(backtest, template, case):
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
    assert "An Exception was encountered" in left.cells[0].source
    asked, stored, _ = backtest("report", "--run-id", error["details"]["run_id"])
    assert (asked, stored["run"]["status"]) == (0, "complete")


def test_it_does_so_with_a_kernel_as_well(backtest, template):
    template("%load_ext no_such_extension")
    code, document, _ = backtest(*RUN, "--engine", "nbclient")
    assert (code, document["error"]["details"]["error"]) == (2, "ModuleNotFoundError")
    assert Path(document["error"]["details"]["notebook"]).exists()
