"""The short side of a rule spec that trades both (SEMANTICS 3.11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from btkit.arguments import is_text
from btkit.errors import Problem
from btkit.spec.fields import Conditions, RiskShare
from btkit.spec.order_checks import gain_problems, mirror_problems, order_problems
from btkit.spec.orders import EntryOrderField, StopLoss, TakeProfit, TrailingStopField
from btkit.spec.parts import ScaleOuts

_WHOLE = "leave it out here: that of the spec holds for both sides"
_FIELD = "short"


class ShortSide(BaseModel):
    """When to enter and leave short lots; what it lacks is the long side's.

    Only what a price turned round would not change is taken over: the size, fractions of section 9,
    and the part exits, whose conditions are as a rule of the gain. The lists are not, nor prices,
    since nobody but their author knows what the opposite of a condition is.

    Parameters
    ----------
    **fields
        As of `btkit.spec.StrategySpec`.
    """

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )

    # Of the spec alone, with what to do instead.
    foreign_fields: ClassVar[dict[str, str]] = dict.fromkeys(
        (
            "filter_conditions",
            "filter_scope",
            "max_holding_bars",
            "max_concurrent_positions",
            "intrabar",
            "limit_touch",
            "detail",
            "multiplier",
            "initial_margin",
        ),
        _WHOLE,
    )  # fmt: skip

    entry_conditions: Conditions = Field(
        min_length=1, description="A short position opens when every one of these holds"
    )
    exit_conditions: Conditions = Field(
        description="A short position closes when every one of these holds; never, if none"
    )
    stop_conditions: Conditions = Field(
        description="A short position is stopped out when every one of these holds; never, if none"
    )
    position_sizing_formula: str | None = Field(
        default=None, min_length=1, description="Shares to sell short; left out: as of the long"
    )
    scale_out: ScaleOuts | None = Field(
        default=None, description="Part exits of short positions; left out: as of the long side"
    )
    per_trade_risk_pct: RiskShare | None = Field(
        default=None, description="What its risk_pct is; left out: as of the long side"
    )
    stop_loss: StopLoss = None
    take_profit: TakeProfit = None
    trailing_stop: TrailingStopField = None
    entry_order: EntryOrderField = None


def side_problems(data: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong between ``direction`` and ``short``.

    Parameters
    ----------
    data
        The fields of a rule spec as they came.
    """
    direction, short = data.get("direction", "long"), data.get(_FIELD)
    if not is_text(direction):
        return []
    if direction == "both" and short is None:
        return [
            Problem(
                _FIELD,
                "this field is missing, and direction is 'both'",
                "give the short side's entry_conditions, exit_conditions and stop_conditions",
            )
        ]
    if direction in {"long", "short"} and short is not None:
        return [
            Problem(
                _FIELD,
                "is read only where direction is 'both'",
                "write direction: both, or leave short out; for a spec that only sells short, "
                "write direction: short and its conditions as any",
            )
        ]
    return []


def short_order_problems(data: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the orders inside the bar of a rule spec's shorts.

    Parameters
    ----------
    data
        The fields of a rule spec as they came.
    """
    direction = data.get("direction")
    if not is_text(direction):
        return []
    if direction == "short":
        return gain_problems(data, "take_profit", data.get("take_profit"))
    short = data.get(_FIELD)
    if direction != "both" or not isinstance(short, dict):
        return []
    within = f"{_FIELD}."
    return [*order_problems(short, within), *mirror_problems(data, short, within)]


__all__ = ["ShortSide", "short_order_problems", "side_problems"]
