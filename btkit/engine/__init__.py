"""The engine: one compiled loop, and what it did."""

from btkit.engine.inputs import POSITION_NAMES, Market, Rules
from btkit.engine.orders import Reason
from btkit.engine.runs import (
    ChunkedRun,
    Outcome,
    TradeValues,
    commission_rules,
    run_decisions,
    value_trades,
)
from btkit.engine.state import Curve, Snapshot, Trades

__all__ = [
    "POSITION_NAMES",
    "ChunkedRun",
    "Curve",
    "Market",
    "Outcome",
    "Reason",
    "Rules",
    "Snapshot",
    "TradeValues",
    "Trades",
    "commission_rules",
    "run_decisions",
    "value_trades",
]
