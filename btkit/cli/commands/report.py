"""`backtest report`."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from btkit.cli.asked import rendering_of
from btkit.cli.next_steps import after_report
from btkit.cli.options import (
    AssetsKind,
    Debug,
    Engine,
    EngineName,
    HtmlAssets,
    Quiet,
    RunId,
    UploadReports,
)
from btkit.cli.outcome import CommandOutcome, Work

NAME = "report"
HELP = """
Print what is stored of a run, with every trade.

It takes the id of a sweep, a walk-forward or a batch as well, and prints what that command
printed; a batch's has the line of each job under `results`. --render makes the notebook, the page
and the JSON in BT_REPORT_DIR again, such as after a full disk.

Exit codes: 0 when it answers, also for what failed, which `error` tells; 2 for an unknown id.

\b
Example:
  backtest report --run-id 123e4567-e89b-42d3-a456-426614174000
"""


def command(
    *,
    run_id: RunId,
    render: Annotated[
        bool, typer.Option("--render", help="Make the notebook, the page and the JSON file.")
    ] = False,
    engine: Engine = EngineName.BTKIT,
    html_assets: HtmlAssets = AssetsKind.INLINE,
    upload_reports: UploadReports = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - `main` looks for it, since parsing may fail
) -> Work:
    """Return the work of reading one run."""
    rendering = rendering_of(
        no_report=not (render or upload_reports),
        engine=engine,
        html_assets=html_assets,
        upload=upload_reports,
    )
    return partial(_report, run_id, rendering=rendering, quiet=quiet)


def _report(run_id: str, *, rendering: dict[str, Any] | None, quiet: bool) -> CommandOutcome:
    from btkit.jobs import load_document  # noqa: PLC0415 - lazy start-up

    document = load_document(run_id, trades=True)
    closing = None
    if rendering is not None:
        from btkit.cli.rendering import render_stored  # noqa: PLC0415 - lazy start-up

        closing = render_stored(run_id, rendering=rendering, quiet=quiet)
    return CommandOutcome(document, next=after_report(document), closing=closing)
