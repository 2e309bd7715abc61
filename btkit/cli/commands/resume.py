"""`backtest resume`."""

from __future__ import annotations

from btkit.cli.asked import rendering_of
from btkit.cli.next_steps import after_queueing
from btkit.cli.options import (
    AssetsKind,
    Engine,
    EngineName,
    HtmlAssets,
    NoReport,
    OperationName,
    Quiet,
    RunId,
    ServerUrl,
    UploadReports,
    check_one_id,
)
from btkit.cli.outcome import CommandOutcome
from btkit.cli.streams import own_stdout

NAME = "resume"
HELP = """
Go on with what was interrupted, cancelled or failed.

A run goes on at the bar after its last checkpoint (BT_CHECKPOINT_SECONDS, BT_CHECKPOINT_BARS), and
prints what it would have printed unbroken. Where bars, versions or code have changed since, it
starts again at its first bar. A sweep and a walk-forward go on with the sets not yet tried, a
batch with the jobs not yet done. --operation-id queues an operation of a server again, and prints
how it stands. Exit codes: as the command that began it; 2 also where there is nothing to resume.

\b
Example:
  backtest list --status interrupted
  backtest resume --run-id 123e4567-e89b-42d3-a456-426614174000
"""


def command(
    *,
    run_id: RunId | None = None,
    operation_id: OperationName = None,
    server: ServerUrl = None,
    no_report: NoReport = False,
    engine: Engine = EngineName.BTKIT,
    html_assets: HtmlAssets = AssetsKind.INLINE,
    upload_reports: UploadReports = False,
    quiet: Quiet = False,
) -> CommandOutcome:
    """Go on with a job."""
    check_one_id(run_id, operation_id, what="goes on")
    if run_id is None:
        return _requeued_there(operation_id, server)
    from btkit.cli.batching import hooks_for, outcome_of_batch  # noqa: PLC0415 - lazy start-up
    from btkit.cli.finish import finish  # noqa: PLC0415 - lazy start-up
    from btkit.cli.progress import open_progress  # noqa: PLC0415 - lazy start-up
    from btkit.jobs import read_settings, resume  # noqa: PLC0415 - lazy start-up
    from btkit.jobs.batch_run import BatchResult  # noqa: PLC0415 - lazy start-up
    from btkit.render.leaving import prepare_folder  # noqa: PLC0415 - lazy start-up
    from btkit.storage import check_job_id  # noqa: PLC0415 - lazy start-up

    job_id, settings, progress = check_job_id(run_id), read_settings(), open_progress(quiet=quiet)
    rendering = rendering_of(
        no_report=no_report, engine=engine, html_assets=html_assets, upload_reports=upload_reports
    )
    if rendering is not None:
        prepare_folder(settings)
    hooks = hooks_for(settings=settings, out=own_stdout(), quiet=quiet)
    result = resume(job_id, settings=settings, progress=progress, batch=hooks)
    if isinstance(result, BatchResult):
        return outcome_of_batch(result, quiet=quiet)
    return finish(job_id, settings=settings, progress=progress, rendering=rendering, quiet=quiet)


def _requeued_there(operation_id: str | None, server: str | None) -> CommandOutcome:
    from btkit.service.client import Client  # noqa: PLC0415 - lazy start-up

    assert operation_id is not None
    there = () if server is None else ("--server", server)
    with Client(server) as client:
        document = client.operation(operation_id).resume()
    named = ("--operation-id", document["operation_id"], *there)
    return CommandOutcome(document, next=after_queueing(*named))
