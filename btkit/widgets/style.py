"""The styles of the widgets, written once per widget."""

from __future__ import annotations

from importlib.resources import files

from btkit.render.pieces import asset, tag


def styles() -> str:
    """Return the report's styles and the widgets' own as one style element."""
    return tag("style", asset("report.css") + own_text("widgets.css"))


def own_text(name: str) -> str:
    """Return the text of a file shipped beside this package's modules."""
    return files("btkit.widgets").joinpath("assets", name).read_text(encoding="utf-8")
