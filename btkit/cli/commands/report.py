"""`backtest report`."""

from __future__ import annotations

from typing import Annotated

import typer

from btkit.cli.asked import rendering_of
from btkit.cli.options import (
    AssetsKind,
    Engine,
    EngineName,
    HtmlAssets,
    Quiet,
    RunId,
    UploadReports,
)
from btkit.cli.outcome import CommandOutcome

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
) -> CommandOutcome:
    """Read a job."""
    from btkit.cli.finish import after_report, render_stored  # noqa: PLC0415 - lazy start-up
    from btkit.jobs import load_document, read_settings  # noqa: PLC0415 - lazy start-up

    settings = read_settings()
    document = load_document(run_id, trades=True, settings=settings)
    closing = None
    rendering = rendering_of(
        no_report=not (render or upload_reports),
        engine=engine,
        html_assets=html_assets,
        upload_reports=upload_reports,
    )
    if rendering is not None:
        closing = render_stored(run_id, rendering, settings=settings, quiet=quiet)
    following = after_report(run_id, document, settings=settings)
    return CommandOutcome(document, next=following, closing=closing)
