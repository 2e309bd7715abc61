"""Cases of carry (SEMANTICS 3.14): what cash earns, shorts pay and shares are paid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from oracle.battery import CLOSES, OPENS, case, frame, half_hours
from oracle.harness import Prepared
from oracle.strategies import Case

_BILL = (0.02, 0.05, -0.01, 0.0, 0.04, 0.031, 0.5, 0.11, 0.07, -0.3, 0.2, 0.9, 0.01, 0.06, 0.3, 0.4)
_PAID = (0.5, math.nan, 1.25, 0.0, math.nan, 2.0, 0.31, 0.0, 0.4, 0.0, 3.0, 0.0, 0.7, 0.0, 0.2, 1.1)
CARRY: dict[str, Any] = {"cash_rate": "bill", "borrow_rate": 0.09, "dividends": "cash"}
BOTH: dict[str, Any] = {
    "direction": "both",
    "entry_conditions": ["close > open"],
    "exit_conditions": ["close < open"],
    "short": {
        "entry_conditions": ["close < open"],
        "exit_conditions": ["close > open"],
        "stop_conditions": [],
    },
}


def paying() -> pd.DataFrame:
    """Return the usual bars with a rate and dividends."""
    return frame().assign(bill=_BILL, dividends=_PAID)


def _cases() -> Iterator[Case]:
    bars, usual = paying(), {"exit_conditions": ["close < 94 or close > 105"]}
    half = [{"when": "bars_held >= 1", "fraction": 0.5}]
    changes: list[dict[str, Any]] = [
        {},
        {"max_concurrent_positions": 3, "position_sizing_formula": "capital / close / 3"},
        {"multiplier": 7.0, "position_sizing_formula": "capital / close / 9"},
        {"multiplier": 50.0, "initial_margin": 400.0, "max_concurrent_positions": 2},
        {"scale_out": half, "max_concurrent_positions": 2, "cash_rate": 0.04},
        # what conditions and sizes are told of the account
        {"entry_conditions": ["equity > 9990"], "position_sizing_formula": "equity / close / 2"},
        {"stop_loss": 0.02, "take_profit": 0.03, "entry_order": {"limit": "close"}},
        {"entry_conditions": ["not in_position"], "position_sizing_formula": "99"},
    ]
    for fill in ("next_open", "close"):
        for direction in ("long", "short"):
            mode = usual | CARRY | {"fill": fill, "direction": direction}
            for change in changes:
                yield case(mode | change, bars=bars, capital=10_000.0, start_index=2)
            # what is paid takes cash below zero; equity that carry alone takes to nothing
            heavy = bars.assign(dividends=9.0 * bars["dividends"])
            spent = {"position_sizing_formula": "capital / close", "max_holding_bars": 12}
            yield case(mode | spent, bars=heavy, capital=1_100.0, slippage=0.0)
            # each by itself
            for name, value in CARRY.items():
                alone = usual | {"fill": fill, "direction": direction, name: value}
                yield case(alone, bars=bars, capital=3_000.0)
    # dozens of bars at which nothing happens, flat and with a lot
    calm = frame(OPENS * 5, CLOSES * 5).assign(bill=_BILL * 5, dividends=_PAID * 5)
    shifts = [level for level in (0, 0, 0, 100, 0) for _ in OPENS]
    for name in ("open", "high", "low", "close"):
        calm[name] += shifts
    for direction in ("long", "short"):
        for entry, leaves in (("close == 105", "close > 200"), ("close == 205", "close < 92")):
            rare = {"entry_conditions": [entry], "stop_conditions": [leaves]}
            spec = CARRY | rare | {"direction": direction, "max_holding_bars": 90}
            yield case(spec, bars=calm, capital=3_000.0)
            levels = spec | {"stop_loss": 0.6, "take_profit": 0.6}
            yield case(levels, bars=calm, capital=3_000.0)
    # bars within sessions, some missing
    hours = half_hours("2018-11-14", "2018-11-28", kept=0.4)
    rates = np.random.default_rng(4).uniform(-0.02, 0.08, len(hours)).round(3)
    for direction in ("long", "short"):
        spec = {"cash_rate": "bill", "borrow_rate": "bill", "direction": direction}
        yield case(spec | {"max_holding_bars": 9}, bars=hours.assign(bill=rates), capital=3_000.0)


@cache
def carry_cases() -> list[Prepared]:
    """Return the cases of carry."""
    return [Prepared(made) for made in _cases()]


@cache
def carrying_sides_cases() -> list[Prepared]:
    """Return the cases of carry of specs that take both sides."""
    all_in = {"position_sizing_formula": "capital / close"}
    several = {"max_concurrent_positions": 2, "max_holding_bars": 1}
    made = [
        case(BOTH | CARRY | {"fill": fill} | change, bars=paying(), capital=3_000.0)
        for change in ({}, all_in, several, {"initial_margin": 60.0, "multiplier": 3.0})
        for fill in ("next_open", "close")
    ]
    return [Prepared(each) for each in made]


# $ a share, by bar
_TOLD = {2: 0.37, 5: 1.5, 6: 0.02, 9: 0.004, 11: 4.0, 13: 0.016, 14: 0.25}


def implying(steps: dict[int, float], *, decimals: int | None = 2) -> pd.DataFrame:
    """Return the usual bars with the adj_close of these dividends, and some other steps.

    Parameters
    ----------
    steps
        By bar, what adj_close / close changes by beside the dividends.
    decimals
        Of adj_close; None for single precision.
    """
    closes = np.array(CLOSES, dtype=float)
    factors = np.ones(len(closes))
    for at, paid in _TOLD.items():
        factors[:at] *= 1 - paid / closes[at - 1]
    for at, step in steps.items():
        factors[:at] /= step
    adjusted = closes * factors
    if decimals is None:
        kept = adjusted.astype(np.float32).astype(float)
    else:
        kept = adjusted.round(decimals)
    return frame().assign(adj_close=kept)


@cache
def dividend_cases() -> list[Prepared]:
    """Return the cases of what bars tell of dividends."""
    steps = {4: 2.0, 7: 0.75, 8: 1.252, 10: 1.1, 12: 1.255, 13: 5.0, 15: 0.97}
    told = np.ones(len(CLOSES))
    told[[4, 5, 10, 13]] = 2.0, 3.0, 1.1, 0.2
    several = {"max_concurrent_positions": 2, "exit_conditions": ["close > 105"]}
    cases = [
        case({"dividends": "cash", "direction": direction} | several, bars=bars)
        for direction in ("long", "short")
        for bars in (
            implying({}),
            implying({}, decimals=1),
            implying({}, decimals=4),
            implying({}, decimals=None),
            implying(steps),
            implying(steps).assign(splits=told),
            implying(steps).assign(dividends=_PAID),
            paying(),
        )
    ]
    return [Prepared(made) for made in cases]
