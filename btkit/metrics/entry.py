"""What a metric is: one entry, from which words, tiles, hover text and schema follow."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

Format = Literal["percent", "ratio", "count", "money", "days", "hours"]
"""How a value is written for people."""

Direction = Literal["higher", "lower", "neither"]
"""Which value is the better one; a loss is below 0, so a smaller loss is the higher value."""

UNITS: dict[Format, str] = {
    "percent": "fraction",
    "ratio": "ratio",
    "count": "count",
    "money": "$",
    "days": "calendar days",
    "hours": "hours",
}
"""What a value is counted in, by how it is written."""


@dataclass(frozen=True)
class Metric:
    """One metric, as the annotation of its field in `btkit.metrics.Metrics`.

    Parameters
    ----------
    label
        Its name for a person.
    format
        How its value is written, which says its unit, too.
    meaning
        One sentence for the hover.
    formula
        What it is worked out from, for whoever checks it.
    direction
        Which value is the better one.
    function
        Works it out from the arrays that its parameters name, see `btkit.metrics.arrays.ARRAYS`;
        None for what `btkit.metrics.measure` has in every row.

    Examples
    --------
    >>> Metric("Win rate", "percent", "Trades with a profit over all trades", "wins / trades").unit
    'fraction'
    """

    label: str
    format: Format
    meaning: str
    formula: str
    direction: Direction = "higher"
    function: Callable[..., float] | None = None

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The arrays that its function names."""
        assert self.function is not None
        return parameters_of(self.function)

    @property
    def unit(self) -> str:
        """What its value is counted in."""
        return UNITS[self.format]

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return self.describe(handler(schema))

    def describe(self, schema: JsonSchemaValue) -> JsonSchemaValue:
        """Return the JSON Schema of its value with what people and programs need to know of it.

        Parameters
        ----------
        schema
            Of the value alone.
        """
        return {
            **schema,
            "title": self.label,
            "description": f"{self.meaning}." + (f" {self.formula}." if self.formula else ""),
            "unit": self.unit,
            "direction": self.direction,
        }


def parameters_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's parameters, compiled or not.

    Parameters
    ----------
    function
        A Python function, or one that numba compiles.
    """
    return tuple(inspect.signature(getattr(function, "py_func", function)).parameters)
