"""The order of what people read when a command is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from btkit.cli.streams import say, stderr_is_terminal


def show_closing(
    verdict: str,
    table: Callable[[], None],
    *,
    remarks: Sequence[str],
    paths: Mapping[str, Path | str],
) -> None:
    """Write to stderr how a command ended; at a terminal the table is the last of it.

    Parameters
    ----------
    verdict
        One line, which stands above all that is said about the numbers.
    table
        Writes the numbers.
    remarks
        What to know about them: a line each.
    paths
        Where everything lies, by name.
    """
    where = [f"{name:<9} {path}" for name, path in paths.items()]
    if stderr_is_terminal():
        _say_all(["", *where, "", verdict, *remarks])
        table()
    else:
        _say_all(["", verdict])
        table()
        _say_all([*remarks, "", *where])


def _say_all(lines: Sequence[str]) -> None:
    for line in lines:
        say(line)
