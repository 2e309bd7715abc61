"""A notebook's cell that is run again and again, as people do."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace

import ipywidgets

from btkit.widgets import lifecycle


def run_again(monkeypatch, make, times):
    """Run a cell that makes a widget and shows it.

    Returns how many widgets are open after each time, and how many of the results that they held
    are still there at the end, while the notebook's history keeps every one of them.
    """
    before = len(ipywidgets.widgets.widget._instances)
    history, held, opened = [], [], []
    for execution in range(times):
        parent = {"header": {"msg_id": str(execution)}, "content": {"code": "the same"}}
        shell = SimpleNamespace(get_parent=lambda parent=parent: parent)
        monkeypatch.setattr(lifecycle, "get_ipython", lambda shell=shell: shell)
        history.append(make())
        history[-1]._ipython_display_()
        held.append(weakref.ref(history[-1].result))
        opened.append(len(ipywidgets.widgets.widget._instances) - before)
    gc.collect()
    kept = sum(result() is not None for result in held)
    history[-1].close()
    return opened, kept
