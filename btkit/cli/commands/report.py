"""`backtest report`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from btkit.cli.next_steps import after_report
from btkit.cli.options import Debug, Quiet
from btkit.cli.outcome import Outcome, Work

NAME = "report"
HELP = """
Print the stored report of a run: what `run` printed, and every trade.

Exit codes: 0 when it answers, also for a run that failed; 2 for an unknown run id.

\b
Example:
  backtest report --run-id 123e4567-e89b-42d3-a456-426614174000
"""


def command(
    *,
    run_id: Annotated[
        str, typer.Option("--run-id", metavar="UUID", help="The run's id, as `list` shows it.")
    ],
    quiet: Quiet = False,  # noqa: ARG001 - accepted everywhere; there is nothing to silence
    debug: Debug = False,  # noqa: ARG001 - `main` looks for it, since parsing may fail
) -> Work:
    """Return the work of reading one run."""
    return partial(_report, run_id)


def _report(run_id: str) -> Outcome:
    from btkit.runs import load_document  # noqa: PLC0415 - lazy start-up

    document = load_document(run_id, trades=True)
    return Outcome(document, next=after_report(document["run"]))
