"""Lots of shares with orders inside the bar: SEMANTICS 9.

How an entry is ordered, rests and fills, which levels its lot then has, and when these move. What
a bar does to a lot with given levels is in `inside`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

from btkit.crosscheck.evaluation import RAISED, evaluate, number
from btkit.crosscheck.inside import InsideBar, InsideEntry, SeenBar
from btkit.crosscheck.records import (
    DecidedLevels,
    Instrument,
    Order,
    PlainAccount,
    PlainBar,
    Resting,
)
from btkit.crosscheck.shares import ShareLot, Shares
from btkit.crosscheck.side_orders import ATR, SideOrders, side_orders
from btkit.spec import BaseSpec, StrategySpec


class NoPriceError(Exception):
    """A price that an entry needs is missing, or not above zero."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OrdersInside(Shares, InsideBar):
    """One run of a rule spec, with what it orders inside the bar."""

    def __init__(self, spec: BaseSpec, instrument: Instrument, account: PlainAccount) -> None:
        spec = cast("StrategySpec", spec)
        Shares.__init__(self, spec, instrument, account)
        InsideBar.__init__(self, mode=spec.intrabar, limit_touch=spec.limit_touch)
        self.sides = {short: side_orders(spec, short=short) for short in (False, True)}

    @classmethod
    def expressions(cls, spec: BaseSpec) -> list[str]:
        """Return the conditions, the size formula and the prices of orders."""
        said = side_orders(cast("StrategySpec", spec), short=False)
        return [*super().expressions(spec), *said.expressions]

    # 9.1: what the deciding bar fixes

    def entry_of(self, shares: float, i: int) -> Order[ShareLot] | str:
        """9.1: Without a price that it needs, there is no entry."""
        said = self.sides[self.short]
        try:
            resting = self.resting_of(said, i)
            levels = DecidedLevels(
                stop=self.price_at(said.stop, i),
                target=self.price_at(said.target, i),
                distance=self.distance_at(said, i),
            )
        except NoPriceError as missing:
            return missing.reason
        return Order(
            self.instrument,
            "entry",
            quantity=shares,
            short=self.short,
            resting=resting,
            levels=levels,
        )

    def resting_of(self, said: SideOrders, i: int) -> Resting | None:
        """9.9: Entry orders rest from bar i + 1 through i + `valid_bars`."""
        price = self.price_at(said.entry, i)
        return None if price is None else Resting(price, said.is_limit, i + said.valid_bars)

    def price_at(self, said: float | str | None, i: int) -> float | None:
        """9.1: An expression is judged at the deciding bar; it must come to a price above 0."""
        if not isinstance(said, str):
            return None
        price = self.judged(said, i)
        if price <= 0:
            raise NoPriceError("price_not_positive")
        return price

    def judged(self, text: str, i: int) -> float:
        """9.1: What raises, is missing or has no end is no price."""
        try:
            price = number(evaluate(text, self.scope(i, self.oldest())))
        except RAISED:
            price = math.nan
        if not math.isfinite(price):
            raise NoPriceError("price_missing")
        return price

    def distance_at(self, said: SideOrders, i: int) -> float | None:
        """9.1: d = k x atr_14 at the deciding bar."""
        return None if said.atr is None else said.atr * self.judged(ATR, i)

    # 9.5, 9.6 and 9.9: entries

    def fills(self, order: Order[ShareLot], i: int) -> bool:
        """9.9: What rests has its own time, whatever `fill`."""
        return order.resting is None and super().fills(order, i)

    def go_through(self, i: int) -> None:
        """9.9: Entries at the open, then those inside; then what the bar does to each lot.

        9.8: Of finer bars one after the other.
        """
        for part, bar in enumerate(self.parts(i)):
            self.enter_at_open(i, part, bar)
            self.enter_inside(i, part, bar)
        self.expire(i)
        for lot in list(self.lots):
            self.take_through(lot, i)

    def parts(self, i: int) -> Sequence[PlainBar]:
        """9.8: The finer bars inside of bar i, in their order; without any the bar itself."""
        prices = self.instrument
        finer = prices.finer[i] if prices.finer else ()
        whole = PlainBar(prices.open[i], prices.high[i], prices.low[i], prices.close[i])
        return finer or [whole]

    def turned_bar(self, bar: PlainBar, *, short: bool) -> SeenBar:
        """Return a bar as this side sees it."""
        return self.as_seen_by(bar.open, bar.high, bar.low, bar.close, short=short)

    def in_line(self) -> list[tuple[Order[ShareLot], Resting]]:
        """9.9: Entries fill oldest decision first."""
        return [(order, order.resting) for order in self.orders if order.resting is not None]

    def enter_at_open(self, i: int, part: int, bar: PlainBar) -> None:
        """9.6: An order that the open has already passed fills at the open.

        9.8: So does one that the open of a later finer bar has passed: inside of the whole bar.
        """
        for order, resting in self.in_line():
            if self.passed(self.turned_bar(bar, short=order.short), self.as_seen(order, resting)):
                self.enter_by(order, i, bar.open, None, part)

    def enter_inside(self, i: int, part: int, bar: PlainBar) -> None:
        """9.6: One that the bar comes to fills at its price."""
        for order, resting in self.in_line():
            if self.comes_to(self.turned_bar(bar, short=order.short), self.as_seen(order, resting)):
                self.enter_by(order, i, resting.price, resting, part)

    def as_seen(self, order: Order[ShareLot], resting: Resting) -> InsideEntry:
        """9: A short is mirrored."""
        return InsideEntry(self.turned(resting.price, short=order.short), resting.is_limit)

    def turned(self, price: float, *, short: bool) -> float:
        """9: A short sees every price below zero, so that what is lower is higher."""
        return -price if short else price

    def enter_by(
        self, order: Order[ShareLot], i: int, price: float, inside: Resting | None, part: int
    ) -> None:
        """Fill what rested, and forget it, whether or not the cash paid for a share."""
        before = len(self.lots)
        self.orders.remove(order)
        self.fill(order, i, price)
        for lot in self.lots[before:]:
            lot.rested, lot.part = inside, part
            lot.filled = "open" if inside is None and part == 0 else "level"

    def expire(self, i: int) -> None:
        """9.9: Those that expire are counted, at the end of their last bar."""
        for order, resting in self.in_line():
            if resting.last <= i:
                self.orders.remove(order)
                self.skip("order_expired")

    def fill_of_entry(self, order: Order[ShareLot], price: float) -> float:
        """9.4: Stop orders pay slippage, entries too; limit orders do not."""
        if order.resting is not None and order.resting.is_limit:
            return price
        return super().fill_of_entry(order, price)

    def enter(self, order: Order[ShareLot], i: int, price: float) -> str | None:
        """9.2: The levels are fixed by the deciding bar and by the entry fill."""
        refusal = super().enter(order, i, price)
        if refusal is None:
            self.set_levels(self.lots[-1], order.levels)
        return refusal

    # 9.1 and 9.2: levels

    def set_levels(self, lot: ShareLot, decided: DecidedLevels) -> None:
        """9.1: A fraction is of the entry fill: fill x (1 - x) and fill x (1 + x)."""
        said = self.sides[lot.short]
        lot.stop, lot.target, lot.distance = decided.stop, decided.target, decided.distance
        if isinstance(said.stop, float):
            lot.stop = self.against(lot, said.stop)
        if isinstance(said.target, float):
            lot.target = self.towards(lot, said.target)
        lot.trail = self.first_trail(lot)

    def against(self, lot: ShareLot, fraction: float) -> float:
        """9.1: A long's stop is below its fill; a short's, mirrored, above it."""
        return lot.price * (1 + fraction if lot.short else 1 - fraction)

    def towards(self, lot: ShareLot, fraction: float) -> float:
        """9.1: A long's target is above its fill; a short's, mirrored, below it."""
        return lot.price * (1 - fraction if lot.short else 1 + fraction)

    def first_trail(self, lot: ShareLot) -> float | None:
        """9.2: (1 - p) x fill, or fill - d; with `after` there is none yet."""
        said = self.sides[lot.short]
        return None if said.after is not None else self.trail_from(lot, lot.price)

    def trail_from(self, lot: ShareLot, price: float) -> float | None:
        """9.2: (1 - p) x h, or h - d; of a short (1 + p) x h, or h + d."""
        trail = self.sides[lot.short].trail
        if lot.distance is not None:
            return price + lot.distance if lot.short else price - lot.distance
        if trail is not None:
            return price * (1 + trail if lot.short else 1 - trail)
        return None

    def move_stops(self, i: int) -> None:
        """9.2: Trailing levels move at closes."""
        for lot in self.lots:
            lot.best = self.best_after(lot, i)
            level = self.trail_from(lot, lot.best)
            if level is not None and self.is_armed(lot, lot.best):
                lot.trail = self.ratchet(lot, lot.trail, level)

    def best_after(self, lot: ShareLot, i: int) -> float:
        """9.2: The highest high, of a short the lowest low, of what came after the fill."""
        better = min if lot.short else max
        now = self.best_of_bar(lot, i)
        return now if lot.best is None else better(lot.best, now)

    def best_of_bar(self, lot: ShareLot, i: int) -> float:
        """9.2: The bar of a fill inside it, or at its close, counts by its fill and close."""
        prices = lot.instrument
        if lot.bar == i and lot.filled != "open":
            return (min if lot.short else max)(lot.price, prices.close[i])
        return prices.low[i] if lot.short else prices.high[i]

    def is_armed(self, lot: ShareLot, best: float) -> bool:
        """9.2: With `after` there is no level until h >= fill x (1 + after) at a close."""
        after = self.sides[lot.short].after
        if after is None:
            return True
        gained = self.towards(lot, after)
        return best <= gained if lot.short else best >= gained

    def ratchet(self, lot: ShareLot, before: float | None, level: float) -> float:
        """9.2: A level only rises; a short's only falls."""
        if before is None:
            return level
        return min(before, level) if lot.short else max(before, level)

    def stop_of(self, lot: ShareLot) -> tuple[float, str]:
        """9.3: The higher of stop and trailing level; on a tie the reason is `stop_loss`."""
        stop, trail = (
            -math.inf if level is None else self.turned(level, short=lot.short)
            for level in (lot.stop, lot.trail)
        )
        return (trail, "trailing_stop") if trail > stop else (stop, "stop_loss")

    def target_of(self, lot: ShareLot) -> float:
        """Return the target as its side sees it."""
        return math.inf if lot.target is None else self.turned(lot.target, short=lot.short)

    # 9.1, 9.3 to 9.7: exits

    def take_through(self, lot: ShareLot, i: int) -> None:
        """9.5: What was entered at this open is judged as what was held there.

        9.8: Finer bars are judged in their order, from the one of its entry on, till it leaves.
        """
        if lot.bar == i and self.has_crossed(lot):
            self.leave_crossed(lot, i)
            return
        stop, reason = self.stop_of(lot)
        for part, bar in enumerate(self.parts(i)):
            if lot.bar == i and part < lot.part:
                continue
            outcome = self.through(
                self.turned_bar(bar, short=lot.short),
                self.entry_in(lot, i, part),
                stop,
                self.target_of(lot),
            )
            lot.certain = lot.certain and outcome.certain
            if outcome.ended is not None:
                price = self.turned(outcome.price, short=lot.short)
                why = reason if outcome.ended == "stop" else "take_profit"
                self.leave(lot, i, price, why, outcome.kind)
                return

    def entry_in(self, lot: ShareLot, i: int, part: int) -> InsideEntry | None:
        """9.6: On the bar that a lot was entered in, only what follows its fill counts.

        9.8: That is the finer bar; it was held at the open of those that come later.
        """
        if lot.bar != i or lot.part != part or lot.rested is None:
            return None
        return InsideEntry(self.turned(lot.rested.price, short=lot.short), lot.rested.is_limit)

    def has_crossed(self, lot: ShareLot) -> bool:
        """9.1: A stop at or above the entry's price before slippage, a target at or below it."""
        entered = self.turned(lot.raw, short=lot.short)
        return self.stop_of(lot)[0] >= entered or self.target_of(lot) <= entered

    def leave_crossed(self, lot: ShareLot, i: int) -> None:
        """9.1: Out at once at that price as a market order, with slippage."""
        self.leave(lot, i, lot.raw, "crossed_at_entry", lot.filled)

    def fill_orders(self, i: int) -> None:
        """9.1: What is entered at a close across its levels leaves there, too."""
        super().fill_orders(i)
        entered = [lot for lot in self.lots if lot.bar == i and lot.filled == "close"]
        for lot in filter(self.has_crossed, entered):
            self.leave_crossed(lot, i)

    def exit_fill(self, lot: ShareLot, price: float, reason: str) -> float:
        """9.4: Stops pay slippage as market orders do; targets do not."""
        return price if reason == "take_profit" else super().exit_fill(lot, price, reason)
