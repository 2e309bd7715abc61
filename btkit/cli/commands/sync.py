"""`backtest sync`."""

from __future__ import annotations

from btkit.cli.next_steps import step
from btkit.cli.options import Debug, Quiet
from btkit.cli.outcome import PASSED, SOFT_FAILURE, Outcome, Work

NAME = "sync"
HELP = """
Deliver what waits for object storage: curves, and reports of `run --upload-reports`.

Each file is delivered once, also where several processes deliver at a time or one was killed.
Exit codes: 0 nothing waits any more; 1 something does, and why is in failures; 2 error.

\b
Example:
  BT_MINIO_ENDPOINT=localhost:9000 backtest sync
"""


def command(
    *,
    quiet: Quiet = False,  # noqa: ARG001 - accepted everywhere; there is nothing to silence
    debug: Debug = False,  # noqa: ARG001 - `main` looks for it, since parsing may fail
) -> Work:
    """Return the work of delivering the queue."""
    return _sync


def _sync() -> Outcome:
    from btkit.runs import sync  # noqa: PLC0415 - lazy start-up

    document = sync()
    waits = bool(document["waiting"])
    return Outcome(
        document,
        SOFT_FAILURE if waits else PASSED,
        next=[
            step("Tries what still waits again.", "sync")
            if waits
            else step("Shows the runs that are stored.", "list")
        ],
    )
