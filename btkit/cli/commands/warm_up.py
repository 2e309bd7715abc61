"""`backtest warm-up`."""

from __future__ import annotations

from btkit.cli.next_steps import step
from btkit.cli.options import Quiet
from btkit.cli.outcome import CommandOutcome

NAME = "warm-up"
HELP = """
Compile the simulation now, so that no run waits for it.

What is compiled is kept in ~/.cache/btkit for every environment with the same code, or where that
is not writable beside the package; NUMBA_CACHE_DIR names another folder. `compiled` is 0 where
everything was there already.
Exit codes: 0, 2 error.

\b
Example:
  backtest warm-up
"""


def command(
    *,
    quiet: Quiet = False,
) -> CommandOutcome:
    """Compile."""
    from btkit.cli.progress import open_progress  # noqa: PLC0415 - lazy start-up
    from btkit.jobs.warming import warm_up  # noqa: PLC0415 - lazy start-up

    with open_progress(quiet=quiet).stage("warm up") as note:
        done = warm_up()
        note(f"{done.compiled} functions compiled")
    return CommandOutcome(
        {"compiled": done.compiled, "seconds": done.seconds, "cache": str(done.cache)},
        next=[step("Shows how a run is made, with an example.", "run", "--help")],
    )
