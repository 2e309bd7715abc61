"""What happened to each spread between its fills, worked out after the loop.

The same compiled arithmetic as in the loop, so that what is shown is what was decided upon.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from btkit.conditions.compiled import compiled
from btkit.engine.books.quotes import (
    cost_to_close,
    leg_sums,
    short_leg_delta,
    within,
)
from btkit.engine.books.spread_records import (
    ENTRY_BAR,
    EXIT_BAR,
    EXPIRY,
    REASON,
    WING,
    OptionMarket,
    SpreadReason,
    SpreadRules,
)
from btkit.engine.inputs import Floats, Integers
from btkit.pricing.scalar import years_left

_AT_CLOSE = (SpreadReason.EXPIRATION, SpreadReason.END_OF_DATA, SpreadReason.RUIN)


class Lives(NamedTuple):
    """Every spread at every close at which it was open, spread by spread, (n,).

    Parameters
    ----------
    spread, bar
        int64: which spread, and which bar.
    mid, to_close
        float64: value and cost of buying it back, in $ a share.
    short_delta
        float64: the short leg's absolute delta.
    """

    spread: Integers
    bar: Integers
    mid: Floats
    to_close: Floats
    short_delta: Floats


class Fills(NamedTuple):
    """Where each spread was sold or bought back, (n_spreads,): spot in $, years, volatility."""

    spot: Floats
    years: Floats
    volatility: Floats


def closes_at_close(
    marks: Integers, rules: SpreadRules
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which spreads were closed at a close rather than at an open."""
    return np.isin(marks[:, REASON], _AT_CLOSE) | rules.at_close


def entry_fills(market: OptionMarket, rules: SpreadRules, marks: Integers) -> Fills:
    """Return what each spread's entry was priced with."""
    bars = marks[:, ENTRY_BAR]
    spot = (market.close if rules.at_close else market.open)[bars]
    years = np.maximum(marks[:, EXPIRY] - market.day[bars], 0) / 365.0
    return Fills(spot, years, market.volatility[bars if rules.at_close else bars - 1])


def exit_fills(market: OptionMarket, rules: SpreadRules, marks: Integers) -> Fills:
    """Return what each spread's exit was priced with."""
    bars = marks[:, EXIT_BAR]
    late = closes_at_close(marks, rules)
    spot = np.where(late, market.close[bars], market.open[bars])
    years = np.maximum(marks[:, EXPIRY] - market.day[bars], 0) / 365.0
    volatility = market.volatility[np.where(late, bars, bars - 1)]
    return Fills(spot, years, volatility)


def follow(market: OptionMarket, rules: SpreadRules, values: Floats, marks: Integers) -> Lives:
    """Return every spread at every close at which it was open.

    Parameters
    ----------
    market, rules
        What the loop read.
    values, marks
        The closed spreads.
    """
    first = marks[:, ENTRY_BAR]
    count = marks[:, EXIT_BAR] - first + closes_at_close(marks, rules)
    spread = np.repeat(np.arange(len(first)), count)
    begin = np.cumsum(count) - count
    bar = np.arange(len(spread)) - begin[spread] + first[spread]
    quotes = np.empty((len(spread), 3))
    if len(spread):
        quote(market, rules, values, marks, spread, bar, quotes)
    return Lives(spread, bar, *(np.ascontiguousarray(column) for column in quotes.T))


@compiled
def quote(market, rules, values, marks, spread, bar, quotes):
    """Write mid, cost to close and short delta of spreads at closes."""
    close, volatility, day = market.close, market.volatility, market.day
    for row in range(spread.size):
        which, at = spread[row], bar[row]
        years = years_left(marks[which, EXPIRY], day[at])
        spot, iv = close[at], volatility[at]
        short, long = leg_sums(values, which, spot, years, iv, rules)
        quotes[row, 0] = within(short - long, values[which, WING])
        quotes[row, 1] = cost_to_close(short, long, values[which, WING], rules.slippage)
        quotes[row, 2] = short_leg_delta(values, which, spot, years, iv, rules)
