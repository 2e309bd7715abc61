"""Specs with orders inside the bar, and bars on which much of it happens at the same price."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
from hypothesis import assume
from hypothesis import strategies as st
from oracle.strategies import LIKELY_ENTRIES, SIZES, Case, carried, margin_fields
from oracle.strategies import cases as any_cases

SHARES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
GAINS = (*SHARES, 0.5, 3.0)
# Below the close mostly, at prices of the bar, above it now and then; missing; nothing; raising.
BELOW = (
    "close - 1",
    "close - 1",
    "close * 0.98",
    "low",
    "low",
    "min(low, prev_low)",
    "lowest_3",
    "close - atr_3",
    "open",
    "close",
    "close * 1.01",
    "iv_rank",
    "close - high",
    "1 / (close - open) + close",
    "close * 0.99 if in_position else low",
)
ABOVE = (
    "close + 1",
    "close + 1",
    "close * 1.02",
    "high",
    "high",
    "max(high, prev_high)",
    "highest_4",
    "close + atr_3",
    "open",
    "close",
    "close * 0.99",
    "iv_rank",
    "low - close",
    "close * 1e308 * 10",
    "close + capital / 1000 if not in_position else high",
)
RARE = ("weekday == 0", "session_of_month <= 2", "close > lag(close, 5)", "not in_position")
_NUMBERS = ("stop_loss", "take_profit")
_LISTS = ("entry_conditions", "exit_conditions", "stop_conditions", "filter_conditions")


def order_fields(draw: st.DrawFn, *, short: bool, prices: bool = True) -> dict[str, Any]:
    """Return what one side orders inside the bar; without `prices` only what can be mirrored."""
    losing, winning = (ABOVE, BELOW) if short else (BELOW, ABOVE)
    found: dict[str, Any] = {}
    if draw(st.integers(0, 9)) < 6:
        found["stop_loss"] = _level(draw, losing, SHARES, prices=prices)
    if draw(st.integers(0, 9)) < 6:
        found["take_profit"] = _level(draw, winning, SHARES, prices=prices)
    if draw(st.integers(0, 9)) < 4:
        found["trailing_stop"] = _trailing(draw)
    if prices and draw(st.booleans()):
        kind = draw(st.sampled_from(("limit", "stop")))
        texts = losing if kind == "limit" else winning
        found["entry_order"] = {kind: draw(st.sampled_from(texts))}
        if draw(st.booleans()):
            found["entry_order"]["valid_bars"] = draw(st.sampled_from((1, 2, 2, 3, 5)))
    return found


def _level(
    draw: st.DrawFn, texts: tuple[str, ...], shares: tuple[float, ...], *, prices: bool
) -> Any:
    if prices and draw(st.booleans()):
        return {"price": draw(st.sampled_from(texts))}
    return draw(st.sampled_from(shares))


def _trailing(draw: st.DrawFn) -> dict[str, float]:
    by = draw(st.sampled_from(("fraction", "fraction", "atr")))
    distances = SHARES if by == "fraction" else (0.3, 1.0, 2.5)
    found = {by: draw(st.sampled_from(distances))}
    if draw(st.booleans()):
        found["after"] = draw(st.sampled_from((0.0, 0.01, 0.05)))
    return found


def with_orders(draw: st.DrawFn, spec: dict[str, Any]) -> dict[str, Any]:
    """Return a spec with orders inside the bar for each of its sides."""
    both, short = spec["direction"] == "both", spec["direction"] == "short"
    mirrored = both and draw(st.booleans())
    spec |= order_fields(draw, short=short, prices=not mirrored)
    if both:
        own = order_fields(draw, short=True)
        # What is a price cannot be mirrored.
        needed = [
            name
            for name in ("stop_loss", "take_profit", "entry_order")
            if isinstance(spec.get(name), dict) and name not in own
        ]
        for name in needed:
            own[name] = {
                "stop_loss": 0.02,
                "take_profit": {"price": "low - 1"},
                "entry_order": {"stop": "low"},
            }[name]
        spec["short"] = spec["short"] | own
    spec["intrabar"] = draw(st.sampled_from(("pessimistic", "optimistic", "path")))
    spec["limit_touch"] = draw(st.booleans())
    return _with_parameter(draw, spec)


def _with_parameter(draw: st.DrawFn, spec: dict[str, Any]) -> dict[str, Any]:
    """Let a parameter stand for one of the numbers, now and then."""
    name = draw(st.sampled_from((None, None, *_NUMBERS)))
    if name is None or not isinstance(spec.get(name), float):
        return spec
    return spec | {
        name: "{level}",
        "parameters": spec.get("parameters", {}) | {"level": spec[name]},
    }


def _on_a_grid(draw: st.DrawFn, index: pd.Index) -> pd.DataFrame:
    """Return bars on a coarse grid: gaps, wicks and ties, exact in binary or not."""
    steps = st.lists(st.sampled_from((-2, -1, -1, 0, 0, 1, 1, 2)), min_size=3, max_size=17)
    wicks = st.lists(st.sampled_from((0, 0, 0, 1, 1, 2)), min_size=3, max_size=13)
    gaps, bodies, above, below = draw(steps), draw(steps), draw(wicks), draw(wicks)
    unit = draw(st.sampled_from((1.0, 0.1, 0.5, 3.7)))
    rows, price = [], draw(st.sampled_from((12, 20, 50)))
    for i in range(len(index)):
        opened = max(price + gaps[i % len(gaps)], 5)
        price = max(opened + bodies[i % len(bodies)], 5)
        high = max(opened, price) + above[i % len(above)]
        low = min(opened, price) - below[i % len(below)]
        rows.append([round(tick * unit, 6) for tick in (opened, high, low, price)])
    bars = pd.DataFrame(
        rows,
        columns=["open", "high", "low", "close"],
        index=index,
    )
    return bars.assign(volume=1000.0)


@st.composite
def grid_cases(draw: st.DrawFn) -> Case:
    """Return a case of a simple rule on a grid: most of its trades end inside a bar."""
    case = draw(any_cases())
    bars, spec = _on_a_grid(draw, case.bars.index), case.spec
    if "dividends" in spec:
        fields, bars = carried(draw, bars)
        spec |= fields
    spec.pop("parameters", None)
    for name in _LISTS:
        kept = draw(st.sampled_from((False, False, False, True)))
        spec[name] = [text for text in spec[name] if kept and "{" not in text]
    spec["entry_conditions"] = spec["entry_conditions"] or [draw(st.sampled_from(LIKELY_ENTRIES))]
    if draw(st.booleans()):
        # Rare entries and lots that live long: most bars do nothing but move a trailing stop.
        spec["entry_conditions"] = [draw(st.sampled_from(RARE))]
        spec["max_holding_bars"] = draw(st.sampled_from((12, 60)))
    spec["position_sizing_formula"] = draw(st.sampled_from((*SIZES[:8], "1", "0.4")))
    said = spec.pop("calendars", {})
    spec["calendars"] = {one: said[one] for one in said if f"'{one}'" in repr(spec)}
    rate = spec.get("commission_model") == "rate"
    opened = float(bars["open"].iloc[0])
    spec.pop("initial_margin", None)
    spec |= margin_fields(draw, spec, opened)
    return replace(
        case,
        spec=with_orders(draw, spec),
        bars=bars,
        capital=draw(st.sampled_from((30.0, 99.0, 1e4))) * opened,
        commission=draw(st.sampled_from((0.0, 0.0007, 0.02) if rate else (0.0, 0.01, 0.65))),
        slippage=draw(st.sampled_from((0.0, 0.0, 0.0005, 0.02))),
    )


@st.composite
def detailed_cases(draw: st.DrawFn) -> Case:
    """Return a case on a grid whose days have finer bars: all, none, or such as are no part of it.

    Every calendar's session is open at half past two, UTC, for an hour.
    """
    case = draw(grid_cases())
    # Of fewer nobody can tell how long they are.
    assume(len(case.bars) >= 8)
    sizes = draw(st.lists(st.sampled_from((2, 3, 4)), min_size=1, max_size=5))
    kinds = draw(st.lists(st.sampled_from(("all", "all", "all", "none", "off")), max_size=7))
    finer, days, coarse = case.bars, case.bars.index, []
    times: list[pd.Timestamp | None] = []
    while len(times) < len(finer):
        place = len(coarse)
        part = finer.iloc[len(times) : len(times) + sizes[place % len(sizes)]]
        # At the run's first bar there are some, so that it is a run.
        first = place in {0, case.start_index} or len(times) + len(part) == len(finer)
        kind = "all" if first or not kinds else kinds[place % len(kinds)]
        whole = part.iloc[-1].to_dict() | {
            "open": part["open"].iloc[0],
            "high": part["high"].max() * (1.01 if kind == "off" else 1.0),
            "low": part["low"].min(),
        }
        coarse.append(whole)
        opens = days[place] + pd.Timedelta(hours=14.5)
        times += [
            None if kind == "none" else opens + pd.Timedelta(minutes=10 * k)
            for k in range(len(part))
        ]
    there = [time is not None for time in times]
    spec = case.spec | {"detail": "10m"}
    sides = (spec, spec.get("short") or {})
    if not any(
        name in side for side in sides for name in (*_NUMBERS, "trailing_stop", "entry_order")
    ):
        spec["stop_loss"] = 0.02
    return replace(
        case,
        spec=spec,
        bars=pd.DataFrame(coarse, index=days[: len(coarse)]),
        start_index=min(case.start_index, len(coarse) - 1),
        detail=finer[there].set_axis(pd.DatetimeIndex([t for t in times if t is not None]), axis=0),
    )


@st.composite
def mixed_cases(draw: st.DrawFn) -> Case:
    """Return a case of any spec on any bars, with orders inside the bar and wicks of any length."""
    case = draw(any_cases())
    return replace(case, spec=with_orders(draw, case.spec), bars=_with_wicks(draw, case.bars))


def _with_wicks(draw: st.DrawFn, bars: pd.DataFrame) -> pd.DataFrame:
    wicks = st.lists(st.sampled_from((0.0, 0.001, 0.01, 0.03, 0.1)), min_size=1, max_size=7)
    above, below = draw(wicks), draw(wicks)
    body = bars[["open", "close"]]
    up = [1 + above[i % len(above)] for i in range(len(bars))]
    down = [1 - below[i % len(below)] for i in range(len(bars))]
    return bars.assign(high=body.max(axis=1) * up, low=body.min(axis=1) * down)
