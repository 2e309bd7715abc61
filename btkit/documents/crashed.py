"""Parameter sets that killed whoever worked on them, as documents tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from btkit.documents.models import ReportWarning, Section

if TYPE_CHECKING:
    from btkit.validation.sweep import CrashedSet

MOST_LISTED = 20
"""Crashed sets that a document lists; it counts all of them."""
_NAMED = 3


class CrashedSetSection(Section):
    """One of the sets: its parameters, why it was given up, and in which window, from 1 on."""

    parameters: dict[str, int | float]
    reason: str
    window: int | None = None


class CrashedSets(Section):
    """How many sets crashed, and the first `MOST_LISTED` of them."""

    count: int
    listed: list[CrashedSetSection]


def describe_crashed(
    crashed: Sequence[CrashedSet], *, windows: Sequence[int] | None = None
) -> CrashedSets | None:
    """Return what a document says of sets that crashed; None where none did.

    Parameters
    ----------
    crashed
        All of them, in order.
    windows
        The window of each, from 1 on; None for a sweep, which has none.
    """
    if not crashed:
        return None
    places = [None] * len(crashed) if windows is None else windows
    listed = [
        CrashedSetSection(parameters=one.parameters, reason=one.reason, window=window)
        for one, window in zip(crashed[:MOST_LISTED], places, strict=False)
    ]
    return CrashedSets(count=len(crashed), listed=listed)


def warn_of_crashed(found: CrashedSets | None) -> list[ReportWarning]:
    """Return the warning of sets that crashed, if any did."""
    if found is None:
        return []
    named = "; ".join(_named(one) for one in found.listed[:_NAMED])
    more = f" and {found.count - _NAMED:,} more" if found.count > _NAMED else ""
    sets = "1 parameter set was" if found.count == 1 else f"{found.count:,} parameter sets were"
    return [
        ReportWarning(
            code="crashed_sets",
            message=f"{sets} given up after ending the process of each worker that tried, and left "
            f"out of the ranking: {named}{more}. They count as tried; what they would have made "
            "nobody knows.",
        )
    ]


def _named(one: CrashedSetSection) -> str:
    values = ", ".join(f"{name} {value:g}" for name, value in one.parameters.items())
    return values if one.window is None else f"{values} in window {one.window}"
