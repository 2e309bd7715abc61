"""`backtest export`."""

from __future__ import annotations

from typing import Annotated

import typer

from btkit.cli.next_steps import step
from btkit.cli.outcome import CommandOutcome

NAME = "export"
HELP = """
Write what is complete as tables.

They are runs, trades, curves (by bar), windows (of walk-forwards) and sets (of sweeps); the id of
a walk-forward or a batch stands for its runs as well. All tables are of one moment. Each is one
file, runs.<format> and so on, which appears once it is whole. In CSV, texts that a spreadsheet
would run, such as =1+1, have an apostrophe before them.
Exit codes: 0 written; 2 error.

\b
Example:
  backtest export --format csv --output exported
  backtest export --format parquet --table trades --run-id 123e4567-e89b-42d3-a456-426614174000
"""


def command(
    *,
    form: Annotated[str, typer.Option("--format", help="parquet csv json.")] = "parquet",
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FOLDER", help="Made if it is not there.")
    ] = "data/export",
    table: Annotated[
        list[str] | None,
        typer.Option("--table", help="runs trades curves windows sets; repeatable. [default: all]"),
    ] = None,
    run_id: Annotated[
        list[str] | None,
        typer.Option(
            "--run-id", metavar="ID", help="Repeat it for several. [default: all that is complete]"
        ),
    ] = None,
) -> CommandOutcome:
    """Write tables."""
    from btkit.jobs import export  # noqa: PLC0415 - lazy start-up

    return CommandOutcome(
        export(output, format=form, tables=table or [], run_ids=run_id or []),
        next=[step("Shows the runs that are stored.", "list")],
    )
