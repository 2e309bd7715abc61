"""Widgets for the notebook: edit a spec, browse runs, try rules out, watch long work."""

from __future__ import annotations

from btkit.widgets.browser import RunBrowser
from btkit.widgets.editor import SpecEditor
from btkit.widgets.options_lab import OptionsLab
from btkit.widgets.progress import Progress
from btkit.widgets.sweep_explorer import SweepExplorer
from btkit.widgets.walk_forward_lab import WalkForwardLab

__all__ = [
    "OptionsLab",
    "Progress",
    "RunBrowser",
    "SpecEditor",
    "SweepExplorer",
    "WalkForwardLab",
]
