"""The styles of the widgets, written once per widget."""

from __future__ import annotations

from importlib.resources import files

from btkit.render.pieces import asset


def styles(*more: str) -> str:
    """Return the report's styles, the widgets' own and those of further files as one element."""
    sheets = [asset("report.css"), *(own_text(name) for name in ("widgets.css", *more))]
    return f"<style>{''.join(sheets)}</style>"


def own_text(name: str) -> str:
    """Return the text of a file shipped beside this package's modules."""
    return files("btkit.widgets").joinpath("assets", name).read_text(encoding="utf-8")
