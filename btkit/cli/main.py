"""The entry point: exactly one JSON document on stdout, whatever happens."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress

from btkit.announcing import compiling_announced, unheard
from btkit.cli.outcome import FAILED, CommandOutcome, DeferredCommand, failure
from btkit.cli.streams import StopSignals, say, stdout_kept_clean, write_document

# What typer returns for an interrupt while it parses.
_INTERRUPTED = 130
# New objects between two looks for garbage. Importing makes some hundred thousand that all stay,
# and looking at them every 700 costs a tenth of a short run.
_YOUNG_OBJECTS = 50_000
# Of so many bytes on, memory goes back to the system as soon as it is free. glibc learns to keep
# up to 32 MB at a time: a run of millions of bars would keep what it no longer needs.
_LARGE_BLOCK = 4 * 2**20
_M_MMAP_THRESHOLD = -3  # its number in glibc's malloc.h


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `backtest` command.

    Parameters
    ----------
    argv
        The arguments after the command's name; None takes those of the process.

    Returns
    -------
    int
        The exit code: 0 passed, 1 soft failure, 2 error.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    with StopSignals() as signals:
        return _answer(arguments, signals)


def command() -> None:
    """Run the command as a process of its own: the console script's entry point.

    Leaving without Python's dismantling of every module saves a third of the time of a short
    run. Exit handlers run all the same, and a thread that is still at work is waited for.
    """
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
    _give_large_blocks_back()
    # To the very end: once the document is out, nothing changes the exit code that goes with it.
    with StopSignals() as signals:
        code = _answer(sys.argv[1:], signals)
        if any(
            thread is not threading.main_thread() and not thread.daemon
            for thread in threading.enumerate()
        ):
            sys.exit(code)
        atexit._run_exitfuncs()  # noqa: SLF001 - what Python itself calls here
        for stream in (sys.stdout, sys.stderr):
            # None where the descriptor was closed before we came.
            if stream is not None:
                with suppress(OSError, ValueError):
                    stream.flush()
        os._exit(code)


def _give_large_blocks_back() -> None:
    if sys.platform == "linux":
        # Not so in musl's library, which has nothing to set.
        if (adjust := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
            adjust(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
        # Arrow has an allocator of its own, which keeps far more.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def _answer(arguments: list[str], signals: StopSignals) -> int:
    """Do the work, and write its document; a signal ends the one, and never tears the other."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    try:
        try:
            signals.arm()
            work = _parse(arguments)
            if work is None:
                return 0
            with stdout_kept_clean(), compiling_announced(_announcer(arguments)):
                try:
                    outcome = work()
                    if outcome.closing is not None and not is_terminal:
                        outcome.closing()
                finally:
                    # Before stdout is given back: half-way, the document would go to stderr.
                    signals.hold()
            text = outcome.to_json()
        except BaseException as error:  # noqa: BLE001 - the contract: a document on any failure
            signals.hold()
            outcome, text = _failed(error, arguments)
    except KeyboardInterrupt as error:
        # It came in the moment between a failure and `hold`; there can be no third.
        outcome, text = _failed(error, arguments)
    return _show(outcome, text) if is_terminal else _deliver(outcome, text)


def _show(outcome: CommandOutcome, text: str) -> int:
    """Deliver at a terminal, where what people read comes last, or instead."""
    if outcome.people is not None:
        outcome.people()
        return outcome.exit_code
    code = _deliver(outcome, text)
    if outcome.closing is not None:
        outcome.closing()
    return code


def _failed(error: BaseException, arguments: list[str]) -> tuple[CommandOutcome, str]:
    if "--debug" in arguments:
        say("".join(traceback.format_exception(error)).rstrip())
    outcome = failure(error, arguments)
    return outcome, outcome.to_json()


def _parse(arguments: list[str]) -> DeferredCommand | None:
    """Return the work that was asked for, or None where help or the version was the answer."""
    # Not before the signals are guarded: importing takes long enough to be interrupted.
    from btkit.cli.app import parse  # noqa: PLC0415

    parsed = parse(arguments)
    if isinstance(parsed, int):
        if parsed == _INTERRUPTED:
            raise KeyboardInterrupt
        return None
    return parsed


def _announcer(arguments: list[str]) -> Callable[[str], None]:
    return unheard if {"--quiet", "-q"} & set(arguments) else say


def _deliver(outcome: CommandOutcome, text: str) -> int:
    if not outcome.is_printed:
        return outcome.exit_code
    return outcome.exit_code if write_document(text) else FAILED


if __name__ == "__main__":
    command()
