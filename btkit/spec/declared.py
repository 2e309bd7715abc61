"""The columns of the bars that a spec declares as names (SEMANTICS 2.14)."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from typing import Any

from btkit.arguments import is_text
from btkit.conditions import COST_NAMES, FUNCTIONS, SIZING_NAMES
from btkit.errors import Problem
from btkit.indicators import UserEvents, event_name_in, event_of, lookup, split_previous
from btkit.spec.bundles import MAX_CLASSIFIERS
from btkit.spec.fields import MAX_COLUMNS

_FIELD, _CLASSIFIERS = "columns", "classifiers"
_OF_BARS = frozenset({"adj_close", "splits", "dividends"})
_HINT = "call the column something else in the frame or the file, such as my_{name}"
_CLASSIFIER_HINT = "call the classifier something else, such as my_{name}"


def declared_columns(data: Mapping[str, Any]) -> frozenset[str]:
    """Return the names that a spec which was not validated yet declares, by either field."""
    return frozenset(name for name in (*_listed(data), *_classifiers(data)) if is_text(name))


def declared_classifiers(data: Mapping[str, Any]) -> frozenset[str]:
    """Return those of them that are classifiers."""
    return frozenset(filter(is_text, _classifiers(data)))


def _listed(data: Mapping[str, Any]) -> Sequence[Any]:
    listed = data.get(_FIELD)
    good = isinstance(listed, list | tuple) and len(listed) <= MAX_COLUMNS
    return listed if good and listed is not None else ()


def _classifiers(data: Mapping[str, Any]) -> Mapping[Any, Any]:
    named = data.get(_CLASSIFIERS)
    return named if isinstance(named, dict) and len(named) <= MAX_CLASSIFIERS else {}


def column_problems(data: Mapping[str, Any], events: UserEvents) -> list[Problem]:
    """Return which of the columns and classifiers that a spec declares cannot be names.

    Parameters
    ----------
    data
        The fields as they came. What is no list of texts is refused as a field of the wrong type.
    events
        The events whose names are known.
    """
    listed, problems = _listed(data), []
    for index, name in enumerate(listed):
        refusal = _refusal(name, events, _HINT) if is_text(name) else None
        if refusal is None and name in listed[:index]:
            refusal = "stands twice", "remove one of the two"
        if refusal is not None:
            message, hint = refusal
            problems.append(Problem(f"{_FIELD}[{index}]", message, hint))
    for name in filter(is_text, _classifiers(data)):
        refusal = _refusal(name, events, _CLASSIFIER_HINT)
        if refusal is None and name in listed:
            refusal = "is a column, too", "remove one of the two, or give it another name"
        if refusal is not None:
            message, hint = refusal
            problems.append(Problem(f"{_CLASSIFIERS}.{name}", message, hint))
    return problems


def _refusal(name: str, events: UserEvents, advice: str) -> tuple[str, str] | None:
    hint = advice.format(name=name)
    if lookup(name) is not None or _is_of_event(name, events):
        return f"{name!r} is a name of btkit's own", f"leave it out; or {hint}"
    if name in SIZING_NAMES | COST_NAMES | FUNCTIONS | _OF_BARS:
        return f"{name!r} means something to btkit already", hint
    if split_previous(name)[0]:
        return f"{name!r} begins like a value of one bar before", hint
    if keyword.iskeyword(name):
        return f"{name!r} is a word of Python's grammar", hint
    return None


def _is_of_event(name: str, events: UserEvents) -> bool:
    return event_name_in(name) is not None and (event_of(name) is not None or events.knows(name))
