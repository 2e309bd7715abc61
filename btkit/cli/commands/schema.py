"""`backtest schema`."""

from __future__ import annotations

from typing import Any

from btkit.cli.next_steps import step
from btkit.cli.outcome import ERROR_SCHEMA, NEXT_SCHEMA, CommandOutcome
from btkit.errors import error_types

NAME = "schema"
HELP = """
Print the JSON Schemas of specs, jobs, documents and errors.

`calls` are those that conditions and formulas may make beside Python's functions.
`error_types` lists every error.type: what it means, its exit code, and whether the same command
may succeed later. Exit codes: 0, 2 error.

\b
Example:
  backtest schema
"""


def command() -> CommandOutcome:
    """Print the schemas."""
    from btkit.conditions import listed_calls  # noqa: PLC0415 - lazy start-up
    from btkit.documents import (  # noqa: PLC0415 - lazy start-up
        REPORTS,
        BatchPlan,
        Plan,
        Report,
        report_schema,
    )
    from btkit.jobs.job import JOB  # noqa: PLC0415 - lazy start-up
    from btkit.spec import spec_schema  # noqa: PLC0415 - lazy start-up

    others = {kind: known.report for kind, known in REPORTS.items() if known.report is not Report}
    return CommandOutcome(
        {
            "spec": spec_schema(),
            "job": JOB.json_schema(),
            "report": _answer(report_schema()),
            **{
                f"{kind}_report": _answer(model.model_json_schema(mode="serialization"))
                for kind, model in others.items()
            },
            "plan": _answer(Plan.model_json_schema(mode="serialization")),
            "batch_plan": _answer(BatchPlan.model_json_schema(mode="serialization")),
            "calls": listed_calls(),
            "error": ERROR_SCHEMA,
            "error_types": error_types(),
        },
        next=[step("Shows every name that a condition may use.", "indicators")],
    )


def _answer(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a document's schema as what the command prints of it has it."""
    return {**schema, "properties": {**schema["properties"], "next": NEXT_SCHEMA}}
