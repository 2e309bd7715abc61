"""`backtest validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from btkit.cli.next_steps import after_validation
from btkit.cli.options import ModelPath
from btkit.cli.outcome import CommandOutcome
from btkit.errors import UsageError

NAME = "validate"
HELP = """
Check a strategy spec without running it.

`kind` says whether it was taken for a rule spec, an option spec or a model spec, and `why`. Every
bundle of a trained model that it names is loaded and checked as a run would. What is refused gives
an error document with every problem, its place and a hint in details.problems. Whether a model is
scored on bars that it was not trained on only the bars tell: that a run says.
Exit codes: 0 valid, 2 not.

\b
Example:
  backtest validate --strategy strategies/spy_momentum_v1.json
  backtest validate --strategy dip_v3.yaml --model-path models/dip/SPX_1d
"""


def command(
    *,
    path: Annotated[
        str | None, typer.Argument(metavar="[PATH]", help="The same as --strategy.")
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option("--strategy", metavar="PATH", help="The strategy spec, JSON or YAML."),
    ] = None,
    model_path: ModelPath = None,
    symbol: Annotated[
        str | None,
        typer.Option(
            "--symbol", help="What a run would be told: bundles have to fit. [default: the spec's]"
        ),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option("--interval", help="Likewise, of the bars. [default: the spec's, else 1d]"),
    ] = None,
) -> CommandOutcome:
    """Check a spec."""
    given = [text for text in (path, strategy) if text is not None]
    if len(given) != 1:
        raise UsageError(
            "Give one spec to validate." if not given else "Give the spec once, not twice.",
            hint="`backtest validate --strategy PATH`",
        )
    from btkit.jobs import read_settings  # noqa: PLC0415 - lazy start-up
    from btkit.jobs.validating import validate  # noqa: PLC0415 - lazy start-up
    from btkit.spec import spec_hash  # noqa: PLC0415 - lazy start-up

    (file,) = given
    found = validate(
        Path(file),
        settings=read_settings(),
        model_path=model_path,
        symbol=symbol,
        interval=interval,
    )
    spec = found.spec
    bundles = [
        {"field": field, "path": known.path, "known_from": known.known_from,
         "hash": known.bundle.hash}
        for field, known in found.bundles
    ]  # fmt: skip
    return CommandOutcome(
        {
            "valid": True,
            "kind": found.kind,
            "why": f"It {found.why}.",
            "name": spec.name,
            "version": spec.version,
            "spec_hash": spec_hash(spec),
            "spec": spec.model_dump(mode="json"),
            **({"bundles": bundles} if bundles else {}),
            **({"warnings": found.warnings} if found.warnings else {}),
        },
        next=after_validation(file, found.kind, meant=spec.meant_for, model_path=model_path),
    )
