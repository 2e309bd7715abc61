"""Taking widgets off the screen for good."""

from __future__ import annotations

import ipywidgets as ipw


def close_all(widget: ipw.Widget) -> None:
    """Close a widget and all that stand inside it."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for part in ("layout", "style"):
        inner = getattr(widget, part, None)
        if isinstance(inner, ipw.Widget):
            inner.close()
    widget.unobserve_all()
    widget.close()
