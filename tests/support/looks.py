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
