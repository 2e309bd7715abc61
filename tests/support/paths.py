"""Ways through a bar, and a third simulator, which follows one tick by tick."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random


@dataclass(frozen=True)
class Ticks:
    """A bar and orders in whole ticks; an order that is not there is None."""

    open: int
    high: int
    low: int
    close: int
    stop: int | None = None
    target: int | None = None
    entry: int | None = None
    by_limit: bool = False
    short: bool = False
    limit_touch: bool = False

    def __str__(self) -> str:
        """Return it as one line."""
        prices = f"O {self.open} H {self.high} L {self.low} C {self.close}"
        entered = "" if self.entry is None else f" entry {self.entry} limit={self.by_limit}"
        side = "short" if self.short else "long"
        return f"{prices} S {self.stop} T {self.target}{entered} {side} touch={self.limit_touch}"


def between(turns: Sequence[int]) -> list[int]:
    """Return every tick of the way from turn to turn, both ends included."""
    ticks = [turns[0]]
    for a, b in pairwise(turns):
        ticks += range(a + 1, b + 1) if b > a else range(a - 1, b - 1, -1)
    return ticks


def wander(bar: Ticks, random: Random) -> list[int]:
    """Return a random way from the open to the close by the high and the low, never beyond."""
    stations = [bar.high, bar.low, *random.choices(range(bar.low, bar.high + 1), k=3)]
    random.shuffle(stations)
    return between([bar.open, *stations, bar.close])


def extremes(bar: Ticks) -> Iterator[list[int]]:
    """Return ways that tell apart whatever can be told apart: in and out by either side first.

    Prices must be even, so that there is a tick between a limit and whatever lies beyond it.
    """
    filled = [] if bar.entry is None else [bar.entry - 1, bar.entry, bar.entry + 1]
    firsts = [[tick] for tick in filled if bar.low <= tick <= bar.high]
    for first in ([], *firsts):
        for ends in ([bar.low, bar.high], [bar.high, bar.low]):
            yield between([bar.open, *first, *ends, bar.close])
            yield between([bar.open, *first, *ends, *first, bar.close])


def follow(bar: Ticks, way: Sequence[int]) -> tuple[str | None, int]:
    """Return by which level a lot leaves on this way, and where; or None and the close.

    A market order is filled at the first tick; an order to enter when the way comes to it.
    """
    inside = bar.entry is None
    for place, tick in enumerate(way):
        inside = inside or fills(bar, tick)
        if not inside:
            continue
        if bar.stop is not None and (tick >= bar.stop if bar.short else tick <= bar.stop):
            return "stop", tick if place == 0 else bar.stop
        if bar.target is not None and better(bar, tick, bar.target):
            return "target", tick if place == 0 else bar.target
    return None, way[-1]


def fills(bar: Ticks, tick: int) -> bool:
    """Return whether an order to enter is filled by this tick."""
    assert bar.entry is not None
    if not bar.by_limit:
        return tick <= bar.entry if bar.short else tick >= bar.entry
    if bar.limit_touch and tick == bar.entry:
        return True
    return tick > bar.entry if bar.short else tick < bar.entry


def better(bar: Ticks, tick: int, target: int) -> bool:
    """Return whether a target is filled by this tick."""
    if bar.limit_touch and tick == target:
        return True
    return tick < target if bar.short else tick > target
