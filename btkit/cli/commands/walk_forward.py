"""`backtest walk-forward`."""

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

NAME = "walk-forward"
HELP = """
Tell whether a rule holds on bars it was not chosen on.

The validation is stored, and every part of it is a stored run, which `backtest list --parent`
lists. It passes when on average at least 70 % of the in-sample Sharpe ratio held out of sample,
and the out-of-sample account, put together, lost nothing. With --optimize each in-sample part
chooses the parameters, and only the part after it is scored with them.
Exit codes: 0 passed, 1 did not or there is no data, 2 error.

\b
Example:
  backtest walk-forward --strategy strategies/spy_momentum_v1.json --symbol SPX
      --start 2005-01-01 --end 2018-12-31 --source sample --windows 4
"""


def command(  # noqa: PLR0913 - a parameter per flag
    *,
    strategy: Strategy,
    symbol: Symbol,
    start: Start,
    end: End,
    windows: Annotated[int, typer.Option("--windows", help="How many windows.")] = 3,
    is_ratio: Annotated[
        float, typer.Option("--is-ratio", help="The in-sample share of each window.")
    ] = 0.70,
    scheme: Annotated[
        str, typer.Option("--scheme", help="rolling, anchored or disjoint.")
    ] = "rolling",
    optimize: Annotated[
        list[str] | None,
        typer.Option(
            "--optimize",
            metavar="NAME=lo:hi:step",
            help="Values among which each in-sample part chooses; repeatable.",
        ),
    ] = None,
    constraint: Constraint = None,
    objective: Annotated[
        str, typer.Option("--objective", help="The metric that the choice goes by.")
    ] = "sharpe_ratio",
    max_sets: MaxSets = 1_000_000,
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
    """Return the work of one validation."""
    request = {
        "spec": Path(strategy),
        "symbol": symbol,
        "start": start,
        "end": end,
        "windows": windows,
        "is_ratio": is_ratio,
        "scheme": scheme,
        "constraint": constraint,
        "objective": objective,
        "max_sets": max_sets,
        "capital": capital,
        "commission": commission,
        "slippage": slippage,
        "interval": interval,
        "source": source,
        "format": bar_format,
    }
    rendering = None if no_report else {"engine": engine.value, "html_assets": html_assets.value}
    return partial(
        _walk, request, optimize or [], rendering=rendering, upload=upload_reports, quiet=quiet
    )


def _walk(
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
    from btkit.jobs.walk_forward import walk_forward  # noqa: PLC0415 - lazy start-up
    from btkit.render.leaving import prepare_folder  # noqa: PLC0415 - lazy start-up
    from btkit.validation.grid import read_axes  # noqa: PLC0415 - lazy start-up

    settings = read_settings()
    progress = open_progress(quiet=quiet)
    parameters = read_axes(axes) if axes else None
    prepare_folder(settings.report_dir, private=settings.private)
    result = walk_forward(**request, optimize=parameters, settings=settings, progress=progress)
    return finish(
        str(result.report.walk_forward_id),
        settings=settings,
        progress=progress,
        rendering=rendering,
        upload=upload,
        quiet=quiet,
    )
