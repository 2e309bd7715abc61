"""`backtest worker`."""

from __future__ import annotations

from typing import Annotated

import typer

from btkit.cli.next_steps import step
from btkit.cli.options import Quiet
from btkit.cli.outcome import PASSED, SOFT_FAILURE, CommandOutcome

NAME = "worker"
HELP = """
Do the backtests that a server hands over.

It works until SIGTERM or Ctrl-C. BT_DASK_SCHEDULER names the scheduler that the server uses;
beyond this machine it is tls://host:port, with BT_TLS_CERT, BT_TLS_KEY and BT_TLS_CA. Without it,
the worker joins a server of yours on this machine that has the same BT_SERVICE_DIR. The server
lets it in if its code, Python, NumPy, numba, TA-Lib and all else that a last bit depends on are
the server's. It does one piece at a time: start one worker a core. When it is ended, it gives its
piece back, with what is done of it; when the connection breaks, it joins again. --check compares
this machine's numbers with those that are known, and ends.
Exit codes: 0 ended, or every bit is as known; 1 a bit differs; 2 error, or refused by the server.

\b
Example:
  backtest worker --check
"""


def command(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Do a golden run and compare its bits; join nothing.")
    ] = False,
    quiet: Quiet = False,
) -> CommandOutcome:
    """Work, or check whether the work would be right."""
    return _check(quiet=quiet) if check else _work(quiet=quiet)


def _check(*, quiet: bool) -> CommandOutcome:
    from btkit.cli.progress import open_progress  # noqa: PLC0415 - lazy start-up
    from btkit.service.golden import check_golden  # noqa: PLC0415 - lazy start-up

    with open_progress(quiet=quiet).stage("golden run") as note:
        document = check_golden()
        equal = sum(status == "equal" for status in document["parts"].values())
        note(f"{equal} of {len(document['parts'])} parts equal to the last bit")
    code = PASSED if document["passed"] else SOFT_FAILURE
    return CommandOutcome(
        document, code, next=[step("Joins a server as a worker.", "worker", "--help")]
    )


def _work(*, quiet: bool) -> CommandOutcome:
    from btkit.announcing import unheard  # noqa: PLC0415 - lazy start-up
    from btkit.cli.streams import say  # noqa: PLC0415 - lazy start-up
    from btkit.jobs import read_settings  # noqa: PLC0415 - lazy start-up
    from btkit.service.extra import check_installed  # noqa: PLC0415 - lazy start-up

    settings = read_settings()
    check_installed("distributed", "httpx", extra="service", wanted_by="`backtest worker`")
    from btkit.service.joining import join  # noqa: PLC0415 - an extra

    document = join(settings, say=unheard if quiet else say)
    return CommandOutcome(
        document, next=[step("Says whether this machine's numbers are right.", "worker", "--check")]
    )
