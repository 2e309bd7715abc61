"""Widgets for the notebook: edit a spec and see what it does, browse runs, watch long work."""

from __future__ import annotations

from btkit.widgets.browser import RunBrowser
from btkit.widgets.editor import SpecEditor
from btkit.widgets.progress import Progress

__all__ = ["Progress", "RunBrowser", "SpecEditor"]
