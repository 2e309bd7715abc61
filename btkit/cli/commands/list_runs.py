"""`backtest list`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from btkit.cli.next_steps import after_list
from btkit.cli.options import AsJson
from btkit.cli.outcome import CommandOutcome
from btkit.settings import Settings

NAME = "list"
HELP = """
List what was asked for, the newest first.

Runs, sweeps, walk-forwards and batches, each with its verdict.
The runs of a walk-forward's windows and the jobs of a batch are parts: --parent lists those of
one, --all lists them among the others. What lost its process is shown as interrupted; `resume`
goes on with it.

At a terminal it shows a table; --json, a pipe or a file give the document.
Where there is no database yet, `warnings` says so: BT_DB_PATH may be wrong.
Exit codes: 0 when it answers, also where nothing was stored yet; 2 error.

\b
Example:
  backtest list --symbol SPX --limit 5
  backtest list --parent 0123456789abcdef
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
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="Only these: run options-sim walk-forward sweep batch."),
    ] = None,
    parent: Annotated[
        str | None, typer.Option("--parent", metavar="ID", help="Only the parts of this one.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Parts, too.")] = False,
    as_json: AsJson = False,
) -> CommandOutcome:
    """List jobs."""
    from btkit.cli.tables import show_jobs  # noqa: PLC0415 - lazy start-up
    from btkit.jobs import list_runs, read_settings  # noqa: PLC0415 - lazy start-up

    settings = read_settings()
    runs = list_runs(
        symbol,
        limit=limit,
        status=status,
        kind=kind,
        parent=parent,
        everything=everything,
        settings=settings,
    )
    document = {"count": len(runs), "runs": runs, "warnings": _missing(settings)}
    people = None if as_json else partial(show_jobs, document)
    return CommandOutcome(document, next=after_list(runs), people=people)


def _missing(settings: Settings) -> list[dict[str, str]]:
    path = settings.db_path.expanduser().absolute()
    if path.exists():
        return []
    message = f"There is no database {path}; the first run makes it. BT_DB_PATH names another."
    return [{"code": "no_database", "message": message}]
