"""What widgets make of runs of a trained model, and of the specs that ask for one."""

import json

import pytest
from support.small_models import write_bundle

import btkit as bt
from btkit.widgets import RunBrowser, SpecEditor

SPEC = {
    "name": "small", "model_path": "models/small/SPX_1d", "symbol": "SPX",
    "confidence_threshold": 0.4, "allow_short_from_flat": True,
}  # fmt: skip
RANGE = ("SPX", "2012-01-20", "2013-12-31")


@pytest.fixture
def folder(settings, tmp_path):
    """Give the bundle's folder; the working folder is what it is named from."""
    del settings
    return write_bundle(tmp_path / "models" / "small" / "SPX_1d")


@pytest.mark.usefixtures("folder")
def test_runs_of_a_model_are_listed_shown_compared_and_opened(spec, settings, capsys):
    model = bt.run(SPEC, *RANGE, settings=settings).run_id
    other = bt.run(SPEC | {"name": "other", "confidence_threshold": 0.6}, *RANGE,
                   settings=settings).run_id  # fmt: skip
    rules = bt.run(spec, *RANGE, settings=settings).run_id
    browser = RunBrowser(settings=settings)
    assert {row["id"] for row in browser.table.rows} == {model, other, rules}
    assert all(len(row["shown"]) == len(browser.table.columns) for row in browser.table.rows)
    capsys.readouterr()
    browser.select(model)
    assert browser._note.value == ""
    shown = capsys.readouterr().out
    assert "small" in shown
    browser.select(model, other, rules)
    assert browser._note.value == ""
    assert "3 runs" in capsys.readouterr().out
    browser.select(model)
    page = browser.report().with_suffix(".html").read_text()
    assert "What decided, and what was it trained on?" in page
    browser.close()


@pytest.mark.usefixtures("folder")
def test_windows_of_a_model_are_shown(settings, capsys):
    walk = bt.walk_forward(
        SPEC, "SPX", "2010-01-04", "2014-12-31", windows=2, is_ratio=0.6, settings=settings
    ).report.walk_forward_id
    browser = RunBrowser(settings=settings)
    browser.select(walk)
    assert "Walk-forward validation" in capsys.readouterr().out
    assert browser._note.value == ""
    browser.close()


@pytest.mark.usefixtures("folder")
def test_an_editor_of_rules_that_is_to_load_a_model_stays_as_it_was(spec, settings, tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(SPEC))
    editor = SpecEditor(spec, start="2015-01-02", end="2016-12-30", settings=settings)
    editor._file.value = str(path)
    editor._load.click()
    assert "is a model spec" in editor._note.value
    assert "SpecEditor(" in editor._note.value
    assert editor.spec.name == "crossover"
    editor.close()
