"""Ratios of intraday runs, against the plain reading of SEMANTICS 5."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from oracle import plain_measures
from support.random_bars import crossover, make_bars

import btkit as bt
from btkit.markets import schedule

CLOSE = {"rel": 1e-9}
CALENDARS = {"XNYS": 252, "CMES": 252, "XHKG": 252, "24/5": 260, "24/7": 365, "XTAE": 252}


def sessions_of(calendar: str) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    listed = schedule(calendar, pd.Timestamp("2024-01-02"), pd.Timestamp("2024-03-28"))
    return list(listed.itertuples(index=False, name=None))


def thin_bars(calendar: str, minutes: int, seed: int) -> pd.DataFrame:
    times = np.concatenate(
        [
            pd.date_range(opening, closing, freq=f"{minutes}min", inclusive="left").tz_localize(
                None
            )
            for opening, closing in sessions_of(calendar)
        ]
    )
    kept = np.random.default_rng(seed).random(len(times)) < 0.7
    index = pd.DatetimeIndex(times[kept]).tz_localize("UTC").rename("time")
    return make_bars(len(index), seed, index=index)


def measured(result: bt.Result) -> tuple[float, float, float]:
    metrics = result.metrics
    return metrics.sharpe_ratio, metrics.sortino_ratio, metrics.volatility


def expected(returns: list[float], a: float) -> tuple[float, float, float]:
    return (
        plain_measures.sharpe_ratio(returns, a),
        plain_measures.sortino_ratio(returns, a),
        plain_measures.volatility(returns, a),
    )


@pytest.mark.parametrize("minutes", [30, 60])
@pytest.mark.parametrize("calendar", CALENDARS)
def test_intraday_ratios_are_those_of_sessions(calendar, minutes):
    bars = thin_bars(calendar, minutes, seed=minutes)
    result = bt.simulate(crossover(calendar=calendar), bars, capital=50_000, start=bars.index[100])
    equity = result.equity
    returns = plain_measures.returns_by_session(
        list(equity.index), equity.tolist(), sessions_of(calendar), 50_000
    )
    assert measured(result) == pytest.approx(expected(returns, CALENDARS[calendar]), **CLOSE)


def test_an_option_run_is_measured_from_session_to_session():
    bars = thin_bars("XNYS", 60, seed=5).assign(current_iv=0.2)
    spec = {
        "name": "puts",
        "spread_type": "short_put_spread",
        "short_delta": 0.30,
        "long_delta": 0.10,
        "target_dte": 30,
        "profit_target_pct": 0.5,
        "stop_loss_pct": 2.0,
        "entry_conditions": ["not in_position"],
        "exit_conditions": [],
    }
    result = bt.simulate(spec, bars, capital=50_000, slippage=0.01)
    assert result.metrics.total_trades > 0
    equity = result.equity
    returns = plain_measures.returns_by_session(
        list(equity.index), equity.tolist(), sessions_of("XNYS"), 50_000
    )
    assert measured(result) == pytest.approx(expected(returns, 252), **CLOSE)


def test_a_stated_year_is_one_of_bars():
    bars = thin_bars("XNYS", 60, seed=1)
    result = bt.simulate(crossover(bars_per_year=1764), bars, capital=50_000)
    returns = plain_measures.returns_by_bar(result.equity.tolist(), 50_000)
    assert measured(result) == pytest.approx(expected(returns, 1764), **CLOSE)


@pytest.mark.parametrize(
    ("freq", "a"), [("B", 252), ("W-MON", 52), ("2W-MON", 26), ("MS", 12), ("QS", 4)]
)
def test_daily_and_longer_bars_have_a_return_each(freq, a):
    bars = make_bars(300, index=pd.date_range("1999-01-01", periods=300, freq=freq, name="date"))
    result = bt.simulate(crossover(), bars, capital=50_000)
    returns = plain_measures.returns_by_bar(result.equity.tolist(), 50_000)
    assert measured(result) == pytest.approx(expected(returns, a), **CLOSE)
