"""`backtest list`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from btkit.cli.next_steps import after_list
from btkit.cli.options import Debug, Quiet
from btkit.cli.outcome import Outcome, Work

NAME = "list"
HELP = """
List stored runs, the newest first.

A run whose process is no more is shown as interrupted; `resume` goes on with it.

Exit codes: 0 when it answers, also where nothing was stored yet; 2 error.

\b
Example:
  backtest list --symbol SPX --limit 5
"""


def command(
    *,
    symbol: Annotated[
        str | None, typer.Option("--symbol", "-s", help="Only runs on this symbol.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.")] = 20,
    status: Annotated[
        str | None,
        typer.Option("--status", help="Only these: running interrupted cancelled complete failed."),
    ] = None,
    quiet: Quiet = False,  # noqa: ARG001 - accepted everywhere; there is nothing to silence
    debug: Debug = False,  # noqa: ARG001 - `main` looks for it, since parsing may fail
) -> Work:
    """Return the work of listing runs."""
    return partial(_list, symbol, limit=limit, status=status)


def _list(symbol: str | None, *, limit: int, status: str | None) -> Outcome:
    from btkit.runs import list_runs  # noqa: PLC0415 - lazy start-up

    runs = list_runs(symbol, limit=limit, status=status)
    return Outcome({"count": len(runs), "runs": runs}, next=after_list(runs))
