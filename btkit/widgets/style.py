"""The styles of the widgets, written once per widget."""

from __future__ import annotations

from importlib.resources import files

from btkit.render.pieces import asset, tag


def styles() -> str:
    """Return the report's styles and the widgets' own as one style element."""
    own = files("btkit.widgets").joinpath("assets", "widgets.css").read_text(encoding="utf-8")
    return tag("style", asset("report.css") + own)
