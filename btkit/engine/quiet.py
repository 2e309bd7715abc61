"""Most bars only mark the account: many of them at once, inside the loop."""

from __future__ import annotations

from btkit.conditions.compiled import compiled_inline
from btkit.conditions.vectors import SCANNED, closed_run


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
