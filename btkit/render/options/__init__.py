"""The report of an option run: what a trader of spreads looks for."""

from __future__ import annotations

from btkit.render.options.sections import (
    SECTIONS,
    exposure,
    lifetimes,
    outcomes,
    payoff,
    rests_on,
    trades,
)
from btkit.render.sections import growth, headline, months

__all__ = [
    "SECTIONS",
    "exposure",
    "growth",
    "headline",
    "lifetimes",
    "months",
    "outcomes",
    "payoff",
    "rests_on",
    "trades",
]
