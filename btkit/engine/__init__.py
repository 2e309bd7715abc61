"""The engine: a plan of decisions, one compiled loop, and what it did."""

from btkit.engine.chunks import ChunkedRun, Snapshot
from btkit.engine.inputs import POSITION_NAMES, Decisions, Market, Rules
from btkit.engine.orders import Reason
from btkit.engine.plan import Clause, Clauses, conjuncts, parse_clauses, plan_decisions
from btkit.engine.run import (
    Outcome,
    TradeValues,
    commission_rules,
    run_decisions,
    value_trades,
)
from btkit.engine.state import Curve, Trades

__all__ = [
    "POSITION_NAMES",
    "ChunkedRun",
    "Clause",
    "Clauses",
    "Curve",
    "Decisions",
    "Market",
    "Outcome",
    "Reason",
    "Rules",
    "Snapshot",
    "TradeValues",
    "Trades",
    "commission_rules",
    "conjuncts",
    "parse_clauses",
    "plan_decisions",
    "run_decisions",
    "value_trades",
]
