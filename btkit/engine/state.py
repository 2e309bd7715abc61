"""What the loop remembers from bar to bar, and what it writes, as plain arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from btkit.engine.inputs import Floats, Integers
from btkit.engine.orders import Skip

# State.money
CASH, PENDING, FINAL = range(3)
# State.lots and State.lot_marks
LOT_PRICE, LOT_SHARES, LOT_COMMISSION = range(3)
LOT_BAR, LOT_REASON = range(2)
# State.counts; SKIPPED + Skip is one counter for each reason
LOTS, TRADES, UNFILLED, RUINED, LAST_DECIDED, SKIPPED = range(6)


class State(NamedTuple):
    """All that the loop remembers from one bar to the next.

    Few arrays with many columns, not the reverse: compiled code pays for each array it is
    handed.

    Parameters
    ----------
    money
        float64: `CASH`, shares of the `PENDING` entry, cash before the `FINAL` bar's closing.
    counts
        int64: open lots, trades and other counters.
    lots, lot_marks
        float64 (n_lots, 3) and int64 (n_lots, 2): open lots, oldest first.
    """

    money: Floats
    counts: Integers
    lots: Floats
    lot_marks: Integers


class TradeRows(NamedTuple):
    """Closed lots in order of exit, as the loop writes them: see `Trades` for the columns."""

    values: Floats
    marks: Integers


class Trades(NamedTuple):
    """Closed lots in order of exit, (n_trades,).

    Parameters
    ----------
    entry_bar, exit_bar, reason
        int64: bars of the fills, and a `Reason`.
    entry_price, exit_price
        Fill prices, slippage included.
    shares
        Always above 0.
    entry_commission, exit_commission
        In $.
    """

    entry_bar: Integers
    exit_bar: Integers
    reason: Integers
    entry_price: Floats
    exit_price: Floats
    shares: Floats
    entry_commission: Floats
    exit_commission: Floats


class Curve(NamedTuple):
    """The account in $ at each bar's close, after that bar's fills, (n_bars,)."""

    equity: Floats
    cash: Floats


def new_state(capital: float, lots: int) -> State:
    """Return the state before the first bar.

    Parameters
    ----------
    capital
        $ in cash.
    lots
        How many lots can be open at once.
    """
    counts = np.zeros(SKIPPED + len(Skip), np.int64)
    counts[LAST_DECIDED] = -1
    return State(
        np.array([capital, 0.0, 0.0]), counts, np.zeros((lots, 3)), np.zeros((lots, 2), np.int64)
    )


def new_trades(bars: int) -> TradeRows:
    """Return room for the trades of `bars` bars: one entry a bar at the most."""
    return TradeRows(np.empty((bars, 5)), np.empty((bars, 3), np.int64))


def new_curve(bars: int) -> Curve:
    """Return an empty curve of `bars` bars."""
    return Curve(np.empty(bars), np.empty(bars))
