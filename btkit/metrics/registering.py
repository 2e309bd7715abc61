"""Metrics that users add."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from btkit.arguments import check_choice, check_flag, check_text, refusal
from btkit.errors import PluginError, UsageError
from btkit.metrics.arrays import ARRAYS, RunArrays
from btkit.metrics.entry import UNITS, Direction, Format, Metric, parameters_of
from btkit.metrics.further import MEASURED, METRICS
from btkit.plugins import Plugin, Registry

REGISTERED: Registry[Metric] = Registry("metric")
"""What users registered; asks installed packages when it is read."""

_NAME = re.compile("[a-z][a-z0-9_]{0,59}")
# What stands beside the metrics in a document.
_TAKEN = frozenset({"run_id", "undefined"})


def register_metric(
    name: str,
    function: Callable[..., float],
    *,
    meaning: str,
    label: str | None = None,
    format: Format = "ratio",  # noqa: A002 - the word for it
    formula: str = "",
    direction: Direction = "higher",
    replace: bool = False,
) -> None:
    """Add a metric: to results, documents, database, pages, and what a sweep may rank by.

    Parameters
    ----------
    name
        Lower-case letters, digits and _, a letter first; not one of btkit's own metrics.
    function
        Returns a number from the arrays that its parameters name: any of
        `btkit.metrics.arrays.ARRAYS`. Plain Python, NumPy or numba. NaN is undefined, infinities
        are infinite. The arrays are not to be changed.
    meaning
        One sentence for people.
    label
        Its name for people; by default its name in words.
    format
        How it is written: percent (of a fraction), ratio, count, money, days, hours.
    formula
        What it is worked out from.
    direction
        Which value is the better one: higher, lower or neither.
    replace
        Whether it may take the place of another with this name.

    Raises
    ------
    UsageError
        If the name is taken or no name, or the function reads what there is not.

    Examples
    --------
    >>> register_metric(
    ...     "longest_trade", lambda hours: hours.max(initial=0.0), format="hours",
    ...     meaning="Calendar time of the longest trade",
    ... )
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise refusal(
            name,
            "name",
            rule="lower-case letters, digits and _, a letter first, at most 60 of them",
            hint="Such as longest_trade.",
        )
    if name in METRICS or name in _TAKEN:
        raise UsageError(
            f"a metric cannot be called {name!r}: that is btkit's own.",
            hint="Choose another name.",
            details={"argument": "name", "received": name},
        )
    if not callable(function):
        raise refusal(
            function,
            "function",
            rule="a function that returns a number",
            hint="Such as lambda returns: returns.max().",
        )
    try:
        parameters = parameters_of(function)
    except ValueError as error:
        raise UsageError(
            f"the function of {name} does not tell its parameters, by which it is given a run's "
            "arrays.",
            hint="Wrap it: lambda returns: ...",
            details={"argument": "function"},
        ) from error
    for parameter in parameters:
        check_choice(
            parameter, tuple(ARRAYS), name="a parameter of the function", noun="array of a run"
        )
    words = name.replace("_", " ").capitalize()
    entry = Metric(
        words if label is None else check_text(label, "label", hint=f"Such as {words}."),
        check_choice(format, tuple(UNITS), name="format", noun="format"),
        check_text(meaning, "meaning", hint="One sentence for people.").rstrip("."),
        check_text(formula, "formula", hint="Such as max(hours).").rstrip("."),
        check_choice(direction, ("higher", "lower", "neither"), name="direction", noun="direction"),
        function,
    )
    REGISTERED.add(name, entry, code=function, replace=check_flag(replace, "replace"))


def metric_of(name: str) -> Metric | None:
    """Return the entry of a metric, btkit's own or a registered one; None if there is none.

    Parameters
    ----------
    name
        As in documents.
    """
    return METRICS.get(name) or REGISTERED.get(name)


def further_metrics() -> dict[str, Metric]:
    """Return every metric that has a function of its own, registered ones last."""
    own = {name: entry for name, entry in METRICS.items() if entry.function is not None}
    return own | REGISTERED.entries()


def objectives() -> tuple[str, ...]:
    """Return the metrics that sets of parameters may be ranked by."""
    return (*MEASURED, *further_metrics())


def columns_for(objective: str) -> tuple[str, ...]:
    """Return what the columns of a sweep's rows are.

    Parameters
    ----------
    objective
        What its sets are ranked by; the last column where `MEASURED` has it not.
    """
    return MEASURED if objective in MEASURED else (*MEASURED, objective)


def lower_is_better(name: str) -> bool:
    """Tell whether a metric is the better the lower it is.

    Parameters
    ----------
    name
        Of a metric that there is.
    """
    entry = metric_of(name)
    return entry is not None and entry.direction == "lower"


def work_out(name: str, entry: Metric, arrays: RunArrays) -> float:
    """Return what a metric with a function comes to.

    Parameters
    ----------
    name, entry
        Of the metric.
    arrays
        Of the run.

    Raises
    ------
    PluginError
        If a registered function fails, or returns no number.
    """
    assert entry.function is not None
    given = [getattr(arrays, parameter) for parameter in entry.reads]
    if name in METRICS:
        return float(entry.function(*given))
    try:
        value: Any = entry.function(*given)
        return float(value)
    except Exception as error:
        raise PluginError(
            f"the registered metric {name} failed: {type(error).__name__}: {error}.",
            hint="Mend its function: it returns a number for every run, one without trades, too.",
            details={"metric": name},
        ) from error


def plugins_of_metrics(names: list[str]) -> list[Plugin]:
    """Return where the registered ones among some metrics come from.

    Parameters
    ----------
    names
        As documents have them.
    """
    found = [REGISTERED.plugin(name) for name in names]
    return [plugin for plugin in found if plugin is not None]
