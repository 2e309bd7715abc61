"""The option report in a real browser: offline, every chart drawn, nothing cut, light and dark."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from support.options import RUNS
from support.pages import page

from btkit.render import options

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts"
CUT = """() => [...document.querySelectorAll('.bt-plot')].flatMap((plot) => {
  const box = plot.getBoundingClientRect();
  const texts = '.xtick text, .ytick text, .y2tick text, .y3tick text, .annotation-text, ' +
    '.legendtext, .xtitle, .ytitle';
  return [...plot.querySelectorAll(texts)].filter((text) => {
    const own = text.getBoundingClientRect();
    return own.width && (own.left < box.left - 1 || own.right > box.right + 1);
  }).map((text) => text.textContent);
})"""


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        message = "chromium is not installed: THE OPTION REPORT WAS NOT LOOKED AT IN A BROWSER"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("condor", 1440, "light"),
        ("condor", 390, "light"),
        ("condor", 1440, "dark"),
        ("single", 390, "light"),
        ("idle", 1440, "light"),
    ],
)
def test_every_chart_is_drawn_and_nothing_is_cut(browser, tmp_path, name, width, scheme):
    path = tmp_path / f"{name}.html"
    path.write_text(page(RUNS[name](), options.SECTIONS), encoding="utf-8")
    troubles = []
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    tab = context.new_page()
    tab.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.goto(path.as_uri())
    tab.wait_for_function("document.documentElement.dataset.drawn !== undefined")
    drawn = tab.locator(".js-plotly-plot .main-svg:first-child").count()
    assert drawn == tab.locator(".bt-plot").count() == (3 if name == "idle" else 9)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(CUT) == []
    ARTEFACTS.mkdir(exist_ok=True)
    tab.screenshot(path=ARTEFACTS / f"options-{name}-{width}-{scheme}.png", full_page=True)
    context.close()
    assert troubles == []
