"""`backtest schema`."""

from __future__ import annotations

from btkit.cli.options import Debug, Quiet
from btkit.cli.outcome import Outcome, Work

NAME = "schema"
HELP = """
Print the JSON Schemas of strategy specs and of reports.

Exit codes: 0, 2 error.

\b
Example:
  backtest schema
"""


def command(
    *,
    quiet: Quiet = False,  # noqa: ARG001 - accepted everywhere; there is nothing to silence
    debug: Debug = False,  # noqa: ARG001 - `main` looks for it, since parsing may fail
) -> Work:
    """Return the work of printing the schemas."""
    return _schema


def _schema() -> Outcome:
    from btkit.report import OptionsReport, report_schema  # noqa: PLC0415 - lazy start-up
    from btkit.spec import spec_schema  # noqa: PLC0415 - lazy start-up

    options = OptionsReport.model_json_schema(mode="serialization")
    return Outcome({"spec": spec_schema(), "report": report_schema(), "options_report": options})
