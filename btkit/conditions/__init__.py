"""Conditions: read and checked, split into whole-array columns and programs for the loop.

Comparisons are Python's own, of doubles, without any tolerance. Two averages that are equal on
paper come from different sums, and differ in their last digits: with both at 90.534,
``sma_5 <= sma_50`` hangs on rounding. A margin decides it: ``sma_5 <= sma_50 * 1.000001`` takes a
tie in, ``sma_5 < sma_50 * 0.999999`` leaves it out.

``on("1w", x)`` is x on the bars of a slower interval that these bars make by the exchange's
calendar (`btkit.markets.slower_bars`), at the last of them that has closed when this bar closes. It
is None before any has, and raises where x does. A calendar knows closures that nobody foresaw: the
week of 11 September 2001 closes on its Monday.

``of("SPY", x)`` is x on another instrument's bars of the same interval, each at its close by the
calendar of its own exchange, at the last of them that closed no later than this bar. It is None
before any has, and once more than 5 sessions of that calendar have closed without a bar; a month
that closes later there than here is such a case. The VIX is the one VIX, joined to that
instrument's bars; implied volatility is that instrument's.

``mean(close, 20)`` and its kin (`btkit.conditions.calls`) look back over the bars that there are. A
value that is missing, not finite, a text, or that raises, at any bar that the call needs makes the
whole call None, and so does a beginning that comes later; ``count`` and ``bars_since`` take such a
bar as one that does not meet their condition. A crossing asks for both sides at both bars. What
they come to is a column like any other: NaN or infinity, as of a sum that overflows, is None.
"""

from btkit.conditions.calls import CALLS, OVER_TIME, Call, listed_calls
from btkit.conditions.check import (
    check_expression,
    intervals_in,
    names_by_symbol,
    names_in,
    names_of,
)
from btkit.conditions.parameters import fill_parameters, parameter_names
from btkit.conditions.parse import (
    COST_NAMES,
    FUNCTIONS,
    NONE_UNKNOWN,
    NOTHING_DECLARED,
    SIZING_NAMES,
    parse_expression,
)
from btkit.conditions.reach import calls_of, columns_of, lookback_of, reaches_of

# The evaluators are not handed on here: they bring numba, which checking a spec does not need.
__all__ = [
    "CALLS",
    "COST_NAMES",
    "FUNCTIONS",
    "NONE_UNKNOWN",
    "NOTHING_DECLARED",
    "OVER_TIME",
    "SIZING_NAMES",
    "Call",
    "calls_of",
    "check_expression",
    "columns_of",
    "fill_parameters",
    "intervals_in",
    "listed_calls",
    "lookback_of",
    "names_by_symbol",
    "names_in",
    "names_of",
    "parameter_names",
    "parse_expression",
    "reaches_of",
]
