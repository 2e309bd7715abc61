"""`backtest sweep`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from btkit.cli.options import (
    AssetsKind,
    BarInterval,
    Capital,
    Commission,
    Constraint,
    Debug,
    End,
    Engine,
    EngineName,
    FileFormat,
    HtmlAssets,
    MaxSets,
    NoReport,
    Quiet,
    Slippage,
    Source,
    Start,
    Strategy,
    Symbol,
    UploadReports,
)
from btkit.cli.outcome import Outcome, Work

NAME = "sweep"
HELP = """
Try many parameters, and say whether the best could be chance.

The table of all sets, the specs of the best ten, a notebook, its HTML and its JSON are left in
BT_REPORT_DIR. Ctrl-C keeps what is done; the same command, or `resume`, goes on with it.
Exit codes: 0 the best set passed and is no fluke, 1 it is not or there is no data, 2 error.

\b
Example:
  backtest sweep --strategy strategies/golden_cross.yaml --symbol SPX
      --start 2005-01-01 --end 2018-12-31 --source sample
      --param fast=10:60:10 --param slow=100:200:20 --constraint "fast < slow"
"""


def command(  # noqa: PLR0913 - a parameter per flag
    *,
    strategy: Strategy,
    symbol: Symbol,
    start: Start,
    end: End,
    param: Annotated[
        list[str],
        typer.Option(
            "--param", metavar="NAME=lo:hi:step", help="A parameter's values; NAME=a,b,c too."
        ),
    ],
    constraint: Constraint = None,
    method: Annotated[
        str, typer.Option("--method", help="grid, random or optuna (an extra).")
    ] = "grid",
    objective: Annotated[
        str, typer.Option("--objective", help="The metric that makes a parameter set the best.")
    ] = "sharpe_ratio",
    samples: Annotated[
        int, typer.Option("--samples", help="Sets that random and optuna try.")
    ] = 1_000,
    seed: Annotated[int, typer.Option("--seed", help="Of their draws.")] = 0,
    max_sets: MaxSets = 1_000_000,
    threads: Annotated[
        int | None, typer.Option("--threads", help="[default: all cores; the results are the same]")
    ] = None,
    capital: Capital = None,
    commission: Commission = None,
    slippage: Slippage = None,
    interval: BarInterval = "1d",
    source: Source = None,
    bar_format: FileFormat = None,
    no_report: NoReport = False,
    engine: Engine = EngineName.BTKIT,
    html_assets: HtmlAssets = AssetsKind.INLINE,
    upload_reports: UploadReports = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - `main` looks for it, since parsing may fail
) -> Work:
    """Return the work of one sweep."""
    request = {
        "spec": Path(strategy),
        "symbol": symbol,
        "start": start,
        "end": end,
        "constraint": constraint,
        "method": method,
        "objective": objective,
        "samples": samples,
        "seed": seed,
        "max_sets": max_sets,
        "threads": threads,
        "capital": capital,
        "commission": commission,
        "slippage": slippage,
        "interval": interval,
        "source": source,
        "format": bar_format,
    }
    rendering = None if no_report else {"engine": engine.value, "html_assets": html_assets.value}
    return partial(_sweep, request, param, rendering=rendering, upload=upload_reports, quiet=quiet)


def _sweep(
    request: dict[str, Any],
    axes: list[str],
    *,
    rendering: dict[str, Any] | None,
    upload: bool,
    quiet: bool,
) -> Outcome:
    from btkit.cli.finish import finish  # noqa: PLC0415 - lazy start-up
    from btkit.cli.progress import open_progress  # noqa: PLC0415 - lazy start-up
    from btkit.jobs import read_settings  # noqa: PLC0415 - lazy start-up
    from btkit.jobs.sweep import describe_sweep, sweep  # noqa: PLC0415 - lazy start-up
    from btkit.render.leaving import prepare_folder  # noqa: PLC0415 - lazy start-up
    from btkit.validation.grid import read_axes  # noqa: PLC0415 - lazy start-up

    settings = read_settings()
    progress = open_progress(quiet=quiet)
    parameters = read_axes(axes)
    prepare_folder(settings.report_dir, private=settings.private)
    result = sweep(**request, parameters=parameters, settings=settings, progress=progress)
    describe_sweep(
        result,
        start=request["start"],
        end=request["end"],
        settings=settings,
        progress=progress,
    )
    return finish(
        str(result.sweep_id),
        settings=settings,
        progress=progress,
        rendering=rendering,
        upload=upload,
        quiet=quiet,
    )
