"""The spreads that an option run sold, and the one it would sell next, as positions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np

from btkit.markets.expiries import expiries_ahead
from btkit.pricing import black_scholes as pricing
from btkit.pricing.scalar import DAYS_PER_YEAR
from btkit.render.options.position import Moment, OpenSpread, PositionLeg
from btkit.simulation.options import sold_spreads

if TYPE_CHECKING:
    from btkit.engine.books.spread_records import SpreadRules
    from btkit.pricing.spreads import Spread
    from btkit.simulation import Result


def of_spread(result: Result, spread: Spread) -> OpenSpread:
    """Return a spread of a run as it was sold.

    Parameters
    ----------
    result
        The run.
    spread
        One of its `spreads`.
    """
    rules = sold_spreads(result).rules
    sold = date.fromisoformat(spread.entry_date[:10])
    days = max((date.fromisoformat(spread.expiry) - sold).days, 0)
    moment = Moment(spread.spot_entry, spread.iv_entry, days)
    legs = tuple(
        PositionLeg(leg.side, leg.right, leg.strike, _premium(rules, leg.side))
        for leg in spread.legs
    )
    return _position(result, legs, spread.contracts, moment, spread.credit)


def at_last_close(result: Result) -> OpenSpread | None:
    """Return one contract as the rule would sell it at the last close.

    Parameters
    ----------
    result
        The run, with whose volatility and rules it is priced.

    Returns
    -------
    OpenSpread or None
        None where no volatility is known there, or it would bring no credit.
    """
    sold = sold_spreads(result)
    market, rules, spec = sold.market, sold.rules, sold.spec
    spot, iv = float(market.close[0, -1]), float(market.volatility[-1])
    if not iv > 0.0:
        return None
    today = result.all_bars.index[-1:].to_numpy().astype("datetime64[D]")
    expiry = expiries_ahead(
        today, target_dte=spec.target_dte, snap=spec.expiry, calendar=spec.calendar
    )
    days = int((expiry - today).astype(np.int64)[0])
    moment = Moment(spot, iv, days)
    legs = tuple(
        PositionLeg(side, right, _strike(result, side, right, moment), _premium(rules, side))
        for side, right in _kinds(rules)
    )
    position = _position(result, legs, 1, moment, None)
    return position if days > 0 and position.credit > 0.0 else None


def _kinds(
    rules: SpreadRules,
) -> Iterator[tuple[Literal["short", "long"], Literal["put", "call"]]]:
    if rules.puts:
        yield from (("short", "put"), ("long", "put"))
    if rules.calls:
        yield from (("short", "call"), ("long", "call"))


def _premium(rules: SpreadRules, side: str) -> float:
    return float(rules.short_premium if side == "short" else rules.long_premium)


def _strike(result: Result, side: str, right: Literal["put", "call"], moment: Moment) -> float:
    sold = sold_spreads(result)
    spec, rules = sold.spec, sold.rules
    strike = float(
        pricing.strike_from_delta(
            right,
            moment.spot,
            spec.short_delta if side == "short" else spec.long_delta,
            moment.days / DAYS_PER_YEAR,
            max(moment.iv + _premium(rules, side), 0.0),
            rate=rules.rate,
            dividend_yield=rules.dividend_yield,
        )
    )
    step = rules.strike_step
    return float(np.floor(strike / step + 0.5) * step) if step > 0.0 else strike


def _position(
    result: Result,
    legs: tuple[PositionLeg, ...],
    contracts: int,
    sold: Moment,
    received: float | None,
) -> OpenSpread:
    rules = sold_spreads(result).rules
    return OpenSpread(
        legs=legs,
        contracts=contracts,
        sold=sold,
        now=sold,
        received=received,
        slippage=result.slippage,
        commission=result.commission,
        rate=float(rules.rate),
        dividend_yield=float(rules.dividend_yield),
    )
