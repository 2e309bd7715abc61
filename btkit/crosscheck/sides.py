"""Lots of shares, long and short in one run: SEMANTICS 3.11."""

from __future__ import annotations

from typing import cast

from btkit.crosscheck.evaluation import filled_in
from btkit.crosscheck.orders_inside import OrdersInside
from btkit.crosscheck.records import Instrument, PlainAccount
from btkit.crosscheck.shares import ShareLot
from btkit.crosscheck.side_orders import side_orders
from btkit.spec import BaseSpec, StrategySpec

LONG, SHORT = False, True
_SIDES = (LONG, SHORT)
_OWN_LISTS = ("entry", "exit", "stop")


def _named(name: str, *, short: bool) -> str:
    return f"short.{name}" if short else name


def _short_texts(spec: StrategySpec) -> dict[str, list[str]]:
    return {
        _named(name, short=SHORT): [
            filled_in(text, spec.parameters) for text in getattr(spec.short, f"{name}_conditions")
        ]
        for name in _OWN_LISTS
    }


class EitherSide(OrdersInside):
    """One run of a rule spec whose direction is both."""

    def __init__(self, spec: BaseSpec, instrument: Instrument, account: PlainAccount) -> None:
        spec = cast("StrategySpec", spec)
        super().__init__(spec, instrument, account)
        more = _short_texts(spec)
        self.read_parts(_named("scale_out", short=SHORT), spec.opposite)
        self.texts |= more
        self.counts |= {(name, at): (0, 0) for name in more for at in range(len(more[name]))}
        self.sizes = {side: self.size_of(spec, short=side) for side in _SIDES}
        # The side whose entry is being judged, if it would turn the position round.
        self.reversing = False

    @classmethod
    def expressions(cls, spec: BaseSpec) -> list[str]:
        """Return the conditions and the size formulas of both sides."""
        spec = cast("StrategySpec", spec)
        short = [text for listed in _short_texts(spec).values() for text in listed]
        short += [part.when for part in spec.opposite.filled_parts]
        formula = None if spec.short is None else spec.short.position_sizing_formula
        if formula is not None:
            short.append(filled_in(formula, spec.parameters))
        return [*super().expressions(spec), *short, *side_orders(spec, short=SHORT).expressions]

    def size_of(self, spec: StrategySpec, *, short: bool) -> tuple[str, float]:
        """3.11: The short side may have a size of its own; what it lacks is the long one's."""
        formula, risk = spec.position_sizing_formula, spec.per_trade_risk_pct
        own = spec.short if short else None
        if own is not None and own.position_sizing_formula is not None:
            formula = own.position_sizing_formula
        if own is not None and own.per_trade_risk_pct is not None:
            risk = own.per_trade_risk_pct
        return filled_in(formula, spec.parameters), risk

    def scope(self, i: int, lot: ShareLot | None) -> dict[str, object]:
        """3.11: What turns the position round may spend what the leaving lots are worth."""
        names = super().scope(i, lot) | {"in_position": lot is not None}
        return names | {"capital": self.equity(i)} if self.reversing else names

    def decide(self, i: int) -> None:
        """3.11: Exits of either side first; then one side enters, or neither does."""
        filters_pass = self.judge("filter", i, [self.oldest()])[0]
        for side in _SIDES:
            self.decide_exits(i, short=side, filters_pass=filters_pass)
        entering = [side for side in _SIDES if self.enters(i, short=side)]
        if len(entering) > 1:
            self.enter_both(i)
        elif entering:
            self.enter_one(i, short=entering[0])

    def decide_exits(self, i: int, *, short: bool, filters_pass: bool) -> None:
        """3.11: Lots leave by the lists of their own side, as 3.3 says."""
        lots = [lot for lot in self.lots if lot.short == short]
        stops, exits = (
            [self.may_fire(name, filters_pass=filters_pass) and holds
             for holds in self.judge(name, i, [*lots] or [None])]
            for name in (_named("stop", short=short), _named("exit", short=short))
        )  # fmt: skip
        for lot, stop, leave in zip(lots, stops, exits, strict=False):
            reason = self.reason(lot, i, stop=stop, leave=leave)
            if reason is not None:
                self.order_exit(lot, reason)
        name = _named("scale_out", short=short)
        self.judge_parts(name, i, lots, filters_pass=filters_pass)

    def enters(self, i: int, *, short: bool) -> bool:
        """3.11: Whether a side would enter: its list and the filters hold, and it has a place."""
        counted = self.judge(_named("entry", short=short), i, [self.oldest()])[0]
        if self.is_barred(short=short):
            return False
        if not self.turns(short=short):
            return counted and self.pass_filters(i) and self.has_room()
        return self.may_turn() and self.would_turn(i, short=short)

    def is_barred(self, *, short: bool) -> bool:
        """3.11: A pending entry of one side bars the other."""
        return any(order.is_entry and order.short != short for order in self.orders)

    def turns(self, *, short: bool) -> bool:
        """3.11: Whether an entry would be on the other side of the open lots."""
        return any(lot.short != short for lot in self.lots)

    def may_turn(self) -> bool:
        """3.11: Only when the exit of every open lot has been decided by this bar."""
        leaving = [order.lot for order in self.orders if order.reason != "scale_out"]
        return all(lot in leaving or self.remaining(lot) == 0 for lot in self.lots)

    def would_turn(self, i: int, *, short: bool) -> bool:
        """3.11: Judged with the capital that there will be; leaving lots take no place (3.4)."""
        self.reversing = True
        holds = self.pass_filters(i) and self.all_hold(_named("entry", short=short), i)
        self.reversing = False
        return holds

    def pass_filters(self, i: int) -> bool:
        """2.4: An empty filter list always passes."""
        return self.all_hold("filter", i)

    def all_hold(self, name: str, i: int) -> bool:
        """2.4: A list holds when all of it does, for an entry by the oldest lot (3.2)."""
        scope = self.scope(i, self.oldest())
        return all(self.met(text, scope) for text in self.texts[name])

    def enter_both(self, i: int) -> None:
        """3.11: If both sides would enter, neither does, counted."""
        del i
        self.skip("both_sides")

    def enter_one(self, i: int, *, short: bool) -> None:
        """3.11: One side enters, by its own size; after a reversal at the same fill."""
        self.short = short
        self.formula, self.risk = self.sizes[short]
        self.reversing = self.turns(short=short)
        self.order_entry(i)
        self.reversing = False
