"""What is asked of a page in a browser: that it is quiet, whole, and not cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

CUT = """() => [...document.querySelectorAll('.bt-plot')].flatMap((plot) => {
  const box = plot.getBoundingClientRect();
  const texts = '.xtick text, .ytick text, .y2tick text, .y3tick text, .annotation-text, ' +
    '.legendtext, .xtitle, .ytitle';
  return [...plot.querySelectorAll(texts)].filter((text) => {
    const own = text.getBoundingClientRect();
    return own.width && (own.left < box.left - 1 || own.right > box.right + 1);
  }).map((text) => text.textContent);
})"""

# A trace of which the page's script lost a part draws another picture, and says nothing.
SPOILED = """() => [...document.querySelectorAll('.bt-plot')].flatMap((plot) => {
  const isText = (value) => value === undefined || typeof value === 'string';
  const isData = (value) => value === undefined || Array.isArray(value) ||
    ArrayBuffer.isView(value) || typeof value.bdata === 'string';
  return plot.data.filter((trace) =>
    !['type', 'name', 'mode', 'xaxis', 'yaxis', 'hovertemplate'].every((key) => isText(trace[key]))
    || !['x', 'y', 'z'].every((key) => isData(trace[key]))
  ).map((trace) => JSON.stringify(trace).slice(0, 200));
})"""


class PageTroubles:
    """Collects errors on the console, uncaught ones, and every request to a foreign place.

    Parameters
    ----------
    allowed
        How addresses begin that a page may ask for.
    """

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self._allowed = allowed
        self.found: list[str] = []

    def watch(self, tab: Page) -> None:
        """Collect from a page from now on."""
        tab.on("console", self._on_console)
        tab.on("pageerror", lambda error: self.found.append(str(error)))
        tab.on("request", self._on_address)
        tab.on("websocket", self._on_address)

    def _on_console(self, said: Any) -> None:
        if said.type == "error":
            self.found.append(said.text)

    def _on_address(self, asked: Any) -> None:
        if not asked.url.startswith(self._allowed):
            self.found.append(asked.url)


def assert_whole(tab: Page, *, width: int, charts: int) -> None:
    """Assert that every chart is drawn, no text of one cut, and nothing wider than the page."""
    drawn = tab.locator(".js-plotly-plot .main-svg:first-child").count()
    assert drawn == tab.locator(".bt-plot").count() == charts
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(CUT) == []
    assert tab.evaluate(SPOILED) == []
