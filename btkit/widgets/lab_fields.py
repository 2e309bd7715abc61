"""The fields that labs have: numbers with sliders, values to try, objective and constraint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as ipw

from btkit.errors import UsageError
from btkit.metrics import objectives
from btkit.render.pages import markup
from btkit.render.words import LABELS
from btkit.spec import BaseSpec
from btkit.spec.varied import number_fields
from btkit.validation.axes import Number as Plain
from btkit.validation.axes import named_axes, read_axis, write_values
from btkit.widgets.fields import LabelledField
from btkit.widgets.numbers import Number
from btkit.widgets.parts import styled
from btkit.widgets.sharing import make_widget


def number_field(
    label: str,
    value: float,
    changed: Callable[[], None],
    *,
    span: tuple[float, float, float] | None = None,
    percent: bool = False,
    rounded: bool = False,
    meaning: str = "",
) -> LabelledField:
    """Return a field with a slider and an exact value beside it.

    Parameters
    ----------
    label, changed, meaning
        As for `LabelledField`.
    value, span, percent
        As for `Number`.
    rounded
        Whether to show two decimals only.
    """
    number = Number(value, span=span, percent=percent, rounded=rounded, name=meaning or label)
    return LabelledField(label, number, changed, meaning=meaning)


def read_number(field: LabelledField, name: str) -> int | float:
    """Return the value of a field that has a `Number`.

    Raises
    ------
    UsageError
        With `name` as the argument, if what was typed is no number.
    """
    value = field.value
    if isinstance(value, int | float):
        return value
    raise UsageError(
        f"{field.label} is {str(value)!r}, which is no number.",
        hint="Write a number such as 5 or 0.25.",
        details={"argument": name, "received": str(value)},
    )


def heading(words: str, note: str = "") -> ipw.HTML:
    """Return what stands above a group of fields."""
    return styled(make_widget(ipw.HTML, markup("widgets.heading", words, note)), "bt-lab-full")


def axis_fields(
    spec: BaseSpec, axes: Mapping[str, Sequence[Plain]], changed: Callable[[], None]
) -> dict[str, LabelledField]:
    """Return a field for the values of each parameter, and of each number that one may stand for.

    Parameters
    ----------
    spec
        Has the parameters, and the numbers.
    axes
        The values of some, by the parameter's name.
    changed
        Called when the values of any change.
    """
    known = {name: (name, value) for name, value in spec.parameters.items()}
    known |= {
        name: (field.path, field.value)
        for name, field in number_fields(spec).items()
        if field.is_number and name not in known
    }
    return {
        name: _axis_field(label, axes.get(name, []), changed, placeholder=f"{value:g}, fixed")
        for name, (label, value) in known.items()
    }


def _axis_field(
    label: str, values: Sequence[Plain], changed: Callable[[], None], *, placeholder: str
) -> LabelledField:
    """Return a field that takes the values of a parameter as ``lo:hi:step`` or ``a,b,c``."""
    meaning = f"Values of {label}: lo:hi:step, such as 5:50:5, or a,b,c"
    control = make_widget(
        ipw.Text, value=write_values(values), placeholder=placeholder, tooltip=meaning
    )
    return LabelledField(label, styled(control, "bt-edit-code"), changed, meaning=meaning)


def read_axes(fields: Mapping[str, LabelledField]) -> dict[str, list[Plain]]:
    """Return the values of the parameters whose fields are not empty.

    Raises
    ------
    UsageError
        With the parameter in its details, if one is no list of numbers.
    """
    axes: dict[str, list[Plain]] = {}
    for name, field in fields.items():
        text = str(field.value).strip()
        if not text:
            continue
        try:
            axes[name] = read_axis(f"{name}={text}")[1]
        except UsageError as error:
            raise UsageError(
                error.message, hint=error.hint, details={**error.details, "parameter": name}
            ) from error
    return axes


def plain_axes(axes: Mapping[str, Any] | None) -> dict[str, list[Plain]]:
    """Return ranges, arrays or lists of numbers as lists of Python's own, by parameter."""
    return {
        name: [value.item() if hasattr(value, "item") else value for value in values]
        for name, values in named_axes(axes or {}).items()
    }


def whole(value: float, *, name: str) -> int:
    """Return a whole number.

    Raises
    ------
    UsageError
        If it is none.
    """
    if value != int(value):
        raise UsageError(
            f"{name} is {value:g}, not a whole number.",
            hint=f"Write {round(value)}, say.",
            details={"argument": name},
        )
    return int(value)


def objective_field(objective: str, changed: Callable[[], None]) -> LabelledField:
    """Return a field that chooses the metric which makes a set the best."""
    options = [(LABELS[name].name, name) for name in objectives()]
    control = make_widget(ipw.Dropdown, options=options, value=objective)
    return LabelledField(
        "Best by", control, changed, meaning="The metric that makes a parameter set the best"
    )


def constraint_field(constraint: str | None, changed: Callable[[], None]) -> LabelledField:
    """Return a field for an expression over the parameters."""
    control = make_widget(
        ipw.Text, value=constraint or "", placeholder="all, or such as fast < slow"
    )
    return LabelledField(
        "Only where",
        styled(control, "bt-edit-code"),
        changed,
        meaning="Sets at which this holds are tried",
    )
