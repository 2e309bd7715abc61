"""`backtest serve`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any

import typer

from btkit.cli.next_steps import step
from btkit.cli.options import Quiet
from btkit.cli.outcome import FAILED, CommandOutcome
from btkit.cli.streams import own_stdout, say

NAME = "serve"
HELP = """
Serve backtests by HTTP, until SIGTERM or Ctrl-C.

Programs ask with POST /backtests/start, people look at the page at /; GET /openapi.json describes
every path. Workers do the work: --workers of them start with the server, on this machine, or those
that joined the scheduler that BT_DASK_SCHEDULER names. The document, with the server's URL, is
printed as soon as it answers.

Others on the network are only let in with BT_API_TOKEN, as `Authorization: Bearer`; without it the
server listens on no address but this machine's own. Files that requests may name lie in
BT_ALLOWED_DIRS, folders with a colon between them; by default strategies and models of the working
folder.
Exit codes: 0 ended; 2 error.

\b
Example:
  backtest serve --port 8432
"""


def command(
    *,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="0 takes any that is free.")
    ] = 8_432,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=0, max=256, help="Processes; default BT_LOCAL_WORKERS, 2."),
    ] = None,
    quiet: Quiet = False,
) -> CommandOutcome:
    """Serve."""
    from btkit.jobs import read_settings  # noqa: PLC0415 - lazy start-up
    from btkit.service.extra import check_installed  # noqa: PLC0415 - lazy start-up

    settings = read_settings()
    check_installed(
        "distributed", "fastapi", "httpx", "uvicorn", extra="service", wanted_by="`backtest serve`"
    )
    from btkit.service.serve import serve, with_workers  # noqa: PLC0415 - an extra

    told: list[CommandOutcome] = []

    def ready(about: dict[str, Any]) -> None:
        answered = CommandOutcome(
            {"passed": True, **about},
            indent=None,
            next=[step("Shows what it has done.", "list")],
        )
        # Whoever started it waits for this line; it is the one document of the command.
        with suppress(OSError, ValueError):
            out = own_stdout()
            out.write(answered.to_json() + "\n")
            out.flush()
        told.append(answered)
        if not quiet:
            say(f"btkit serves at {about['url']}; Ctrl-C ends it.")

    try:
        serve(with_workers(settings, workers), host=host, port=port, ready=ready)
    except BaseException as error:
        if not told:
            raise
        # The document is out, and stays the only one.
        say(f"The server ended: {type(error).__name__}: {error}".rstrip(": "))
        return replace(told[0], exit_code=FAILED, is_printed=False)
    return replace(told[0], is_printed=False)
