"""`backtest sync`."""

from __future__ import annotations

from typing import Annotated

import typer

from btkit.cli.next_steps import step
from btkit.cli.outcome import PASSED, SOFT_FAILURE, CommandOutcome

NAME = "sync"
HELP = """
Deliver what waits for object storage.

Curves, and the reports of `run --upload-reports`.
Each file is delivered once, also where several processes deliver at a time or one was killed.
It is read back, and only then a curve's local file removed, unless BT_KEEP_LOCAL is set. A bucket
that is not there is made by --create-bucket, or by itself where it has the default name and the
server runs on this machine.
`queue` lists what still waits, and why each does: the last error, and how often it was tried.
Exit codes: 0 nothing waits any more; 1 something does; 2 error.

\b
Example:
  BT_MINIO_ENDPOINT=localhost:9000 backtest sync
"""


def command(
    *,
    create_bucket: Annotated[
        bool, typer.Option("--create-bucket", help="Make BT_MINIO_BUCKET, if it is not there.")
    ] = False,
) -> CommandOutcome:
    """Deliver the queue."""
    from btkit.jobs import sync  # noqa: PLC0415 - lazy start-up

    document = sync(create_bucket=create_bucket)
    waits = bool(document["waiting"])
    return CommandOutcome(
        document,
        SOFT_FAILURE if waits else PASSED,
        next=[
            step("Tries what still waits again.", "sync")
            if waits
            else step("Shows the runs that are stored.", "list")
        ],
    )
