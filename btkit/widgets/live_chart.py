"""A chart of a report that changes in place instead of being drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

from btkit.render.pieces import Chart, tag
from btkit.widgets.closing import close_all
from btkit.widgets.figure import discard, make_figure, publish
from btkit.widgets.fit import fitted

if TYPE_CHECKING:
    from plotly.graph_objects import FigureWidget

Clicked = Callable[[Any, Any], None]


class LiveChart:
    """Shows charts, one after another, in one figure; keys and note stand above it.

    Parameters
    ----------
    name
        File name of a downloaded picture.
    clicked
        Told the coordinates of what is clicked.
    """

    def __init__(self, name: str, *, clicked: Clicked | None = None) -> None:
        self._name, self._clicked = name, clicked
        self.figure: FigureWidget | None = None
        self._about = ipw.HTML()
        self.widget = ipw.VBox([self._about])
        self.widget.add_class("bt-lab-chart")

    def show(self, chart: Chart) -> None:
        """Change the figure to a chart; one message carries all of it.

        Parameters
        ----------
        chart
            With traces of the same types as the one before it; others make a new figure.
        """
        self._about.value = _about(chart)
        figure, data = self.figure, chart.figure.data
        if figure is None or [old.type for old in figure.data] != [new.type for new in data]:
            self._draw(chart)
            return
        with figure.batch_update():
            for own, new in zip(figure.data, data, strict=True):
                own.update(new.to_plotly_json(), overwrite=True)
            figure.layout.update(chart.figure.layout.to_plotly_json(), overwrite=True)
        publish(figure)

    def close(self) -> None:
        """Take the figure off the screen and drop its data."""
        if self.figure is not None:
            discard(self.figure)

    def _draw(self, chart: Chart) -> None:
        before = self.widget.children[1:]
        self.close()
        self.figure = figure = make_figure(chart.figure.data, chart.figure.layout, name=self._name)
        for trace in figure.data:
            trace.on_click(self._on_click)
        publish(figure)
        self.widget.children = [self._about, fitted(figure)]
        for box in before:
            close_all(box)

    def _on_click(self, _trace: object, points: Any, _state: object) -> None:  # noqa: ANN401 - plotly's own
        if self._clicked is not None and points.xs:
            self._clicked(points.xs[0], points.ys[0])


def _about(chart: Chart) -> str:
    keys = "".join(
        tag("span", tag("i", style=f"background: {colour}") + escape(name))
        for name, colour in chart.keys
    )
    parts = [tag("p", keys, class_="bt-keys")] if keys else []
    parts += [tag("p", escape(chart.note), class_="bt-note")] if chart.note else []
    return tag("div", "".join(parts), class_="bt") if parts else ""
