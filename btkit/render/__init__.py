"""Pictures and documents for people: figures, the report's sections, papermill, HTML."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from btkit.render.inline import plot, show
    from btkit.render.notebook import ReportFiles, execute_template
    from btkit.render.opening import open_options, open_run
    from btkit.render.sections import (
        SECTIONS,
        growth,
        headline,
        months,
        price,
        rests_on,
        through_time,
        trades,
    )

__all__ = [
    "SECTIONS",
    "ReportFiles",
    "execute_template",
    "growth",
    "headline",
    "months",
    "open_options",
    "open_run",
    "plot",
    "price",
    "rests_on",
    "show",
    "through_time",
    "trades",
]

# papermill imports the engine in this package whenever it is imported itself; that must not cost
# what the sections of a report cost (PEP 562).
_HOMES = {
    "ReportFiles": "notebook",
    "execute_template": "notebook",
    "open_options": "opening",
    "open_run": "opening",
    "plot": "inline",
    "show": "inline",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public name
    if name not in __all__:
        raise AttributeError(f"module 'btkit.render' has no attribute {name!r}")
    value = getattr(import_module(f"btkit.render.{_HOMES.get(name, 'sections')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
