"""Conditions: read and checked, split into whole-array columns and programs for the loop."""

from btkit.conditions.check import check_expression, names_in, names_of
from btkit.conditions.parameters import fill_parameters, parameter_names
from btkit.conditions.parse import parse_expression

# The evaluators are not handed on here: they bring numba, which checking a spec does not need.
__all__ = [
    "check_expression",
    "fill_parameters",
    "names_in",
    "names_of",
    "parameter_names",
    "parse_expression",
]
