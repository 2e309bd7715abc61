"""`backtest init`."""

from __future__ import annotations

from typing import Annotated

import typer

from btkit.cli.next_steps import after_validation
from btkit.cli.options import Quiet
from btkit.cli.outcome import CommandOutcome

NAME = "init"
HELP = """
Lay out notebooks, strategies and models in a folder.

FOLDER gets folders of these names with everything in them that comes with btkit. A file that is
there stays as it is, whatever is in it: `left` lists such files, `changed` those of them that are
not as btkit ships them. A second call writes only what is missing.
Exit codes: 0, 2 error.

\b
Example:
  backtest init my-backtests
  jupyter lab --notebook-dir=my-backtests
"""

_FIRST = "golden_cross.yaml"
"""A strategy to begin with."""


def command(
    *,
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Made if it is not there.")],
    quiet: Quiet = False,
) -> CommandOutcome:
    """Lay out a folder."""
    from btkit.cli.streams import say  # noqa: PLC0415 - lazy start-up
    from btkit.shipped import lay_out  # noqa: PLC0415 - lazy start-up

    done = lay_out(folder)
    if not quiet:
        say(f"{len(done.written)} files written, {len(done.left)} left as they were")
        say(f"{'folder':<9} {done.folder}")
        say(f"{'next':<9} jupyter lab --notebook-dir={done.folder}")
    return CommandOutcome(
        {
            "folder": str(done.folder),
            "written": [str(path) for path in done.written],
            "left": [str(path) for path in done.left],
            "changed": [str(path) for path in done.changed],
        },
        next=after_validation(str(done.folder / "strategies" / _FIRST), "rules"),
    )
