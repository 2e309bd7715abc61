"""The smallest valid spec of each kind."""

from __future__ import annotations

from typing import Any


def rules(**changes: Any) -> dict[str, Any]:
    return {
        "name": "tiny",
        "entry_conditions": ["close > sma_50"],
        "exit_conditions": [],
        "stop_conditions": [],
        **changes,
    }


def spread(**changes: Any) -> dict[str, Any]:
    return {
        "name": "tiny",
        "spread_type": "short_put_spread",
        "entry_conditions": ["iv_rank is not None and iv_rank >= 30"],
        **changes,
    }
