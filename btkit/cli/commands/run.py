"""`backtest run`."""

from __future__ import annotations

from pathlib import Path

from btkit.cli.asked import ask, rendering_of
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
from btkit.cli.outcome import Work

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
    values = {
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
    rendering = rendering_of(
        no_report=no_report, engine=engine, html_assets=html_assets, upload=upload_reports
    )
    return ask(NAME, values, rendering=rendering, quiet=quiet)
