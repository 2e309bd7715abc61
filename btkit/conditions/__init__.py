"""Conditions: read and checked, split into whole-array columns and programs for the loop.

Comparisons are Python's own, of doubles, without any tolerance. Two averages that are equal on
paper come from different sums, and differ in their last digits: with both at 90.534,
``sma_5 <= sma_50`` hangs on rounding. A margin decides it: ``sma_5 <= sma_50 * 1.000001`` takes a
tie in, ``sma_5 < sma_50 * 0.999999`` leaves it out.
"""

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
