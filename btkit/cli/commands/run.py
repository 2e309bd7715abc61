"""`backtest run`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from btkit.cli.options import (
    AssetsKind,
    BarInterval,
    Capital,
    Commission,
    Debug,
    End,
    Engine,
    EngineName,
    FileFormat,
    HtmlAssets,
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

NAME = "run"
HELP = """
Run a strategy on stored history, and report on it.

The bars before --start only warm the indicators up. The run is stored in BT_DB_PATH; a notebook,
its HTML and its JSON are left in BT_REPORT_DIR, each named by the run's id.
Exit codes: 0 passed, 1 missed a threshold or had no data, 2 error.

\b
Example:
  backtest run --strategy strategies/spy_momentum_v1.json --symbol SPX
      --start 2005-01-01 --end 2018-12-31 --source sample
"""


def command(  # noqa: PLR0913 - a parameter per flag
    *,
    strategy: Strategy,
    symbol: Symbol,
    start: Start,
    end: End,
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
    """Return the work of one run."""
    request = {
        "spec": Path(strategy),
        "symbol": symbol,
        "start": start,
        "end": end,
        "capital": capital,
        "commission": commission,
        "slippage": slippage,
        "interval": interval,
        "source": source,
        "format": bar_format,
    }
    rendering = None if no_report else {"engine": engine.value, "html_assets": html_assets.value}
    return partial(_run, request, rendering=rendering, upload=upload_reports, quiet=quiet)


def _run(
    request: dict[str, Any], *, rendering: dict[str, Any] | None, upload: bool, quiet: bool
) -> Outcome:
    from btkit.cli.start_up import import_numba_lightly  # noqa: PLC0415 - lazy start-up
    from btkit.render.leaving import prepare_folder  # noqa: PLC0415 - lazy start-up

    import_numba_lightly()
    from btkit.cli.finish import finish  # noqa: PLC0415 - lazy start-up
    from btkit.cli.progress import open_progress  # noqa: PLC0415 - lazy start-up
    from btkit.jobs import read_settings, run  # noqa: PLC0415 - lazy start-up

    settings = read_settings()
    progress = open_progress(quiet=quiet)
    if rendering is not None:
        prepare_folder(settings.report_dir, private=settings.private)
    result = run(**request, settings=settings, progress=progress)
    return finish(
        str(result.run_id),
        settings=settings,
        progress=progress,
        rendering=rendering,
        upload=upload,
        quiet=quiet,
    )
