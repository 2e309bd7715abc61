"""`backtest verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from btkit.cli.next_steps import step
from btkit.cli.options import Quiet
from btkit.cli.outcome import PASSED, SOFT_FAILURE, CommandOutcome

NAME = "verify"
HELP = """
Run a stored run again, and compare every number.

Bars, trades, equity curve and report are compared to the last bit; nothing is stored.
Exit codes: 0 reproduced; 1 not, and what differs is in differences; 2 error.

\b
Example:
  backtest verify --run-id 123e4567-e89b-42d3-a456-426614174000
"""


def command(
    *,
    run_id: Annotated[
        str, typer.Option("--run-id", metavar="UUID", help="The run's id, as `list` shows it.")
    ],
    quiet: Quiet = False,
) -> CommandOutcome:
    """Run a run again."""
    from btkit.cli.progress import open_progress  # noqa: PLC0415 - lazy start-up
    from btkit.jobs import verify  # noqa: PLC0415 - lazy start-up

    document = verify(run_id, progress=open_progress(quiet=quiet))
    known = document["run_id"]
    return CommandOutcome(
        document,
        PASSED if document["reproduced"] else SOFT_FAILURE,
        next=[step("Prints the report that was compared.", "report", "--run-id", known)],
    )
