"""An executed notebook that is opened again shows its widgets, without being run."""

import papermill
from nbformat import read
from nbformat.sign import NotebookNotary
from support.lab import ROOT

STATE = "application/vnd.jupyter.widget-state+json"


def test_widgets_survive_execution_and_reopening(opened, lab, keep, monkeypatch):
    _, folder = lab
    path = folder / "reopened.ipynb"
    monkeypatch.chdir(folder)
    papermill.execute_notebook(
        ROOT / "notebooks" / "01_edit_a_spec.ipynb",
        path,
        engine_name="btkit",
        kernel_name="python3",
        progress_bar=False,
    )
    executed = read(path, as_version=4)
    assert len(executed.metadata.widgets[STATE]["state"]) > 50
    NotebookNotary(data_dir=str(folder / "data")).sign(executed)
    notebook = opened(path.name)
    tab = notebook.tab
    tab.locator(".bt-edit .main-svg").first.wait_for()
    assert tab.get_by_text("model not found", exact=False).count() == 0
    assert tab.get_by_text("Error displaying widget").count() == 0
    assert tab.locator(".bt-edit .bt-tile").count() == 6
    assert tab.get_by_label("Enter when, condition 1").input_value() == "sma_{fast} > sma_{slow}"
    curve = "document.querySelector('.bt-edit .js-plotly-plot').data[1]"
    tab.wait_for_function(f"{curve}?.y?.length === 5031")
    tab.evaluate("document.querySelector('.bt-edit').scrollIntoView()")
    keep(tab, "lab-reopened")
