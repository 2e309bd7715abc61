"""What one bar does to a lot that has a stop or a target: SEMANTICS 9.3 to 9.7.

A lot and a bar, nothing else: what was ordered before, what follows and what it costs is said
elsewhere. A short is mirrored (9): it is judged as a long on the bar turned upside down, every
price below zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal, TypeAlias

Ended: TypeAlias = Literal["stop", "target"]


@dataclass(frozen=True)
class SeenBar:
    """A bar as a long sees it; of a short upside down.

    `low_first` is whether the path of 9.7 goes to the low before it goes to the high.
    """

    open: float
    high: float
    low: float
    close: float
    low_first: bool


@dataclass(frozen=True)
class InsideEntry:
    """An entry at the price of its order, inside the bar: a stop order's or a limit order's."""

    price: float
    is_limit: bool


@dataclass(frozen=True)
class BarOutcome:
    """What became of a lot in a bar.

    Parameters
    ----------
    ended
        By which level it left; None where it is still there at the close.
    kind
        ``"gap"`` at the open, beyond the level, or ``"level"`` at the level itself.
    price
        Of the exit before slippage, as a long sees it.
    certain
        Whether every way through the bar comes to this.
    """

    ended: Ended | None = None
    kind: Literal["gap", "level"] = "level"
    price: float = 0.0
    certain: bool = True


class InsideBar:
    """The rules of one bar.

    Parameters
    ----------
    mode
        ``"pessimistic"``, ``"optimistic"`` or ``"path"``.
    limit_touch
        Whether a limit is filled by a price that only touches it.
    """

    def __init__(self, *, mode: str, limit_touch: bool) -> None:
        self.mode, self.limit_touch = mode, limit_touch

    def as_seen_by(
        self, opened: float, high: float, low: float, closed: float, *, short: bool
    ) -> SeenBar:
        """9: A short is mirrored; 9.7: but the path is that of the bar as it is."""
        low_first = self.goes_low_first(opened, high, low)
        if short:
            return SeenBar(-opened, -low, -high, -closed, not low_first)
        return SeenBar(opened, high, low, closed, low_first)

    def goes_low_first(self, opened: float, high: float, low: float) -> bool:
        """9.7: The path is O, L, H, C if O - L <= H - O, else O, H, L, C."""
        return opened - low <= high - opened

    def stopped(self, price: float, stop: float) -> bool:
        """9.3: A stop is met by its own price."""
        return price <= stop

    def beyond(self, price: float, limit: float) -> bool:
        """9.3: A target needs a price above it; with `limit_touch` its own is enough."""
        return price >= limit if self.limit_touch else price > limit

    def below(self, price: float, limit: float) -> bool:
        """9.3, 9.6: A limit entry needs a price below it; with `limit_touch` its own is enough."""
        return price <= limit if self.limit_touch else price < limit

    # Entries

    def passed(self, bar: SeenBar, entry: InsideEntry) -> bool:
        """9.6: The open has already passed the order: stop O >= E, limit O < E."""
        if entry.is_limit:
            return self.below(bar.open, entry.price)
        return bar.open >= entry.price

    def reached(self, price: float, entry: InsideEntry) -> bool:
        """9.6: A stop order is met by its own price, a limit order as 9.3 says of limits."""
        return self.below(price, entry.price) if entry.is_limit else price >= entry.price

    def comes_to(self, bar: SeenBar, entry: InsideEntry) -> bool:
        """9.6: An order that the open has not passed is filled inside if the bar comes to it."""
        return self.reached(bar.low if entry.is_limit else bar.high, entry)

    # Exits

    def through(
        self, bar: SeenBar, entry: InsideEntry | None, stop: float = -inf, target: float = inf
    ) -> BarOutcome:
        """Take a lot through a bar: one held or entered at its open, or one entered inside."""
        if entry is None:
            return self.held(bar, stop, target)
        if entry.is_limit:
            return self.after_limit_entry(bar, entry, stop, target)
        return self.after_stop_entry(bar, entry, stop, target)

    def held(self, bar: SeenBar, stop: float, target: float) -> BarOutcome:
        """9.3: The open first, then one level alone; both are ambiguous.

        9.5: What was entered at the open is judged so, too: all of the bar follows.
        """
        if self.stopped(bar.open, stop):
            return BarOutcome("stop", "gap", bar.open)
        if self.beyond(bar.open, target):
            return BarOutcome("target", "gap", bar.open)
        if self.stop_within(bar, stop) and self.target_within(bar, target):
            return self.ambiguous(bar, None, stop, target)
        if self.stop_within(bar, stop):
            return BarOutcome("stop", "level", stop)
        if self.target_within(bar, target):
            return BarOutcome("target", "level", target)
        return BarOutcome()

    def after_stop_entry(
        self, bar: SeenBar, entry: InsideEntry, stop: float, target: float
    ) -> BarOutcome:
        """9.6: H comes after the entry; of L that is not known, but where C <= S."""
        stops, targets = self.stop_within(bar, stop), self.target_within(bar, target)
        if targets and not stops:
            return BarOutcome("target", "level", target)
        if stops and not targets and self.stopped(bar.close, stop):
            return BarOutcome("stop", "level", stop)
        if stops or targets:
            return self.ambiguous(bar, entry, stop, target)
        return BarOutcome()

    def after_limit_entry(
        self, bar: SeenBar, entry: InsideEntry, stop: float, target: float
    ) -> BarOutcome:
        """9.6: L comes after the entry; of H that is not known, but where C > T."""
        stops, targets = self.stop_within(bar, stop), self.target_within(bar, target)
        if stops and not targets:
            return BarOutcome("stop", "level", stop)
        if targets and not stops and self.beyond(bar.close, target):
            return BarOutcome("target", "level", target)
        if stops or targets:
            return self.ambiguous(bar, entry, stop, target)
        return BarOutcome()

    def stop_within(self, bar: SeenBar, stop: float) -> bool:
        """9.3: The stop is within reach if L <= S."""
        return self.stopped(bar.low, stop)

    def target_within(self, bar: SeenBar, target: float) -> bool:
        """9.3: The target is within reach if H > T."""
        return self.beyond(bar.high, target)

    # What is not known

    def ambiguous(
        self, bar: SeenBar, entry: InsideEntry | None, stop: float, target: float
    ) -> BarOutcome:
        """9.7: The spec says what to think of a bar that does not tell."""
        ended = self.taken_for(bar, entry, stop, target)
        price = {"stop": stop, "target": target, None: 0.0}[ended]
        return BarOutcome(ended, "level", price, certain=False)

    def taken_for(
        self, bar: SeenBar, entry: InsideEntry | None, stop: float, target: float
    ) -> Ended | None:
        """9.7: The stop, if it is within reach; the target, if it is; or what the path comes to."""
        if self.mode == "pessimistic":
            return "stop" if self.stop_within(bar, stop) else None
        if self.mode == "optimistic":
            return "target" if self.target_within(bar, target) else None
        return self.along_path(bar, entry, stop, target)

    def along_path(
        self, bar: SeenBar, entry: InsideEntry | None, stop: float, target: float
    ) -> Ended | None:
        """9.7: Follow O, L, H, C or O, H, L, C, into the lot and to the first of its levels."""
        turns = (bar.low, bar.high) if bar.low_first else (bar.high, bar.low)
        entered = entry is None
        for price in (*turns, bar.close):
            entered = entered or (entry is not None and self.reached(price, entry))
            if entered and self.stopped(price, stop):
                return "stop"
            if entered and self.beyond(price, target):
                return "target"
        return None
