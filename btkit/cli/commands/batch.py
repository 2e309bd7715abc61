"""`backtest batch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from btkit.cli.asked import holding, quiet_progress, rendering_of
from btkit.cli.options import AssetsKind, Engine, EngineName, HtmlAssets
from btkit.cli.outcome import CommandOutcome
from btkit.cli.signatures import called_with, joined
from btkit.cli.streams import own_stdout

NAME = "batch"
HELP = """
Run many jobs, and rank their reports on one page.

JOBS.yaml is a list; each entry has spec, symbol, start and end, and may have command, capital,
commission, slippage, interval, source, format and flags; a model spec may say the symbol itself.
spec, symbol and command may be lists, a spec may be a pattern, and ranges, a list of pairs, may
stand for start and end: every combination is a job. stdout gets one line of JSON as each job ends,
and a last line with the sum. BT_REPORT_DIR gets the reports, index.html, which ranks and links
them, and compare.html. A job that fails stops no other. The batch is stored like a run: `list`,
`report`, `cancel`, `resume` and `delete` take its id, batch_id in the sum.
Exit codes: the worst of all jobs: 0 passed, 1 missed a threshold or had no data, 2 error.

\b
Example:
  backtest batch JOBS.yaml --jobs 2
with JOBS.yaml:
  - spec: strategies/*.yaml
    symbol: [SPX, IXIC]
    start: 2005-01-01
    end: 2018-12-31
    source: sample
"""


def read(
    *,
    jobs_file: Annotated[Path, typer.Argument(metavar="JOBS.yaml", help="The list of jobs.")],
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, help="How many jobs run at a time, each in a process.")
    ] = 1,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Skip notebooks and pages; the JSON is the same.")
    ] = False,
    engine: Engine = EngineName.BTKIT,
    html_assets: HtmlAssets = AssetsKind.SHARED,
) -> Any:  # noqa: ANN401 - evaluated for typer, and what is returned is slow to import
    """Return what a file asks for, a `BatchJob`.

    Parameters
    ----------
    jobs_file, jobs, no_report, engine, html_assets
        The flags.
    """
    from btkit.jobs.batch import read_jobs  # noqa: PLC0415 - lazy start-up

    rendering = rendering_of(no_report=no_report, engine=engine, html_assets=html_assets)
    return read_jobs(jobs_file, workers=jobs, rendering=rendering)


def command(**flags: Any) -> CommandOutcome:  # noqa: ANN401 - any flag
    """Run the jobs of a file."""
    from btkit.cli.batching import hooks_for, outcome_of_batch  # noqa: PLC0415 - lazy start-up
    from btkit.jobs import execute, read_settings  # noqa: PLC0415 - lazy start-up

    job, settings, quiet = called_with(read, flags), read_settings(), flags["quiet"]
    hooks = hooks_for(settings=settings, out=own_stdout(), quiet=quiet)
    planned = called_with(holding, flags)
    done = execute(job, settings=settings, batch=hooks, plan_hash=planned)
    return outcome_of_batch(done, quiet=quiet)


command.__signature__ = joined(read, holding, quiet_progress)  # type: ignore[attr-defined]  # typer reads it
