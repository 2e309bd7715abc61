"""Most bars only mark the account: many of them at once, inside the loop."""

from __future__ import annotations

from btkit.conditions.compiled import compiled_inline
from btkit.conditions.vectors import SCANNED, closed_run
from btkit.engine.levels import until_reached
from btkit.engine.orders import Side
from btkit.engine.state import (
    CASH,
    LOT_BAR,
    LOT_INSTRUMENT,
    LOT_QUANTITY,
    LOT_SIDE,
    LOT_TRAIL,
    LOTS,
)

_BUY = int(Side.BUY)


@compiled_inline
def mark_until_open(one, other, closes, equity, bar, end, free, shares):
    """Mark the account until one of two gates is open; return that bar, `end` if there is none."""
    while bar + SCANNED <= end:
        # Bars behind the open gate are marked, too, and again once what happens there is known:
        # cheaper than to stop in the right place.
        prices, worth = closes[bar : bar + SCANNED], equity[bar : bar + SCANNED]
        for at in range(prices.size):
            worth[at] = free + shares * prices[at]
        before = closed_run(one, other, bar)
        if before < SCANNED:
            return bar + before
        # Not `before`, which is as much: then the next bars would wait until it is known.
        bar += SCANNED
    while bar < end and not (one[bar] or other[bar]):
        equity[bar] = free + shares * closes[bar]
        bar += 1
    return bar


@compiled_inline
def skip_inside(
    book, levels, entry_gate, exit_gate, stop_gate, rules, market, money, counts, lots, marks,
    equity, bar, end,
):  # fmt: skip
    """Do what a book's `skip_quiet` does for lots with levels, whose trailing stops follow."""
    closes = market.close
    if counts[LOTS] == 0 or rules.margin > 0.0:
        return book.skip_quiet(
            entry_gate, exit_gate, stop_gate, rules, closes, money, counts, lots, marks, equity,
            bar, end,
        )  # fmt: skip
    end = min(end, marks[0, LOT_BAR] + rules.max_holding)
    # Cash and one long lot: no ruin is possible.
    alone = counts[LOTS] == 1 and marks[0, LOT_SIDE] == _BUY and money[CASH] >= 0.0
    while bar < end:
        part = min(bar + SCANNED, end)
        until = _closed_until(exit_gate, stop_gate, bar, part)
        if alone:
            until, lots[0, LOT_TRAIL] = until_reached(levels, market, lots, marks, 0, bar, until)
            shares = rules.multiplier * lots[0, LOT_QUANTITY]
            own, worth = closes[marks[0, LOT_INSTRUMENT], bar:until], equity[bar:until]
            cash = money[CASH]
            for at in range(own.size):
                worth[at] = cash + shares * own[at]
        else:
            for lot in range(counts[LOTS]):
                until, _ = until_reached(levels, market, lots, marks, lot, bar, until)
            for at in range(bar, until):
                now = book.worth(rules, closes, money, counts, lots, marks, at)
                if now <= 0.0:
                    until = at
                    break
                equity[at] = now
            for lot in range(counts[LOTS]):
                _, lots[lot, LOT_TRAIL] = until_reached(
                    levels, market, lots, marks, lot, bar, until
                )
        bar = until
        if until < part:
            break
    return bar


@compiled_inline
def _closed_until(one, other, bar, end):
    if bar + SCANNED == end:
        return bar + closed_run(one, other, bar)
    while bar < end and not (one[bar] or other[bar]):
        bar += 1
    return bar
