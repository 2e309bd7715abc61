"""The notebooks for people, executed in a kernel, and every template, by both engines."""

import re
from pathlib import Path

import nbformat
import papermill
import pytest
from plotly.graph_objects import Figure
from support.engines import assert_same_cells, process_state
from support.small_models import write_bundle

import btkit as bt
from btkit.jobs.sweep import describe_sweep
from btkit.render import execute_template
from btkit.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TEMPLATES = sorted(path.stem for path in (ROOT / "templates").glob("*.ipynb"))
COUNT = (
    r"(?:\d[\d,]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|twenty|thirty"
    r"|forty|fifty|hundred|thousand)"
)
# A count of what a run brings, a percentage, a sum of money, or a number with decimals.
RESULT = re.compile(
    rf"\b{COUNT}(?: \w+)?? (?:trades?|rules|sets|wins|winners|loss(?:es)?|losers|stops|targets"
    r"|condors|spreads|runs)\b|\d+ ?%|\$\d+|\b\d+\.\d+\b",
    re.IGNORECASE,
)
RULES = {
    "name": "crossover",
    "entry_conditions": ["sma_{fast} > sma_50", "not in_position"],
    "exit_conditions": ["sma_{fast} < sma_50"],
    "stop_conditions": [],
    "parameters": {"fast": 20},
}
SPREADS = {
    "name": "puts",
    "spread_type": "short_put_spread",
    "entry_conditions": ["close > sma_50"],
    "max_holding_bars": 20,
}
SPAN = {"symbol": "SPX", "start": "2015-01-02", "end": "2016-12-30", "source": "sample"}


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


def results_in(markdown):
    """Return what a text says of a result in numbers, which only a cell can know."""
    prose = re.sub(r"`[^`]*`", "", markdown)
    return [found.group() for found in RESULT.finditer(prose)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Nine trades in twenty years are far too few.", ["Nine trades"]),
        ("It won 55 of its 73 trades.", ["73 trades"]),
        ("The best of a hundred rules.", ["hundred rules"]),
        ("It made 5.5 % a year and fell by −20.9%.", ["5.5", "20.9"]),
        ("The deflated Sharpe ratio needs 0.95.", ["0.95"]),
        ("It lost $4,541, 12 % of it in May.", ["$4", "12 %"]),
        ("Two losing trades, and three long winners.", ["Two losing trades", "three long winners"]),
        ("The 50-day average of 2014 to 2018; `fast=20` shows the five best.", []),
    ],
)
def test_results_are_found_in_prose(text, found):
    assert results_in(text) == found


@pytest.mark.parametrize(
    "path",
    [*NOTEBOOKS, *(ROOT / "templates" / f"{name}.ipynb" for name in TEMPLATES)],
    ids=lambda path: path.stem,
)
def test_numbers_of_results_come_from_cells(path):
    cells = nbformat.read(path, as_version=4).cells
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert [found for text in prose for found in results_in(text)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_in_a_kernel(path, store, tmp_path, monkeypatch):
    # A kernel that sees it is run by pytest captures less than it does for a user.
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    # In its own folder, as JupyterLab runs it: it may name files beside it.
    executed = papermill.execute_notebook(
        path,
        tmp_path / "out.ipynb",
        engine_name="btkit",
        progress_bar=False,
        cwd=path.parent,
    )
    outputs = [output for cell in executed.cells for output in cell.get("outputs", ())]
    # Warnings are red in JupyterLab.
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """One of everything that a template shows, and the parameters that lead there."""
    # Drawing, not importing, adds plotly's filters of warnings, once a process.
    Figure().to_html()
    folder = tmp_path_factory.mktemp("stored")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for name in ("DB_PATH", "CURVE_DIR", "REPORT_DIR"):
            patched.setenv(f"BT_{name}", str(folder / name.lower()))
        settings = Settings(_env_file=None)
        run = bt.run(RULES, **SPAN, settings=settings)
        spreads = bt.options_sim(SPREADS, **SPAN, capital=1_000_000, settings=settings)
        walk = bt.walk_forward(
            RULES, **SPAN, windows=2, optimize={"fast": [10, 20]}, settings=settings
        )
        sweep = bt.sweep(RULES, **SPAN, parameters={"fast": [10, 20, 30]}, settings=settings)
        describe_sweep(sweep, start=SPAN["start"], end=SPAN["end"], settings=settings)
        model = {"name": "m", "model_path": str(write_bundle(folder / "model"))}
        trained = bt.run(model, "SPX", "2011-06-01", "2012-12-31", source="sample",
                         settings=settings)  # fmt: skip
    database, reports = str(settings.db_path), str(settings.report_dir)
    return {
        "run": {"run_id": run.run_id, "database": database},
        "options_sim": {"run_id": spreads.run_id, "database": database},
        "model_run": {"run_id": trained.run_id, "database": database},
        "compare": {"run_ids": [run.run_id, spreads.run_id], "database": database},
        "walk_forward": {
            "walk_forward_id": str(walk.report.walk_forward_id),
            "folder": reports,
        },
        "sweep": {"sweep_id": str(sweep.sweep_id), "folder": reports},
    }


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_gives_the_same_by_both_engines(template, stored, store, tmp_path):
    pages, executed = {}, {}
    before = process_state()
    for engine in ("btkit", "nbclient"):
        files = execute_template(
            template,
            stored[template],
            out_dir=tmp_path / engine,
            run_id="r",
            engine=engine,
            html_assets="shared",
        )
        pages[engine] = files.html.read_text(encoding="utf-8")
        executed[engine] = nbformat.read(files.notebook, as_version=4)
    assert process_state() == before
    assert_same_cells(executed["btkit"], executed["nbclient"])
    outputs = [cell.get("outputs") for cell in executed["btkit"].cells]
    assert outputs == [cell.get("outputs") for cell in executed["nbclient"].cells]
    kinds = {kind for cell in outputs if cell for out in cell for kind in out.get("data", {})}
    assert "application/vnd.plotly.v1+json" in kinds
    assert pages["btkit"] == pages["nbclient"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_short_and_stripped(template):
    notebook = nbformat.read(ROOT / "templates" / f"{template}.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code[0].metadata.tags == ["parameters"]
    for cell in code:
        assert cell.outputs == []
        assert cell.execution_count is None
    # The first has a line a parameter.
    assert all(len(cell.source.splitlines()) <= 12 for cell in code[1:])
