"""A trained model in the spec editor: a threshold is moved with a hand, and the curve follows."""

import re
import shutil

import nbformat
import pytest
from support.lab import ROOT

import btkit as bt

NAME = "edit_a_model.ipynb"
FIGURE = "document.querySelector('.bt-edit .js-plotly-plot')"
CODE = """
from btkit.widgets import SpecEditor
editor = SpecEditor("strategies/spx_mlp.yaml", source="sample")
editor
"""


@pytest.fixture(scope="module")
def notebook(opened, lab):
    for name in ("strategies", "models"):
        shutil.copytree(ROOT / name, lab[1] / name, dirs_exist_ok=True)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(CODE.strip())]
    made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel}, cells=cells)
    nbformat.write(made, lab[1] / NAME)
    notebook = opened(NAME)
    notebook.side_bar(shown=False)
    notebook.run_all()
    notebook.tab.locator(".bt-edit .main-svg").first.wait_for()
    return notebook


def field(tab, name):
    return tab.locator(".bt-field").filter(has=tab.get_by_text(name, exact=True))


def show(tab, name):
    tab.locator(".bt-edit").get_by_role("tab", name=name).click()


def test_a_threshold_that_is_moved_moves_the_curve(notebook, monkeypatch):
    tab = notebook.tab
    monkeypatch.chdir(ROOT)
    bars = bt.load_bars("SPX", "1999-01-04", "2018-12-31", source="sample")
    spec = bt.load_spec("strategies/spx_mlp.yaml")
    typed = field(tab, "Least probability").locator(".bt-number input")
    for threshold in ("0.6", ""):
        typed.fill(threshold)
        typed.press("Enter")
        changed = spec.replace(confidence_threshold=float(threshold) if threshold else None)
        ended = float(bt.simulate(changed, bars, start="1999-01-04").equity.iloc[-1])
        near = f"Math.abs({FIGURE}.data[1].y.at(-1) / {ended!r} - 1) < 1e-6"
        tab.wait_for_function(f"{near} && !document.querySelector('.bt-edit .bt-stale')")
    # What is left out stands there as it was trained.
    assert re.fullmatch(r"0\.\d+", typed.get_attribute("placeholder"))
    typed.fill("0.55")
    typed.press("Enter")
    notebook.wait_for("editor.spec.confidence_threshold", 0.55)


def test_a_bundle_that_is_refused_is_told_beneath_its_field(notebook, keep):
    tab = notebook.tab
    show(tab, "Model")
    bundle = field(tab, "Bundle").locator("input")
    bundle.fill("models/gone")
    bundle.press("Enter")
    said = tab.locator(".bt-edit-left .bt-problem")
    said.filter(has_text="This is no folder that exists.").first.wait_for()
    tab.locator(".bt-stale").wait_for()
    keep(tab, "lab-model-refused")
    bundle.fill("models/spx_mlp/SPX_1d")
    bundle.press("Enter")
    tab.locator(".bt-stale").wait_for(state="detached")
    assert said.filter(has_text="no folder").count() == 0


def test_it_stands_at_one_glance_light_and_dark_wide_and_on_a_telephone(notebook, keep):
    tab = notebook.tab
    cut = """(boxes) => boxes.filter((box) => box.scrollWidth > box.clientWidth + 1)
      .map((box) => box.outerHTML)"""
    for width, height in ((1440, 900), (390, 1800)):
        tab.set_viewport_size({"width": width, "height": height})
        fits = f"Math.abs({FIGURE}._fullLayout.width - {FIGURE}.getBoundingClientRect().width) < 2"
        tab.wait_for_function(
            f"document.querySelector('.bt-edit').getBoundingClientRect().right <= innerWidth "
            f"&& {fits}"
        )
        for theme in ("Light", "Dark"):
            notebook.theme(theme)
            for name in ("Signals", "Model"):
                show(tab, name)
                tab.evaluate("document.querySelector('.bt-edit').scrollIntoView()")
                assert tab.locator(".bt-edit-left .bt-number input").evaluate_all(cut) == []
                keep(tab, f"lab-model-{width}-{theme.lower()}-{name.lower()}")
        notebook.theme("Light")
