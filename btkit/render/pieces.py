"""The pieces a report is made of: HTML fragments and charts, each able to display itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
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
        Section([self]).display()


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
        Section([self]).display()


@dataclass(frozen=True)
class Section:
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


def tag(name: str, content: str = "", /, **attributes: str | None) -> str:
    """Return an element; attribute values are escaped, the content is taken as markup.

    A trailing underscore in an attribute's name is dropped (``class_``), other underscores become
    hyphens, and an attribute that is None is left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value, quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{content}</{name}>"


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


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Sequence[int] = ()
) -> str:
    """Return a table; cells are taken as markup, the head is escaped.

    Parameters
    ----------
    head
        Column headings, plain text.
    rows
        Cells as markup.
    numeric
        Columns to align right.
    """
    kinds = ["num" if position in numeric else None for position in range(len(head))]
    top = "".join(
        tag("th", escape(name), scope="col", class_=kind)
        for name, kind in zip(head, kinds, strict=True)
    )
    body = "".join(
        tag("tr", "".join(tag("td", cell, class_=k) for cell, k in zip(row, kinds, strict=True)))
        for row in rows
    )
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", top)) + tag("tbody", body), class_="bt-table"),
        class_="bt-scroll",
    )
