"""Number fields of a spec that a search varies as it varies parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from btkit.spec.base import BaseSpec
from btkit.spec.carry import RATES
from btkit.spec.order_checks import NUMBERS
from btkit.spec.parts import FRACTION

_SHORT = "short"
_NO_NAME = re.compile(r"\W+")


class NumberField(NamedTuple):
    """A field that may hold a number, or a parameter in braces.

    Parameters
    ----------
    path
        Where it is, such as ``trailing_stop.atr``.
    value
        What the spec has there; None for nothing.
    """

    path: str
    value: Any

    @property
    def is_number(self) -> bool:
        """Whether a parameter can take its place."""
        return isinstance(self.value, int | float)


def parameter_name(path: str) -> str:
    """Return the parameter that stands for a number field.

    Examples
    --------
    >>> parameter_name("stop_loss"), parameter_name("scale_out[0].fraction")
    ('stop_loss', 'scale_out_0_fraction')
    """
    return _NO_NAME.sub("_", path)


def number_fields(spec: BaseSpec) -> dict[str, NumberField]:
    """Return the fields in which a parameter may stand for a number, by that parameter's name.

    Parameters
    ----------
    spec
        Of any kind.
    """
    data = spec.model_dump()
    found = [NumberField(path, data[path]) for path in RATES if path in data]
    return {parameter_name(field.path): field for field in (*found, *_of_side(data))}


def with_varied_fields(spec: BaseSpec, names: Iterable[str]) -> BaseSpec:
    """Return a spec in which parameters stand for some number fields.

    Parameters
    ----------
    spec
        Of any kind.
    names
        Parameters, as `parameter_name` gives them. Those that it declares, and those that are none
        of its fields, change nothing.

    Returns
    -------
    BaseSpec
        Worth the same: each parameter has the number that was there. The spec itself where nothing
        changes.
    """
    fields = number_fields(spec)
    chosen = {
        name: fields[name]
        for name in names
        if name in fields and name not in spec.parameters and fields[name].is_number
    }
    if not chosen:
        return spec
    data = spec.model_dump()
    for name, field in chosen.items():
        _put(data, field.path, f"{{{name}}}")
    values = {name: field.value for name, field in chosen.items()}
    return type(spec).from_fields(
        {**data, "parameters": {**spec.parameters, **values}}, spec.events
    )


def _of_side(data: Mapping[str, Any], within: str = "") -> Iterator[NumberField]:
    for path in NUMBERS:
        field, _, name = path.partition(".")
        stated = data.get(field)
        if name:
            stated = None if stated is None else stated[name]
        if field in data:
            yield NumberField(within + path, stated)
    for index, part in enumerate(data.get("scale_out") or ()):
        yield NumberField(f"{within}scale_out[{index}].{FRACTION}", part[FRACTION])
    if data.get(_SHORT) is not None:
        yield from _of_side(data[_SHORT], f"{_SHORT}.")


def _put(data: Any, path: str, value: str) -> None:  # noqa: ANN401 - mappings and lists, nested
    *above, last = re.findall(r"\w+", path)
    for step in above:
        data = data[int(step) if step.isdecimal() else step]
    data[last] = value
