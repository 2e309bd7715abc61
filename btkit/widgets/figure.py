"""Plotly figures whose state is whole whenever a browser takes it."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any

import traitlets

from btkit.render import theme
from btkit.widgets.parts import own_text

if TYPE_CHECKING:
    from plotly.graph_objects import FigureWidget


def make_figure(data: Any, layout: Any, *, name: str) -> FigureWidget:  # noqa: ANN401 - as plotly takes them
    """Return a `FigureWidget` that no browser knows of until `publish` is called.

    A `FigureWidget` tells the browser of itself while it is still empty, and what it is made of
    in messages after that. A browser that is busy draws it in between, and it stays empty.

    Parameters
    ----------
    data, layout
        As `FigureWidget` takes them.
    name
        File name of a downloaded picture.
    """
    figure = _kind()(data=data, layout=layout)
    figure._config = theme.config(name)  # noqa: SLF001 - it has no other way
    return figure


def publish(figure: FigureWidget) -> None:
    """Let browsers know of a figure as it stands; call it after every change.

    A browser that is still loading plotly misses changes. So the whole state goes along until one
    has answered that it has drawn the figure.

    Parameters
    ----------
    figure
        Made by `make_figure`.
    """
    figure._publish()  # noqa: SLF001 - of the class below


def discard(figure: FigureWidget) -> None:
    """Take a figure off the screen and drop its data.

    Parameters
    ----------
    figure
        Made by `make_figure`. IPython's history keeps what a cell showed, so it must be light.
    """
    figure.close()  # first, so that the browser is not notified of what follows
    figure.data = []
    figure._widget_data = []  # noqa: SLF001 - the copy that a browser takes
    figure._widget_layout = {}  # noqa: SLF001 - as above


@cache
def _kind() -> type[FigureWidget]:
    import plotly  # noqa: PLC0415 - slow to import
    from plotly.graph_objects import FigureWidget  # noqa: PLC0415 - likewise

    class LiveFigure(FigureWidget):  # type: ignore[misc, unused-ignore]  # not every plotly is typed
        _esm = own_text("figure.js")
        _plotly = traitlets.Unicode(str(FigureWidget._esm)).tag(sync=True)  # noqa: SLF001 - its script
        _plotly_version = traitlets.Unicode(plotly.__version__).tag(sync=True)
        _whole = False
        _drawn = False

        def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - plotly's own
            super().__init__(*arguments, **options)
            self.observe(self._on_drawn, "_js2py_traceDeltas")

        def open(self) -> None:
            if self._whole:
                super().open()

        def _send_update_msg(
            self,
            restyle_data: dict[str, Any],
            relayout_data: dict[str, Any] | None = None,
            trace_indexes: list[int] | None = None,
            source_view_id: str | None = None,
        ) -> None:
            # New data make plotly guess an axis' type anew, and milliseconds look like numbers.
            types = {
                f"{name}.type": axis["type"]
                for name, axis in self._layout.items()
                if name.startswith(("xaxis", "yaxis")) and axis.get("type")
            }
            sent = {**types, **(relayout_data or {})}
            super()._send_update_msg(restyle_data, sent, trace_indexes, source_view_id)

        def _publish(self) -> None:
            if self._drawn:
                return
            with self.hold_sync():
                self._widget_layout = deepcopy(self._layout_obj._props)  # noqa: SLF001 - plotly's own
                self._widget_data = deepcopy(self._data)
            self._whole = True
            self.open()

        def _on_drawn(self, change: dict[str, Any]) -> None:
            self._drawn = self._drawn or bool(change["new"])

    return LiveFigure
