"""`backtest check`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from btkit.cli.next_steps import step
from btkit.cli.options import Quiet
from btkit.cli.outcome import PASSED, SOFT_FAILURE, CommandOutcome

NAME = "check"
HELP = """
Look for damage in all that is stored, and mend it.

The database, its rows, curves (also in object storage), report files, the upload queue and what
belongs to nothing. --repair mends what it can: from copies, or from the same bars run again where
the report comes out the same to the last bit; report files are made again. Nothing else is
replaced, and no file that somebody may need is removed. What an earlier version stored has no
checksum, and is counted as unverified.
Exit codes: 0 all is well, or mended; 1 something is left, and what is in findings; 2 error.

\b
Example:
  backtest check --repair
"""


def command(
    *,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    quiet: Quiet = False,
) -> CommandOutcome:
    """Go through the store."""
    from btkit.cli.finish import render_stored  # noqa: PLC0415 - lazy start-up
    from btkit.cli.progress import open_progress  # noqa: PLC0415 - lazy start-up
    from btkit.jobs import check, read_settings  # noqa: PLC0415 - lazy start-up
    from btkit.jobs.job import Rendering  # noqa: PLC0415 - lazy start-up

    settings = read_settings()
    progress = open_progress(quiet=quiet)
    document = check(
        repair=repair,
        settings=settings,
        render=partial(render_stored, rendering=Rendering(), settings=settings, quiet=True),
        progress=progress,
    )
    if document["passed"]:
        return CommandOutcome(document, PASSED, next=[step("Shows what is stored.", "list")])
    why = "Mends what can be mended."
    if repair:
        why = "Looks again, once what each finding advises is done."
    following = step(why, "check", *([] if repair else ["--repair"]))
    return CommandOutcome(document, SOFT_FAILURE, next=[following])
