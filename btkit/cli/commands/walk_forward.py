"""`backtest walk-forward`."""

from __future__ import annotations

from typing import Annotated

import typer

from btkit.cli.asked import Fields, SpecFlags, spec_command
from btkit.cli.options import Constraint, MaxSets, ModelPath

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


def _fields(
    *,
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
    model_path: ModelPath = None,
) -> Fields:
    return {
        "windows": windows,
        "is_ratio": is_ratio,
        "scheme": scheme,
        "optimize": optimize or {},
        "constraint": constraint,
        "objective": objective,
        "max_sets": max_sets,
        "model_path": model_path,
    }


ASKED = SpecFlags(NAME, _fields)
command = spec_command(ASKED, follows=True)
