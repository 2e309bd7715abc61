"""Calls over time on whole columns: one a distinct expression (SEMANTICS 2.9)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from btkit.conditions import windows
from btkit.conditions.nodes import Over
from btkit.conditions.values import Value
from btkit.markets import Interval

_OF_WINDOWS: dict[str, Callable[[windows.Floats, int], windows.Floats]] = {
    "highest": windows.highest,
    "lowest": windows.lowest,
    "mean": windows.mean,
    "std": windows.std,
    "total": windows.total,
    "percentile": windows.percentile,
}


def look_back(node: Over, operands: Sequence[Value], *, begin: int, bars: int) -> Value:
    """Return what a call over time is at every bar.

    Parameters
    ----------
    node
        The call.
    operands
        What it looks back at.
    begin, bars
        The first bar that there is for it, and the number of all.
    """
    # Constants, too, are columns of the bars that there are.
    seen = [operand.spread(bars).at(slice(begin, None)) for operand in operands]
    if node.call == "lag":
        return _lag(seen[0], node.bars, begin)
    if node.call in ("crossed_above", "crossed_below"):
        above, below = seen if node.call == "crossed_above" else reversed(seen)
        crossed, missing = windows.crossed(*(_column(side) for side in (above, below)))
        return Value(_after(begin, crossed, False), _mask(missing, begin), is_bool=True)
    found = _numbers(node, seen[0])
    missing = ~np.isfinite(found)
    found[missing] = np.nan
    return Value(_after(begin, found, np.nan), _mask(missing, begin))


def _numbers(node: Over, value: Value) -> windows.Floats:
    bars = node.bars
    if node.call == "bars_since":
        return windows.bars_since(value.met())
    if node.call == "count":
        found = windows.counted(value.met(), bars).astype(np.float64)
        found[: bars - 1] = np.nan
        return found
    column = _column(value)
    if node.call == "change":
        rise: windows.Floats = column - windows.shifted(column, bars, np.nan)
        return rise
    good = np.isfinite(column)
    if good.all():
        return _OF_WINDOWS[node.call](column, bars)
    found = _OF_WINDOWS[node.call](np.where(good, column, 0.0), bars)
    return np.where(windows.all_of(good, bars), found, np.nan)


def _lag(value: Value, bars: int, begin: int) -> Value:
    mask = _mask(windows.shifted(value.missing(), bars, True), begin)
    before = value.each(lambda part: _after(begin, windows.shifted(part, bars, False), False))
    data = before.data
    if mask is not None and data.dtype == np.float64:
        data = np.where(mask, np.nan, data)
    return Value(data, mask, None, before.is_bool, before.is_text)


def _column(value: Value) -> windows.Floats:
    return np.ascontiguousarray(value.floats())


def _after(begin: int, part: NDArray[Any], fill: float) -> NDArray[Any]:
    return np.concatenate([np.full(begin, fill, part.dtype), part]) if begin else part


def _mask(missing: NDArray[np.bool_], begin: int) -> NDArray[np.bool_] | None:
    whole = _after(begin, missing, True)
    return whole if whole.any() else None


@dataclass
class KeptCalls:
    """What calls over time were worth, the latest of them, for as many as there is room.

    Parameters
    ----------
    most_bytes
        What they may take.
    """

    most_bytes: int
    _values: OrderedDict[Over, Value] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _inside: dict[Interval | str, KeptCalls] = field(default_factory=dict)

    def value(self, node: Over, compute: Callable[[], Value]) -> Value:
        """Return the value of a call, computed where it is not kept."""
        found = self._values.get(node)
        if found is not None:
            self._values.move_to_end(node)
            return found
        found = self._values[node] = compute()
        self._bytes += _size(found)
        while self._bytes > self.most_bytes and len(self._values) > 1:
            self._bytes -= _size(self._values.popitem(last=False)[1])
        return found

    def on(self, where: Interval | str) -> KeptCalls:
        """Return the same of other bars: of a slower interval, or of another instrument."""
        return self._inside.setdefault(where, KeptCalls(self.most_bytes))


def _size(value: Value) -> int:
    parts = (value.data, value.none, value.failed, value.is_bool, value.is_text)
    return sum(part.nbytes for part in parts if isinstance(part, np.ndarray))
