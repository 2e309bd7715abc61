"""Thin or missing bars change no ratio of intraday runs."""

from __future__ import annotations

import math

import empyrical
import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.markets import schedule
from btkit.metrics import compute_metrics
from btkit.metrics.model import TradeColumns

MINUTES = 390
HOLD = {
    "name": "hold",
    "entry_conditions": ["not in_position"],
    "exit_conditions": [],
    "stop_conditions": [],
    "position_sizing_formula": "capital / close",
    "allow_fractional": True,
    "max_holding_bars": 10**6,
}


def full_minutes(sessions=60, seed=0):
    listed = schedule("XNYS", pd.Timestamp("2024-01-02"), pd.Timestamp("2024-06-28"))
    opens = listed["open"].dt.tz_localize(None).to_numpy()[:sessions]
    index = pd.DatetimeIndex(
        (opens[:, None] + np.arange(MINUTES) * np.timedelta64(60, "s")).ravel(), tz="UTC"
    )
    returns = np.random.default_rng(seed).normal(4e-6, 0.0006, len(index))
    close = 100.0 * np.exp(np.cumsum(returns))
    opened = np.r_[100.0, close[:-1]]
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
            "volume": 100.0,
        },
        index=index,
    )


def thinned(bars, *, kept=120, seed=1, last_minute):
    """120 of 390 minutes a session have a trade; the first two of all, so that entries agree."""
    random = np.random.default_rng(seed)
    chosen = np.zeros((len(bars) // MINUTES, MINUTES), bool)
    for session in chosen:
        session[random.choice(MINUTES, kept, replace=False)] = True
    chosen[0, :2] = True
    chosen[:, -1] |= last_minute
    return bars[chosen.ravel()]


def held(bars):
    bars = bars.copy()
    bars.attrs["btkit"] = None
    return bt.simulate(HOLD, bars, capital=100_000, commission=0.0, slippage=0.0)


def test_a_thin_stock_has_the_ratios_of_a_busy_one():
    bars = full_minutes()
    busy, thin = held(bars).metrics, held(thinned(bars, last_minute=True)).metrics
    for name in ("sharpe_ratio", "sortino_ratio", "volatility", "cagr"):
        assert getattr(thin, name) == pytest.approx(getattr(busy, name), rel=1e-9), name


def test_a_stock_whose_last_minutes_lack_is_off_by_what_they_moved():
    bars = full_minutes()
    some = thinned(bars, last_minute=False)
    busy, thin = held(bars), held(some)
    session = np.arange(len(bars)) // MINUTES
    ends = np.append(np.flatnonzero(np.diff(session[bars.index.isin(some.index)])), len(some) - 1)
    true = busy.equity.to_numpy()[MINUTES - 1 :: MINUTES]
    early = thin.equity.to_numpy()[ends]
    full, short = (np.diff(np.r_[100_000.0, curve]) / np.r_[100_000.0, curve[:-1]]
                   for curve in (true, early))  # fmt: skip
    # A standard deviation moves by that of the difference at most (triangle inequality).
    off = float(np.std(short - full, ddof=1))
    assert abs(thin.metrics.volatility - busy.metrics.volatility) <= off * math.sqrt(252)
    # m/s − M/S = ((m − M) + (m/s)(S − s))/S.
    moved = abs(short.mean() - full.mean()) * math.sqrt(252) + abs(thin.metrics.sharpe_ratio) * off
    distance = abs(thin.metrics.sharpe_ratio - busy.metrics.sharpe_ratio)
    assert distance <= moved / full.std(ddof=1)
    # The returns from bar to bar, each annualised as one of 98,280, say something else.
    by_bar = np.diff(thin.equity.to_numpy()) / thin.equity.to_numpy()[:-1]
    inflated = by_bar.mean() / by_bar.std(ddof=1) * math.sqrt(252 * MINUTES)
    assert inflated > 1.4 * busy.metrics.sharpe_ratio


def test_ratios_agree_with_empyrical_on_returns_of_sessions():
    result = held(thinned(full_minutes(seed=3), last_minute=False))
    equity = result.equity
    days = equity.groupby(equity.index.tz_convert("America/New_York").date).last()
    returns = days / days.shift(fill_value=100_000.0) - 1.0
    metrics = result.metrics
    assert metrics.sharpe_ratio == pytest.approx(empyrical.sharpe_ratio(returns), rel=1e-9)
    assert metrics.sortino_ratio == pytest.approx(empyrical.sortino_ratio(returns), rel=1e-9)
    assert metrics.volatility == pytest.approx(empyrical.annual_volatility(returns), rel=1e-9)


def test_drawdowns_are_of_every_bar():
    times = pd.DatetimeIndex(["2024-01-04 15:00", "2024-01-04 16:00", "2024-01-05 15:00"], tz="UTC")
    measured = compute_metrics(
        [50.0, 100.0, 110.0], times, initial_capital=100.0, periods_per_year=252,
        period_ends=np.array([1, 2]), trades=TradeColumns.empty(),
    )  # fmt: skip
    assert measured.max_drawdown_pct == -0.5
    assert measured.volatility == pytest.approx(np.std([0.0, 0.1], ddof=1) * math.sqrt(252))


def test_a_year_at_the_weekend_and_one_of_all_weekdays():
    random = np.random.default_rng(2)
    for calendar, a in (("24/7", 365), ("24/5", 260), ("XNYS", 252)):
        index = pd.date_range("2023-01-02", periods=400, freq="D")
        close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, 400)))
        bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close), index=index)
        result = bt.simulate(
            HOLD | {"calendar": calendar}, bars.assign(volume=1.0), commission=0.0, slippage=0.0
        )
        assert result.periods_per_year == result.bars_per_year == a
        returns = result.equity / result.equity.shift(fill_value=100_000.0) - 1.0
        expected = empyrical.sharpe_ratio(returns, annualization=a)
        assert result.metrics.sharpe_ratio == pytest.approx(expected, rel=1e-9)
