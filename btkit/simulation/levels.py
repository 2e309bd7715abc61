"""Orders inside the bar, from a spec's words to the numbers that the loop reads."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from btkit.decisions.records import INTRABAR, Levels, LevelSets
from btkit.engine.inputs import Floats
from btkit.engine.orders import Kind
from btkit.spec import ModelSpec, StrategySpec
from btkit.spec.orders import Number, PriceLevel, StatedOrders, parameter_of


def levels_of_sides(spec: StrategySpec | ModelSpec) -> tuple[Levels | None, Levels | None]:
    """Return the orders inside the bar of a spec's long side and of its short one, as numbers.

    Parameters
    ----------
    spec
        Of one side or of both; of one that has no such orders both are None.
    """
    sides = spec.levels_of(short=False), spec.levels_of(short=True)
    if not any(side.has_any for side in sides):
        return None, None
    long, short = (_numbers(spec, side) for side in sides)
    return long, short


def _numbers(spec: StrategySpec | ModelSpec, side: StatedOrders) -> Levels:
    """Return what a spec says of one side's orders as the loop reads it.

    Parameters
    ----------
    spec
        What both sides share is read of it.
    side
        One side's.
    """
    trailing, resting = side.trailing_stop, side.entry_order
    order = -1
    if resting is not None:
        order = int(Kind.STOP if resting.limit is None else Kind.LIMIT)
    return Levels(
        stop=_or_nan(side.stop_loss),
        target=_or_nan(side.take_profit),
        trail=_or_nan(None if trailing is None else trailing.fraction),
        after=_or_nan(None if trailing is None else trailing.after),
        valid_bars=float(resting.valid_bars) if resting else math.nan,
        order=order,
        intrabar=INTRABAR[spec.intrabar],
        touch=spec.limit_touch,
    )


def _or_nan(number: float | None) -> float:
    return math.nan if number is None else number


def levels_of_sets(
    spec: StrategySpec, parameters: Mapping[str, Floats], count: int
) -> LevelSets | None:
    """Return the orders inside the bar of a spec of one side with many sets of parameters.

    Parameters
    ----------
    spec
        With its braces.
    parameters
        The value of every parameter in each set, float64 (n_sets,).
    count
        The number of sets.
    """
    first, _ = levels_of_sides(spec)
    if first is None:
        return None

    def column(value: Number | PriceLevel | None) -> Floats:
        if isinstance(value, str):
            return parameters[parameter_of(value)]
        return np.full(count, _or_nan(value if isinstance(value, int | float) else None))

    trailing, resting = spec.trailing_stop, spec.entry_order
    values = (
        spec.stop_loss,
        spec.take_profit,
        None if trailing is None else trailing.fraction,
        None if trailing is None else trailing.after,
        None if resting is None else resting.valid_bars,
    )
    numbers = np.stack([column(value) for value in values], axis=1)
    return LevelSets(numbers, first.order, first.intrabar, first.touch)
