"""Agreement with empyrical-reloaded, and the known faults of other tools."""

import math

import empyrical
import numpy as np
import pandas as pd
import pytest

from btkit.metrics import TradeColumns, bar_returns, compute_metrics

YEARS = 365.25


def random_walk(seed, *, drift, spread, bars=2000):
    return 100_000 * np.cumprod(1 + np.random.default_rng(seed).normal(drift, spread, bars))


def index_like():
    # Twenty years that look like an index: clustered volatility, fat tails, two long falls.
    rng = np.random.default_rng(1999)
    spread = np.exp(np.convolve(rng.normal(0, 0.25, 5531), np.ones(60) / 8, "valid")[:5031]) * 0.009
    returns = 0.0003 + spread * rng.standard_t(4, 5031) / math.sqrt(2)
    returns[300:900] -= 0.0012
    returns[2200:2560] -= 0.0025
    return 100_000 * np.cumprod(1 + returns)


def crash():
    rise = 100_000 * 1.0005 ** np.arange(500)
    fall = rise[-1] * np.array([0.95, 0.80, 0.62, 0.55, 0.50, 0.52, 0.49])
    return np.concatenate([rise, fall, fall[-1] * 1.002 ** np.arange(200)])


def mostly_flat():
    equity = np.full(1000, 100_000.0)
    equity[200:205] = [100_100, 100_300, 99_900, 100_250, 100_400]
    equity[205:] = 100_400
    return equity


CURVES = {
    "rising walk": random_walk(1, drift=0.0006, spread=0.01),
    "falling walk": random_walk(2, drift=-0.0008, spread=0.012),
    "quiet walk": random_walk(3, drift=0.0, spread=1e-5),
    "wild walk": random_walk(4, drift=0.001, spread=0.08, bars=400),
    "index-like": index_like(),
    "crash": crash(),
    "mostly flat": mostly_flat(),
}


def measure(equity, times, *, periods_per_year=252, initial=100_000.0):
    return compute_metrics(
        equity,
        times,
        initial_capital=initial,
        periods_per_year=periods_per_year,
        trades=TradeColumns.empty(),
    )


@pytest.mark.parametrize("equity", CURVES.values(), ids=CURVES.keys())
@pytest.mark.parametrize("periods_per_year", [52, 252, 6552])
def test_agrees_with_empyrical(equity, periods_per_year):
    times = pd.bdate_range("1999-01-04", periods=len(equity))
    ours = measure(equity, times, periods_per_year=periods_per_year)
    returns = bar_returns(equity, 100_000.0)
    clock = {"annualization": periods_per_year}
    assert ours.sharpe_ratio == pytest.approx(empyrical.sharpe_ratio(returns, **clock), rel=1e-9)
    assert ours.sortino_ratio == pytest.approx(empyrical.sortino_ratio(returns, **clock), rel=1e-9)
    assert ours.volatility == pytest.approx(empyrical.annual_volatility(returns, **clock), rel=1e-9)
    assert ours.max_drawdown_pct == pytest.approx(empyrical.max_drawdown(returns), rel=1e-9)
    assert ours.total_return_pct == pytest.approx(empyrical.cum_returns_final(returns), rel=1e-9)
    # empyrical's year is a number of bars; given ours in bars, its CAGR must be ours.
    days = (times[-1] - times[0]).days
    year = {"annualization": len(returns) * YEARS / days}
    assert ours.cagr == pytest.approx(empyrical.cagr(returns, **year), rel=1e-9)
    assert ours.calmar_ratio == pytest.approx(empyrical.calmar_ratio(returns, **year), rel=1e-9)


def test_a_year_of_fifteen_minute_bars_is_6552_bars_and_no_other_number():
    returns = np.random.default_rng(5).normal(0.0001, 0.002, 26 * 40)
    times = pd.date_range("2024-01-02", periods=len(returns), freq="15min", tz="UTC")
    equity = 100_000 * np.cumprod(1 + returns)
    ours = measure(equity, times, periods_per_year=6552)
    expected = returns.mean() / returns.std(ddof=1) * math.sqrt(6552)
    assert ours.sharpe_ratio == pytest.approx(expected, rel=1e-6)


def test_the_sharpe_ratio_does_not_depend_on_the_interval():
    # The same independent hourly returns, seen hourly and daily: within sampling error, not 4.9x.
    hourly = 100_000 * np.cumprod(1 + np.random.default_rng(6).normal(2e-4, 0.003, 24 * 2000))
    hours = pd.date_range("2015-01-01", periods=len(hourly), freq="h", tz="UTC")
    fine = measure(hourly, hours, periods_per_year=365 * 24)
    coarse = measure(hourly[23::24], hours[23::24], periods_per_year=365)
    assert fine.sharpe_ratio == pytest.approx(coarse.sharpe_ratio, rel=0.05)


def test_periods_per_year_reaches_every_annualised_ratio():
    equity = CURVES["rising walk"]
    times = pd.bdate_range("1999-01-04", periods=len(equity))
    once, four = (
        measure(equity, times, periods_per_year=252),
        measure(equity, times, periods_per_year=1008),
    )
    for name in ("sharpe_ratio", "sortino_ratio", "volatility"):
        assert getattr(four, name) == pytest.approx(2 * getattr(once, name)), name
    assert four.cagr == once.cagr


def test_a_market_that_never_closes_keeps_its_own_year():
    times = pd.date_range("2020-01-01", periods=731)
    equity = np.linspace(100_000, 121_000, 731)
    # 730 days are two years: 10 % a year, whatever number of bars a year is said to have.
    assert measure(equity, times, periods_per_year=365).cagr == pytest.approx(0.1, abs=2e-4)
    assert measure(equity, times, periods_per_year=252).cagr == pytest.approx(0.1, abs=2e-4)


def test_sortino_is_not_made_from_the_deviation_of_negative_returns():
    returns = np.array([0.02, -0.01, -0.01, 0.03])  # equal losses: their deviation would be 0
    equity = 100.0 * np.cumprod(1 + returns)
    ours = measure(equity, pd.bdate_range("2024-01-01", periods=4), initial=100.0)
    expected = returns.mean() / math.sqrt(2e-4 / 4) * math.sqrt(252)
    assert ours.sortino_ratio == pytest.approx(expected, rel=1e-9)


def test_weekends_are_not_observations():
    sessions = pd.bdate_range("2024-01-01", periods=250)
    equity = 100_000 * np.cumprod(1 + np.random.default_rng(8).normal(0.0005, 0.01, 250))
    ours = measure(equity, sessions)
    filled = pd.Series(equity, index=sessions).asfreq("D").ffill()
    calendar = measure(filled.to_numpy(), filled.index)
    assert calendar.sharpe_ratio / ours.sharpe_ratio == pytest.approx(math.sqrt(5 / 7), rel=0.02)
    assert ours.sharpe_ratio == pytest.approx(
        empyrical.sharpe_ratio(bar_returns(equity, 100_000.0)), rel=1e-9
    )
