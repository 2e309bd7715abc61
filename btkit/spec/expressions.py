"""Check every condition and formula of a spec, and that parameters and braces match."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from btkit.arguments import is_text
from btkit.conditions import (
    CALLS,
    NONE_UNKNOWN,
    check_expression,
    fill_parameters,
    parameter_names,
)
from btkit.errors import Problem
from btkit.indicators import UserEvents
from btkit.markets import Interval
from btkit.spec.carry import rate_parameters
from btkit.spec.declared import declared_classifiers, declared_columns
from btkit.spec.fields import CONDITION_LISTS, MAX_CONDITIONS, MAX_PARAMETERS, parameter_refusal
from btkit.spec.order_checks import PRICES, order_expressions, order_parameters
from btkit.spec.orders import Bounds
from btkit.spec.parts import fraction_problems, part_conditions, part_parameters
from btkit.spelling import did_you_mean

_SIZING = "position_sizing_formula"
_NO_NAMES = frozenset[str]()
# Some forty times what a long spec holds; checking more than this would take seconds.
_MAX_CHARACTERS = 40_000
_BRACED = re.compile(r"\{[^{}]*\}")
_BRACED_WHERE = re.compile(r"""\b(on|of)\s*\(\s*((["'])[^"'{}]*\{)""")
_WHERE = {"on": "interval", "of": "symbol"}


def expression_problems(
    data: Mapping[str, Any],
    events: UserEvents,
    sizing_names: frozenset[str],
    *,
    unknown_names: Mapping[str, str] = NONE_UNKNOWN,
    interval: Interval | None = None,
) -> list[Problem]:
    """Return everything wrong with the expressions of a spec that was not validated yet.

    Parameters
    ----------
    data
        The fields as they came. Whatever is no list of texts is skipped: it is refused as a
        field of the wrong type.
    events
        The events whose names are known.
    sizing_names
        What its sizing formula may read beside the namespace.
    unknown_names
        What its kind does not know of the namespace, with what to read instead.
    interval
        Of the bars, once it is known.
    """
    declared = data.get("parameters", {})
    columns, classifiers = declared_columns(data), declared_classifiers(data)
    if not isinstance(declared, dict) or len(declared) > MAX_PARAMETERS:
        return []
    expressions = list(expressions_of(data))
    characters = sum(len(text) for _, text in expressions)
    if characters > _MAX_CHARACTERS:
        return [
            Problem(
                "spec",
                f"conditions and formulas hold {characters:,} characters together; "
                f"at most {_MAX_CHARACTERS:,} are read",
                "a spec is a few kilobytes",
            )
        ]
    problems: list[Problem] = []
    used: set[str] = set()
    for path, text in expressions:
        names = parameter_names(text)
        used |= names
        unknown = sorted(names - declared.keys())
        problems += [_unknown_parameter(path, text, name, declared) for name in unknown]
        # With a value missing or refused there is no expression yet that could be checked.
        if all(name in declared and parameter_refusal(declared[name]) is None for name in names):
            check = partial(
                check_expression,
                path=path,
                sizing=is_number(path),
                sizing_names=sizing_names if path.endswith(_SIZING) else _NO_NAMES,
                events=events,
                interval=interval,
                declared=columns,
                unknown=unknown_names,
                of_these_bars=classifiers,
            )
            problems += _checked(path, text, declared, check)
    for path, text, name in _fractions(data):
        used.add(name)
        if name in declared:
            problems += fraction_problems(path, name, declared)
        else:
            problems.append(_unknown_parameter(path, text, name, declared))
    for path, text, name, bounds in number_parameters(data):
        used.add(name)
        if name not in declared:
            problems.append(_unknown_parameter(path, text, name, declared))
        elif parameter_refusal(declared[name]) is None and not bounds.holds(declared[name]):
            message = f"must be {bounds.rule}, and {{{name}}} is {declared[name]:g}"
            problems.append(Problem(path, message, f"give {name} another value under parameters"))
    problems += [
        Problem(f"parameters.{name}", f"parameter '{name}' is used nowhere", _unused_hint(name))
        for name in declared
        if is_text(name) and name.isidentifier() and name.isascii() and name not in used
    ]
    return problems


def expressions_of(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each expression of a spec, whether or not it was checked."""
    yield from _of_side(data)
    short = data.get("short")
    if isinstance(short, dict):
        yield from ((f"short.{path}", text) for path, text in _of_side(short))


def is_number(path: str) -> bool:
    """Return whether the expression at a place of a spec stands for a number, not for a truth."""
    return path.endswith((_SIZING, *PRICES))


def _fractions(data: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield from part_parameters(data)
    short = data.get("short")
    if isinstance(short, dict):
        for path, text, name in part_parameters(short):
            yield f"short.{path}", text, name


def number_parameters(data: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Bounds]]:
    """Yield path, text, parameter and bounds of each number that a parameter stands for.

    Parameters
    ----------
    data
        The fields of a spec.
    """
    yield from order_parameters(data)
    yield from rate_parameters(data)
    short = data.get("short")
    if isinstance(short, dict):
        for path, text, name, bounds in order_parameters(short):
            yield f"short.{path}", text, name, bounds


def _of_side(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field in CONDITION_LISTS:
        texts = data.get(field, ())
        if not isinstance(texts, list | tuple) or len(texts) > MAX_CONDITIONS:
            continue
        for index, text in enumerate(texts):
            # An empty text is refused as a field already.
            if is_text(text) and text:
                yield f"{field}[{index}]", text
    yield from part_conditions(data)
    formula = data.get(_SIZING)
    if is_text(formula) and formula:
        yield _SIZING, str(formula)
    yield from order_expressions(data)


def _checked(
    path: str,
    text: str,
    parameters: Mapping[str, Any],
    check: Callable[[str], list[Problem]],
) -> list[Problem]:
    braced = _BRACED_WHERE.search(text)
    if braced is not None:
        name = braced[1]
        message = f"{name}() takes its {_WHERE[name]} written out, without a parameter"
        return [Problem(path, message, f"write for example {CALLS[name].example}", braced.start(2))]
    return [
        Problem(
            problem.path,
            problem.message,
            problem.hint,
            None if problem.column is None else _column_before(text, problem.column, parameters),
        )
        for problem in check(fill_parameters(text, parameters))
    ]


def _column_before(text: str, column: int, parameters: Mapping[str, Any]) -> int:
    # The column counts in the filled text; people look at the one with the braces.
    shift = 0
    for braced in _BRACED.finditer(text):
        start = braced.start() + shift
        if column < start:
            break
        value = fill_parameters(braced.group(), parameters)
        if column < start + len(value):
            return braced.start()
        shift += len(value) - len(braced.group())
    return column - shift


def _unknown_parameter(path: str, text: str, name: str, declared: Mapping[str, Any]) -> Problem:
    known = [key for key in declared if is_text(key)]
    hint = did_you_mean(name, known) or f"give '{name}' a number under parameters"
    braced = re.search(r"\{\s*" + name + r"\s*\}", text)
    return Problem(path, f"unknown parameter '{name}'", hint, braced.start() if braced else None)


def _unused_hint(name: str) -> str:
    return f"write {{{name}}} in a condition or formula, or remove it"
