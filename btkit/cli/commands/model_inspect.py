"""`backtest model inspect`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from btkit.cli.next_steps import after_inspection
from btkit.cli.options import AsJson
from btkit.cli.outcome import FAILED, CommandOutcome

NAME = "inspect"
HELP = """
Say what the bundle of a trained model is, and every reason why it would be refused.

`features` has each input with its formula, `files` their checksums, `ranges` how each feature was
distributed in training, `warnings` what to know before its results are trusted. Nothing in the
bundle is run. At a terminal it shows a table; --json, a pipe or a file give the document.
Exit codes: 0 usable, 2 not: then `problems` has every reason.

\b
Example:
  backtest model inspect models/spx_mlp/SPX_1d
"""


def command(
    *,
    path: Annotated[str, typer.Argument(metavar="PATH", help="The bundle's folder.")],
    output_classes: Annotated[
        str | None,
        typer.Option(
            "--output-classes",
            metavar="NAMES",
            help="What each output stands for, such as BUY,SELL,HOLD, where the bundle does not "
            "say it.",
        ),
    ] = None,
    output_activation: Annotated[
        str | None,
        typer.Option(
            "--output-activation",
            help="What the outputs are, where the bundle does not say it: logits probabilities.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> CommandOutcome:
    """Look at a bundle."""
    from btkit.cli.tables import show_bundle  # noqa: PLC0415 - lazy start-up
    from btkit.models import inspect_bundle, refused_bundle  # noqa: PLC0415 - lazy start-up

    classes = None if output_classes is None else output_classes.replace(" ", "").split(",")
    document = inspect_bundle(path, output_classes=classes, output_activation=output_activation)
    people = None if as_json else partial(show_bundle, document)
    following = after_inspection(path, usable=document["usable"])
    if document["usable"]:
        return CommandOutcome(document, next=following, people=people)
    answer = document | refused_bundle(path, document["problems"]).to_document()
    return CommandOutcome(answer, FAILED, next=following, people=people)
