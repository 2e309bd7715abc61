"""Tables on stdout, for people: what commands that look something up show at a terminal."""

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
    """Show every name that a condition may use, by group, and every call."""
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
    table.add_row(Text("\ncalls", style="bold"))
    for call in document["calls"]:
        told = f"{call['meaning']} Such as {call['example']}"
        table.add_row(Text(call["call"]), str(call["lookback"]), Text(told))
    _print(table)


def show_bundle(document: Mapping[str, Any]) -> None:
    """Show what `model inspect` found: what a bundle is, then what is wrong with it."""
    from rich.text import Text  # noqa: PLC0415 - as above

    table = _table()
    table.add_column("Bundle", no_wrap=True)
    table.add_column("", ratio=1)
    for name, value in _rows_of_bundle(document).items():
        table.add_row(name, Text(value))
    table.add_row(Text("\nFeatures", style="bold"))
    for feature in document["features"]:
        table.add_row(Text(feature["name"]), Text(feature["formula"] or _NONE))
    for heading, key in (("Refused", "problems"), ("Warnings", "warnings")):
        if document[key]:
            table.add_row(Text(f"\n{heading}", style="bold"))
        for entry in document[key]:
            told = entry["message"] + (f" {entry['hint']}" if key == "problems" else "")
            table.add_row(Text(entry["path" if key == "problems" else "code"]), Text(told))
    _print(table)


def _rows_of_bundle(document: Mapping[str, Any]) -> dict[str, str]:
    listed = {
        name: ", ".join(document[name] or [_NONE])
        for name in ("symbols", "timeframes", "output_classes")
    }
    first, until = document["trained_from"], document["trained_until"]
    return {
        "Usable": "yes" if document["usable"] else "no",
        "Strategy": document["name"] or _NONE,
        "Trained on": f"{listed['symbols']}; {listed['timeframes']}",
        "Trained": f"{first or _NONE} to {until or _NONE}",
        "Network": document["network"] or _NONE,
        "Outputs": f"{document['output_type'] or _NONE}: {listed['output_classes']}",
        "Activation": document["output_activation"] or _NONE,
        "Hash": document["hash"] or _NONE,
    }


def _table() -> Table:
    from rich.table import Table  # noqa: PLC0415 - as above

    return Table(box=None, pad_edge=False, expand=True)


def _print(table: Table) -> None:
    from rich.console import Console  # noqa: PLC0415 - as above

    Console(file=sys.stdout).print(table)


def _number(value: float | None, form: str) -> str:
    return _NONE if value is None else format(value, form).replace("-", "−").replace("%", " %")
