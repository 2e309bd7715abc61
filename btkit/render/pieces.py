"""The pieces a report is made of: HTML fragments and charts, each able to display itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from btkit.render.theme import config

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PLOTLY_MIME = "application/vnd.plotly.v1+json"
METADATA = "btkit"


@dataclass(frozen=True)
class Html:
    """A fragment of HTML, its untrusted parts already escaped.

    Parameters
    ----------
    markup
        The fragment; styles apply inside an element of class ``bt``.
    width
        ``full``, ``half`` or ``third`` of the page, where the page is wide enough.
    title
        Title of the page that this fragment heads, plain text; only the headline has one.
    """

    markup: str
    width: str = "full"
    title: str = ""

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the mime bundle and its metadata."""
        about = {"width": self.width} | ({"title": self.title} if self.title else {})
        return (
            {"text/html": f'<div class="bt">{self.markup}</div>'},
            {METADATA: about},
        )

    def _ipython_display_(self) -> None:
        ReportSection([self]).display()


@dataclass(frozen=True)
class Chart:
    """A plotly figure with what the page needs to lay it out.

    Parameters
    ----------
    figure
        The figure; its title says what is to be seen.
    name
        Short file-like name, unique on the page.
    note
        A sentence beneath the title, plain text, or empty.
    width
        ``full``, ``half`` or ``third`` of the page, where the page is wide enough.
    keys
        Names and colours of lines that are too many, or too close, to be named at their ends.
    narrow
        Layout entries (dotted paths; ``data[0].`` leads into a trace) that apply where the chart
        is under 560 pixels wide.
    """

    figure: Figure
    name: str
    note: str = ""
    width: str = "full"
    keys: Sequence[tuple[str, str]] = ()
    narrow: Mapping[str, Any] = field(default_factory=dict)

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the mime bundle and its metadata.

        The bundle holds the figure once, as plotly's own mime type, which JupyterLab and VS Code
        draw. The HTML export makes its fragment from the same entry, so that a notebook neither
        carries the data twice nor ever a copy of the library.
        """
        plain = json.loads(self.figure.to_json())
        title = self.figure.layout.title.text or self.name
        return (
            {
                PLOTLY_MIME: {**plain, "config": config(self.name)},
                "text/plain": f"[figure] {title}",
            },
            {
                METADATA: {
                    "width": self.width,
                    "name": self.name,
                    "note": self.note,
                    "keys": [list(key) for key in self.keys],
                    "narrow": dict(self.narrow),
                }
            },
        )

    def _ipython_display_(self) -> None:
        ReportSection([self]).display()


@dataclass(frozen=True)
class ReportSection:
    """A part of the report that answers one question.

    Parameters
    ----------
    pieces
        What is shown, in order.
    """

    pieces: Sequence[Html | Chart]

    def __iter__(self) -> Iterator[Html | Chart]:
        """Iterate over the pieces."""
        return iter(self.pieces)

    def display(self) -> None:
        """Show every piece in the notebook that is running."""
        from IPython.display import display  # noqa: PLC0415 - only inside a notebook

        for piece in self.pieces:
            data, metadata = piece.bundle()
            display(data, metadata=metadata, raw=True)

    def _ipython_display_(self) -> None:
        self.display()


def asset(name: str) -> str:
    """Return the text of a file shipped beside this package's modules."""
    return files("btkit.render").joinpath("assets", name).read_text(encoding="utf-8")


def script_json(value: object) -> str:
    """Return JSON that may stand inside a script element.

    Notes
    -----
    The HTML standard ends a script element at the first ``</script``, wherever it stands, and
    ``<!--`` changes how the rest is read; with ``<`` escaped neither can occur.
    """
    written = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return written.replace("<", "\\u003c")
