"""`backtest check-lookahead`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from btkit.cli.next_steps import after_lookahead
from btkit.cli.options import (
    BarInterval,
    Capital,
    Commission,
    End,
    FileFormat,
    Quiet,
    Slippage,
    Source,
    Start,
    Strategy,
    Symbol,
)
from btkit.cli.outcome import PASSED, SOFT_FAILURE, CommandOutcome

NAME = "check-lookahead"
HELP = """
Check that no decision depends on bars that come later.

At sampled bars the future is cut off, shuffled, scaled, made flat and emptied; the bars are loaded
as of earlier ones; and features, model outputs, conditions and decisions are worked out again.
leaks names what is another value then, at which bar, from what to what; drift says how far what
is read at the start hangs on where history begins. Nothing is stored.
Exit codes: 0 nothing depends on the future, 1 something does, or there are no data; 2 error.

\b
Example:
  backtest check-lookahead --strategy strategies/spy_momentum_v1.json --symbol SPX
      --start 2005-01-01 --end 2018-12-31 --source sample
"""


def command(  # noqa: PLR0913 - the flags of a run, and the sample's
    *,
    strategy: Strategy,
    symbol: Symbol = None,
    start: Start,
    end: End,
    bars: Annotated[
        int, typer.Option("--bars", help="At how many bars the future is cut off and altered.")
    ] = 50,
    seed: Annotated[int, typer.Option("--seed", help="Of the choice of those bars.")] = 0,
    capital: Capital = None,
    commission: Commission = None,
    slippage: Slippage = None,
    interval: BarInterval = None,
    source: Source = None,
    bar_format: FileFormat = None,
    quiet: Quiet = False,
) -> CommandOutcome:
    """Check a spec over bars."""
    from btkit.cli.progress import open_progress  # noqa: PLC0415 - lazy start-up
    from btkit.jobs import check_lookahead  # noqa: PLC0415 - lazy start-up

    document = check_lookahead(
        Path(strategy),
        symbol,
        start,
        end,
        bars=bars,
        seed=seed,
        capital=capital,
        commission=commission,
        slippage=slippage,
        interval=interval,
        source=source,
        format=bar_format,
        progress=open_progress(quiet=quiet),
    )
    return CommandOutcome(
        document,
        PASSED if document["passed"] else SOFT_FAILURE,
        next=after_lookahead(document),
    )
