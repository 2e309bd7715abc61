"""The document of an option run: that of any run, and its spreads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from btkit.documents.models import Report
from btkit.pricing.spreads import Spread


class OptionsReport(Report):
    """The outcome of one option run.

    Parameters
    ----------
    spreads
        Closed spreads in order of exit; `trade_count` counts them.
    """

    spreads: list[Spread]


def with_spreads(report: Report, spreads: Sequence[Spread]) -> OptionsReport:
    """Return the document of a run with the spreads that it sold.

    Parameters
    ----------
    report
        As any run has it.
    spreads
        In order of exit.
    """
    return OptionsReport(**dict(report), spreads=list(spreads))


def read_report(document: Mapping[str, Any]) -> Report:
    """Return a stored document as what it was.

    Parameters
    ----------
    document
        Plain JSON values.

    Raises
    ------
    pydantic.ValidationError
        If it is no report.
    """
    kind = OptionsReport if "spreads" in document else Report
    return kind.model_validate(document)
