"""`simulate`: any kind of spec over bars, pure, and its result."""

from btkit.simulation.diagnostics import ConditionCount, Diagnostics
from btkit.simulation.inputs import Inputs, in_one_piece
from btkit.simulation.kinds import SIMULATIONS
from btkit.simulation.result import Result
from btkit.simulation.simulate import (
    check_inputs,
    simulate,
    simulate_inputs,
)

__all__ = [
    "SIMULATIONS",
    "ConditionCount",
    "Diagnostics",
    "Inputs",
    "Result",
    "check_inputs",
    "in_one_piece",
    "simulate",
    "simulate_inputs",
]
