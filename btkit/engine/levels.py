"""The stop, target and trailing stop of each lot, from its fill to what a bar does to them.

What is in force during a bar was fixed before it, or by the entry fill (SEMANTICS 9.2): trailing
stops move at closes alone. Prices in `State.lots` are as they are; a short's are turned over with
the bar where they are judged, see `btkit.engine.inside`.
"""

from __future__ import annotations

import math

from btkit.conditions.compiled import compiled_inline, compiled_lean
from btkit.engine.inside import STAYS, TAKEN, after_entry, after_open, at_open, falls_first, turned
from btkit.engine.orders import DISTANCE_OF, STOP_AT, TARGET_AT, FillKind, Reason, Side
from btkit.engine.state import (
    LOT_BAR,
    LOT_CERTAIN,
    LOT_DISTANCE,
    LOT_ENTRY_KIND,
    LOT_INSTRUMENT,
    LOT_OFFERED,
    LOT_PRICE,
    LOT_SIDE,
    LOT_STOP,
    LOT_TARGET,
    LOT_TOLD_BY,
    LOT_TRAIL,
)

_SELL = int(Side.SELL)
_OPEN = int(FillKind.OPEN)
_LEVEL, _GAP = int(FillKind.LEVEL), int(FillKind.GAP)
_STOP_LOSS, _TAKE_PROFIT = int(Reason.STOP_LOSS), int(Reason.TAKE_PROFIT)
_TRAILING_STOP, _CROSSED = int(Reason.TRAILING_STOP), int(Reason.CROSSED_AT_ENTRY)


@compiled_inline
def levels_of(levels, side):
    """Return the `Levels` of one side."""
    return levels.short if side == _SELL else levels.long


@compiled_inline
def path_of(levels, market, instrument, bar):
    """Return the bars that tell what happened inside a bar, in their order (9.8).

    Returns
    -------
    tuple
        Their open, high, low and close, the place of the first one, and of the one after the last:
        the finer ones, where there are some to go by, else the bar itself.
    """
    finer = levels.finer
    if finer.first.size and finer.first[instrument, bar] < finer.after[instrument, bar]:
        return (
            finer.open, finer.high, finer.low, finer.close,
            finer.first[instrument, bar], finer.after[instrument, bar],
        )  # fmt: skip
    return (
        market.open[instrument], market.high[instrument], market.low[instrument],
        market.close[instrument], bar, bar + 1,
    )  # fmt: skip


@compiled_inline
def reach_of(levels, market, instrument):
    """Return the lowest and the highest price at which anything may fill in each bar."""
    if levels.finer.first.size:
        return levels.finer.lowest[instrument], levels.finer.highest[instrument]
    return market.low[instrument], market.high[instrument]


@compiled_inline
def set_levels(levels, lots, marks, orders, order, lot):
    """Give a lot that was filled its levels (9.1, 9.2)."""
    side, fill = marks[lot, LOT_SIDE], lots[lot, LOT_PRICE]
    own = levels_of(levels, side)
    stop, target = orders[order, STOP_AT], orders[order, TARGET_AT]
    if math.isnan(stop):
        stop = fill * (1.0 - side * own.stop)
    if math.isnan(target):
        target = fill * (1.0 + side * own.target)
    lots[lot, LOT_STOP], lots[lot, LOT_TARGET] = stop, target
    lots[lot, LOT_DISTANCE] = orders[order, DISTANCE_OF]
    lots[lot, LOT_TRAIL] = math.nan
    if math.isnan(own.after):
        _, _, factor, away = trailing_of(own, lots, marks, lot)
        lots[lot, LOT_TRAIL] = side * (factor * (side * fill) + away)


@compiled_inline
def levels_turned(lots, lot, side):
    """Return stop, trailing stop and target as a lot sees them; NaN where there are none."""
    return side * lots[lot, LOT_STOP], side * lots[lot, LOT_TRAIL], side * lots[lot, LOT_TARGET]


@compiled_inline
def trailing_of(own, lots, marks, lot):
    """Return how a lot's trailing stop follows, as the lot sees it.

    Returns
    -------
    tuple
        Where it stands, NaN where there is none yet; the high that brings it into being, infinite
        where there is one; and by which factor and summand it follows a high.
    """
    side, distance = marks[lot, LOT_SIDE], lots[lot, LOT_DISTANCE]
    trail = side * lots[lot, LOT_TRAIL]
    factor, away = 1.0 - side * own.trail, 0.0
    if not math.isnan(distance):
        factor, away = 1.0, -distance
    threshold = math.inf
    if math.isnan(trail):
        # NaN, which nothing reaches, without `after`: then there is one from the fill on, or none.
        threshold = side * (lots[lot, LOT_PRICE] * (1.0 + side * own.after))
    return trail, threshold, factor, away


@compiled_inline
def follow(trail, threshold, factor, away, extreme):
    """Return a trailing stop after a close, and the high that brings it into being (9.2)."""
    level = factor * extreme + away
    if level > trail or extreme >= threshold:
        return level, math.inf
    return trail, threshold


@compiled_inline
def seen_by(levels, market, marks, lot):
    """Return what goes against a lot at each bar, what along with it, and what its trail follows.

    Lows and highs; the first two are those of finer bars, where there are some (9.8).
    """
    instrument = marks[lot, LOT_INSTRUMENT]
    lows, highs = reach_of(levels, market, instrument)
    if marks[lot, LOT_SIDE] == _SELL:
        return highs, lows, market.low[instrument]
    return lows, highs, market.high[instrument]


@compiled_inline
def until_reached(levels, market, lots, marks, lot, bar, end):
    """Return the first bar, before `end`, that might reach a level of a lot held from before `bar`.

    With it goes where the trailing stop stands then. The lot itself is left as it is.
    """
    side = marks[lot, LOT_SIDE]
    against, along, followed = seen_by(levels, market, marks, lot)
    stop, _, target = levels_turned(lots, lot, side)
    trail, threshold, factor, away = trailing_of(levels_of(levels, side), lots, marks, lot)
    until, trail = _until(
        against, along, followed, float(side), stop, target, trail, threshold, factor, away, bar,
        end,
    )  # fmt: skip
    return until, side * trail


@compiled_lean
def _until(
    against, along, followed, side, stop, target, trail, threshold, factor, away, bar, end
):  # fmt: skip
    # Of NaN, where there is no such level, all is false.
    while bar < end:
        worst, best = side * against[bar], side * along[bar]
        if worst <= stop or worst <= trail or best >= target:
            break
        trail, threshold = follow(trail, threshold, factor, away, side * followed[bar])
        bar += 1
    return bar, trail


@compiled_inline
def has_crossed(lots, marks, lot):
    """Return whether a lot's entry was beyond its stop or its target already (9.1)."""
    side = marks[lot, LOT_SIDE]
    stop, trail, target = levels_turned(lots, lot, side)
    price = side * lots[lot, LOT_OFFERED]
    return stop >= price or trail >= price or target <= price


@compiled_lean
def judge_inside(levels, rules, market, lots, marks, lot, bar):
    """Return what a bar does to a lot before its close.

    Returns
    -------
    tuple
        The `Reason` that it leaves for, 0 if it stays; the price that it is offered; the slippage;
        and the `FillKind`.
    """
    side, instrument = marks[lot, LOT_SIDE], marks[lot, LOT_INSTRUMENT]
    entered = marks[lot, LOT_ENTRY_KIND]
    fresh = marks[lot, LOT_BAR] == bar
    if fresh and has_crossed(lots, marks, lot):
        kind = _LEVEL if entered == _LEVEL else _OPEN
        return _CROSSED, lots[lot, LOT_OFFERED], rules.slippage, kind
    own = levels_of(levels, side)
    opens, highs, lows, closes, at, end = path_of(levels, market, instrument, bar)
    held, within = not fresh, fresh and marks[lot, LOT_TOLD_BY] > 0
    if fresh and marks[lot, LOT_TOLD_BY] != 0:
        # Those before its fill are none of its.
        at = abs(marks[lot, LOT_TOLD_BY]) - 1
    stop_loss, trail, target = levels_turned(lots, lot, side)
    # Of NaN, where there is no such level, all is false.
    stop = trail if trail > stop_loss or math.isnan(stop_loss) else stop_loss
    found, kind, price = STAYS, _GAP, 0.0
    while at < end and found == STAYS:
        raw_open, raw_high, raw_low = opens[at], highs[at], lows[at]
        opened, high, low, close = turned(side, raw_open, raw_high, raw_low, closes[at])
        found = at_open(opened, stop, target, own.touch) if held else STAYS
        kind, price = _GAP, raw_open
        if found == STAYS:
            falls = falls_first(side, raw_open, raw_high, raw_low)
            if within:
                found, sure = after_entry(
                    own.order, high, low, close, stop, target, own.touch, own.intrabar, falls
                )
            else:
                found, sure = after_open(high, low, stop, target, own.touch, own.intrabar, falls)
            if not sure:
                marks[lot, LOT_CERTAIN] = 0
            kind, price = _LEVEL, side * (target if found == TAKEN else stop)
        held, within = True, False
        at += 1
    if found == STAYS:
        return 0, 0.0, 0.0, kind
    if found == TAKEN:
        return _TAKE_PROFIT, price, 0.0, kind
    reason = _STOP_LOSS if stop == stop_loss else _TRAILING_STOP
    return reason, price, rules.slippage, kind
