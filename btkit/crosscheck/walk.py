"""The walk over the bars, the same for shares and for spreads: SEMANTICS 2.4 to 2.5 and 3.

In the order of that text, slow and plain: one bar after the other, nothing prepared and nothing
shared with the engine that it checks. Each rule is a method that says which one it is, so that a
test can break it on purpose.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import insort
from collections.abc import Callable
from functools import lru_cache
from typing import Generic

from btkit.crosscheck.evaluation import RAISED, evaluate, filled_in, names_in
from btkit.crosscheck.measures import whole_lots
from btkit.crosscheck.records import (
    Carried,
    Instrument,
    L,
    Order,
    PlainAccount,
    PlainRun,
    PlainTrade,
)
from btkit.spec import BaseSpec

LISTS = ("entry", "exit", "stop", "filter")
"""The lists of conditions, each in the field ``<name>_conditions``."""
_LEAVING = ("exit", "stop", "scale_out")
_OF_A_LOT = {"entry_price", "highest_since_entry", "lowest_since_entry"}


def filled_texts(spec: BaseSpec) -> dict[str, list[str]]:
    """Return every list of conditions by its name, parameters filled in."""
    return {
        name: [filled_in(text, spec.parameters) for text in getattr(spec, f"{name}_conditions")]
        for name in LISTS
    }


@lru_cache(maxsize=4096)
def _reads_a_lot(text: str) -> bool:
    return not _OF_A_LOT.isdisjoint(names_in(text))


class Walk(ABC, Generic[L]):
    """One run. What a lot is, costs and is worth is said by the two books.

    Parameters
    ----------
    spec
        Of the book's kind.
    instrument
        What is traded.
    account
        What the run begins with and pays.
    """

    def __init__(self, spec: BaseSpec, instrument: Instrument, account: PlainAccount) -> None:
        self.instrument = instrument
        self.start, self.last = account.start, instrument.last
        self.cash = account.capital
        self.rate, self.slippage = account.commission, account.slippage
        self.at_close = spec.fill == "close"
        self.gated = spec.filter_scope == "all"
        self.max_holding, self.places = spec.max_holding_bars, spec.max_concurrent_positions
        self.texts = filled_texts(spec)
        self.reads = set().union(*map(names_in, self.expressions(spec)))
        self.lots: list[L] = []
        self.orders: list[Order[L]] = []
        self.entered = 0
        self.left: list[tuple[int, int, PlainTrade]] = []
        self.left_over: PlainRun = PlainRun(instrument.times[account.start :])
        self.counts = {
            (name, index): (0, 0) for name in LISTS for index in range(len(self.texts[name]))
        }

    @classmethod
    def expressions(cls, spec: BaseSpec) -> list[str]:
        """Return every text whose names a run reads at a bar."""
        return [text for listed in filled_texts(spec).values() for text in listed]

    def run(self) -> PlainRun:
        """3.9: The curve has one point per bar from the start, flat after ruin (3.10)."""
        found = self.left_over
        for i in range(self.start, self.last + 1):
            carried = Carried()
            if not found.ruined:
                carried = self.carry(i)
                self.step(i)
            found.equity.append(self.equity(i))
            found.cash.append(self.free(i))
            found.interest.append(carried.interest)
            found.borrow_fees.append(carried.borrow_fees)
            found.dividends.append(carried.dividends)
        found.trades = [trade for _, _, trade in self.left]
        found.counts = self.counts
        found.detail_mismatch = self.mismatches()
        return found

    def step(self, i: int) -> None:
        """3: At each bar, in this order."""
        if not self.at_close:
            self.fill_orders(i)
        self.go_through(i)
        self.settle(i)
        if self.is_ruined(i):
            self.give_up(i)
            return
        self.decide(i)
        if self.at_close:
            self.fill_orders(i)
            if self.is_ruined(i):
                self.give_up(i)
        self.move_stops(i)
        if i == self.last:
            self.end(i)

    def mismatches(self) -> int:
        """9.8: Bars that the finer ones do not give are counted."""
        return sum(not parts for parts in self.instrument.finer[self.start :])

    # 3.14: carry

    def carry(self, i: int) -> Carried:
        """3.14: Interest, borrow fees and dividends, before any fill; at the first bar none.

        8.3: Carry comes first. Each is told from what there was at the close before.
        """
        if i == self.start:
            return Carried()
        carried = Carried(self.interest(i), self.borrow_fees(i), self.dividends(i))
        self.cash = self.cash + carried.interest
        self.cash = self.cash - carried.borrow_fees
        self.cash = self.cash + carried.dividends
        return carried

    def interest(self, i: int) -> float:
        """3.14: Cash above 0 earns cash x rate x days / 365."""
        cash = self.earning(i)
        return cash * self.instrument.cash_rates[i] * self.days(i) / 365 if cash > 0 else 0.0

    def earning(self, i: int) -> float:
        """3.14: Collateral and margin, which are out of cash, earn nothing."""
        del i
        return self.cash

    def days(self, i: int) -> int:
        """3.14: The calendar days between the two bars' sessions, 0 within one."""
        return self.instrument.days[i] - self.instrument.days[i - 1]

    def borrow_fees(self, i: int) -> float:
        """Return what open shorts pay: of spreads nothing."""
        del i
        return 0.0

    def dividends(self, i: int) -> float:
        """Return what shares are paid: of spreads nothing."""
        del i
        return 0.0

    # 3.1: fills

    def fill_orders(self, i: int) -> None:
        """3.1: Orders fill, sells before buys."""
        for order in sorted(self.orders, key=self.turn):
            if self.fills(order, i):
                self.orders.remove(order)
                self.fill(order, i, self.price_of(order, i))

    def turn(self, order: Order[L]) -> tuple[bool, int]:
        """3.1: Exits come before entries; of the exits the oldest lot's comes first."""
        return order.is_entry, 0 if order.lot is None else order.lot.number

    def fills(self, order: Order[L], i: int) -> bool:
        """3.8: At the last bar, exits fill at the close where the spec says so; entries do not."""
        return not (order.is_entry and self.at_close and i == self.last)

    def price_of(self, order: Order[L], i: int) -> float:
        """3.1: An order gets the open after it was decided, or the close at which it was."""
        prices = order.instrument.close if self.at_close else order.instrument.open
        return prices[i]

    def fill(self, order: Order[L], i: int, price: float) -> None:
        """Carry one order out at a price, before slippage."""
        if order.lot is None:
            refusal = self.enter(order, i, price)
            if refusal is not None:
                self.skip(refusal)
        else:
            self.carry_out(order, order.lot, i, price)

    def carry_out(self, order: Order[L], lot: L, i: int, price: float) -> None:
        """Let a lot leave as was ordered."""
        self.leave(lot, i, price, order.reason)

    def next_number(self) -> int:
        """Return the number of the lot that is opened next."""
        self.entered += 1
        return self.entered

    @abstractmethod
    def enter(self, order: Order[L], i: int, price: float) -> str | None:
        """Open a lot, or return why none is opened."""

    @abstractmethod
    def leave(self, lot: L, i: int, price: float, reason: str) -> None:
        """Close a lot."""

    def go_through(self, i: int) -> None:
        """Do what happens between the open and the close of bar i (9): to spreads nothing."""

    def move_stops(self, i: int) -> None:
        """Do what the close of bar i changes of orders inside the next one (9.2)."""

    def settle(self, i: int) -> None:
        """Close what ends by itself at the close of bar i: of shares nothing."""

    # 3.2: what conditions read

    @abstractmethod
    def value_of(self, lot: L, i: int) -> float:
        """Return what a lot adds to cash at the close of bar i."""

    def equity(self, i: int) -> float:
        """3.9: Equity is cash and what the lots are worth at the close."""
        total = self.cash
        for lot in self.lots:
            total += self.value_of(lot, i)
        return total

    @abstractmethod
    def free(self, i: int) -> float:
        """Return the cash that may be spent at the close of bar i."""

    def bars_held(self, lot: L, i: int) -> int:
        """3.2: `bars_held` is this bar less that of the fill."""
        return i - lot.bar

    def in_position(self) -> bool:
        """3.4: True while any lot is open, one whose exit was decided at this bar included."""
        return bool(self.lots)

    @abstractmethod
    def position_names(self, lot: L | None, i: int) -> dict[str, object]:
        """Return the names of a position that its book knows, or what they are when flat."""

    def account_names(self, i: int) -> dict[str, object]:
        """Return those names of the account that are read."""
        known: dict[str, Callable[[int], float | None]] = {
            "equity": self.equity,
            "open_lots": self.open_lots,
            "bars_since_exit": self.bars_since_exit,
            "last_pnl": self.last_pnl,
            "last_return_pct": self.last_return_pct,
            "losing_streak": self.losing_streak,
        }
        return {name: value(i) for name, value in known.items() if name in self.reads}

    def open_lots(self, _i: int) -> float:
        """2.12: How many lots are open, those that leave at this bar among them (3.4)."""
        return float(len(self.lots))

    def bars_since_exit(self, i: int) -> float | None:
        """2.12: 0 on the bar of the last exit fill; None before any."""
        return float(i - self.left[-1][0]) if self.left else None

    def last_pnl(self, _i: int) -> float | None:
        """2.12: Of the trade closed last, the last one of the list (3.9); None before any."""
        closed = self.closed_lots()
        return closed[-1].pnl if closed else None

    def last_return_pct(self, _i: int) -> float | None:
        """2.12: Of the trade closed last, the last one of the list (3.9); None before any."""
        closed = self.closed_lots()
        return closed[-1].return_pct if closed else None

    def closed_lots(self) -> list[PlainTrade]:
        """3.12: `last_*` and streaks take a lot's parts as one trade, at its last exit."""
        still = {lot.number for lot in self.lots}
        return whole_lots([trade for _, _, trade in self.left if trade.lot not in still])

    def losing_streak(self, _i: int) -> float:
        """2.12: How many of the trades closed last lost money, in the order of the list (3.9)."""
        streak = 0.0
        for trade in reversed(self.closed_lots()):
            if not trade.pnl < 0:
                break
            streak += 1
        return streak

    def scope(self, i: int, lot: L | None) -> dict[str, object]:
        """3.2: Each name's value at the close of bar i; when flat, `bars_held` is 0."""
        held = 0.0 if lot is None else float(self.bars_held(lot, i))
        return {
            **{name: column[i] for name, column in self.instrument.columns.items()},
            **{key: values[i] for key, values in self.instrument.calls.items()},
            "in_position": self.in_position(),
            "capital": self.free(i),
            "bars_held": held,
            "days_held": held,
            **self.account_names(i),
            **self.position_names(lot, i),
        }

    # 2.2 to 2.5: lists

    def met(self, text: str, scope: dict[str, object]) -> bool | None:
        """2.2: A condition is as true as Python says; None where its evaluation raises."""
        try:
            return bool(evaluate(text, scope))
        except RAISED:
            return None

    def judge(self, name: str, i: int, lots: list[L | None]) -> list[bool]:
        """2.4: A list holds for a lot when all of it does; each condition counts once a bar."""
        scopes = [self.scope(i, lot) for lot in lots]
        holds = [True] * len(lots)
        for index, text in enumerate(self.texts[name]):
            if not self.is_asked(name, text, lots):
                continue
            met = [self.met(text, scope) for scope in scopes]
            holds = [before and bool(now) for before, now in zip(holds, met, strict=True)]
            held, raised = self.counts[name, index]
            self.counts[name, index] = held + (True in met), raised + (None in met)
        return holds

    def is_asked(self, name: str, text: str, lots: list[L | None]) -> bool:
        """2.12: Of what lets a lot leave what reads its prices asks nothing while flat."""
        leaves = name.rpartition(".")[2] in _LEAVING
        return not (leaves and lots == [None] and _reads_a_lot(text))

    def judge_lots(self, name: str, i: int, *, filters_pass: bool) -> list[bool]:
        """3.2: Exit and stop lists are judged lot by lot; when flat, to count, as if for one."""
        judged: list[L | None] = [*self.lots] or [None]
        fires = self.may_fire(name, filters_pass=filters_pass)
        return [fires and holds for holds in self.judge(name, i, judged)]

    def may_fire(self, name: str, *, filters_pass: bool) -> bool:
        """2.4: An empty exit or stop list never fires."""
        return bool(self.texts[name]) and self.is_judged(filters_pass=filters_pass)

    def is_judged(self, *, filters_pass: bool) -> bool:
        """2.5: Filters gate entries only, unless their scope is all."""
        return filters_pass or not self.gated

    # 3.3 and 3.4: decisions

    def decide(self, i: int) -> None:
        """3.3, 3.4: Exits, then the entry; filters and entries see the oldest lot (3.2)."""
        oldest = self.oldest()
        filters_pass = self.judge("filter", i, [oldest])[0]
        enters = self.judge("entry", i, [oldest])[0]
        stops = self.judge_lots("stop", i, filters_pass=filters_pass)
        exits = self.judge_lots("exit", i, filters_pass=filters_pass)
        for lot, stop, leave in zip(self.lots, stops, exits, strict=False):
            reason = self.reason(lot, i, stop=stop, leave=leave)
            if reason is not None:
                self.order_exit(lot, reason)
        self.decide_parts(i, filters_pass=filters_pass)
        if filters_pass and enters and self.has_room():
            self.order_entry(i)

    def order_exit(self, lot: L, reason: str) -> None:
        """Decide that a lot leaves."""
        self.orders.append(Order(self.instrument, reason, lot))

    def decide_parts(self, i: int, *, filters_pass: bool) -> None:
        """Decide which parts leave of lots that stay: of spreads none."""

    def oldest(self) -> L | None:
        """3.2: For filters, entries and sizing the position is the oldest open lot."""
        return self.lots[0] if self.lots else None

    def reason(self, lot: L, i: int, *, stop: bool, leave: bool) -> str | None:
        """3.13, 3.3: A margin call, the stop list, the exit list, then age; one reason per lot."""
        if self.is_called(i):
            return "margin_call"
        if stop:
            return "stop"
        if leave:
            return "exit"
        return "max_holding" if self.has_aged(lot, i) else None

    def is_called(self, i: int) -> bool:
        """Return whether all lots have to leave: no spread does, whose reserve covers its loss."""
        del i
        return False

    def has_aged(self, lot: L, i: int) -> bool:
        """3.3: A lot leaves once `bars_held >= max_holding_bars`."""
        return self.bars_held(lot, i) >= self.max_holding

    def has_room(self) -> bool:
        """3.4: Open lots, leaving ones among them, and pending entries leave a place."""
        pending = sum(order.is_entry for order in self.orders)
        return len(self.lots) + pending < self.places

    def order_entry(self, i: int) -> None:
        """Decide an entry whose size follows from its fill."""
        del i
        self.orders.append(Order(self.instrument, "entry"))

    def skip(self, reason: str) -> None:
        """3.5: Entries that are not made are counted with their reason."""
        self.left_over.skipped[reason] = self.left_over.skipped.get(reason, 0) + 1

    # 3.8 and 3.10: how it ends

    def end(self, i: int) -> None:
        """3.8: What the last bar decided stays unfilled; what is open leaves at its close."""
        self.drop_orders()
        self.close_all(i, "end_of_data")
        self.left_over.ruined = self.left_over.ruined or self.is_ruined(i)

    def drop_orders(self) -> None:
        """3.8: Orders of the last bar do not fill, and are counted."""
        self.left_over.unfilled += len(self.orders)
        self.orders = []

    def close_all(self, i: int, reason: str) -> None:
        """3.8, 3.10: All lots leave at this close, with its costs."""
        for lot in list(self.lots):
            self.leave(lot, i, lot.instrument.close[i], reason)

    def is_ruined(self, i: int) -> bool:
        """3.10: Equity at or below 0 at a close is ruin."""
        return self.equity(i) <= 0

    def give_up(self, i: int) -> None:
        """3.10: Ruin closes all lots at this close, and nothing follows."""
        self.left_over.ruined = True
        self.close_all(i, "ruin")

    def list_trade(self, lot: L, i: int, trade: PlainTrade) -> None:
        """3.9: Trades are listed in order of exit, on one bar the oldest lot first."""
        insort(self.left, (i, lot.number, trade), key=lambda closed: closed[:2])
