"""Tables on stdout, for people: what `list` and `indicators` show at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from btkit.cli.streams import say

if TYPE_CHECKING:
    from rich.table import Table

_NONE = "–"


def show_jobs(document: Mapping[str, Any]) -> None:
    """Show what `list` found: the id to copy, what it was, and what it came to."""
    from rich.text import Text  # noqa: PLC0415 - rich is of use on a terminal only

    table = _table()
    table.add_column("Run", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("Verdict", no_wrap=True)
    for heading in ("Sharpe", "CAGR", "Trades"):
        table.add_column(heading, justify="right", no_wrap=True)
    for job in document["runs"]:
        about = f"  {job['strategy_name'] or _NONE} on {job['symbol'] or _NONE}, {job['kind']}"
        verdict = job["verdict"] or job["status"]
        table.add_row(
            # As text: a name may hold what rich takes for markup.
            Text(f"{job['run_id']}\n{about}"),
            Text(verdict.replace("_", " ")),
            _number(job["sharpe_ratio"], ".2f"),
            _number(job["cagr"], ".1%"),
            _number(job["total_trades"], ",d"),
        )
    if document["runs"]:
        _print(table)
    else:
        say("Nothing is stored that fits.")
    for warning in document["warnings"]:
        say(f"warning: {warning['message']}")


def show_indicators(document: Mapping[str, Any]) -> None:
    """Show every name that a condition may use, by group."""
    from rich.text import Text  # noqa: PLC0415 - as above

    table = _table()
    table.add_column("Name", no_wrap=True)
    table.add_column("From bar", justify="right", no_wrap=True)
    table.add_column("Meaning", ratio=1)
    group = None
    for entry in document["indicators"]:
        if entry["group"] != group:
            group = entry["group"]
            table.add_row(Text(f"\n{group}", style="bold"))
        table.add_row(entry["name"], str(entry["lookback"]), Text(entry["meaning"]))
    _print(table)


def _table() -> Table:
    from rich.table import Table  # noqa: PLC0415 - as above

    return Table(box=None, pad_edge=False, expand=True)


def _print(table: Table) -> None:
    from rich.console import Console  # noqa: PLC0415 - as above

    Console(file=sys.stdout).print(table)


def _number(value: float | None, form: str) -> str:
    return _NONE if value is None else format(value, form).replace("-", "−").replace("%", " %")
