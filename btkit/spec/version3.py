"""Strategies of the other system's third grammar, as model specs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from btkit.arguments import is_text, kind_of_value, quoted
from btkit.errors import Problem, SpecError
from btkit.spec.deciding import NESTED
from btkit.spec.trained import ModelSpec
from btkit.spec.wording import path_of
from btkit.spelling import did_you_mean, near, question

FEATURE_PARTS = ("indicators", "fuzzy_sets", "nn_inputs")
V3_PARTS = ("name", "version", "description", "training_data", *FEATURE_PARTS, "model", "decisions",
            "training", "context_data")  # fmt: skip
"""What a strategy of version 3 has, in its usual order."""
V3_SIGNS = ("nn_inputs",)
"""What nothing else has."""
V3_TELLING = ("fuzzy_sets", "indicators", "training_data", "decisions", "model", "training")
"""What tells one where nothing else tells anything."""
V3_PASSED_OVER = ("scope", "deployment")
"""Where it may be put to work, which here is what a run says."""
_CONTEXT = "context_data"
_NEEDED = {
    "indicators": "write such as {rsi_14: {type: rsi, period: 14}}",
    "nn_inputs": "write such as [{fuzzy_set: momentum, timeframes: all}]",
}
_FORMAT, _FORMATS = "output_format", ("classification", "regression")
_DECISIONS = (
    "confidence_threshold", "position_awareness", "allow_short_from_flat", "output_classes",
)  # fmt: skip
# Of the training; the bundle's own number is what counts.
_COUNTED = "num_classes"
DECISION_NUMBERS = ("confidence_threshold", *(name for part in NESTED.values() for name in part))
"""The numbers by which a model's answers become orders, or do not."""


_PLACES = {
    **{name: ("decisions", name) for name in _DECISIONS},
    **{name: ("decisions", part, name) for part, names in NESTED.items() for name in names},
    "symbol": ("training_data", "symbols", "symbol"),
    "interval": ("training_data", "timeframes", "timeframe"),
}
_TO_A_SPEC = "leave it out, or write a spec of its own, which has the bundle's folder as model_path"
_ELSEWHERE = {
    **{name: f"write it as {'.'.join(steps)}" for name, steps in _PLACES.items()},
    "model_path": "leave it out, and give the bundle's folder as --model-path",
    "symbol": "leave it out: it is training_data.symbols.symbol, or --symbol",
    "interval": "leave it out: it is training_data.timeframes.timeframe, or --interval",
}


def fields_of_v3(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a strategy of the other system's third grammar as the fields of a model spec.

    What it is trained by is left out; of what it decides by everything has to be known here, since
    a filter that is not applied trades otherwise than was meant.

    Parameters
    ----------
    values
        The fields of its file.

    Raises
    ------
    SpecError
        If a part is missing or misspelt, or it decides by something that is not known here.
    """
    problems = _part_problems(values)
    fields = {name: values[name] for name in ("name", "version", "description") if name in values}
    parts = (*FEATURE_PARTS, *((_CONTEXT,) if values.get(_CONTEXT) else ()))
    fields["features"] = {name: values[name] for name in parts if name in values}
    decided = _decisions(values.get("decisions"), problems)
    # No setting of a run, but something that the bundle has to agree with.
    if _FORMAT in decided:
        stated = fields["features"][_FORMAT] = decided.pop(_FORMAT)
        if stated not in _FORMATS:
            message = f"must be {' or '.join(_FORMATS)}, not {kind_of_value(stated)}"
            hint = "write what the model was trained to answer"
            problems.append(Problem(f"decisions.{_FORMAT}", message, hint))
    fields |= decided
    fields |= _training_data(values.get("training_data"))
    if problems:
        raise SpecError(problems)
    return fields


def in_v3(problem: Problem) -> Problem:
    """Return what is wrong with a model spec where it stands in the strategy that it was made of.

    Parameters
    ----------
    problem
        With a field of the model spec.
    """
    field = problem.path.partition("[")[0].partition(".")[0]
    if field == "features":
        path = problem.path.partition(".")[2]
        place = None if problem.location is None else problem.location[1:]
        return replace(problem, path=path, location=place)
    steps = _PLACES.get(field)
    if steps is None:
        return problem
    rest = problem.path.removeprefix(field)
    place = None if problem.location is None else (*steps, *problem.location[1:])
    return replace(problem, path=".".join(steps) + rest, location=place)


def _part_problems(values: Mapping[Any, Any]) -> list[Problem]:
    problems, meant = [], set[str]()
    for key in values:
        if key in V3_PARTS or key in V3_PASSED_OVER or not is_text(key):
            continue
        others = near(key, [name for name in V3_PARTS if values.get(name) is None])
        meant |= set(others)
        if others:
            message = f"unknown key {quoted(key)} of a strategy of version 3"
            problems.append(Problem(key, message, question(others), location=(key,)))
        elif key in ModelSpec.model_fields:
            message = "is a field of a model spec, and a strategy of version 3 has none such"
            problems.append(Problem(key, message, _ELSEWHERE.get(key, _TO_A_SPEC), location=(key,)))
    for name, hint in _NEEDED.items():
        if values.get(name) is None and name not in meant:
            problems.append(Problem(name, "this field is missing", hint))
    version = values.get("version")
    if isinstance(version, str) and not version.startswith("3"):
        message = f"is {quoted(version)}; strategies of version 3 are read"
        problems.append(Problem("version", message, "convert it to version 3 where it comes from"))
    return problems


def _decisions(section: object, problems: list[Problem]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in _mapping(section, "decisions", problems).items():
        known = NESTED.get(name)
        if name == _COUNTED:
            continue
        if name in {*_DECISIONS, _FORMAT}:
            fields[name] = value
        elif known is not None:
            path = f"decisions.{name}"
            for below, found in _mapping(value, path, problems).items():
                if below in known:
                    fields[below] = found
                else:
                    problems.append(_unknown((*path.split("."), below), known))
        else:
            problems.append(_unknown(("decisions", name), (*_DECISIONS, _FORMAT, *NESTED)))
    return fields


def _mapping(section: object, path: str, problems: list[Problem]) -> Mapping[str, Any]:
    if isinstance(section, dict):
        return section
    if section is not None:
        message = f"must be a mapping, not {kind_of_value(section)}"
        problems.append(Problem(path, message, "write its settings below it, one a line"))
    return {}


def _unknown(place: tuple[Any, ...], known: Sequence[str]) -> Problem:
    meant = did_you_mean(place[-1], known) if is_text(place[-1]) else None
    kept = f"keep {', '.join(known)}; leave it out if it changes nothing"
    return Problem(
        path_of(place),
        "is not known here, and without it the strategy would decide otherwise",
        kept if meant is None else f"{meant} {kept}",
        location=tuple(map(str, place)),
    )


def _training_data(section: object) -> dict[str, Any]:
    # Whatever has another shape only leaves symbol and interval to be given.
    known = section if isinstance(section, dict) else {}
    symbols, timeframes = known.get("symbols"), known.get("timeframes")
    fields: dict[str, Any] = {}
    if isinstance(symbols, dict):
        named = symbols.get("list")
        only = named[0] if isinstance(named, list) and len(named) == 1 else None
        fields["symbol"] = symbols.get("symbol") or only
    if isinstance(timeframes, dict):
        fields["interval"] = timeframes.get("base_timeframe") or timeframes.get("timeframe")
    return {name: value for name, value in fields.items() if value is not None}
