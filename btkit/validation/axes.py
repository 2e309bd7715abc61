"""Axes of a grid: the values of each parameter, read from flags, written as such, and checked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import islice, pairwise
from typing import Any, TypeVar

import numpy as np

from btkit.arguments import check_text, refusal, shown
from btkit.conditions import parameter_names
from btkit.errors import UsageError
from btkit.spec import StrategySpec
from btkit.spec.fields import parameter_refusal
from btkit.spec.varied import NumberField, number_fields, parameter_name
from btkit.spelling import did_you_mean, listed

T = TypeVar("T")
Number = int | float
Axes = Mapping[str, Sequence[Number]]
"""The values of each parameter."""

_LARGEST_AXIS = 1_000_000


def read_axis(text: str) -> tuple[str, list[Number]]:
    """Read ``NAME=lo:hi:step`` or ``NAME=a,b,c``.

    Parameters
    ----------
    text
        Both ends of a range belong to it if the step hits them; the step is 1 if left out.

    Returns
    -------
    tuple
        The parameter's name and its values.

    Raises
    ------
    UsageError
        If it is neither.

    Examples
    --------
    >>> read_axis("fast=5:20:5")
    ('fast', [5, 10, 15, 20])
    >>> read_axis("stop=0.02,0.05")
    ('stop', [0.02, 0.05])
    """
    name, separator, values = text.partition("=")
    name, values = name.strip(), values.strip()
    if not separator or not name or not values:
        raise UsageError(
            f"{text!r} does not say which parameter takes which values.",
            hint="Write NAME=lo:hi:step, such as fast=5:50:5, or NAME=a,b,c.",
            details={"received": text},
        )
    if ":" in values:
        return name, _range(text, [_decimal(text, part) for part in values.split(":")])
    return name, [_plain(_decimal(text, part)) for part in values.split(",")]


def read_axes(flags: Sequence[str]) -> dict[str, list[Number]]:
    """Read what was given as ``--param`` or ``--optimize``.

    Parameters
    ----------
    flags
        Such as ``fast=5:50:5``.

    Raises
    ------
    UsageError
        If one cannot be read, or a parameter is named twice.
    """
    axes: dict[str, list[Number]] = {}
    for flag in flags:
        name, values = read_axis(flag)
        if name in axes:
            raise _given_twice(name)
        axes[name] = values
    return axes


def _given_twice(name: str) -> UsageError:
    return UsageError(
        f"Parameter {name!r} is given twice.",
        hint="Put its values into one flag.",
        details={"parameter": name},
    )


def _decimal(text: str, part: str) -> Decimal:
    try:
        value = Decimal(part.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > 15:  # noqa: PLR2004 - digits of a double
        raise UsageError(
            f"{part.strip()!r} in {text!r} is no number.",
            hint="Write numbers such as 5 or 0.25.",
            details={"received": text},
        )
    return value


def _plain(value: Decimal) -> Number:
    return int(value) if value == value.to_integral_value() else float(value)


def _range(text: str, bounds: list[Decimal]) -> list[Number]:
    if len(bounds) not in (2, 3):
        raise UsageError(f"{text!r} is no range.", hint="Write NAME=lo:hi:step.")
    low, high = bounds[0], bounds[1]
    step = bounds[2] if len(bounds) > 2 else Decimal(1)  # noqa: PLR2004 - the optional third
    if step <= 0 or low > high:
        raise UsageError(
            f"The range {text!r} is empty: it needs lo ≤ hi and a step above 0.",
            hint="Write NAME=lo:hi:step, such as fast=5:50:5.",
            details={"received": text},
        )
    # The whole quotient of numbers too far apart has more digits than decimals carry.
    many = (high - low) / step > _LARGEST_AXIS
    count = 0 if many else int((high - low) // step) + 1
    if many or count > _LARGEST_AXIS:
        raise UsageError(
            f"The range {text!r} has more than {_LARGEST_AXIS:,} values.",
            hint="Take a larger step.",
            details={"received": text},
        )
    return [_plain(low + index * step) for index in range(count)]


def write_axis(name: str, values: Sequence[Number]) -> str:
    """Return what `read_axis` reads as these values.

    Parameters
    ----------
    name
        The parameter.
    values
        At least one.
    """
    return f"{name}={write_values(values)}"


def write_values(values: Sequence[Number]) -> str:
    """Return what stands behind the name in what `read_axis` reads.

    Parameters
    ----------
    values
        Whole numbers in equal steps become a range.

    Examples
    --------
    >>> write_values([5, 10, 15]), write_values([0.5, 2]), write_values([])
    ('5:15:5', '0.5,2', '')
    """
    if len(values) > 2 and all(isinstance(value, int) for value in values):  # noqa: PLR2004 - two are no shorter as a range
        step = int(values[1] - values[0])
        if step > 0 and all(after - before == step for before, after in pairwise(values)):
            return f"{values[0]}:{values[-1]}:{step}"
    return ",".join(repr(value) for value in values)


def named_axes(axes: Mapping[Any, T]) -> dict[Any, T]:
    """Return axes by the names of their parameters: ``trailing_stop.atr`` is trailing_stop_atr.

    Parameters
    ----------
    axes
        By names of parameters, or of number fields as a spec writes them.

    Raises
    ------
    UsageError
        If two are of the same.

    Examples
    --------
    >>> named_axes({"fast": [5, 10], "trailing_stop.atr": [2, 3]})
    {'fast': [5, 10], 'trailing_stop_atr': [2, 3]}
    """
    named = [(parameter_name(name) if isinstance(name, str) else name) for name in axes]
    twice = [name for name, count in Counter(named).items() if count > 1]
    if twice:
        raise _given_twice(twice[0])
    return dict(zip(named, axes.values(), strict=True))


def check_axes(spec: StrategySpec, axes: Mapping[str, Iterable[Number]]) -> dict[str, list[Number]]:
    """Return the values of each parameter, checked against the spec.

    Parameters
    ----------
    spec
        Has the parameters, and the number fields that they may stand for.
    axes
        What each of some parameters is to be, as `named_axes` takes them.

    Raises
    ------
    UsageError
        If the spec has no such parameter, nor such a field with a number, or one has no values or
        values that are no numbers.
    """
    if not isinstance(axes, Mapping):
        raise refusal(
            axes, "parameters", rule="a mapping", hint='Write for example {"fast": [5, 10, 20]}.'
        )
    if not axes:
        raise UsageError(
            "No parameter is varied.",
            hint="Name one, such as --param fast=5:50:5.",
        )
    checked: dict[str, list[Number]] = {}
    fields = number_fields(spec)
    for given, (name, values) in zip(axes, named_axes(axes).items(), strict=True):
        field = fields.get(name)
        if name in spec.parameters:
            if field is not None and field.is_number:
                raise _ambiguous(name, field)
        elif field is None or not field.is_number:
            raise _unknown(given, spec, field)
        checked[name] = distinct(_axis_values(name, values))
        if not checked[name]:
            raise UsageError(
                f"Parameter {name!r} has no values.",
                hint="Give at least one.",
                details={"parameter": name},
            )
    return checked


def distinct(values: Iterable[Number]) -> list[Number]:
    """Return values without those that came before: a set that is tried twice counts once.

    Parameters
    ----------
    values
        Of one parameter.

    Examples
    --------
    >>> distinct([5, 10, 5.0])
    [5, 10]
    """
    return list(dict.fromkeys(values))


def _axis_values(name: str, values: object) -> list[Number]:
    hint = "Give numbers such as [5, 10, 20], or a range such as 5:50:5."
    if not isinstance(values, Iterable) or isinstance(values, str | bytes):
        raise UsageError(
            f"Parameter {name!r} takes values, not {shown(values)}.",
            hint=hint,
            details={"parameter": name, "received": shown(values)},
        )
    try:
        # Some have no end.
        some = list(islice(values, _LARGEST_AXIS + 1))
    except Exception as error:
        raise UsageError(
            f"The values of parameter {name!r} cannot be listed: {type(error).__name__}.",
            hint=hint,
            details={"parameter": name},
        ) from error
    if len(some) > _LARGEST_AXIS:
        raise UsageError(
            f"Parameter {name!r} has more than {_LARGEST_AXIS:,} values.",
            hint="Take fewer.",
            details={"parameter": name},
        )
    # NumPy's numbers become Python's, which the spec takes.
    plain = [value.item() if isinstance(value, np.generic) else value for value in some]
    for value in plain:
        wrong = parameter_refusal(value)
        if wrong is not None:
            raise UsageError(
                f"A value of parameter {name!r} is {shown(value)}; it {wrong}.",
                hint=hint,
                details={"parameter": name, "received": shown(value)},
            )
    return plain


def check_constraint(constraint: object) -> str | None:
    """Return an expression over parameters, or None where no set is left out.

    Parameters
    ----------
    constraint
        A text such as ``"fast < slow"``; an empty one leaves none out either.

    Raises
    ------
    UsageError
        If it is no text.
    """
    if constraint is None:
        return None
    text = check_text(
        constraint, "constraint", hint="Write an expression such as fast < slow, or leave it out."
    )
    return text or None


def _unknown(name: object, spec: StrategySpec, field: NumberField | None) -> UsageError:
    parameters = list(spec.parameters)
    paths = [known.path for known in number_fields(spec).values() if known.is_number]
    declared = f"It has {', '.join(parameters)}." if parameters else "It has none."
    beside = f" {_may_be_varied(paths)}" if paths else ""
    return UsageError(
        f"The spec {spec.name!r} has no parameter {shown(name)}. {declared}{beside}",
        hint=_instead(name, spec, field)
        or "Write {name} in a condition, and its value under parameters.",
        details={"parameter": shown(name), "known": [*parameters, *paths]},
    )


def _may_be_varied(paths: list[str]) -> str:
    fields = "Its field" if len(paths) == 1 else "Its fields"
    return f"{fields} {listed(paths)} may be varied, too."


def _instead(name: object, spec: StrategySpec, field: NumberField | None) -> str | None:
    if not isinstance(name, str):
        return None
    if field is not None:
        return _number_there(field)
    if name in type(spec).model_fields:
        return (
            f"{name} takes no parameter: write a spec for each value, and run them with `backtest "
            "batch`."
        )
    fields = [known.path for known in number_fields(spec).values() if known.is_number]
    return did_you_mean(name, [*spec.parameters, *fields])


def _number_there(field: NumberField) -> str:
    if field.value is None:
        return f"The spec has no {field.path}: write a number there, which is then varied."
    if not isinstance(field.value, str):
        return f"{field.path} is an expression: write {{name}} in it, and vary that parameter."
    if parameter_names(field.value):
        return f"{field.path} is {field.value}: vary that parameter."
    return f"{field.path} is a column of the bars: write a number there, which is then varied."


def _ambiguous(name: str, field: NumberField) -> UsageError:
    return UsageError(
        f"{name!r} is a parameter of the spec, and its field {field.path} is another number.",
        hint=f"Write {{{name}}} at {field.path}, or call the parameter something else.",
        details={"parameter": name},
    )


def count_places(axes: Axes) -> int:
    """Return how many combinations of the values there are, those included that a constraint bars.

    Parameters
    ----------
    axes
        The values of each parameter.

    Examples
    --------
    >>> count_places({"fast": [5, 10, 15], "slow": [10, 20]})
    6
    """
    return math.prod(len(values) for values in axes.values())
