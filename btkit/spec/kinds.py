"""The kinds of spec: which there are, which one a file is, and what says so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from btkit.arguments import is_text, quoted
from btkit.errors import Problem, SpecKindError
from btkit.spec.base import BaseSpec
from btkit.spec.fields import CONDITION_LISTS
from btkit.spec.model import OptionsSpec, StrategySpec
from btkit.spec.trained import SIGNS, ModelSpec
from btkit.spec.version3 import V3_SIGNS, V3_TELLING, fields_of_v3, in_v3
from btkit.spelling import near

RunCommand = Literal["run", "options-sim"]
"""The commands that run a spec once."""


@dataclass(frozen=True)
class SpecKind:
    """One kind of spec.

    Parameters
    ----------
    spec
        Its class.
    noun
        What it is called in a sentence, with its article.
    command
        The command that runs it, without ``backtest``.
    verb
        The function that runs it.
    mark
        What one sees it by, as half a sentence.
    signs
        The fields each of which makes a file one of this kind, whatever else it has.
    own
        Fields that make it one where no sign says otherwise.
    telling
        Fields that make it one where no kind's own field says otherwise.
    usual
        Fields that it has as a rule; they tell it where nothing else does.
    empty_signs
        Those of its signs that make it one even when they are null or empty, in a file without
        conditions.
    trial
        Flags of a first run on the sample.
    foreign
        Fields each of which makes a file another system's form of one.
    foreign_telling
        Fields, lists or mappings, that make it one where it has no sign and no conditions.
    adopt
        Returns the fields of such a file as this kind has them.
    in_foreign
        Returns what is wrong with a spec where it stands in such a file.
    """

    spec: type[BaseSpec]
    noun: str
    command: RunCommand
    verb: str
    mark: str
    signs: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    telling: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    empty_signs: tuple[str, ...] = ()
    trial: tuple[str, ...] = ("--start", "2005-01-01", "--end", "2018-12-31")
    foreign: tuple[str, ...] = ()
    foreign_telling: tuple[str, ...] = ()
    adopt: Callable[[Mapping[str, Any]], dict[str, Any]] = dict
    in_foreign: Callable[[Problem], Problem] = lambda problem: problem


KINDS: dict[str, SpecKind] = {
    "rules": SpecKind(
        spec=StrategySpec,
        noun="a rule spec",
        command="run",
        verb="bt.run",
        mark="a rule spec has neither a spread_type nor a model",
        own=tuple(
            name for name in StrategySpec.model_fields if name not in OptionsSpec.model_fields
        ),
        usual=("exit_conditions", "stop_conditions"),
    ),
    "options": SpecKind(
        spec=OptionsSpec,
        noun="an option spec",
        command="options-sim",
        verb="bt.options_sim",
        mark="an option spec has a spread_type",
        signs=("spread_type",),
        # Of the fields that only option specs have, those that no rule could mean otherwise: a
        # rule's author may write stop_loss_pct and know nothing of spreads.
        telling=("target_dte", "short_delta", "long_delta"),
        # The sample's implied volatility begins in 2014, and one SPX spread risks thousands of $.
        trial=("--start", "2014-01-02", "--end", "2018-12-31", "--capital", "1000000"),
    ),
    "model": SpecKind(
        spec=ModelSpec,
        noun="a model spec",
        command="run",
        verb="bt.run",
        mark="a model spec names its model_path or models",
        signs=SIGNS,
        empty_signs=("model_path", "models"),
        foreign=V3_SIGNS,
        foreign_telling=V3_TELLING,
        adopt=fields_of_v3,
        in_foreign=in_v3,
    ),
}
"""By name, which is the class's ``kind``; a file in which nothing tells is of the first."""

# Words for "no spread", as programs fill a field in that they do not need.
_NOTHING = ("", "none", "null", "n/a")


@dataclass(frozen=True)
class InferredKind:
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

    kind: str | None
    why: str
    only: str | None = None


def infer_kind(values: Mapping[str, Any]) -> InferredKind:
    """Tell what kind of spec a mapping is, by the fields that it gives.

    Parameters
    ----------
    values
        The fields as they came. One that is null is as good as not there, and so is a sign, such
        as spread_type, of "none".

    Examples
    --------
    >>> infer_kind({"name": "dip", "entry_conditions": ["close > 1"], "direction": "short"}).why
    'has direction, which only rule specs have'
    """
    given = {name for name, value in values.items() if value is not None}
    signed = _by_a_sign(values) or _by_an_empty_sign(values)
    if signed is not None:
        return signed
    for name, known in KINDS.items():
        fields = [field for field in known.own if field in given]
        if fields:
            return InferredKind(name, f"has {fields[0]}, which only {plural(name)} have")
    for name, known in KINDS.items():
        fields = [field for field in known.telling if field in given]
        if fields:
            why = f"has {fields[0]}, which only {plural(name)} have"
            return InferredKind(name, why, fields[0] if len(fields) == 1 else None)
    for name, known in KINDS.items():
        if given & set(known.usual):
            return InferredKind(
                name, "lists exits or stops, and has no field that only option specs have"
            )
    misspelt = None if _has_conditions(values) else _by_a_misspelt_sign(given)
    return misspelt or InferredKind(None, "has no field that only one kind of spec has")


_MOST_COMPARED = 200


def _by_a_misspelt_sign(given: Collection[str]) -> InferredKind | None:
    # Likeness costs time for each; what has so many is refused for that, whatever it is.
    few = list(islice(given, _MOST_COMPARED))
    for name, known in KINDS.items():
        for field in few:
            meant = near(field, known.signs) if is_text(field) else []
            if field not in known.spec.model_fields and meant:
                return InferredKind(name, f"has {quoted(field)}, which may be meant as {meant[0]}")
    return None


def _by_a_sign(values: Mapping[str, Any]) -> InferredKind | None:
    for name, known in KINDS.items():
        found = foreign_sign(known, values)
        if found is not None:
            return InferredKind(name, f"has {found}, as another system's strategies do")
        for sign in known.signs:
            if values.get(sign) is not None and not _is_nothing(values[sign]):
                return InferredKind(name, f"has a {sign}")
    return None


def _by_an_empty_sign(values: Mapping[str, Any]) -> InferredKind | None:
    # Where a model is named by nothing, its kind has a sentence for that; rules have conditions.
    if _has_conditions(values):
        return None
    for name, known in KINDS.items():
        for sign in known.signs:
            if sign in known.empty_signs and sign in values:
                return InferredKind(name, f"has a {sign}, if an empty one")
    return None


def foreign_sign(known: SpecKind, values: Mapping[str, Any]) -> str | None:
    """Return the field that makes a file another system's form of a kind; None if it is none."""
    for name in known.foreign:
        if values.get(name) is not None:
            return name
    if _has_conditions(values) or any(values.get(sign) is not None for sign in known.signs):
        return None
    parts = (name for name in known.foreign_telling if isinstance(values.get(name), dict | list))
    return next(parts, None)


def _has_conditions(values: Mapping[str, Any]) -> bool:
    return any(values.get(name) is not None for name in CONDITION_LISTS)


def _is_nothing(value: object) -> bool:
    return isinstance(value, str) and value.strip().lower() in _NOTHING


def plural(kind: str) -> str:
    """Return what several specs of a kind are called."""
    return f"{KINDS[kind].noun.partition(' ')[2]}s"


def kind_of(spec: BaseSpec) -> tuple[str, str]:
    """Return what kind a loaded spec is, and which of the fields that were given say so.

    Parameters
    ----------
    spec
        Of any kind.
    """
    return spec.kind, infer_kind(dict.fromkeys(spec.model_fields_set, True)).why


def as_it_ran(kind: str, fields: Mapping[str, Any]) -> BaseSpec:
    """Return a spec that was checked once, from its fields as a document has them.

    Parameters
    ----------
    kind
        Of the spec.
    fields
        By name. They are not checked again: an earlier version may have had other bounds.
    """
    return KINDS[kind].spec.model_construct(**fields)


def kinds_run_by(command: str) -> tuple[str, ...]:
    """Return the kinds of spec that a command runs, the usual one first.

    Parameters
    ----------
    command
        Such as ``run``.
    """
    return tuple(name for name, known in KINDS.items() if known.command == command)


def check_kind(inferred: InferredKind, expected: Sequence[str], name: object) -> str:
    """Return the kind to take a spec for.

    Parameters
    ----------
    inferred
        What its fields tell.
    expected
        What it is needed as: any of these, the first where nothing tells.
    name
        The spec's, for the message.

    Raises
    ------
    SpecKindError
        If it is of another kind.
    """
    if inferred.kind is None:
        return expected[0]
    if inferred.kind in expected:
        return inferred.kind
    known, wanted = KINDS[inferred.kind], KINDS[expected[0]]
    called = f"The spec {quoted(name)}" if isinstance(name, str) else "The spec"
    hint = f"Run it with `backtest {known.command}` or `{known.verb}`; {wanted.mark}."
    if inferred.only is not None:
        hint = (
            f"Leave {inferred.only} out if it is a rule; if it sells spreads, say so by a "
            f"spread_type, and run it with `backtest {known.command}`."
        )
    raise SpecKindError(
        f"{called} is {known.noun}: it {inferred.why}. {wanted.noun.capitalize()} is needed here.",
        hint=hint,
        details={
            "kind": inferred.kind,
            "why": inferred.why,
            "command": known.command if inferred.only is None else None,
        },
    )
