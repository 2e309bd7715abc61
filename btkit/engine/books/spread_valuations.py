"""What happened to each spread between its fills, worked out after the loop.

The same compiled arithmetic as in the loop, so that what is shown is what was decided upon.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from btkit.conditions.compiled import compiled
from btkit.engine.books.quotes import cost_to_close, leg_sums, short_leg_delta, within
from btkit.engine.books.spread_records import EXPIRY, WING, OptionMarket, SpreadRules
from btkit.engine.inputs import Flags, Floats, Integers
from btkit.engine.orders import FillKind
from btkit.engine.state import LOT_INSTRUMENT, Trades
from btkit.pricing.scalar import DAYS_PER_YEAR, years_left


class Valuations(NamedTuple):
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


def closes_at_close(trades: Trades) -> Flags:
    """Return which spreads were closed at a close rather than at an open."""
    closed: Flags = trades.fill_kind == FillKind.CLOSE
    return closed


def entry_fills(market: OptionMarket, trades: Trades) -> Fills:
    """Return what each spread's entry was priced with."""
    return _fills(market, trades, trades.entry_bar, trades.entry_kind == FillKind.CLOSE)


def exit_fills(market: OptionMarket, trades: Trades) -> Fills:
    """Return what each spread's exit was priced with."""
    return _fills(market, trades, trades.exit_bar, closes_at_close(trades))


def _fills(market: OptionMarket, trades: Trades, bars: Integers, at_close: Flags) -> Fills:
    at = trades.instrument, bars
    spot = np.where(at_close, market.close[at], market.open[at])
    years = np.maximum(trades.marks[:, EXPIRY] - market.day[bars], 0) / DAYS_PER_YEAR
    return Fills(spot, years, market.volatility[np.where(at_close, bars, bars - 1)])


def follow(market: OptionMarket, rules: SpreadRules, trades: Trades) -> Valuations:
    """Return every spread at every close at which it was open.

    Parameters
    ----------
    market, rules
        What the loop read.
    trades
        The closed spreads.
    """
    first = trades.entry_bar
    count = trades.exit_bar - first + closes_at_close(trades)
    spread = np.repeat(np.arange(len(first)), count)
    begin = np.cumsum(count) - count
    bar = np.arange(len(spread)) - begin[spread] + first[spread]
    quotes = np.empty((len(spread), 3))
    if len(spread):
        quote(market, rules, trades, spread, bar, quotes)
    return Valuations(spread, bar, *(np.ascontiguousarray(column) for column in quotes.T))


@compiled
def quote(market, rules, trades, spread, bar, quotes):
    """Write mid, cost to close and short delta of spreads at closes."""
    values, marks = trades.lots, trades.marks
    close, volatility, day = market.close, market.volatility, market.day
    for row in range(spread.size):
        which, at = spread[row], bar[row]
        years = years_left(marks[which, EXPIRY], day[at])
        spot, iv = close[marks[which, LOT_INSTRUMENT], at], volatility[at]
        short, long = leg_sums(values, which, spot, years, iv, rules)
        quotes[row, 0] = within(short - long, values[which, WING])
        quotes[row, 1] = cost_to_close(short, long, values[which, WING], rules.slippage)
        quotes[row, 2] = short_leg_delta(values, which, spot, years, iv, rules)
