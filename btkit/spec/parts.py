"""Part exits: how a rule spec says that a lot leaves in parts (SEMANTICS 3.12)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from btkit.arguments import is_text
from btkit.conditions import fill_parameters
from btkit.errors import Problem
from btkit.spec.fields import Expression, as_tuple, parameter_refusal

MAX_PARTS = 20
_FIELD = "scale_out"
FRACTION = "fraction"
_BRACED = re.compile(r"\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}")
_BOUNDS = "must be above 0 and at most 1"


def _checked_fraction(value: object) -> object:
    if isinstance(value, str) and _BRACED.fullmatch(value):
        return value
    if isinstance(value, str) or parameter_refusal(value) is not None:
        rule = "must be a number, or a parameter in braces"
        raise PydanticCustomError("part_fraction", "{rule}", {"rule": rule})
    assert isinstance(value, int | float)
    if not 0 < value <= 1:
        raise PydanticCustomError("part_fraction", "{rule}", {"rule": _BOUNDS})
    return float(value)


# One check before the union, which would refuse a value once for each of its types.
Fraction = Annotated[
    Annotated[float, Field(gt=0, le=1)]
    | Annotated[str, Field(pattern=r"^\{\s*[A-Za-z_][A-Za-z0-9_]*\s*\}$", max_length=100)],
    BeforeValidator(_checked_fraction),
]


class ScaleOut(BaseModel):
    """One part of a lot that leaves before the rest does.

    Parameters
    ----------
    when
        The condition; judged at each close for each open lot, until it has sold its part of it.
    fraction
        How much of the shares at entry leaves, above 0 and at most 1, or a parameter in braces.
    """

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )

    foreign_fields: ClassVar[dict[str, str]] = {}

    when: Expression = Field(description="A condition: where it holds, this part of a lot leaves")
    fraction: Fraction = Field(
        description="How much of the shares at entry leaves: above 0, at most 1; or a parameter in "
        "braces",
        examples=[0.5],
    )


ScaleOuts = Annotated[tuple[ScaleOut, ...], BeforeValidator(as_tuple), Field(max_length=MAX_PARTS)]


class PartExit(NamedTuple):
    """A part exit with its parameters filled in."""

    when: str
    fraction: float


def filled_parts(stated: Sequence[ScaleOut], parameters: Mapping[str, float]) -> list[PartExit]:
    """Return part exits with their parameters filled in.

    Parameters
    ----------
    stated
        Of a spec.
    parameters
        Its own.
    """
    return [
        PartExit(fill_parameters(one.when, parameters), _filled(one.fraction, parameters))
        for one in stated
    ]


def _filled(fraction: float | str, parameters: Mapping[str, float]) -> float:
    if not isinstance(fraction, str):
        return fraction
    braced = _BRACED.fullmatch(fraction)
    assert braced is not None
    return float(parameters[braced[1]])


def part_conditions(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield path and text of each part exit's condition, of one side as it came."""
    for index, one in enumerate(_listed(data)):
        when = _field_of(one, "when")
        # An empty text is refused as a field already.
        if is_text(when) and when:
            yield f"{_FIELD}[{index}].when", when


def part_parameters(data: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield path, text and parameter of each fraction that is one, of one side as it came."""
    for index, one in enumerate(_listed(data)):
        fraction = _field_of(one, FRACTION)
        braced = _BRACED.fullmatch(fraction) if is_text(fraction) else None
        if braced is not None:
            yield f"{_FIELD}[{index}].{FRACTION}", str(fraction), braced[1]


def fraction_problems(path: str, name: str, values: Mapping[str, Any]) -> list[Problem]:
    """Return why a parameter's value is no fraction, if it is none.

    Parameters
    ----------
    path
        Where it stands for one.
    name
        The parameter's.
    values
        Of all parameters. What is no number is refused where it is declared.
    """
    value = values.get(name)
    if parameter_refusal(value) is not None or 0 < value <= 1:  # type: ignore[operator]  # a number
        return []
    message = f"{_BOUNDS}, and parameter '{name}' is {value:g}"
    return [Problem(path, message, "0.5 takes half of the shares at entry off")]


def _listed(data: Mapping[str, Any]) -> Sequence[Any]:
    stated = data.get(_FIELD)
    good = isinstance(stated, list | tuple) and len(stated) <= MAX_PARTS
    return stated if good and stated is not None else ()


def most_parts(own: Sequence[object], short: object) -> int:
    """Return in how many parts a lot of either side may leave before its rest does.

    Parameters
    ----------
    own
        Those of the spec.
    short
        Its short side, checked or as a document has it; None for none.
    """
    return max(len(own), len(_field_of(short, _FIELD) or ()))


def _field_of(one: object, name: str) -> Any:  # noqa: ANN401 - whatever came
    return one.get(name) if isinstance(one, dict) else getattr(one, name, None)


__all__ = [
    "FRACTION",
    "PartExit",
    "ScaleOut",
    "ScaleOuts",
    "filled_parts",
    "fraction_problems",
    "most_parts",
    "part_conditions",
    "part_parameters",
]
