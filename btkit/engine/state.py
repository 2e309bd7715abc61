"""What the loop remembers from bar to bar and what it writes: plain arrays, saved and restored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from btkit.conditions.compiled import also_compiled
from btkit.engine.inputs import Flags, Floats, Integers
from btkit.engine.orders import ORDER_COLUMNS, Skip

# State.money
CASH, FINAL, FINAL_EQUITY = range(3)
# Of the trade closed last, where the strategy reads it
TRADE_PNL, TRADE_RETURN = range(3, 5)
MONEY = 5
# State.counts; SKIPPED + Skip is one counter for each reason
LOTS, TRADES, ORDERS, UNFILLED, RUINED = range(5)
# Bars of the last decision, entry fill, exit fill, and exit fill that a close had decided; `NEVER`
# before any
LAST_DECIDED, LAST_ENTRY, LAST_EXIT, LAST_ORDERED_EXIT = range(5, 9)
NEVER = -1
# Trades in a row that lost money up to the one closed last, where the strategy reads it; and lots
# that were opened
STREAK, ENTERED = range(9, 11)
SKIPPED = 11
COUNTERS = SKIPPED + len(Skip)
# Columns of Curve.carry
INTEREST, BORROW_FEES, DIVIDENDS = range(3)
CARRIED = 3
# Columns of State.lots and Trades.lots; a book has its own from LOT_COLUMNS on
LOT_PRICE, LOT_EXIT_PRICE, LOT_QUANTITY, LOT_COMMISSION, LOT_EXIT_COMMISSION = range(5)
# What prices came to since the entry, where the strategy reads it
LOT_HIGHEST, LOT_LOWEST = range(5, 7)
# What was entered, where quantity and commission are of what part exits have left, and what those
# made
LOT_ENTERED, LOT_MADE = range(7, 9)
# What fills were offered before slippage; of a lot with orders inside the bar its stop, target and
# trailing stop in force, and how far that lies, NaN for none
LOT_OFFERED, LOT_EXIT_OFFERED, LOT_STOP, LOT_TARGET, LOT_TRAIL, LOT_DISTANCE = range(9, 15)
LOT_COLUMNS = 15
# Columns of State.marks and Trades.marks; a book has its own from MARK_COLUMNS on
LOT_BAR, LOT_EXIT_BAR, LOT_REASON, LOT_INSTRUMENT, LOT_SIDE = range(5)
# Its place in the order of entries, from 1; the part exits that were made, and those that are
# decided and wait for their fill, one bit each; of a trade whether it left a rest of its lot
LOT_NUMBER, LOT_PARTS_MADE, LOT_PARTS_DUE, LOT_STAYS = range(5, 9)
# `FillKind` of entry and exit; 0 where it had a bar of which nobody knows what came first
LOT_ENTRY_KIND, LOT_FILL_KIND, LOT_CERTAIN = range(9, 12)
# Of one that an order at a price entered, from 1, the place of the bar, or of the finer one, in
# which it did, negative where at its open; else 0
LOT_TOLD_BY = 12
MARK_COLUMNS = 13

Arrays = Mapping[str, np.ndarray[Any, Any]]
"""By name."""


class State(NamedTuple):
    """All that the loop remembers from one bar to the next.

    Few arrays with many columns, not the reverse: compiled code pays for each array it is
    handed.

    Parameters
    ----------
    money
        float64: `CASH`; what was free, and the account's worth, when the `FINAL` bar's orders were
        decided; and what the trade closed last came to.
    counts
        int64: open lots, closed ones, waiting orders and other counters, and when something last
        happened.
    lots, marks
        float64 (n_lots, LOT_COLUMNS or more) and int64 (n_lots, MARK_COLUMNS or more): open lots,
        oldest first.
    orders
        float64 (n_orders, ORDER_COLUMNS): entries that wait for their fill, oldest first.
    """

    money: Floats
    counts: Integers
    lots: Floats
    marks: Integers
    orders: Floats

    def copy(self) -> Self:
        """Return a state of its own."""
        money, counts, lots, marks, orders = self
        return type(self)(money.copy(), counts.copy(), lots.copy(), marks.copy(), orders.copy())


class Trades(NamedTuple):
    """Closed lots in order of exit, as rows of `State.lots` and `State.marks` with the exit in.

    A lot that left in parts has a row for each of them.

    Parameters
    ----------
    lots, marks
        float64 (n_trades, LOT_COLUMNS or more) and int64 (n_trades, MARK_COLUMNS or more).
    """

    lots: Floats
    marks: Integers

    def cut(self, rows: slice) -> Self:
        """Return copies of some trades."""
        return type(self)(self.lots[rows].copy(), self.marks[rows].copy())

    @property
    def entry_bar(self) -> Integers:
        """Bars of the entry fills."""
        return self.marks[:, LOT_BAR]

    @property
    def exit_bar(self) -> Integers:
        """Bars of the exit fills."""
        return self.marks[:, LOT_EXIT_BAR]

    @property
    def reason(self) -> Integers:
        """Why each lot closed: a `Reason`."""
        return self.marks[:, LOT_REASON]

    @property
    def instrument(self) -> Integers:
        """Which row of the market each lot was of."""
        return self.marks[:, LOT_INSTRUMENT]

    @property
    def side(self) -> Integers:
        """Which way each entry went: a `Side`."""
        return self.marks[:, LOT_SIDE]

    @property
    def lot(self) -> Integers:
        """The number of each lot in the order of entries, from 1; its parts have the same."""
        return self.marks[:, LOT_NUMBER]

    @property
    def ends_lot(self) -> Flags:
        """Whether nothing of its lot was left: bool (n_trades,)."""
        ends: Flags = self.marks[:, LOT_STAYS] == 0
        return ends

    @property
    def entered(self) -> Floats:
        """Shares or contracts of the whole lot, as they were entered."""
        return self.lots[:, LOT_ENTERED]

    @property
    def made_before(self) -> Floats:
        """$ that the parts of the lot which left before have made."""
        return self.lots[:, LOT_MADE]

    def by_lot(self, values: Floats) -> Floats:
        """Return the sum of each lot's parts, in order of the lots' last exits (3.12).

        Parameters
        ----------
        values : ndarray of float64, shape (n_trades,)
            Of each trade.
        """
        ends = self.ends_lot
        if ends.all():
            return values
        totals: Floats = np.bincount(self.lot, weights=values).astype(np.float64)
        return totals[self.lot[ends]]

    @property
    def entry_kind(self) -> Integers:
        """At which price of its bar each lot was entered: a `FillKind`."""
        return self.marks[:, LOT_ENTRY_KIND]

    @property
    def fill_kind(self) -> Integers:
        """At which price of its bar each lot left: a `FillKind`."""
        return self.marks[:, LOT_FILL_KIND]

    @property
    def certain(self) -> Flags:
        """Whether what came first was known in each bar of a lot: bool (n_trades,)."""
        certain: Flags = self.marks[:, LOT_CERTAIN] != 0
        return certain

    @property
    def entry_price(self) -> Floats:
        """Fill prices in $ a share, slippage included; a spread's is its credit."""
        return self.lots[:, LOT_PRICE]

    @property
    def exit_price(self) -> Floats:
        """Fill prices in $ a share, slippage included; a spread's is what closing it cost."""
        return self.lots[:, LOT_EXIT_PRICE]

    @property
    def entry_offered(self) -> Floats:
        """Prices in $ a share that the entries met, before slippage."""
        return self.lots[:, LOT_OFFERED]

    @property
    def exit_offered(self) -> Floats:
        """Prices in $ a share that the exits met, before slippage."""
        return self.lots[:, LOT_EXIT_OFFERED]

    @property
    def quantity(self) -> Floats:
        """Shares or contracts, always above 0."""
        return self.lots[:, LOT_QUANTITY]

    @property
    def entry_commission(self) -> Floats:
        """Commission of each entry in $; of a part its share of it."""
        return self.lots[:, LOT_COMMISSION]

    @property
    def exit_commission(self) -> Floats:
        """Commission of each exit in $."""
        return self.lots[:, LOT_EXIT_COMMISSION]


class Curve(NamedTuple):
    """The account in $ at each bar, (n_bars,), or (0,) for what is not wanted.

    Parameters
    ----------
    equity
        At the close, after the bar's fills.
    cash
        What is free at the close, after the bar's fills.
    decision_cash
        What is free when the bar's orders are decided; only where they fill at that very close,
        or else it is `cash`, but for the last bar's `FINAL`.
    decision_equity
        Likewise what the account is worth, else `equity`, but for the last bar's `FINAL_EQUITY`.
    carry
        (n_bars, CARRIED), or (0, CARRIED) where nothing is paid: what the bar brought and took
        before its fills, see `btkit.engine.carry`. Borrow fees count as paid.
    """

    equity: Floats
    cash: Floats
    decision_cash: Floats
    decision_equity: Floats
    carry: Floats

    def cut(self, bars: slice) -> Self:
        """Return copies of what was written at some bars."""
        return type(self)(*(series[bars].copy() for series in self))


class Width(NamedTuple):
    """How many columns a book's lots have: of `State.lots`, and of `State.marks`."""

    lots: int
    marks: int


SHARE_WIDTH = Width(LOT_COLUMNS, MARK_COLUMNS)


@also_compiled
def new_state(capital: float, lots: int, width: Width = SHARE_WIDTH, orders: int = 1) -> State:
    """Return the state before the first bar.

    Parameters
    ----------
    capital
        $ in cash.
    lots
        How many lots can be open at once.
    width
        Of the book.
    orders
        How many entries can wait at once: of those at market one, since one bar decides one.
    """
    counts = np.zeros(COUNTERS, np.int64)
    counts[LAST_DECIDED : LAST_ORDERED_EXIT + 1] = NEVER
    money = np.zeros(MONEY)
    money[CASH] = capital
    return State(
        money,
        counts,
        np.zeros((lots, width.lots)),
        np.zeros((lots, width.marks), np.int64),
        np.zeros((orders, ORDER_COLUMNS)),
    )


@also_compiled
def new_trades(bars: int, width: Width = SHARE_WIDTH, parts: int = 0) -> Trades:
    """Return room for the trades of `bars` bars: one entry a bar at the most.

    Each lot may leave in so many `parts` before its rest does.
    """
    rows = bars * (1 + parts)
    return Trades(np.empty((rows, width.lots)), np.empty((rows, width.marks), np.int64))


def new_curve(bars: int, *, at_close: bool, carried: bool = False) -> Curve:
    """Return an empty curve.

    Parameters
    ----------
    bars
        How many.
    at_close
        Whether orders fill at the close at which they are decided.
    carried
        Whether something may be paid between bars.
    """
    decided = bars if at_close else 0
    return Curve(
        np.empty(bars),
        np.empty(bars),
        np.empty(decided),
        np.empty(decided),
        np.zeros((bars if carried else 0, CARRIED)),
    )


class Snapshot(NamedTuple):
    """All that a run has come to, and all that it needs to go on.

    Parameters
    ----------
    next_bar
        The first bar that is not simulated yet.
    state
        What the loop remembers: cash, open lots, waiting orders, counters.
    trades
        The closed lots so far.
    curve
        The account from the first deciding bar to the one before `next_bar`.
    """

    next_bar: int
    state: State
    trades: Trades
    curve: Curve

    @classmethod
    def of(cls, next_bar: int, state: Arrays, done: Arrays) -> Self:
        """Return a snapshot that was saved as arrays by name.

        Parameters
        ----------
        next_bar
            The first bar that was not simulated yet.
        state
            Of `state`.
        done
            Of `trades` and `curve`.

        Raises
        ------
        KeyError
            If one is missing.
        """
        return cls(
            next_bar,
            State(*(state[name] for name in State._fields)),
            Trades(*(done[name] for name in Trades._fields)),
            Curve(*(done[name] for name in Curve._fields)),
        )
