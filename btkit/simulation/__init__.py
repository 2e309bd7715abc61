"""`simulate`: any kind of spec over bars, pure, and its result."""

from btkit.simulation.diagnostics import ConditionCount, Diagnostics
from btkit.simulation.kinds import SIMULATIONS
from btkit.simulation.result import Result
from btkit.simulation.simulate import simulate, simulate_with

__all__ = [
    "SIMULATIONS",
    "ConditionCount",
    "Diagnostics",
    "Result",
    "simulate",
    "simulate_with",
]
