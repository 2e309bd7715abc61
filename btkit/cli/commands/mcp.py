"""`backtest mcp`."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from btkit.cli.next_steps import step
from btkit.cli.outcome import PASSED, CommandOutcome
from btkit.cli.streams import own_stdout
from btkit.settings import usable_cores

NAME = "mcp"
HELP = """
Serve an agent over stdin and stdout, by MCP.

It has seven tools, describe, validate, plan, run, result, compare and cancel, and tables as
resources, page by page: btkit://runs/ID/trades?page=1. A call answers within --block seconds; what
is not done by then goes on, and `result` waits for it. When the client goes, jobs at work keep how
far they are, and `resume` goes on with them. With BT_ALLOWED_DIRS an agent names no file elsewhere.
It needs pip install 'btkit[mcp]'. Exit codes: 0 the client went, 2 error.

\b
Example:
  backtest mcp
"""


def command(
    *,
    block: Annotated[
        float,
        typer.Option("--block", min=0.0, max=300.0, help="Seconds until a call is answered."),
    ] = 45.0,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, max=256, help="Jobs at a time. [default: all cores]"),
    ] = None,
) -> CommandOutcome:
    """Serve one client."""
    from btkit.jobs import read_settings  # noqa: PLC0415 - lazy start-up
    from btkit.service.extra import check_installed  # noqa: PLC0415 - lazy start-up

    check_installed("mcp", extra=NAME, wanted_by="backtest mcp")
    from btkit.service.mcp_agent import Agent  # noqa: PLC0415 - an extra
    from btkit.service.mcp_server import serve  # noqa: PLC0415 - an extra

    agent = Agent(read_settings(), block_s=block, threads=jobs or usable_cores())
    # Clients end a server so that does not go by itself. No document: stdout is theirs.
    with suppress(KeyboardInterrupt):
        serve(agent, own_stdout())
    steps = [step("Shows what was run.", "list")]
    return CommandOutcome({"served": True}, PASSED, next=steps, is_printed=False)
