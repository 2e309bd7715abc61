"""Which function simulates which kind of spec."""

from __future__ import annotations

from collections.abc import Callable

from btkit.simulation.inputs import Inputs
from btkit.simulation.result import Result
from btkit.simulation.shares import simulate_rules


def _spreads(inputs: Inputs) -> Result:
    # Rule runs, the far more frequent ones, start faster without it.
    from btkit.simulation.options import simulate_spreads  # noqa: PLC0415

    return simulate_spreads(inputs)


def _model(inputs: Inputs) -> Result:
    from btkit.simulation.trained import simulate_model  # noqa: PLC0415 - as above

    return simulate_model(inputs)


SIMULATIONS: dict[str, Callable[[Inputs], Result]] = {
    "rules": simulate_rules,
    "options": _spreads,
    "model": _model,
}
"""By kind of spec."""
