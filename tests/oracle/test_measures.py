"""Intraday runs are measured from session to session, and every metric is measured twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.random_bars import crossover, make_bars

import btkit as bt
from btkit.crosscheck import crosscheck, differences
from btkit.markets import Annualisation, schedule
from btkit.metrics import Metrics

CALENDARS = {"XNYS": 252, "CMES": 252, "XHKG": 252, "24/5": 260, "24/7": 365, "XTAE": 252}
PUTS = {
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
OF_WALK_FORWARDS = {"is_sharpe", "oos_sharpe", "walk_forward_efficiency"}


def thin_bars(calendar: str, minutes: int, seed: int) -> pd.DataFrame:
    sessions = schedule(calendar, pd.Timestamp("2024-01-02"), pd.Timestamp("2024-03-28"))
    times = np.concatenate(
        [
            pd.date_range(opening, closing, freq=f"{minutes}min", inclusive="left").tz_localize(
                None
            )
            for opening, closing in sessions.itertuples(index=False, name=None)
        ]
    )
    kept = np.random.default_rng(seed).random(len(times)) < 0.7
    index = pd.DatetimeIndex(times[kept]).tz_localize("UTC").rename("time")
    return make_bars(len(index), seed, index=index)


@pytest.mark.parametrize("minutes", [30, 60])
@pytest.mark.parametrize("calendar", CALENDARS)
def test_intraday_ratios_are_those_of_sessions(calendar, minutes):
    bars = thin_bars(calendar, minutes, seed=minutes)
    result = bt.simulate(crossover(calendar=calendar), bars, capital=50_000, start=bars.index[100])
    assert len(result.trades) > 0
    assert differences(result) == []
    assert result.periods_per_year == CALENDARS[calendar]


def test_an_option_run_is_measured_from_session_to_session():
    bars = thin_bars("XNYS", 60, seed=5).assign(current_iv=0.2)
    result = bt.simulate(PUTS, bars, capital=50_000, slippage=0.01)
    assert set(result.trades["exit_reason"]) >= {"profit_target"}
    assert differences(result) == []


def test_a_stated_year_is_one_of_bars():
    bars = thin_bars("XNYS", 60, seed=1)
    result = bt.simulate(crossover(bars_per_year=1764), bars, capital=50_000)
    assert result.periods_per_year == 1764
    assert differences(result) == []


@pytest.mark.parametrize(
    ("freq", "a"), [("B", 252), ("W-MON", 52), ("2W-MON", 26), ("MS", 12), ("QS", 4)]
)
def test_daily_and_longer_bars_have_a_return_each(freq, a):
    bars = make_bars(300, index=pd.date_range("1999-01-01", periods=300, freq=freq, name="date"))
    result = bt.simulate(crossover(), bars, capital=50_000)
    assert result.periods_per_year == a
    assert differences(result) == []


def test_a_bar_outside_of_sessions_counts_for_the_next_one():
    # An hour before the open, between two sessions, and, at last, after all of them.
    times = ["2024-01-04 13:00", "2024-01-04 15:00", "2024-01-04 22:00", "2024-01-05 15:00"]
    index = pd.DatetimeIndex([*times, "2024-01-05 22:00"]).tz_localize("UTC").rename("time")
    bars = make_bars(len(index), 3, index=index)
    result = bt.simulate(crossover(), bars, capital=50_000)
    assert len(Annualisation.of("2h").period_ends(index)) == 2
    assert differences(result) == []


def test_every_metric_has_a_plain_measure():
    bars = make_bars(80)
    assert (
        set(crosscheck(crossover(), bars).metrics) == set(Metrics.model_fields) - OF_WALK_FORWARDS
    )
