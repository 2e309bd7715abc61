"""The levels of orders inside the bar while lots were open (SEMANTICS 9.1, 9.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from btkit.documents import whole_lots
from btkit.render import theme
from btkit.render.series import Floats, milliseconds
from btkit.render.view import RunView
from btkit.spec.orders import NO_LEVELS, StatedOrders

if TYPE_CHECKING:
    from btkit.simulation import Result

MOST = 250
"""Lots whose levels are drawn, the latest: more would hide the price, and swell the page."""

LEVEL_REASONS = ("stop_loss", "take_profit", "trailing_stop")
_NAMES = dict(zip(LEVEL_REASONS, ("Stop", "Target", "Trailing stop"), strict=True))


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


@dataclass(frozen=True)
class LevelSource:
    """What the levels of a run are worked out from.

    Parameters
    ----------
    bars
        Open, high, low and close by time.
    lots
        Rows of the trades, one a lot.
    long, short
        What is said of orders inside the bar for either side.
    sells
        Whether all lots are short, where they do not say their side.
    at_close
        Whether orders fill at the close.
    slippage
        A fraction of the price.
    """

    bars: pd.DataFrame
    lots: pd.DataFrame
    long: StatedOrders
    short: StatedOrders
    sells: bool
    at_close: bool
    slippage: float

    @classmethod
    def of_view(cls, view: RunView) -> LevelSource:
        """Return that of a stored run; of spreads, and of one without such orders, no level."""
        inside = view.report.intrabar is not None
        return cls(
            bars=view.curve,
            lots=view.of_lots.trades,
            long=view.rule.orders_of(short=False) if inside else NO_LEVELS,
            short=view.rule.orders_of(short=True) if inside else NO_LEVELS,
            sells=view.terms.direction == "short",
            at_close=view.terms.fill == "close",
            slippage=view.terms.slippage,
        )

    @classmethod
    def of_result(cls, result: Result) -> LevelSource:
        """Return that of a simulation; of a kind without such orders, no level."""
        spec = result.spec
        return cls(
            bars=result.bars,
            lots=whole_lots(result.trades),
            long=spec.levels_of(short=False),
            short=spec.levels_of(short=True),
            sells=spec.is_short,
            at_close=spec.fill == "close",
            slippage=result.slippage,
        )

    def said_of(self, *, short: bool) -> StatedOrders:
        """Return what is said for one side."""
        return self.short if short else self.long

    @property
    def shorts(self) -> list[bool]:
        """Whether each lot is short."""
        if "direction" in self.lots:
            return [side == "short" for side in self.lots["direction"]]
        return [self.sells] * len(self.lots)

    @property
    def has_levels(self) -> bool:
        """Whether lots may have levels that can be drawn."""
        return _stated(self.long) or _stated(self.short)


def _stated(said: StatedOrders) -> bool:
    trails = said.trailing_stop is not None and said.trailing_stop.fraction is not None
    return said.stop_loss is not None or said.take_profit is not None or trails


def lot_levels(source: LevelSource) -> list[LotLevels]:
    """Return the levels that fractions of the fill set; those of prices and ATRs no run stores.

    Parameters
    ----------
    source
        The run.
    """
    lots = source.lots
    prices = {name: source.bars[name].to_numpy(dtype=np.float64) for name in _PRICES}
    index = pd.DatetimeIndex(source.bars.index)
    spans = zip(
        index.get_indexer(pd.DatetimeIndex(lots["entry_date"])).tolist(),
        index.get_indexer(pd.DatetimeIndex(lots["exit_date"])).tolist(),
        lots["entry_price"].tolist(),
        source.shorts,
        strict=True,
    )
    found = []
    for first, last, fill, short in spans:
        said = source.said_of(short=short)
        levels = _levels(
            said,
            fill,
            {name: column[first : last + 1] for name, column in prices.items()},
            short=short,
            held=_held_from_open(source, said, fill, prices["open"][first], short=short),
            at_close=source.at_close and said.entry_order is None,
        )
        found.append(LotLevels(first, levels))
    return found


_PRICES = ("open", "high", "low", "close")


def _held_from_open(
    source: LevelSource, said: StatedOrders, fill: float, opened: float, *, short: bool
) -> bool:
    """Return whether a lot stood from its first bar's open on, so that all of that bar counts."""
    order = said.entry_order
    if order is None:
        return not source.at_close
    slip = 0.0 if order.stop is None else source.slippage
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


def level_steps(source: LevelSource) -> dict[str, tuple[Floats, Floats]]:
    """Return by the reason of an exit there where a kind of level begins, moves and ends.

    Times in milliseconds and prices in $, as a line in steps takes them, broken between lots.
    """
    if not source.has_levels:
        return {}
    latest = replace(source, lots=source.lots.iloc[-MOST:])
    every, times = lot_levels(latest), milliseconds(pd.DatetimeIndex(source.bars.index))
    found = {}
    for reason in _NAMES:
        steps = [
            _steps(lot.first, lot.by_reason[reason]) for lot in every if reason in lot.by_reason
        ]
        if any(len(places) for places, _ in steps):
            found[reason] = (
                _broken([times[places] for places, _ in steps]),
                _broken([level for _, level in steps]),
            )
    return found


def level_line(reason: str, x: Floats, y: Floats) -> dict[str, Any]:
    """Return the line of one kind of level, from `level_steps`."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y.astype(np.float32),
        "connectgaps": False,
        "line": {
            "color": theme.reason_colour(reason),
            "width": 1,
            "dash": "2px,3px",
            "shape": "hv",
        },
        "hovertemplate": f"{_NAMES[reason]} %{{y:,.2f}}<extra></extra>",
    }


def level_lines(view: RunView) -> list[dict[str, Any]]:
    """Return a line for each kind of level of a stored run, with one name for all."""
    steps = level_steps(LevelSource.of_view(view))
    named = {"name": "Levels in force", "legendgroup": "levels"}
    return [
        {**level_line(reason, *points), **named, "showlegend": place == 0}
        for place, (reason, points) in enumerate(steps.items())
    ]


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
