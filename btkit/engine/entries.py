"""Entries as they are decided: at market, or at a price, and with what they give their lot."""

from __future__ import annotations

import math

import numpy as np

from btkit.conditions.compiled import compiled_inline, compiled_lean
from btkit.conditions.machine import Tag
from btkit.decisions.records import DISTANCE, ENTRY_PRICE, STOP_PRICE, TARGET_PRICE
from btkit.engine.levels import levels_of
from btkit.engine.orders import (
    DISTANCE_OF,
    INSTRUMENT,
    KIND,
    LAST_BAR,
    PRICE,
    QUANTITY,
    SIDE,
    STOP_AT,
    TARGET_AT,
    Skip,
)
from btkit.engine.reading import result_of
from btkit.engine.state import ORDERS, SKIPPED

_FAILED, _MISSING = int(Tag.FAILED), int(Tag.NONE)
_PRICE_MISSING, _PRICE_NOT_POSITIVE = int(Skip.PRICE_MISSING), int(Skip.PRICE_NOT_POSITIVE)


@compiled_lean
def _number(decisions, which, bar, room):
    # NaN without a program; infinite where the program gives no finite number.
    program = decisions.lists[which, 0]
    if program == decisions.lists[which, 1]:
        return math.nan
    value, tag = result_of(decisions, program, bar, room)
    if tag in (_FAILED, _MISSING) or not math.isfinite(value):
        return math.inf
    return value


@compiled_inline
def _refusal(price, stop, target):
    # Of an entry's price and of its lot's, in this order; those that are not asked for are NaN.
    for each in (price, stop, target):
        if each == math.inf:
            return _PRICE_MISSING
        if each <= 0.0:
            return _PRICE_NOT_POSITIVE
    return -1


@compiled_inline
def place_entry(levels, decisions, counts, orders, kind, side, quantity, bar, room):
    """Let an entry wait for its fill, or count what its orders inside the bar lack (9.1)."""
    if levels is None:
        _wait(counts, orders, kind, side, quantity)
    else:
        own = levels_of(levels, side)
        price = _number(decisions, ENTRY_PRICE, bar, room)
        stop = _number(decisions, STOP_PRICE, bar, room)
        target = _number(decisions, TARGET_PRICE, bar, room)
        distance = _number(decisions, DISTANCE, bar, room)
        refused = _refusal(price, stop, target)
        if refused < 0 and distance == math.inf:
            refused = _PRICE_MISSING
        if refused >= 0:
            counts[SKIPPED + refused] += 1
        else:
            order = counts[ORDERS]
            _wait(counts, orders, own.order if own.order >= 0 else kind, side, quantity)
            orders[order, PRICE] = price
            orders[order, LAST_BAR] = bar + own.valid_bars
            orders[order, STOP_AT], orders[order, TARGET_AT] = stop, target
            orders[order, DISTANCE_OF] = distance


@compiled_inline
def _wait(counts, orders, kind, side, quantity):
    order = counts[ORDERS]
    orders[order, KIND] = kind
    orders[order, SIDE] = side
    orders[order, INSTRUMENT] = 0
    orders[order, PRICE] = np.nan
    orders[order, QUANTITY] = quantity
    counts[ORDERS] += 1
