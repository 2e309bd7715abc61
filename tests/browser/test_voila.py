"""The spec editor as an app, served by Voilà as `make app` serves it."""

import pytest
from support.lab import TIMEOUT_MS, local, voila
from support.looks import PageTroubles

# Voilà's own page asks for a style sheet of icons that it also brings along.
ICONS = "https://cdn.jsdelivr.net/npm/@fortawesome/"


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory):
    with voila(tmp_path_factory.mktemp("voila")) as address:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(TIMEOUT_MS)
        context.route(f"{ICONS}**", lambda route: route.fulfill(status=200, body=""))
        tab = context.new_page()
        troubles = PageTroubles(allowed=(*local(address), ICONS))
        troubles.watch(tab)
        tab.goto(address)
        tab.locator(".bt-edit .main-svg").first.wait_for()
        yield tab
        context.close()
    assert troubles.found == []


def test_the_editor_is_an_app(tab, keep):
    assert tab.locator(".jp-CodeCell .jp-InputArea:visible").count() == 0  # no code is shown
    curve = "document.querySelector('.bt-edit .js-plotly-plot').data[1].y.at(-1)"
    before = tab.evaluate(curve)
    handle = tab.locator(".bt-parameter .noUi-handle").first
    handle.hover()  # not before it has its place
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.down()
    tab.mouse.move(x - 60, y, steps=10)
    tab.mouse.up()
    tab.wait_for_function(f"{curve} !== {before}")
    field = tab.get_by_label("Enter when, condition 1")
    field.fill("close > smaa_50")
    tab.locator(".bt-edit-reason", has_text="unknown name 'smaa_50'").wait_for()
    keep(tab, "voila-wrong-name", full_page=True)
    field.fill("close > sma_50")
    tab.locator(".bt-stale").wait_for(state="detached")
    keep(tab, "voila", full_page=True)
