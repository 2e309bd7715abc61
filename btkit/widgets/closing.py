"""Taking widgets off the screen for good."""

from __future__ import annotations

from collections.abc import Collection

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


def let_go(owner: object, *, keep: Collection[str] = ()) -> None:
    """Drop every attribute of something closed but a few.

    A notebook keeps what a cell displayed in ``Out`` for as long as the kernel lives: a closed
    editor would hold its hundreds of widgets and the figure's data along with it.

    Parameters
    ----------
    owner
        What was closed.
    keep
        Attributes that still mean something.
    """
    for name in set(vars(owner)) - set(keep):
        delattr(owner, name)
