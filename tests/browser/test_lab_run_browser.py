"""The run browser as its user meets it: a real JupyterLab, a mouse and a keyboard."""

import re
import shutil

import pytest
from support.lab import ROOT

NAME = "02_compare_runs.ipynb"
STORED = "[run['run_id'] for run in bt.list_runs()]"


class Table:
    """The table of runs on the screen, and what stands beneath it."""

    def __init__(self, notebook):
        self.notebook, self.tab = notebook, notebook.tab
        self.rows = self.tab.locator(".bt-runs tbody tr")
        self.view = self.tab.locator(".jp-OutputArea").filter(has=self.tab.locator(".bt-runs"))

    def column(self, name):
        heads = [
            head.split()[0] if head.strip() else ""
            for head in self.tab.locator(".bt-runs thead th").all_inner_texts()
        ]
        return self.rows.locator(f"td:nth-child({heads.index(name) + 1})").all_inner_texts()

    def sort(self, name):
        self.tab.locator(".bt-runs thead").get_by_role("button", name=name).click()

    def press(self, name):
        self.view.get_by_role("button", name=re.compile(rf"^\W*{name}$")).click()

    def select(self, *places):
        for place in range(self.rows.count()):
            box = self.rows.nth(place).get_by_role("checkbox")
            if box.is_checked() != (place in places):
                box.click()

    def charts(self):
        return self.view.locator(".js-plotly-plot .main-svg:first-child")


@pytest.fixture(scope="module")
def notebook(opened, lab):
    shutil.copy(ROOT / "notebooks" / NAME, lab[1])
    notebook = opened(NAME)
    notebook.side_bar(shown=False)
    return notebook


@pytest.fixture
def table(notebook):
    notebook.run_all()
    made = Table(notebook)
    made.rows.first.wait_for()
    made.tab.evaluate("document.querySelector('.bt-runs').scrollIntoView()")
    return made


def test_runs_are_sorted_and_filtered(table):
    stored = table.notebook.ask(STORED)
    assert table.rows.count() == len(stored) >= 2
    assert table.column("Run") == [run_id[:8] for run_id in stored]
    table.sort("Sharpe")
    shown = [float(value.replace("−", "-")) for value in table.column("Sharpe")]
    assert shown == sorted(shown, reverse=True)
    table.sort("Sharpe")
    assert [float(value.replace("−", "-")) for value in table.column("Sharpe")] == shown[::-1]
    head = table.tab.locator(".bt-runs thead th[aria-sort]")
    assert head.get_attribute("aria-sort") == "ascending"
    table.tab.get_by_label("Filter runs").fill("SPX dip")
    assert set(table.column("Strategy")) == {"buy the dip"}
    number = table.rows.count()
    assert f"{number} of {len(stored)} runs" in table.tab.locator(".bt-runs-bar").inner_text()
    table.tab.get_by_label("Filter runs").fill("no such run")
    assert table.rows.count() == 0


def test_one_run_shows_its_report_and_several_stand_side_by_side(table, keep):
    table.view.get_by_text("2 runs", exact=True).wait_for()  # as the notebook selected them
    table.select(0)
    table.view.get_by_text("Backtest report").wait_for()
    table.view.get_by_role("heading", name=table.column("Strategy")[0]).first.wait_for()
    table.charts().nth(2).wait_for()
    keep(table.tab, "lab-runs-one")
    table.select(0, 1)
    table.view.get_by_text("2 runs", exact=True).wait_for()
    table.charts().first.wait_for()
    names = table.view.locator(".js-plotly-plot").evaluate_all(
        "(plots) => plots.map((plot) => plot.data.map((line) => line.name.split(' on ')[0]))"
    )
    assert [set(lines) for lines in names] == [{"golden cross", "buy the dip"}]
    for theme in ("Light", "Dark"):
        table.notebook.theme(theme)
        keep(table.tab, f"lab-runs-several-{theme.lower()}")
    table.tab.set_viewport_size({"width": 900, "height": 900})
    keep(table.tab, "lab-runs-several-900")
    table.tab.set_viewport_size({"width": 1440, "height": 900})
    table.notebook.theme("Light")


def test_a_run_is_deleted_only_after_a_second_word(table):
    before = table.notebook.ask(STORED)
    table.select(0)
    table.press("Delete")
    table.view.get_by_text("There is no way back.").wait_for()
    table.press("Keep")
    table.view.get_by_role("button", name="Delete for good").wait_for(state="hidden")
    assert table.notebook.ask(STORED) == before
    table.press("Delete")
    table.press("Delete for good")
    table.view.get_by_text("Deleted 1 run.").wait_for()
    table.notebook.wait_for(STORED, before[1:])
    table.rows.nth(len(before) - 1).wait_for(state="detached")
    assert table.column("Run") == [run_id[:8] for run_id in before[1:]]


def test_the_rendered_notebook_opens_beside_and_the_kernel_stays_free(table, lab):
    run_id = table.notebook.ask(STORED)[0]
    table.select(0)
    table.view.get_by_text("Backtest report").wait_for()
    table.press("Open notebook")
    table.view.get_by_text("Rendering the notebook …").wait_for()
    assert table.notebook.ask("6 * 7") == 42
    link = table.view.get_by_role("link", name=f"Notebook {run_id}.ipynb")
    link.wait_for()
    assert (lab[1] / "reports" / f"{run_id}.html").stat().st_size > 4_000_000
    link.click()
    table.tab.get_by_role("tab", name=f"{run_id}.ipynb").wait_for()
    panel = table.tab.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    panel.locator(".jp-RenderedMarkdown", has_text="How did the money grow").first.wait_for()
    table.tab.get_by_role("tab", name=NAME).click()
