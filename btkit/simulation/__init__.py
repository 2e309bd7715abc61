"""`simulate`: any kind of spec over bars, pure, and its result."""

from btkit.simulation.diagnostics import ConditionCount, Diagnostics
from btkit.simulation.result import Result
from btkit.simulation.simulate import Engine, simulate, simulate_spreads_with, simulate_with

# An option run's result is in btkit.simulation.options, which a rule run need not import.
__all__ = [
    "ConditionCount",
    "Diagnostics",
    "Engine",
    "Result",
    "simulate",
    "simulate_spreads_with",
    "simulate_with",
]
