"""One line per stage on stderr, with its time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from btkit.cli.streams import say, stderr_is_terminal
from btkit.jobs import Note, ProgressListener, Silent

if TYPE_CHECKING:
    from rich.console import Console

_NAME_WIDTH = 16
_COUNT_EVERY_S = 5.0
_BAR_WIDTH = 40


def open_progress(*, quiet: bool) -> ProgressListener:
    """Return what shows people how far a run is.

    Parameters
    ----------
    quiet
        Whether to show nothing.

    Returns
    -------
    ProgressListener
        Plain lines, or a live display where stderr is a terminal.
    """
    if quiet:
        return Silent()
    return LiveLines() if stderr_is_terminal() else PlainLines()


class PlainLines:
    """A line when a stage ends, and one now and then while a long one lasts.

    Parameters
    ----------
    every
        Seconds between two such lines.
    """

    def __init__(self, *, every: float = _COUNT_EVERY_S) -> None:
        self._name, self._every = "", every
        self._said_at = self._began_at = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[Note]:
        """Enclose one stage."""
        self._name, self._said_at = name, time.perf_counter()
        self._began_at = self._said_at
        with _timed_line(name) as note:
            yield note

    def count(self, done: int, total: int, unit: str) -> None:
        """Say how far the stage is, every few seconds."""
        if time.perf_counter() - self._said_at >= self._every:
            now = time.perf_counter()
            rate = done / max(now - self._began_at, 1e-9)
            left = (total - done) / max(rate, 1e-9)
            self._said_at = now
            say(
                f"{self._name:<{_NAME_WIDTH}} {done:,} of {total:,} {unit}, "
                f"{rate:,.0f} a second, {left:,.0f} s left"
            )


class LiveLines:
    """A moving bar while a stage lasts, and a line when it ends."""

    def __init__(self) -> None:
        # rich is slow to import, and of use on a terminal only.
        from rich.console import Console  # noqa: PLC0415

        # The terminal itself: a notebook in this process takes over what sys.stderr leads to.
        terminal = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding)
        self._console: Console = Console(file=terminal)
        self._show: Callable[[int, int, str], None] | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[Note]:
        """Enclose one stage."""
        from rich.progress import (  # noqa: PLC0415 - as in __init__
            BarColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.table import Column  # noqa: PLC0415 - as in __init__

        def whole() -> Column:
            return Column(no_wrap=True)

        # Together they fit into 80 columns; what a narrower terminal lacks, the bar goes without.
        columns = (
            TextColumn("{task.description}", table_column=whole()),
            BarColumn(bar_width=None, table_column=Column(max_width=_BAR_WIDTH, ratio=1)),
            TimeElapsedColumn(table_column=whole()),
            TextColumn("{task.fields[rate]}", table_column=whole()),
            TimeRemainingColumn(elapsed_when_finished=True, table_column=whole()),
        )
        with (
            _timed_line(name) as note,
            Progress(
                *columns, console=self._console, transient=True, redirect_stdout=False, expand=True
            ) as bar,
        ):
            task = bar.add_task(name.ljust(_NAME_WIDTH), total=None, rate="")
            began = time.perf_counter()

            def show(done: int, total: int, unit: str) -> None:
                rate = f"{done / max(time.perf_counter() - began, 1e-9):,.0f} {unit}/s"
                bar.update(task, completed=done, total=total, rate=rate)

            self._show = show
            try:
                yield note
            finally:
                self._show = None

    def count(self, done: int, total: int, unit: str) -> None:
        """Move the bar to where the stage is."""
        if self._show is not None:
            self._show(done, total, unit)


@contextmanager
def _timed_line(name: str) -> Iterator[Note]:
    remarks: list[str] = []
    began = time.perf_counter()
    outcome = "failed"
    try:
        yield remarks.append
        outcome = "; ".join(remarks)
    finally:
        seconds = time.perf_counter() - began
        say(f"{name:<{_NAME_WIDTH}} {seconds:7.2f} s  {outcome}".rstrip())
