"""Closed spreads as a trader reads them: legs with their fills, costs, profit and greeks."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from btkit.engine.books.spread_lives import Fills, Lives, entry_fills, exit_fills
from btkit.engine.books.spread_records import (
    CALL_LONG,
    CALL_SHORT,
    CLOSE_VALUE,
    CONTRACTS,
    CREDIT,
    ENTRY_BAR,
    ENTRY_COMMISSION,
    EXIT_BAR,
    EXIT_COMMISSION,
    EXPIRY,
    MAX_LOSS,
    PUT_LONG,
    PUT_SHORT,
    REASON,
    SHARES_PER_CONTRACT,
    OptionMarket,
    SpreadReason,
    SpreadRules,
)
from btkit.engine.inputs import Floats, Integers
from btkit.pricing import black_scholes as pricing
from btkit.pricing.scalar import price_options
from btkit.pricing.spreads import Greeks, Leg, Life, Spread

_GREEKS = ("delta", "gamma", "theta", "vega", "rho")
# A trader reads theta a day, vega an IV point, rho a percentage point.
_UNITS = {"delta": 1.0, "gamma": 1.0, "theta": 1.0 / 365.0, "vega": 0.01, "rho": 0.01}


@dataclass(frozen=True)
class SpreadValues:
    """Money made and costs paid by each spread in $, (n_spreads,)."""

    pnl: Floats
    return_pct: Floats
    commission: Floats
    slippage_cost: Floats
    bars_held: Integers


@dataclass(frozen=True)
class _Side:
    """One kind of leg of every spread; prices are without slippage."""

    side: Literal["short", "long"]
    right: Literal["put", "call"]
    strike: Floats
    entry: Floats
    exit: Floats
    volatility: Floats


def value_spreads(
    market: OptionMarket, rules: SpreadRules, values: Floats, marks: Integers
) -> SpreadValues:
    """Work out each spread's profit and costs.

    Parameters
    ----------
    market, rules
        What the loop read.
    values, marks
        The closed spreads.

    Returns
    -------
    SpreadValues
        `return_pct` is the profit over the max loss.
    """
    shares = SHARES_PER_CONTRACT * values[:, CONTRACTS]
    commission = values[:, ENTRY_COMMISSION] + values[:, EXIT_COMMISSION]
    pnl = shares * (values[:, CREDIT] - values[:, CLOSE_VALUE]) - commission
    slipped = np.zeros(len(values))
    settled = marks[:, REASON] == SpreadReason.EXPIRATION
    for leg in _sides(market, rules, values, marks):
        slipped += leg.entry + np.where(settled, 0.0, leg.exit)
    return SpreadValues(
        pnl=pnl,
        return_pct=pnl / (values[:, MAX_LOSS] * values[:, CONTRACTS]),
        commission=commission,
        slippage_cost=rules.slippage * shares * slipped,
        bars_held=marks[:, EXIT_BAR] - marks[:, ENTRY_BAR],
    )


def list_spreads(
    market: OptionMarket,
    rules: SpreadRules,
    values: Floats,
    marks: Integers,
    *,
    index: pd.DatetimeIndex,
    iv_rank: Floats,
    lives: Lives,
) -> list[Spread]:
    """Return every closed spread with its legs.

    Parameters
    ----------
    market, rules
        What the loop read.
    values, marks
        The closed spreads.
    index
        Bar times.
    iv_rank
        By bar; NaN where it is not known.
    lives
        As `follow` gives them.
    """
    if not len(values):
        return []
    sides = _sides(market, rules, values, marks)
    entry = entry_fills(market, rules, marks)
    leaving = exit_fills(market, rules, marks)
    settled = marks[:, REASON] == SpreadReason.EXPIRATION
    slippage = np.where(settled, 0.0, rules.slippage)
    greeks = _greeks(sides, entry, rules, SHARES_PER_CONTRACT * values[:, CONTRACTS])
    deltas = [_greek("delta", leg, entry, rules) for leg in sides]
    pnl = value_spreads(market, rules, values, marks).pnl
    decided = marks[:, ENTRY_BAR] - (0 if rules.at_close else 1)
    ends = lives.spread.searchsorted(np.arange(len(values) + 1)).tolist()
    found = []
    for row in range(len(values)):
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
                entry_date=_written(index[marks[row, ENTRY_BAR]]),
                exit_date=_written(index[marks[row, EXIT_BAR]]),
                expiry=_day(int(marks[row, EXPIRY])),
                contracts=int(values[row, CONTRACTS]),
                legs=legs,
                credit=float(values[row, CREDIT]),
                close_value=float(values[row, CLOSE_VALUE]),
                max_loss=float(values[row, MAX_LOSS] * values[row, CONTRACTS]),
                pnl=float(pnl[row]),
                exit_reason=SpreadReason(marks[row, REASON]).name.lower(),
                iv_entry=float(entry.volatility[row]),
                iv_rank_entry=rank if np.isfinite(rank) else None,
                spot_entry=float(entry.spot[row]),
                spot_exit=float(leaving.spot[row]),
                greeks=Greeks(**{name: float(greeks[name][row]) for name in _GREEKS}),
                life=Life(
                    iv=market.volatility[lives.bar[lived]].tolist(),
                    value=lives.to_close[lived].tolist(),
                ),
            )
        )
    return found


def _sides(
    market: OptionMarket, rules: SpreadRules, values: Floats, marks: Integers
) -> list[_Side]:
    entry = entry_fills(market, rules, marks)
    leaving = exit_fills(market, rules, marks)
    kinds: list[tuple[Literal["short", "long"], Literal["put", "call"], int, float]] = []
    if rules.puts:
        kinds.append(("short", "put", PUT_SHORT, rules.short_premium))
        kinds.append(("long", "put", PUT_LONG, rules.long_premium))
    if rules.calls:
        kinds.append(("short", "call", CALL_SHORT, rules.short_premium))
        kinds.append(("long", "call", CALL_LONG, rules.long_premium))
    sides = []
    for side, right, column, premium in kinds:
        strike = np.ascontiguousarray(values[:, column])
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
