"""`backtest batch`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from btkit.cli.asked import rendering_of
from btkit.cli.options import AssetsKind, Debug, Engine, EngineName, HtmlAssets, Quiet
from btkit.cli.outcome import CommandOutcome, Work
from btkit.cli.streams import own_stdout

NAME = "batch"
HELP = """
Run many jobs, and rank their reports on one page.

JOBS.yaml is a list; each entry has spec, symbol, start and end, and may have command, capital,
commission, slippage, interval, source, format and flags. spec, symbol and command may be lists,
a spec may be a pattern, and ranges, a list of pairs, may stand for start and end: every
combination is a job. stdout gets one line of JSON as each job ends, and a last line with the sum.
BT_REPORT_DIR gets the reports, index.html, which ranks and links them, and compare.html. A job
that fails stops no other. The batch is stored like a run: `list`, `report`, `cancel`, `resume` and
`delete` take its id, batch_id in the sum.
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


def command(
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
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - `main` looks for it, since parsing may fail
) -> Work:
    """Return the work of a batch."""
    rendering = rendering_of(no_report=no_report, engine=engine, html_assets=html_assets)
    # Before stdout is kept clean of everything but the last document.
    return partial(
        _batch, jobs_file, workers=jobs, rendering=rendering, out=own_stdout(), quiet=quiet
    )


def _batch(
    path: Path, *, workers: int, rendering: dict[str, Any] | None, out: IO[str], quiet: bool
) -> CommandOutcome:
    from btkit.cli.batching import run_batch  # noqa: PLC0415 - lazy start-up
    from btkit.jobs import read_settings  # noqa: PLC0415 - lazy start-up
    from btkit.jobs.batch import read_jobs  # noqa: PLC0415 - lazy start-up
    from btkit.jobs.job import Rendering  # noqa: PLC0415 - lazy start-up

    how = None if rendering is None else Rendering.model_validate(rendering)
    job = read_jobs(path, workers=workers, rendering=how)
    return run_batch(job, settings=read_settings(), out=out, quiet=quiet)
