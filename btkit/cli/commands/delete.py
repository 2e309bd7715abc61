"""`backtest delete`."""

from __future__ import annotations

from btkit.cli.next_steps import step
from btkit.cli.options import RunId
from btkit.cli.outcome import CommandOutcome

NAME = "delete"
HELP = """
Delete a run with all that belongs to it.

It takes a sweep, a walk-forward or a batch as well: its rows, curve, parts and report files go.
What it has in object storage is removed as well, later if need be. What is at work is left
alone. Exit codes: 0 deleted; 2 at work, unknown, or an error.

\b
Example:
  backtest delete --run-id 123e4567-e89b-42d3-a456-426614174000
"""


def command(
    *,
    run_id: RunId,
) -> CommandOutcome:
    """Delete a job."""
    from btkit.jobs import delete  # noqa: PLC0415 - lazy start-up

    return CommandOutcome(delete(run_id), next=[step("Shows the runs that are left.", "list")])
