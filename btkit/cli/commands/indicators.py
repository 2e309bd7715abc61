"""`backtest indicators`."""

from __future__ import annotations

from btkit.cli.next_steps import step
from btkit.cli.options import Debug, Quiet
from btkit.cli.outcome import Outcome, Work

NAME = "indicators"
HELP = """
List every name that a condition may use: what it means, its formula, and where that is from.

`lookback` is the index of the first bar that has a value. Exit codes: 0, 2 error.

\b
Example:
  backtest indicators
"""

_KEYS = ("name", "group", "kind", "lookback", "meaning", "formula", "source")


def command(
    *,
    quiet: Quiet = False,  # noqa: ARG001 - accepted everywhere; there is nothing to silence
    debug: Debug = False,  # noqa: ARG001 - `main` looks for it, since parsing may fail
) -> Work:
    """Return the work of listing the namespace."""
    return _indicators


def _indicators() -> Outcome:
    from btkit.indicators import catalogue  # noqa: PLC0415 - lazy start-up

    return Outcome(
        {"indicators": [{key: getattr(entry, key) for key in _KEYS} for entry in catalogue()]},
        next=[step("Shows the fields of a spec that conditions stand in.", "schema")],
    )
