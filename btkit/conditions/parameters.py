"""Fill ``{name}`` in a condition or formula with a number."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LARGEST_WRITTEN_OUT = 1e15
_BRACED = re.compile(r"\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}")


def parameter_names(text: str) -> set[str]:
    """Return the names that stand in braces in `text`."""
    return set(_BRACED.findall(text))


def fill_parameters(text: str, parameters: Mapping[str, float]) -> str:
    """Replace each ``{name}`` by its value.

    A whole number fills in without a decimal point, so ``sma_{fast}`` becomes ``sma_20`` for 20
    and for 20.0. A negative one stands in parentheses: ``{x} ** 2`` squares the value.

    Raises
    ------
    KeyError
        If `parameters` lacks a name; `load_spec` finds that first.
    """
    return _BRACED.sub(lambda match: _written(parameters[match.group(1)]), text)


def _written(value: float) -> str:
    whole = float(value).is_integer() and abs(value) < _LARGEST_WRITTEN_OUT
    text = str(int(value)) if whole else repr(float(value))
    return f"({text})" if value < 0 else text
