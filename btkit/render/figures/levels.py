"""The levels of orders inside the bar while lots were open (SEMANTICS 9.1, 9.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from btkit.render import theme
from btkit.render.series import Floats, milliseconds
from btkit.render.view import RunView
from btkit.spec.orders import StatedOrders

MOST = 250
"""Lots whose levels are drawn, the latest: more would hide the price, and swell the page."""

_NAMES = {"stop_loss": "Stop", "take_profit": "Target", "trailing_stop": "Trailing stop"}


@dataclass(frozen=True)
class LotLevels:
    """The levels of one lot in each bar from its entry's to its exit's.

    Parameters
    ----------
    first
        The bar of the entry.
    by_reason
        By the reason of an exit there, float64 (n_bars,); NaN where there is no such level, or
        nothing in the run says where it lay.
    """

    first: int
    by_reason: dict[str, Floats]


def has_levels(view: RunView) -> bool:
    """Return whether lots of a run may have levels that its page can draw."""
    if view.report.intrabar is None:
        return False
    sides = [view.rule.orders_of(short=short) for short in (False, True)]
    return any(_stated(side) for side in sides)


def _stated(said: StatedOrders) -> bool:
    trails = said.trailing_stop is not None and said.trailing_stop.fraction is not None
    return said.stop_loss is not None or said.take_profit is not None or trails


def lot_levels(view: RunView, lots: pd.DataFrame) -> list[LotLevels]:
    """Return the levels that fractions of the fill set; those of prices and ATRs no run stores.

    Parameters
    ----------
    view
        The run.
    lots
        Rows of its trades, one a lot.
    """
    prices = {name: view.curve[name].to_numpy(dtype=np.float64) for name in _PRICES}
    index = pd.DatetimeIndex(view.curve.index)
    spans = zip(
        index.get_indexer(pd.DatetimeIndex(lots["entry_date"])).tolist(),
        index.get_indexer(pd.DatetimeIndex(lots["exit_date"])).tolist(),
        lots["entry_price"].tolist(),
        _shorts(view, lots),
        strict=True,
    )
    said = {short: view.rule.orders_of(short=short) for short in (False, True)}
    return [
        LotLevels(
            first,
            _levels(
                said[short],
                fill,
                {name: column[first : last + 1] for name, column in prices.items()},
                short=short,
                held=_held_from_open(view, said[short], fill, prices["open"][first], short=short),
                at_close=view.terms.fill == "close" and said[short].entry_order is None,
            ),
        )
        for first, last, fill, short in spans
    ]


_PRICES = ("open", "high", "low", "close")


def _shorts(view: RunView, lots: pd.DataFrame) -> list[bool]:
    if "direction" in lots:
        return [side == "short" for side in lots["direction"]]
    return [view.terms.direction == "short"] * len(lots)


def _held_from_open(
    view: RunView, said: StatedOrders, fill: float, opened: float, *, short: bool
) -> bool:
    """Return whether a lot stood from its first bar's open on, so that all of that bar counts."""
    order = said.entry_order
    if order is None:
        return view.terms.fill != "close"
    slip = 0.0 if order.stop is None else view.terms.slippage
    return fill == opened * (1.0 - slip if short else 1.0 + slip)


def _levels(
    said: StatedOrders,
    fill: float,
    bars: dict[str, Floats],
    *,
    short: bool,
    held: bool,
    at_close: bool,
) -> dict[str, Floats]:
    sign = -1.0 if short else 1.0
    count = len(bars["close"])
    found: dict[str, Floats] = {}
    if said.stop_loss is not None:
        found["stop_loss"] = np.full(count, fill * (1.0 - sign * said.stop_loss))
    if said.take_profit is not None:
        found["take_profit"] = np.full(count, fill * (1.0 + sign * said.take_profit))
    trailing = said.trailing_stop
    if trailing is not None and trailing.fraction is not None:
        best = (bars["low"] if short else bars["high"]).copy()
        if not held:
            ends = (fill, bars["close"][0])
            best[0] = min(ends) if short else max(ends)
        furthest = np.minimum.accumulate(best) if short else np.maximum.accumulate(best)
        share = 1.0 - sign * trailing.fraction
        # What a close knows is in force from the next bar on.
        level = np.concatenate([[fill * share], furthest[:-1] * share])
        level = np.minimum.accumulate(level) if short else np.maximum.accumulate(level)
        if trailing.after is not None:
            needed = fill * (1.0 + sign * trailing.after)
            gained = furthest <= needed if short else furthest >= needed
            level[np.concatenate([[True], ~gained[:-1]])] = np.nan
        found["trailing_stop"] = level
    if at_close:
        for level in found.values():
            level[0] = np.nan
    return found


def level_lines(view: RunView) -> list[dict[str, Any]]:
    """Return a line for each kind of level, in steps, broken between lots."""
    if not has_levels(view):
        return []
    every = lot_levels(view, view.of_lots.trades.iloc[-MOST:])
    times = milliseconds(view.times)
    lines: list[dict[str, Any]] = []
    for reason, name in _NAMES.items():
        steps = [
            _steps(lot.first, lot.by_reason[reason]) for lot in every if reason in lot.by_reason
        ]
        if not any(len(places) for places, _ in steps):
            continue
        lines.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": _broken([times[places] for places, _ in steps]),
                "y": _broken([level for _, level in steps]).astype(np.float32),
                "connectgaps": False,
                "line": {
                    "color": theme.reason_colour(reason),
                    "width": 1,
                    "dash": "2px,3px",
                    "shape": "hv",
                },
                "name": "Levels in force",
                "legendgroup": "levels",
                "showlegend": not lines,
                "hovertemplate": f"{name} %{{y:,.2f}}<extra></extra>",
            }
        )
    return lines


def _steps(first: int, level: Floats) -> tuple[Any, Floats]:
    """Return where a level begins and moves, and where it ends: a line in steps needs no more."""
    known = np.flatnonzero(np.isfinite(level))
    if not len(known):
        return known, level[known]
    moved = known[np.concatenate([[True], np.diff(level[known]) != 0])]
    places = np.union1d(moved, known[-1:])
    return first + places, level[places]


def _broken(parts: Sequence[Floats]) -> Floats:
    gap = np.array([np.nan])
    return np.concatenate([piece for part in parts if len(part) for piece in (part, gap)])
