"""Plotly figures that fit the box that they stand in, in a notebook and in an app."""

from __future__ import annotations

from typing import ClassVar

import anywidget
import ipywidgets as ipw

from btkit.widgets.parts import own_text
from btkit.widgets.sharing import make_widget


class _Fit(anywidget.AnyWidget):
    # Nothing to see; it tells the figures beside it when the width of their box changes.
    _esm: ClassVar[str] = own_text("fit.js")


def fitted(figure: ipw.Widget) -> ipw.VBox:
    """Return a box in which a `FigureWidget` is always as wide as the box.

    Parameters
    ----------
    figure
        Its layout says no width.
    """
    return make_widget(ipw.VBox, [_Fit(), figure])
