"""What a run remembers for its conditions (SEMANTICS 2.12).

How far prices went since each lot was entered, and what the trades that closed by now came to. Of
a strategy that does not read it the compiler leaves it out.
"""

from __future__ import annotations

import math

from btkit.conditions.compiled import compiled_inline
from btkit.engine.inputs import (
    BARS_SINCE_EXIT,
    EQUITY,
    LAST_PNL,
    LAST_RETURN,
    LOSING_STREAK,
    OPEN_LOTS,
)
from btkit.engine.lots import order_exits
from btkit.engine.orders import FillKind
from btkit.engine.state import (
    ENTERED,
    LAST_EXIT,
    LOT_BAR,
    LOT_ENTRY_KIND,
    LOT_HIGHEST,
    LOT_INSTRUMENT,
    LOT_LOWEST,
    LOT_STAYS,
    LOTS,
    NEVER,
    STREAK,
    TRADE_PNL,
    TRADE_RETURN,
    TRADES,
)

_LEVEL = int(FillKind.LEVEL)


@compiled_inline
def note_extremes(highs, lows, counts, lots, marks, first, last):
    """Let bars `first` to `last` - 1 count for the open lots' highs and lows."""
    for lot in range(counts[LOTS]):
        instrument, begin = marks[lot, LOT_INSTRUMENT], first
        if marks[lot, LOT_BAR] >= first and marks[lot, LOT_ENTRY_KIND] == _LEVEL:
            # What came before a fill inside a bar is none of the lot's.
            begin = marks[lot, LOT_BAR] + 1
        for bar in range(begin, last):
            lots[lot, LOT_HIGHEST] = max(lots[lot, LOT_HIGHEST], highs[instrument, bar])
            lots[lot, LOT_LOWEST] = min(lots[lot, LOT_LOWEST], lows[instrument, bar])


@compiled_inline
def note_trades(book, rules, money, counts, closed, closed_marks, first, streak, bar):
    """Note what the trades from `first` on came to, all of this bar, in the order of the list.

    `streak` is how many trades in a row before them lost money.
    """
    order_exits(counts, closed, closed_marks, bar)
    for trade in range(first, counts[TRADES]):
        # A lot that leaves in parts is one trade, at its last exit (3.12).
        if closed_marks[trade, LOT_STAYS] != 0:
            continue
        pnl, share = book.profit(rules, closed, closed_marks, trade)
        money[TRADE_PNL], money[TRADE_RETURN] = pnl, share
        streak = streak + 1 if pnl < 0.0 else 0
    counts[STREAK] = streak


@compiled_inline
def describe_account(money, counts, worth, bar, position):
    """Fill in the account's names, the same for every lot."""
    closed = counts[ENTERED] > counts[LOTS]
    position[EQUITY] = worth
    position[OPEN_LOTS] = counts[LOTS]
    position[BARS_SINCE_EXIT] = bar - counts[LAST_EXIT] if counts[LAST_EXIT] != NEVER else math.nan
    position[LAST_RETURN] = money[TRADE_RETURN] if closed else math.nan
    position[LAST_PNL] = money[TRADE_PNL] if closed else math.nan
    position[LOSING_STREAK] = counts[STREAK]
