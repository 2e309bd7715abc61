"""`backtest cancel`."""

from __future__ import annotations

from btkit.cli.next_steps import step
from btkit.cli.options import RunId
from btkit.cli.outcome import CommandOutcome

NAME = "cancel"
HELP = """
Stop what runs; `resume` goes on with it.

It takes a run, a sweep, a walk-forward or a batch, and asks it to save how far it is.
It stops between two of its stages, or between two parts of its work, and so do its parts. What
has lost its process is marked at once. Exit codes: 0 asked or marked; 2 not running, or unknown.

\b
Example:
  backtest cancel --run-id 123e4567-e89b-42d3-a456-426614174000
"""


def command(
    *,
    run_id: RunId,
) -> CommandOutcome:
    """Ask a job to stop."""
    from btkit.jobs import cancel  # noqa: PLC0415 - lazy start-up

    document = cancel(run_id)
    known = document["run_id"]
    return CommandOutcome(
        document,
        next=[
            step("Shows whether it has stopped.", "list"),
            step("Goes on with it once it has.", "resume", "--run-id", known),
        ],
    )
