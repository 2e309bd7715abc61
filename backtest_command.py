"""The `backtest` command's first lines, outside of the package so that nothing comes before them.

Importing takes a while, in which nobody can answer yet. Python would meet a Ctrl-C there with a
traceback; until `btkit.cli.main` takes over, it just ends the process, as any other signal does.
"""

from __future__ import annotations

# The module without the underscore takes some milliseconds to import.
import _signal


def command() -> None:
    """Run the command: the console script's entry point."""
    # Where Ctrl-C is ignored, as in the background of a shell, it stays so.
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    from btkit.cli.main import command as run  # noqa: PLC0415 - only now

    run()
