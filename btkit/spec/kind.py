"""Which kind of spec a file is: rules on a price, or option spreads; and what says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from btkit.arguments import quoted
from btkit.errors import SpecKindError
from btkit.spec.model import AnySpec, OptionsSpec, StrategySpec

Kind = Literal["rules", "options"]

# Of the fields that only option specs have, those that no rule could mean otherwise: a rule's
# author may write stop_loss_pct and know nothing of spreads.
TELLING_FIELDS = ("target_dte", "short_delta", "long_delta")
RULE_FIELDS = tuple(
    name for name in StrategySpec.model_fields if name not in OptionsSpec.model_fields
)
# Words for "no spread", as programs fill a field in that they do not need.
_NO_SPREAD = ("", "none", "null", "n/a")
_EXITS = ("exit_conditions", "stop_conditions")
_NAMES = {"rules": "a rule spec", "options": "an option spec"}
_COMMANDS = {"rules": "run", "options": "options-sim"}
_VERBS = {"rules": "bt.run", "options": "bt.options_sim"}


@dataclass(frozen=True)
class Told:
    """What kind of spec something is.

    Parameters
    ----------
    kind
        None where nothing tells.
    why
        What tells it, after "it ..." in a sentence.
    only
        The one field that tells it, where a stray one would tell the same; else None.
    """

    kind: Kind | None
    why: str
    only: str | None = None


def tell_kind(values: Mapping[str, Any]) -> Told:
    """Tell what kind of spec a mapping is, by the fields that it gives.

    Parameters
    ----------
    values
        The fields as they came. One that is null is as good as not there, and so is a spread_type
        of "none".

    Examples
    --------
    >>> tell_kind({"name": "dip", "entry_conditions": ["close > 1"], "direction": "short"}).why
    'has direction, which only rule specs have'
    """
    given = {name for name, value in values.items() if value is not None}
    if "spread_type" in given and not _is_no_spread(values["spread_type"]):
        return Told("options", "has a spread_type")
    rule_fields = [name for name in RULE_FIELDS if name in given]
    if rule_fields:
        return Told("rules", f"has {rule_fields[0]}, which only rule specs have")
    option_fields = [name for name in TELLING_FIELDS if name in given]
    if option_fields:
        only = option_fields[0] if len(option_fields) == 1 else None
        return Told("options", f"has {option_fields[0]}, which only option specs have", only)
    if given & set(_EXITS):
        return Told("rules", "lists exits or stops, and has no field that only option specs have")
    return Told(None, "has no field that only one kind of spec has")


def _is_no_spread(spread_type: object) -> bool:
    return isinstance(spread_type, str) and spread_type.strip().lower() in _NO_SPREAD


def kind_of(spec: AnySpec) -> tuple[Kind, str]:
    """Return what kind a loaded spec is, and which of the fields that were given say so.

    Parameters
    ----------
    spec
        Of either kind.
    """
    kind: Kind = "options" if isinstance(spec, OptionsSpec) else "rules"
    return kind, tell_kind(dict.fromkeys(spec.model_fields_set, True)).why


def check_kind(told: Told, expected: Kind | None, name: object) -> Kind:
    """Return the kind to take a spec for.

    Parameters
    ----------
    told
        What its fields tell.
    expected
        What it is needed as; None takes what is told, rules where nothing is.
    name
        The spec's, for the message.

    Raises
    ------
    SpecKindError
        If it is of the other kind.
    """
    if expected is None or told.kind is None:
        return expected or told.kind or "rules"
    if told.kind == expected:
        return expected
    called = f"The spec {quoted(name)}" if isinstance(name, str) else "The spec"
    sign = "an option spec has a spread_type" if expected == "options" else "a rule spec has none"
    command = _COMMANDS[told.kind]
    hint = f"Run it with `backtest {command}` or `{_VERBS[told.kind]}`; {sign}."
    if told.only is not None:
        hint = (
            f"Leave {told.only} out if it is a rule; if it sells spreads, say so by a spread_type, "
            f"and run it with `backtest {command}`."
        )
    raise SpecKindError(
        f"{called} is {_NAMES[told.kind]}: it {told.why}. {_NAMES[expected].capitalize()} is "
        "needed here.",
        hint=hint,
        details={
            "kind": told.kind,
            "why": told.why,
            "command": command if told.only is None else None,
        },
    )
