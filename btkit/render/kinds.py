"""The page of each kind of run: its sections, and the template that has a cell for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from btkit.render.sections import Sections

# What draws sections is slow to import, and option pricing is of no use to other runs.


def _rules() -> Sections:
    from btkit.render.sections import SECTIONS  # noqa: PLC0415 - see above

    return SECTIONS


def _options() -> Sections:
    from btkit.render.options import SECTIONS  # noqa: PLC0415 - see above

    return SECTIONS


def _model() -> Sections:
    from btkit.render.trained import SECTIONS  # noqa: PLC0415 - see above

    return SECTIONS


@dataclass(frozen=True)
class PageKind:
    """What the page of one kind of run shows.

    Parameters
    ----------
    sections
        Return its sections from the top.
    template
        The notebook that papermill executes.
    """

    sections: Callable[[], Sections] = _rules
    template: str = "run"


PAGES: dict[str, PageKind] = {
    "rules": PageKind(),
    "options": PageKind(_options, "options_sim"),
    "model": PageKind(_model, "model_run"),
}
"""By kind of spec."""
