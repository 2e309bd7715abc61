"""The document of each kind of run: that of any run, and what a kind has more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from btkit.documents.models import Report
from btkit.documents.trained import ModelReport, model_columns, model_parts
from btkit.pricing.spreads import Spread

if TYPE_CHECKING:
    from btkit.simulation import Result


class OptionsReport(Report):
    """The outcome of one option run.

    Parameters
    ----------
    spreads
        Closed spreads in order of exit; `trade_count` counts them.
    """

    spreads: list[Spread]


@dataclass(frozen=True)
class ReportKind:
    """What the document of one kind of run has.

    Parameters
    ----------
    report
        Its class.
    parts
        Return of a result what `report` has beside the fields of `Report`.
    columns
        Return of a result what its stored curve has beside the columns of any run's.
    former
        What tells a document of the time when none said of which kind it was.
    """

    report: type[Report] = Report
    parts: Callable[[Result], dict[str, Any]] = lambda _: {}
    columns: Callable[[Result], Mapping[str, np.ndarray[Any, Any]]] = lambda _: {}
    former: str | None = None


REPORTS: dict[str, ReportKind] = {
    "rules": ReportKind(),
    "options": ReportKind(
        OptionsReport, lambda result: {"spreads": result.spreads}, former="spreads"
    ),
    "model": ReportKind(ModelReport, model_parts, model_columns),
}
"""By kind of spec."""


def kind_of_report(document: Mapping[str, Any]) -> str:
    """Return of which kind the spec of a stored document is.

    Parameters
    ----------
    document
        Plain JSON values.
    """
    former = [name for name, known in REPORTS.items() if known.former in document]
    return str(document.get("kind", former[0] if former else "rules"))


def read_report(document: Mapping[str, Any]) -> Report:
    """Return a stored document as what it was.

    Parameters
    ----------
    document
        Plain JSON values.

    Raises
    ------
    pydantic.ValidationError
        If it is no report, or of a kind that is not known here.
    """
    kind = kind_of_report(document)
    return REPORTS.get(kind, ReportKind()).report.model_validate({**document, "kind": kind})
