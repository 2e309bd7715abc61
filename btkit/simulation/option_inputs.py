"""What the loop reads for an option spec: the numbers of the spec, and what options cost."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from btkit.engine.books.spread_records import OptionMarket, SpreadRules
from btkit.engine.carry import Carry
from btkit.engine.inputs import Floats, Integers, Market
from btkit.indicators import FeatureSet
from btkit.markets.expiries import expiries_ahead
from btkit.pricing.scalar import DAYS_PER_YEAR
from btkit.spec import OptionsSpec

_AT_THE_MONEY = 0.5


def spread_rules(spec: OptionsSpec, *, commission: float, slippage: float) -> SpreadRules:
    """Return the numbers of a spec and an account as the loop takes them.

    Parameters
    ----------
    spec
        An option spec.
    commission
        $ a contract and leg.
    slippage
        Fraction of each leg's price.
    """
    return SpreadRules(
        puts=spec.spread_type != "short_call_spread",
        calls=spec.spread_type != "short_put_spread",
        at_close=spec.fill == "close",
        filter_all=spec.filter_scope == "all",
        max_holding=spec.max_holding_bars,
        max_positions=spec.max_concurrent_positions,
        slippage=float(slippage),
        commission=float(commission),
        risk=float(spec.per_trade_risk_pct),
        profit_target=float(spec.profit_target_pct),
        stop_loss=float(spec.stop_loss_pct),
        rate=float(spec.risk_free_rate),
        dividend_yield=float(spec.dividend_yield),
        short_premium=float(spec.skew) * abs(_AT_THE_MONEY - float(spec.short_delta)),
        long_premium=float(spec.skew) * abs(_AT_THE_MONEY - float(spec.long_delta)),
        strike_step=float(spec.strike_step or 0.0),
        short_delta=float(spec.short_delta),
    )


def option_market(
    spec: OptionsSpec, bars: pd.DataFrame, features: FeatureSet, carry: Carry | None, start: int
) -> OptionMarket:
    """Return what is known at each bar, for a spread that fills there and for those held.

    Parameters
    ----------
    spec
        An option spec.
    bars
        Checked bars with open and close.
    features
        Their features; the spec's ``iv_source`` is asked for.
    carry, start
        As for `btkit.engine.Market.of`.
    """
    dates = features.dates
    implied = features.column(spec.iv_source)
    if spec.iv_source == "vix":
        implied = implied / 100.0
    implied = float(spec.iv_scale) * implied
    known = np.isfinite(implied)
    # A spread that is held has to be worth something: the last volatility known stays in force.
    last_known = np.maximum.accumulate(np.where(known, np.arange(len(known)), 0))
    day = dates.astype(np.int64)
    expiry = expiries_ahead(
        dates, target_dte=spec.target_dte, snap=spec.expiry, calendar=spec.calendar
    ).astype(np.int64)
    ends_session = np.ones(len(day), np.bool_)
    if features.interval.is_intraday:
        ends_session[:-1] = day[:-1] != day[1:]
    short, long = (
        _quantiles(float(delta), expiry - day, float(spec.dividend_yield))
        for delta in (spec.short_delta, spec.long_delta)
    )
    return OptionMarket(
        *Market.of(bars, carry, start),
        volatility=np.ascontiguousarray(implied[last_known]),
        known=known,
        day=day,
        ends_session=ends_session,
        expiry=expiry,
        short_quantile=short,
        long_quantile=long,
    )


def _quantiles(delta: float, days: Integers, dividend_yield: float) -> Floats:
    from scipy.special import ndtri  # noqa: PLC0415 - scipy is slow to import

    # Few different distances occur, so each is worked out once, with Python's own exp.
    distances, place = np.unique(days, return_inverse=True)
    reached = np.array(
        [
            delta * math.exp(dividend_yield * (max(distance, 0) / DAYS_PER_YEAR))
            for distance in distances.tolist()
        ]
    )
    quantiles: Floats = np.where(reached < 1.0, ndtri(np.minimum(reached, 1.0)), np.nan)
    return quantiles[place]
