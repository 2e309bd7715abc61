"""The engine: one compiled loop, and what it did."""

from btkit.engine.carry import Carry
from btkit.engine.inputs import POSITION_NAMES, Market, Rules
from btkit.engine.loop_decisions import AnyDecisions
from btkit.engine.orders import Reason
from btkit.engine.runs import (
    ChunkedRun,
    Outcome,
    TradeValues,
    commission_rules,
    run_decisions,
    value_lots,
    value_trades,
)
from btkit.engine.standing import Standing, standing_of
from btkit.engine.state import Curve, Snapshot, Trades

__all__ = [
    "POSITION_NAMES",
    "AnyDecisions",
    "Carry",
    "ChunkedRun",
    "Curve",
    "Market",
    "Outcome",
    "Reason",
    "Rules",
    "Snapshot",
    "Standing",
    "TradeValues",
    "Trades",
    "commission_rules",
    "run_decisions",
    "standing_of",
    "value_lots",
    "value_trades",
]
