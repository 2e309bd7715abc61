"""`backtest status`."""

from __future__ import annotations

from typing import Annotated

import typer

from btkit.cli.next_steps import step
from btkit.cli.options import OperationName, ServerUrl
from btkit.cli.outcome import CommandOutcome

NAME = "status"
HELP = """
Say how the operations of a server stand, and who works.

With --operation-id of one of them, and of a complete one with the document that it came to; without
it the newest, and the workers. `list` shows what was done here.
Exit codes: 0 when the server answers; 2 error.

\b
Example:
  backtest status --server http://127.0.0.1:8432
"""


def command(
    *,
    operation_id: OperationName = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=200, help="List at most so many.")
    ] = 20,
    server: ServerUrl = None,
) -> CommandOutcome:
    """Ask a server."""
    from btkit.service.client import Client  # noqa: PLC0415 - lazy start-up

    there = () if server is None else ("--server", server)
    with Client(server) as client:
        if operation_id is not None:
            document = client.operation(operation_id).document
            steps = [step("Lists the others.", "status", *there)]
            if not document["done"]:
                stops = step("Stops it.", "cancel", "--operation-id", operation_id, *there)
                steps.insert(0, stops)
            return CommandOutcome(document, next=steps)
        operations = client.operations(limit=limit)
        document = {"operations": operations, "workers": client.workers()}
    shown = [
        step("Shows what it came to.", "status", "--operation-id", one["operation_id"], *there)
        for one in operations[:1]
    ]
    return CommandOutcome(document, next=shown or [step("Asks for a run.", "submit", "--help")])
