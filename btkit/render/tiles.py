"""A tile: one number, and what to compare it with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from btkit.render.pages import markup
from btkit.render.pieces import Html

_SIGNS = {"met": "✓", "missed": "✕", "unsure": "!"}


@dataclass(frozen=True)
class Shown:
    """A number as it is shown.

    Parameters
    ----------
    text
        The number, or a dash.
    missing
        Why there is none; empty where there is one.
    """

    text: str
    missing: str = ""


@dataclass(frozen=True)
class Mark:
    """Whether a threshold was kept, shown by shape as well as by colour.

    Parameters
    ----------
    state
        How it is drawn.
    word
        What the sign means, for whoever hears the page.
    need
        What was needed.
    hover
        More of it.
    """

    state: Literal["met", "missed", "unsure"]
    word: str
    need: str
    hover: str = ""

    @property
    def sign(self) -> str:
        """The shape."""
        return _SIGNS[self.state]


@dataclass(frozen=True)
class TileLine:
    """A line beneath a tile's number: words and a number, with its meaning on hover."""

    words: str
    value: Shown | str = ""
    hover: str = ""


@dataclass(frozen=True)
class Tile:
    """A tile.

    Parameters
    ----------
    name, value
        What it is, and the number.
    lines
        Small beneath it.
    meaning
        Shown when the name is hovered.
    mark
        Its threshold, between the number and the lines.
    """

    name: str
    value: Shown | str
    lines: Sequence[TileLine | str]
    meaning: str
    mark: Mark | None = None


def tiles(shown: Sequence[Tile]) -> Html:
    """Return tiles side by side."""
    return Html(markup("pieces.tiles", shown))
