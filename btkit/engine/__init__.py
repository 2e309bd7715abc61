"""The engine: a plan of decisions, one compiled loop, and what it did."""

from btkit.engine.chunks import ChunkedRun, Snapshot
from btkit.engine.plan import Clause, Clauses, conjuncts, parse_clauses, plan_decisions
from btkit.engine.records import POSITION_NAMES, Curve, Decisions, Market, Reason, Rules, Trades
from btkit.engine.run import (
    Outcome,
    TradeValues,
    commission_rules,
    run_decisions,
    value_trades,
)

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
