"""Work out what the loop reads, run it over all bars, and cut what it wrote to size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from btkit.engine import Curve, Decisions
from btkit.engine.records import Floats, Integers
from btkit.indicators import FeatureSet
from btkit.options.expiry import expiries
from btkit.options.loop import run_spreads
from btkit.options.records import (
    CLOSED,
    DAYS_PER_YEAR,
    ENTRY_BAR,
    EXIT_BAR,
    LAST_DECIDED,
    RUINED,
    SKIPPED,
    UNFILLED,
    OptionMarket,
    SpreadCurve,
    SpreadRows,
    SpreadRules,
    SpreadSkip,
    SpreadState,
    new_spread_curve,
    new_spread_rows,
    new_spread_state,
)
from btkit.spec import OptionsSpec

_AT_THE_MONEY = 0.5


@dataclass(frozen=True)
class SpreadOutcome:
    """What a run did.

    Parameters
    ----------
    start, capital, skipped, unfilled, ruined, last_decided
        As in `btkit.engine.Outcome`.
    rows, marks
        Closed spreads in order of exit, the oldest first on one bar: float64
        (n_spreads, VALUE_COLUMNS) and int64 (n_spreads, MARK_COLUMNS).
    curve
        Equity and free cash in $ from bar 0 on; meaningless before `start`.
    decision_cash
        Free cash in $ when each bar's orders were decided.
    """

    start: int
    capital: float
    rows: Floats
    marks: Integers
    curve: Curve
    decision_cash: Floats
    skipped: dict[str, int]
    unfilled: int
    ruined: bool
    last_decided: int


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


def option_market(spec: OptionsSpec, bars: pd.DataFrame, features: FeatureSet) -> OptionMarket:
    """Return what is known at each bar, for a spread that fills there and for those held.

    Parameters
    ----------
    spec
        An option spec.
    bars
        Checked bars with open and close.
    features
        Their features; the spec's ``iv_source`` is asked for.
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
    expiry = expiries(
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
        open=np.array(bars["open"], np.float64),
        close=np.array(bars["close"], np.float64),
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


def run_options(
    market: OptionMarket,
    decisions: Decisions,
    rules: SpreadRules,
    *,
    capital: float,
    start: int = 0,
) -> SpreadOutcome:
    """Simulate from bar `start` to the last bar.

    Parameters
    ----------
    market, rules
        See `btkit.options.records`.
    decisions
        When to act, as `btkit.engine.plan_decisions` gives it.
    capital
        $ at the start.
    start
        The first bar at which orders are decided; bars before it are warm-up.
    """
    bars = market.close.size
    state = new_spread_state(float(capital), min(rules.max_positions, bars))
    closed, curve = new_spread_rows(bars), new_spread_curve(bars)
    run_spreads(start, bars, market, decisions, rules, state, closed, curve)
    return gather_spreads(state, closed, curve, capital=float(capital), start=start)


def gather_spreads(
    state: SpreadState, closed: SpreadRows, curve: SpreadCurve, *, capital: float, start: int
) -> SpreadOutcome:
    """Cut what the loop wrote to size, once it has come to the last bar.

    Parameters
    ----------
    state, closed, curve
        As the loop left them.
    capital
        $ at the start.
    start
        The first bar at which orders were decided.
    """
    done = int(state.counts[CLOSED])
    order = np.lexsort((closed.marks[:done, ENTRY_BAR], closed.marks[:done, EXIT_BAR]))
    return SpreadOutcome(
        start=start,
        capital=capital,
        rows=closed.rows[:done][order],
        marks=closed.marks[:done][order],
        curve=curve.account(),
        decision_cash=curve.decision_cash,
        skipped={
            reason.name.lower(): int(state.counts[SKIPPED + reason])
            for reason in SpreadSkip
            if state.counts[SKIPPED + reason]
        },
        unfilled=int(state.counts[UNFILLED]),
        ruined=bool(state.counts[RUINED]),
        last_decided=int(state.counts[LAST_DECIDED]),
    )
