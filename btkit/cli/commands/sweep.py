"""`backtest sweep`."""

from __future__ import annotations

from typing import Annotated

import typer

from btkit.cli.asked import Fields, SpecFlags, spec_command
from btkit.cli.options import Constraint, MaxSets

NAME = "sweep"
HELP = """
Try many parameters, and say if the best could be chance.

The table of all sets, the specs of the best ten, a notebook, its HTML and its JSON are left in
BT_REPORT_DIR. Ctrl-C keeps what is done; the same command, or `resume`, goes on with it.
Exit codes: 0 the best set passed and is no fluke, 1 it is not or there is no data, 2 error.

\b
Example:
  backtest sweep --strategy strategies/golden_cross.yaml --symbol SPX
      --start 2005-01-01 --end 2018-12-31 --source sample
      --param fast=10:60:10 --param slow=100:200:20 --constraint "fast < slow"
"""


def _fields(  # noqa: PLR0913 - each is a flag
    *,
    param: Annotated[
        list[str],
        typer.Option(
            "--param",
            metavar="NAME=lo:hi:step",
            help="Values of a parameter, or of stop_loss and such; NAME=a,b,c too.",
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
    overfitting_sample: Annotated[
        int | None,
        typer.Option(
            "--overfitting-sample",
            help="Sets whose returns the statistics of overfitting take. [default: all]",
        ),
    ] = None,
) -> Fields:
    return {
        "parameters": param,
        "constraint": constraint,
        "method": method,
        "objective": objective,
        "samples": samples,
        "seed": seed,
        "max_sets": max_sets,
        "threads": threads,
        "overfitting_sample": overfitting_sample,
    }


ASKED = SpecFlags(NAME, _fields)
command = spec_command(ASKED)
