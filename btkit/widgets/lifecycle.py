"""Widgets of a cell that is run again make room for the new ones."""

from __future__ import annotations

from typing import Any, Protocol
from weakref import WeakSet

from IPython.core.getipython import get_ipython


class _Closable(Protocol):
    # Something on the screen that can be taken off it.

    def close(self) -> None: ...


# By cell: the execution that made the widgets, and the widgets.
_of_cell: dict[str, tuple[str, WeakSet[_Closable]]] = {}


def replace_older(widget: _Closable) -> None:
    """Close what an earlier run of the same cell made, and remember `widget` for a later run.

    ipywidgets keeps every widget that was not closed, with all that it holds, for as long as the
    kernel lives (manzt/anywidget#929): running a cell fifty times would hold fifty charts.

    Parameters
    ----------
    widget
        New, made by the cell that is running. Outside of a notebook nothing is remembered.
    """
    place = _cell()
    if place is None:
        return
    cell, execution = place
    before, widgets = _of_cell.get(cell, ("", WeakSet()))
    if before != execution:
        for older in list(widgets):
            older.close()
        widgets = WeakSet()
        _of_cell[cell] = (execution, widgets)
    widgets.add(widget)


def _cell() -> tuple[str, str] | None:
    """Return what tells this cell from others, and this run of it from earlier ones."""
    shell = get_ipython()
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    header = parent.get("header", {})
    execution = header.get("msg_id")
    # What an event of another widget makes is that widget's to close.
    if not execution or header.get("msg_type", "execute_request") != "execute_request":
        return None
    # JupyterLab names the cell; elsewhere the same code is taken for the same cell.
    cell = parent.get("metadata", {}).get("cellId") or parent.get("content", {}).get("code", "")
    return str(cell), str(execution)
