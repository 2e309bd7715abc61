"""Plotly figures that fit the box that they stand in, in a notebook and in an app."""

from __future__ import annotations

from importlib.resources import files
from typing import ClassVar

import anywidget
import ipywidgets as ipw


class Fit(anywidget.AnyWidget):
    """Nothing to see; it tells the figures beside it when the width of their box changes."""

    _esm: ClassVar[str] = (
        files("btkit.widgets").joinpath("assets", "fit.js").read_text(encoding="utf-8")
    )


def fitted(figure: ipw.Widget) -> ipw.VBox:
    """Return a box in which a `FigureWidget` is always as wide as the box.

    Parameters
    ----------
    figure
        Its layout says no width.
    """
    return ipw.VBox([Fit(), figure])
