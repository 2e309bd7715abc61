"""Option specs and bars for the agreement test: odd ones, but such that spreads are sold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from oracle.strategies import Case

ENTRIES = (
    "not in_position",
    "close > 0",
    "iv_rank is None or iv_rank >= 30",
    "short_leg_delta < 0.6",
    "bars_held < 4",
    "pnl_pct_of_max_credit > -1",
    "capital > 0 and iv_atm > 0",
    "not in_position or position_pnl_pct > -0.2",
    "open_interest_short_strike >= 500",
    "bars_since_exit is None or bars_since_exit >= 1",
    "losing_streak < 2",
    "open_lots < 2",
    "last_pnl is None or last_pnl < 0 or equity > capital",
)
EXITS = (
    "pnl_pct_of_max_credit >= 0.25",
    "premium_collected_pct < -0.4",
    "short_leg_delta > 0.5",
    "short_strike_delta < 0.1",
    "position_pnl_pct < -0.1",
    "bars_held >= 3",
    "days_held == 2 and close < open",
    "iv_rank is not None and iv_rank > 80",
    "dte < 3",
    "capital < 50000",
    "in_position and close > prev_close",
    "1 / (bars_held - 2) > 0",
    "losing_streak > 0",
    "bars_since_exit == 0",
    "last_return_pct is not None and last_return_pct < -0.1",
    "equity < 98000 or open_lots > 2",
)
FILTERS = (
    "vix < 40",
    "close > 0",
    "bars_held < 9",
    "short_leg_delta < 0.8",
    "iv_rank < 90",
    "losing_streak < 3",
    "bars_since_exit != 0",
)


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Return an option spec as a plain dict."""
    near = draw(st.sampled_from((0.05, 0.16, 0.30, 0.30, 0.45, 0.5, 0.6, 0.95)))
    spec: dict[str, Any] = {
        "name": "generated",
        "spread_type": draw(
            st.sampled_from(("short_put_spread", "short_call_spread", "iron_condor"))
        ),
        "entry_conditions": draw(st.lists(st.sampled_from(ENTRIES), min_size=1, max_size=2)),
        "exit_conditions": draw(st.lists(st.sampled_from(EXITS), max_size=2)),
        "stop_conditions": draw(st.lists(st.sampled_from(EXITS), max_size=1)),
        "filter_conditions": draw(st.lists(st.sampled_from(FILTERS), max_size=1)),
        "filter_scope": draw(st.sampled_from(("entries", "all"))),
        "target_dte": draw(st.sampled_from((1, 2, 5, 9, 21, 45))),
        "short_delta": near,
        "long_delta": near * draw(st.sampled_from((0.1, 0.5, 0.8, 0.99))),
        "profit_target_pct": draw(st.sampled_from((0.05, 0.5, 1.0))),
        "stop_loss_pct": draw(st.sampled_from((0.5, 1.3, 2.0, 50.0))),
        "max_holding_bars": draw(st.sampled_from((1, 4, 15, 60))),
        "max_concurrent_positions": draw(st.sampled_from((1, 1, 2, 4))),
        "per_trade_risk_pct": draw(st.sampled_from((0.002, 0.01, 0.02))),
        "risk_free_rate": draw(st.sampled_from((0.05, 0.0, -0.01, 0.1))),
        "fill": draw(st.sampled_from(("next_open", "next_open", "close"))),
    }
    for name, values in (
        ("dividend_yield", (0.02, 0.9)),
        ("skew", (0.1, -0.4, 2.0)),
        ("iv_scale", (0.85, 1.3, 0.01)),
        ("iv_source", ("vix", "iv_atm")),
        ("strike_step", (1.0, 5.0, 300.0)),
        ("expiry", ("weekly", "monthly")),
    ):
        if draw(st.integers(0, 3)) == 0:
            spec[name] = draw(st.sampled_from(values))
    return spec


@st.composite
def frames(draw: st.DrawFn, *, gap: float = 0.2) -> pd.DataFrame:
    """Return 5 to 90 daily bars, with gaps of up to `gap` either way, and IV with holes."""
    size = draw(st.integers(5, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    calm, wild = draw(st.sampled_from(((0.004, 0.0), (0.01, 0.05), (0.02, 0.3), (0.0, 0.2))))
    gaps = rng.normal(0.0, calm, size)
    jumps = rng.random(size) < wild
    gaps[jumps] = rng.uniform(-gap, gap, int(jumps.sum()))
    bodies = np.clip(rng.normal(0.0, calm, size), -0.2, 0.2)
    closes = 100.0 * np.cumprod((1 + gaps) * (1 + bodies))
    opens = closes / (1 + bodies)
    bars = pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, closes) * 1.001,
            "low": np.minimum(opens, closes) * 0.999,
            "close": closes,
            "volume": 1000.0,
        },
        index=pd.bdate_range(draw(st.sampled_from(("2018-01-02", "2014-03-03"))), periods=size),
    )
    if draw(st.booleans()):
        # Sessions that are missing from the data, an expiry now and then among them.
        bars = bars[rng.random(size) > 0.15]
    kind = draw(st.sampled_from(("full", "holes", "none")))
    if kind != "none":
        level = draw(st.sampled_from((0.02, 0.2, 0.8, 3.0)))
        iv = level * np.exp(np.cumsum(rng.normal(0.0, 0.1, len(bars))))
        bars["current_iv"] = (
            np.where(rng.random(len(bars)) < 0.3, np.nan, iv) if (kind == "holes") else iv
        )
        bars["iv_rank"] = rng.uniform(0, 100, len(bars)).round()
    if draw(st.booleans()):
        bars["vix"] = rng.uniform(10, 60, len(bars))
    return bars


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Return a whole case: spec, bars, money, and where the run starts."""
    bars = draw(frames().filter(lambda frame: len(frame) > 2))
    return Case(
        spec=draw(specs()),
        bars=bars,
        capital=draw(st.sampled_from((1e5, 1e6, 2e7, 900.0))),
        commission=draw(st.sampled_from((0.0, 0.65, 40.0))),
        slippage=draw(st.sampled_from((0.0, 0.005, 0.05, 0.5))),
        start_index=min(draw(st.sampled_from((0, 0, 10, 35))), len(bars) - 1),
    )
