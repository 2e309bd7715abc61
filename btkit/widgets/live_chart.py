"""A chart of a report that changes in place instead of being drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw
import numpy as np

from btkit.render.pages import markup
from btkit.render.pieces import Chart
from btkit.widgets.figure import discard, make_figure, publish
from btkit.widgets.fit import fitted
from btkit.widgets.parts import refill, styled
from btkit.widgets.sharing import make_widget

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
        Called with the coordinates of what is clicked.
    """

    def __init__(self, name: str, *, clicked: Clicked | None = None) -> None:
        self._name, self._clicked = name, clicked
        self.figure: FigureWidget | None = None
        self._about, self._place = make_widget(ipw.HTML), make_widget(ipw.VBox, [])
        self.widget = styled(make_widget(ipw.VBox, [self._about, self._place]), "bt-lab-chart")

    def show(self, chart: Chart) -> None:
        """Change the figure to a chart; one message carries all of it.

        Parameters
        ----------
        chart
            With traces of the same types as the one before it; others make a new figure.
        """
        self._about.value = markup("widgets.about", chart)
        figure, data = self.figure, chart.figure.data
        if figure is None or [old.type for old in figure.data] != [new.type for new in data]:
            self._draw(chart)
            return
        with figure.batch_update():
            for own, new in zip(figure.data, data, strict=True):
                for name, value in _changes(own.to_plotly_json(), new.to_plotly_json()).items():
                    own[name] = value
            _lay_out(figure.layout, chart.figure.layout)
        publish(figure)

    def close(self) -> None:
        """Take the figure off the screen and drop its data."""
        if self.figure is not None:
            discard(self.figure)

    def _draw(self, chart: Chart) -> None:
        self.close()
        self.figure = figure = make_figure(chart.figure.data, chart.figure.layout, name=self._name)
        for trace in figure.data:
            trace.on_click(self._on_click)
        publish(figure)
        refill(self._place, [fitted(figure)])

    def _on_click(self, _trace: object, points: Any, _state: object) -> None:  # noqa: ANN401 - plotly's own
        if self._clicked is not None and points.xs:
            self._clicked(points.xs[0], points.ys[0])


def _lay_out(own: Any, new: Any) -> None:  # noqa: ANN401 - plotly's layouts
    """Change what differs, and nothing else: a date axis that is set anew reads its dates anew."""
    before = own.to_plotly_json()
    for name, value in _changes(before, new.to_plotly_json()).items():
        if name.startswith(("xaxis", "yaxis")) and name in before and value is not None:
            for part, other in _changes(before[name], value).items():
                own[name][part] = other
        else:
            own[name] = value


def _changes(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return what differs by name; None where it is no longer there."""
    names = {*old, *new} - {"uid"}  # of the figure's own making
    return {
        name: new.get(name) for name in sorted(names) if not _same(old.get(name), new.get(name))
    }


def _same(old: Any, new: Any) -> bool:  # noqa: ANN401 - of any property
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        return old.shape == new.shape and bool((old == new).all())
    if isinstance(old, dict) and isinstance(new, dict):
        return set(old) == set(new) and all(_same(old[name], new[name]) for name in old)
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return len(old) == len(new) and all(map(_same, old, new))
    return type(old) is type(new) and bool(old == new)
