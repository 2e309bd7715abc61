import datetime as dt
import json
import sys

import nbformat
import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.errors import RenderError, UsageError
from btkit.render import execute_template, notebook
from btkit.settings import Settings

REQUEST = {"symbol": "SPX", "start": "2015-01-02", "end": "2016-12-30", "source": "sample"}
SPEC = {
    "name": "crossover",
    "entry_conditions": ["sma_20 > sma_50", "not in_position"],
    "exit_conditions": ["sma_20 < sma_50"],
    "stop_conditions": [],
}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("BT_DB_PATH", str(tmp_path / "results.db"))
    monkeypatch.setenv("BT_CURVE_DIR", str(tmp_path / "curves"))
    return Settings(_env_file=None)


def test_a_stored_run_becomes_a_notebook_and_a_page(tmp_path, settings, capfd):
    result = bt.run(SPEC, **REQUEST, settings=settings)
    parameters = {"run_id": result.run_id, "database": str(settings.db_path), "request": {}}
    out = tmp_path / "reports"
    files = execute_template("run", parameters, out_dir=out, run_id=result.run_id)
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [files.html.name, files.notebook.name]
    )
    executed = nbformat.read(files.notebook, as_version=4)
    assert "parameters" in executed.cells[0].metadata.tags
    assert result.run_id in executed.cells[1].source
    html = files.html.read_text(encoding="utf-8")
    assert "<title>crossover, SPX: backtest report</title>" in html
    assert html.count('class="bt-plot"') == 7
    assert capfd.readouterr().out == ""


def test_a_failing_cell_is_named_and_its_notebook_kept(tmp_path, settings):
    parameters = {"run_id": "no-such-run", "database": str(settings.db_path), "request": {}}
    with pytest.raises(RenderError, match="RunNotFoundError") as caught:
        execute_template("run", parameters, out_dir=tmp_path / "out", run_id="r1")
    details = caught.value.details
    assert "open_run" in details["source"]
    assert details["error"] == "RunNotFoundError"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["r1.failed.ipynb"]
    json.dumps(details)


def test_types_survive_the_way_into_the_notebook(tmp_path, monkeypatch):
    template = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("request = {}", metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell(
                "import json, sys\nprint(json.dumps(request), sys.executable)"
            ),
        ]
    )
    nbformat.write(template, tmp_path / "types.ipynb")
    monkeypatch.setattr(notebook, "template_path", lambda name: tmp_path / f"{name}.ipynb")
    # Wherever kernels are registered, none is found: this interpreter must be started all the same.
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    request = {"a": 1, "b": 1.5, "c": None, "d": True, "e": ["x", {"f": 'it\'s "so"\n'}]}
    files = execute_template("types", {"request": request}, out_dir=tmp_path / "o", run_id="t")
    printed = nbformat.read(files.notebook, as_version=4).cells[-1].outputs[0].text
    assert printed == f"{json.dumps(request)} {sys.executable}\n"


@pytest.mark.parametrize(
    "value",
    [
        dt.date(2020, 1, 2),
        pd.Timestamp("2020-01-02"),
        np.int64(3),
        (1, 2),
        {"axes": (1, 2)},
        {1: 2},
        {"x": {1, 2}},
        float("nan"),
    ],
    ids=str,
)
def test_what_would_change_its_type_is_refused(tmp_path, value):
    with pytest.raises(UsageError, match="'request' of the report template is not plain JSON"):
        execute_template("run", {"request": value}, out_dir=tmp_path, run_id="x")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RenderError, match="cannot be written"):
        execute_template("run", {"run_id": "x"}, out_dir=tmp_path / "file", run_id="x")
