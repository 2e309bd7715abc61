"""How far what is read at the start hangs on where history begins."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import talib
from support.random_bars import make_bars

import btkit as bt
from btkit.markets import sessions
from btkit.simulation import check_inputs, in_one_piece, simulate_inputs
from btkit.validation import check_drift

BARS = make_bars(900, 11)
NAMES = ("ema_50", "rsi_14", "atr_14", "macd_hist", "adx_14", "obv", "sma_20", "close")


def drift(*, start, begins, **more):
    spec = {
        "name": "tested", "entry_conditions": [f"{name} > 0" for name in NAMES],
        "exit_conditions": [], "stop_conditions": [], "max_holding_bars": 5, **more,
    }  # fmt: skip
    inputs = check_inputs(in_one_piece, spec, BARS, start=BARS.index[start])
    return check_drift(inputs, simulate_inputs(inputs).clauses, begins=begins)


def test_history_that_begins_earlier_is_compared_value_by_value():
    found = drift(start=400, begins=200)
    assert (found.begins, found.compared_with) == tuple(
        BARS.index[bar].date().isoformat() for bar in (200, 0)
    )
    names = [one.name for one in found.drift]
    # Recursive ones alone, the one that hangs on it most first.
    assert set(names) == {"ema_50", "rsi_14", "atr_14", "macd_hist", "adx_14", "obv"}
    assert names[0] == "obv"
    [average] = [one for one in found.drift if one.name == "ema_50"]
    closes = BARS["close"].to_numpy()
    short, long = talib.EMA(closes[200:], 50)[200:], talib.EMA(closes, 50)[400:]
    apart = np.abs(short - long) / np.maximum(short, long)
    assert (average.at_start, average.otherwise) == (short[0], long[0])
    assert average.difference == pytest.approx(apart[0], rel=1e-12)
    settled = BARS.index.get_loc(average.settled) - 400
    assert (apart[settled:] <= 1e-6).all()
    assert apart[settled - 1] > 1e-6


def test_what_never_fades_says_so():
    [volume] = [one for one in drift(start=400, begins=200).drift if one.name == "obv"]
    assert volume.settled is None
    assert volume.difference > 0.0


def test_without_earlier_bars_half_of_the_history_is_left_out():
    found = drift(start=400, begins=0)
    assert found.begins == BARS.index[0].date().isoformat()
    assert found.compared_with == BARS.index[200].date().isoformat()
    swapped = {one.name: one for one in drift(start=400, begins=200).drift}
    for one in found.drift:
        assert one.difference == swapped[one.name].difference
        assert (one.at_start, one.otherwise) == (
            swapped[one.name].otherwise, swapped[one.name].at_start,
        )  # fmt: skip


def test_a_value_that_is_missing_with_one_history_has_no_difference():
    found = {one.name: one for one in drift(start=30, begins=0).drift}
    # With half of 30 bars neither 20 closes nor 14 ranges are there yet.
    assert found["sma_20"].otherwise is None
    assert found["sma_20"].difference is None
    assert found["sma_20"].settled == BARS.index[34].date().isoformat()


def test_a_start_without_history_can_be_compared_with_nothing_else():
    found = drift(start=0, begins=0)
    assert found.begins == found.compared_with
    assert all(one.difference == 0.0 for one in found.drift)


def test_a_run_says_of_each_recursive_name_what_weight_its_seed_has():
    """The weight that theory gives bounds what is measured."""
    bars = BARS.iloc[:450]
    result = bt.simulate(
        {
            "name": "t", "entry_conditions": ["ema_50 > 0"], "exit_conditions": [],
            "stop_conditions": [], "max_holding_bars": 5,
        },
        bars, start=bars.index[400],
    )  # fmt: skip
    closes = pd.Series(BARS["close"].to_numpy()[:401])
    apart = abs(talib.EMA(closes, 50).iloc[-1] - talib.EMA(closes[200:], 50).iloc[-1])
    seeds = abs(talib.EMA(closes, 50)[249] - talib.EMA(closes[200:], 50)[249])
    assert apart / seeds == pytest.approx((49 / 51) ** 151, rel=1e-9)
    assert result.warmup["drift"]["ema_50"] == pytest.approx((49 / 51) ** 351, rel=1e-9)


def test_values_of_slower_bars_are_compared_with_half_of_them():
    entry = ['on("1w", ema_5) > 0']
    found = {one.name: one for one in drift(start=400, begins=0, entry_conditions=entry).drift}
    week = found['on("1w", ema_5)']
    closes = BARS["close"][BARS.index.isin(sessions(BARS.index[0], BARS.index[-1]))]
    weeks = closes.index.to_period("W")
    # Every week that has closed at the start, of which no session was left out.
    last = closes.groupby(weeks).last()[: weeks[closes.index.searchsorted(BARS.index[400])]]
    closed = last if closes.index[closes.index <= BARS.index[400]][-1].weekday() == 4 else last[:-1]
    later = closed[closed.index.start_time >= BARS.index[200]]
    whole, half = (talib.EMA(part.to_numpy(), 5)[-1] for part in (closed, later))
    assert week.at_start == pytest.approx(whole, rel=1e-12)
    assert week.otherwise == pytest.approx(half, rel=1e-9)
    assert 0 < week.difference < 1e-6
