"""When to act, whatever says so: rules become decisions here, and so do ready signals."""

from btkit.decisions.records import BothSides, Decisions
from btkit.decisions.rules import (
    Clause,
    Clauses,
    conjuncts,
    parse_clauses,
    plan_decisions,
    plan_sides,
)
from btkit.decisions.signals import (
    Signal,
    Size,
    decide_at,
    decide_by_signals,
    follow_signals,
)

__all__ = [
    "BothSides",
    "Clause",
    "Clauses",
    "Decisions",
    "Signal",
    "Size",
    "conjuncts",
    "decide_at",
    "decide_by_signals",
    "follow_signals",
    "parse_clauses",
    "plan_decisions",
    "plan_sides",
]
