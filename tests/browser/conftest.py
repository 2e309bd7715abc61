"""A browser for the tests of what people see: Debian's Chromium, driven by Playwright."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from support.lab import TIMEOUT_MS, jupyterlab, local, open_notebook
from support.looks import PageTroubles

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts"
MISSING = "chromium is not installed: NOTHING WAS LOOKED AT IN A BROWSER"


def need_chromium():
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)


# Not longer than a module: Playwright keeps an event loop running, which other tests would meet.
@pytest.fixture(scope="module")
def browser():
    need_chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, timeout=TIMEOUT_MS
        )
        yield started
        started.close()


def pytest_terminal_summary(terminalreporter):
    skipped = [
        report
        for report in terminalreporter.getreports("skipped")
        if MISSING in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.write_sep("!", f"{len(skipped)} tests skipped: {MISSING}", red=True)


@pytest.fixture
def visit(browser):
    """Open a page of a file with no network, and fail if it complained or asked for anything."""
    contexts, troubles = [], PageTroubles(allowed=("file:", "data:", "blob:"))

    def opened(path, *, width=1440, scheme="light"):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        tab = context.new_page()
        troubles.watch(tab)
        tab.goto(path.as_uri())
        tab.wait_for_function("document.documentElement.dataset.drawn !== undefined")
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert troubles.found == []


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """One JupyterLab for all tests: its address, and its folder."""
    need_chromium()
    folder = tmp_path_factory.mktemp("lab")
    with jupyterlab(folder) as address:
        yield address, folder


@pytest.fixture(scope="module")
def opened(browser, lab):
    """Open notebooks of the lab's folder, and fail if their pages complained."""
    address, _ = lab
    troubles, notebooks = PageTroubles(allowed=local(address)), []

    def open_(name):
        notebooks.append(open_notebook(browser, address, name, troubles=troubles))
        return notebooks[-1]

    yield open_
    for notebook in notebooks:
        notebook.tab.context.close()
    assert troubles.found == []


@pytest.fixture(scope="session")
def keep():
    """Keep a screenshot."""

    def kept(tab, name, **options):
        ARTEFACTS.mkdir(exist_ok=True)
        tab.screenshot(path=ARTEFACTS / f"{name}.png", **options)

    return kept
