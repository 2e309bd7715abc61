"""Closed spreads as a trader reads them: legs with their fills, costs, profit and greeks."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from btkit.engine.books.spread_records import (
    CALL_LONG,
    CALL_SHORT,
    EXPIRY,
    MAX_LOSS,
    PUT_LONG,
    PUT_SHORT,
    SHARES_PER_CONTRACT,
    OptionMarket,
    SpreadRules,
)
from btkit.engine.books.spread_valuations import Fills, Valuations, entry_fills, exit_fills
from btkit.engine.inputs import Floats
from btkit.engine.orders import Reason
from btkit.engine.runs import TradeValues
from btkit.engine.state import Trades
from btkit.pricing import black_scholes as pricing
from btkit.pricing.scalar import price_options
from btkit.pricing.spreads import Greeks, Leg, Life, Spread

_GREEKS = ("delta", "gamma", "theta", "vega", "rho")
# A trader reads theta a day, vega an IV point, rho a percentage point.
_UNITS = {"delta": 1.0, "gamma": 1.0, "theta": 1.0 / 365.0, "vega": 0.01, "rho": 0.01}


@dataclass(frozen=True)
class _Side:
    """One kind of leg of every spread; prices are without slippage."""

    side: Literal["short", "long"]
    right: Literal["put", "call"]
    strike: Floats
    entry: Floats
    exit: Floats
    volatility: Floats


def value_spreads(market: OptionMarket, rules: SpreadRules, trades: Trades) -> TradeValues:
    """Work out each spread's profit and costs.

    Parameters
    ----------
    market, rules
        What the loop read.
    trades
        The closed spreads.

    Returns
    -------
    TradeValues
        `return_pct` is the profit over the max loss.
    """
    shares = SHARES_PER_CONTRACT * trades.quantity
    commission = trades.entry_commission + trades.exit_commission
    pnl = shares * (trades.entry_price - trades.exit_price) - commission
    slipped = np.zeros(len(trades.reason))
    settled = trades.reason == Reason.EXPIRATION
    for leg in _sides(market, rules, trades):
        slipped += leg.entry + np.where(settled, 0.0, leg.exit)
    return TradeValues(
        pnl=pnl,
        return_pct=pnl / (trades.lots[:, MAX_LOSS] * trades.quantity),
        commission=commission,
        slippage_cost=rules.slippage * shares * slipped,
        bars_held=trades.exit_bar - trades.entry_bar,
    )


def list_spreads(
    market: OptionMarket,
    rules: SpreadRules,
    trades: Trades,
    *,
    index: pd.DatetimeIndex,
    iv_rank: Floats,
    valuations: Valuations,
) -> list[Spread]:
    """Return every closed spread with its legs.

    Parameters
    ----------
    market, rules
        What the loop read.
    trades
        The closed spreads.
    index
        Bar times.
    iv_rank
        By bar; NaN where it is not known.
    valuations
        As `follow` gives them.
    """
    if not len(trades.reason):
        return []
    sides = _sides(market, rules, trades)
    entry = entry_fills(market, trades)
    leaving = exit_fills(market, trades)
    settled = trades.reason == Reason.EXPIRATION
    slippage = np.where(settled, 0.0, rules.slippage)
    greeks = _greeks(sides, entry, rules, SHARES_PER_CONTRACT * trades.quantity)
    deltas = [_greek("delta", leg, entry, rules) for leg in sides]
    pnl = value_spreads(market, rules, trades).pnl
    decided = trades.entry_bar - (0 if rules.at_close else 1)
    ends = valuations.spread.searchsorted(np.arange(len(trades.reason) + 1)).tolist()
    found = []
    for row in range(len(trades.reason)):
        legs = []
        for leg, delta in zip(sides, deltas, strict=True):
            sign = 1.0 if leg.side == "short" else -1.0
            legs.append(
                Leg(
                    side=leg.side,
                    right=leg.right,
                    strike=float(leg.strike[row]),
                    delta=float(delta[row]),
                    entry_price=float(leg.entry[row] * (1.0 - sign * rules.slippage)),
                    exit_price=float(leg.exit[row] * (1.0 + sign * slippage[row])),
                )
            )
        rank = float(iv_rank[decided[row]])
        lived = slice(ends[row], ends[row + 1])
        found.append(
            Spread(
                entry_date=_written(index[trades.entry_bar[row]]),
                exit_date=_written(index[trades.exit_bar[row]]),
                expiry=_day(int(trades.marks[row, EXPIRY])),
                contracts=int(trades.quantity[row]),
                legs=legs,
                credit=float(trades.entry_price[row]),
                close_value=float(trades.exit_price[row]),
                max_loss=float(trades.lots[row, MAX_LOSS] * trades.quantity[row]),
                pnl=float(pnl[row]),
                exit_reason=Reason(trades.reason[row]).name.lower(),
                iv_entry=float(entry.volatility[row]),
                iv_rank_entry=rank if np.isfinite(rank) else None,
                spot_entry=float(entry.spot[row]),
                spot_exit=float(leaving.spot[row]),
                greeks=Greeks(**{name: float(greeks[name][row]) for name in _GREEKS}),
                life=Life(
                    iv=market.volatility[valuations.bar[lived]].tolist(),
                    value=valuations.to_close[lived].tolist(),
                ),
            )
        )
    return found


def _sides(market: OptionMarket, rules: SpreadRules, trades: Trades) -> list[_Side]:
    entry = entry_fills(market, trades)
    leaving = exit_fills(market, trades)
    kinds: list[tuple[Literal["short", "long"], Literal["put", "call"], int, float]] = []
    if rules.puts:
        kinds.append(("short", "put", PUT_SHORT, rules.short_premium))
        kinds.append(("long", "put", PUT_LONG, rules.long_premium))
    if rules.calls:
        kinds.append(("short", "call", CALL_SHORT, rules.short_premium))
        kinds.append(("long", "call", CALL_LONG, rules.long_premium))
    sides = []
    for side, right, column, premium in kinds:
        strike = np.ascontiguousarray(trades.lots[:, column])
        prices = [
            price_options(
                right == "call",
                fill.spot,
                strike,
                fill.years,
                np.maximum(fill.volatility + premium, 0.0),
                rules.rate,
                rules.dividend_yield,
            )
            for fill in (entry, leaving)
        ]
        volatility = np.maximum(entry.volatility + premium, 0.0)
        sides.append(_Side(side, right, strike, prices[0], prices[1], volatility))
    return sides


def _greek(name: str, leg: _Side, entry: Fills, rules: SpreadRules) -> Floats:
    function = getattr(pricing, name)
    values: Floats = function(
        leg.right,
        entry.spot,
        leg.strike,
        entry.years,
        leg.volatility,
        rate=rules.rate,
        dividend_yield=rules.dividend_yield,
    )
    return values


def _greeks(
    sides: list[_Side], entry: Fills, rules: SpreadRules, shares: Floats
) -> dict[str, Floats]:
    totals = {name: np.zeros(len(shares)) for name in _GREEKS}
    for leg in sides:
        sign = -1.0 if leg.side == "short" else 1.0
        for name in _GREEKS:
            totals[name] += sign * _UNITS[name] * shares * _greek(name, leg, entry, rules)
    return totals


def _written(moment: pd.Timestamp) -> str:
    return moment.date().isoformat() if moment.tz is None else moment.isoformat()


def _day(number: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=number)).isoformat()
