"""`backtest validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from btkit.cli.next_steps import after_validation
from btkit.cli.outcome import CommandOutcome
from btkit.errors import UsageError

NAME = "validate"
HELP = """
Check a strategy spec without running it.

`kind` says whether it was taken for a rule spec or for an option spec, and `why`. A refused spec
gives an error document with every problem, its place and a hint in details.problems.
Exit codes: 0 valid, 2 not.

\b
Example:
  backtest validate --strategy strategies/spy_momentum_v1.json
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
) -> CommandOutcome:
    """Check a spec."""
    given = [text for text in (path, strategy) if text is not None]
    if len(given) != 1:
        raise UsageError(
            "Give one spec to validate." if not given else "Give the spec once, not twice.",
            hint="`backtest validate --strategy PATH`",
        )
    from btkit.jobs import read_settings  # noqa: PLC0415 - lazy start-up
    from btkit.spec import kind_of, load_spec, spec_hash  # noqa: PLC0415 - lazy start-up

    (file,) = given
    spec = load_spec(Path(file), settings=read_settings())
    kind, why = kind_of(spec)
    return CommandOutcome(
        {
            "valid": True,
            "kind": kind,
            "why": f"It {why}.",
            "name": spec.name,
            "version": spec.version,
            "spec_hash": spec_hash(spec),
            "spec": spec.model_dump(mode="json"),
        },
        next=after_validation(file, kind),
    )
