"""`backtest retrain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from btkit.cli.next_steps import step
from btkit.cli.options import End, FileFormat, Quiet, Source, Start
from btkit.cli.outcome import CommandOutcome

NAME = "retrain"
HELP = """
Train a model again and again on what was known by then.

At every so many bars from --start, the trainer gets the last rows whose labels were known at that
bar's close, and FOLDER a bundle of that date. FOLDER/strategy.json is a spec that trades by them:
at each bar the newest that was there. Of intraday bars there is at most one a session, which has
seen the sessions before.

--trainer names code of yours: module:function of the working folder, imported and run. The
function fit(X, y, weights, seed) gets a DataFrame of features, two Series of labels and weights
(uniqueness of the labels, of mean 1), and the seed; it returns a module of PyTorch or an estimator
of scikit-learn. What it draws, it should draw by the seed.

--label is forward_return (a regression), forward_class or triple_barrier, as YAML; see bt.labels.
Called again it goes on: bundles that are there and learnt the same stay. A folder that has others
is refused.
Exit codes: 0 trained; 1 too few bars; 2 error.

\b
Example:
  backtest retrain --strategy momentum.yaml --trainer my_trainer:fit --source sample
      --label "{kind: forward_class, horizon: 5, buy_above: 0.01, sell_below: -0.01}"
      --start 2010-01-04 --end 2018-12-31 --every 63 --window 1000 --output models/momentum
"""


def command(  # noqa: PLR0913 - a flag each
    *,
    strategy: Annotated[
        str,
        typer.Option(
            "--strategy", metavar="PATH", help="Indicators, fuzzy sets and inputs: version 3, YAML."
        ),
    ],
    trainer: Annotated[
        str,
        typer.Option(
            "--trainer", metavar="MODULE:FUNCTION", help="Code of yours that is imported and run."
        ),
    ],
    label: Annotated[
        str, typer.Option("--label", metavar="YAML", help="What is learnt, with its horizon.")
    ],
    start: Start,
    end: End,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FOLDER", help="Made if it is not there.")
    ],
    every: Annotated[int, typer.Option("--every", help="Bars from one training to the next.")] = 63,
    window: Annotated[
        int, typer.Option("--window", help="Bars that a training learns from.")
    ] = 1_000,
    anchored: Annotated[
        bool,
        typer.Option("--anchored", help="Let windows grow, all from the first one's first bar."),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Handed to the trainer.")] = 0,
    symbol: Annotated[
        str | None,
        typer.Option("--symbol", "-s", help="The instrument. [default: the strategy's only one]"),
    ] = None,
    source: Source = None,
    bar_format: FileFormat = None,
    calendar: Annotated[
        str, typer.Option("--calendar", help="Exchange calendar by which bars have sessions.")
    ] = "XNYS",
    quiet: Quiet = False,
) -> CommandOutcome:
    """Train bundles by date."""
    from btkit.cli.progress import open_progress  # noqa: PLC0415 - lazy start-up
    from btkit.cli.streams import say  # noqa: PLC0415 - lazy start-up
    from btkit.jobs.retraining import retrain  # noqa: PLC0415 - lazy start-up

    document = retrain(
        Path(strategy),
        symbol,
        start,
        end,
        trainer=trainer,
        label=label,
        output=Path(output),
        every=every,
        window=window,
        anchored=anchored,
        seed=seed,
        source=source,
        format=bar_format,
        calendar=calendar,
        progress=open_progress(quiet=quiet),
    )
    if not quiet:
        say(f"{'folder':<9} {document['folder']}")
        say(f"{'spec':<9} {document['spec']}")
    spec, first, last = document["spec"], document["bundles"][0]["date"], document["end"]
    span = ("--start", first, "--end", last, *(("--source", source) if source else ()))
    return CommandOutcome(
        document,
        next=[step("Trades by these bundles, each from its date on.", "run", "--strategy", spec,
                   "--symbol", document["symbol"], *span)],
    )  # fmt: skip
