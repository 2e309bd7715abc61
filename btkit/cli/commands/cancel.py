"""`backtest cancel`."""

from __future__ import annotations

from btkit.cli.next_steps import step
from btkit.cli.options import OperationName, RunId, ServerUrl, check_one_id
from btkit.cli.outcome import CommandOutcome

NAME = "cancel"
HELP = """
Stop what runs; `resume` goes on with it.

It takes a run, a sweep, a walk-forward or a batch, and asks it to save how far it is.
It stops between two of its stages, or between two parts of its work, and so do its parts. What
has lost its process is marked at once. --operation-id stops an operation of a server.
Exit codes: 0 asked or marked; 2 not running, or unknown.

\b
Example:
  backtest cancel --run-id 123e4567-e89b-42d3-a456-426614174000
"""


def command(
    *,
    run_id: RunId | None = None,
    operation_id: OperationName = None,
    server: ServerUrl = None,
) -> CommandOutcome:
    """Ask a job to stop."""
    check_one_id(run_id, operation_id, what="is to stop")
    return _cancelled_here(run_id) if run_id is not None else _cancelled_there(operation_id, server)


def _cancelled_here(run_id: str) -> CommandOutcome:
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


def _cancelled_there(operation_id: str | None, server: str | None) -> CommandOutcome:
    from btkit.service.client import Client  # noqa: PLC0415 - lazy start-up

    assert operation_id is not None
    there = () if server is None else ("--server", server)
    with Client(server) as client:
        document = client.operation(operation_id).cancel()
    known = document["operation_id"]
    named = ("--operation-id", known, *there)
    return CommandOutcome(
        document,
        next=[
            step("Shows whether it has stopped.", "status", *named),
            step("Goes on with it once it has.", "resume", *named),
        ],
    )
