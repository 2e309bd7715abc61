"""Most bars only mark the account: many of them at once, inside the loop."""

from __future__ import annotations

from btkit.conditions.compiled import compiled_inline
from btkit.engine.fills import equity_at
from btkit.engine.state import CASH, LOT_BAR, LOT_SHARES, LOTS
from btkit.engine.vectors import SCANNED, closed_run


@compiled_inline
def nothing_owed(rules, money, counts):
    """Return whether the account is cash, or cash and one long lot: then no ruin is possible."""
    if counts[LOTS] == 0:
        return money[CASH] > 0.0
    return counts[LOTS] == 1 and not rules.short and money[CASH] >= 0.0


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
        bar += before
        if before < SCANNED:
            return bar
    while bar < end and not (one[bar] or other[bar]):
        equity[bar] = free + shares * closes[bar]
        bar += 1
    return bar


@compiled_inline
def mark_quiet(
    entry_gate,
    exit_gate,
    stop_gate,
    rules,
    money,
    counts,
    lots,
    lot_marks,
    closes,
    equity,
    bar,
    end,
):
    """Mark bars from `bar` on, before `end`, at which nothing fills and nothing can be decided.

    Only for a state without orders, in which open lots leave no room for another.

    Returns
    -------
    int
        The first bar that was not marked.
    """
    free = money[CASH]
    if counts[LOTS] == 0:
        one, other, shares = entry_gate, entry_gate, 0.0
    else:
        # The oldest lot is the first to reach its limit.
        end = min(end, lot_marks[0, LOT_BAR] + rules.max_holding)
        one, other, shares = exit_gate, stop_gate, lots[0, LOT_SHARES]
    if nothing_owed(rules, money, counts):
        return mark_until_open(one, other, closes, equity, bar, end, free, shares)
    while bar < end and not (one[bar] or other[bar]):
        worth = equity_at(rules, money, counts, lots, closes[bar])
        if worth <= 0.0:
            break
        equity[bar] = worth
        bar += 1
    return bar
