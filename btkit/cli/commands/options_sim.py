"""`backtest options-sim`."""

from __future__ import annotations

from typing import Annotated

import typer

from btkit.cli.asked import SpecFlags, spec_command

NAME = "options-sim"
HELP = """
Run an option spread on stored history, and report on it.

Spreads are priced by Black-Scholes from iv_atm: the history of implied volatility, and where
there is none hv_30 * 1.20, which the report counts and which errs in favour of the seller;
iv_source: vix with iv_scale: 0.85 in the spec is nearer. The market-data source needs that
history to be filled first: market-data iv-rank-backfill --symbol SPY --start 2019-01-01 --yes

The bars before --start only warm the indicators up. The run is stored in BT_DB_PATH; a notebook,
its HTML and its JSON are left in BT_REPORT_DIR, each named by the run's id.
Exit codes: 0 passed, 1 missed a threshold or had no data, 2 error.

\b
Example:
  backtest options-sim --strategy strategies/vrp_short_put_spread.json --symbol SPX
      --start 2014-01-02 --end 2018-12-31 --source sample --capital 1000000
"""

ASKED = SpecFlags(
    NAME,
    described={
        "strategy": Annotated[
            str, typer.Option("--strategy", metavar="PATH", help="The option spec, JSON or YAML.")
        ],
        "symbol": Annotated[
            str, typer.Option("--symbol", "-s", help="The underlying's symbol, such as SPY.")
        ],
        "commission": Annotated[
            float | None,
            typer.Option(
                "--commission", help="$ a contract and leg. [default: BT_DEFAULT_COMMISSION]"
            ),
        ],
        "slippage": Annotated[
            float | None,
            typer.Option(
                "--slippage",
                help="Fraction of each leg's price lost per fill. [default: BT_DEFAULT_SLIPPAGE]",
            ),
        ],
    },
)
command = spec_command(ASKED)
