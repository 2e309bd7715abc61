"""The worst and the best of each trade between its fills, by hand and bar by bar."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import btkit as bt

# Decided at the first close; next-open orders fill at the second bar, and leave at the fourth.
BARS = pd.DataFrame(
    {
        "open": [100.0, 100.0, 104.0, 90.0, 95.0],
        "high": [150.0, 110.0, 120.0, 130.0, 99.0],
        "low": [50.0, 95.0, 92.0, 40.0, 94.0],
        "close": [100.0, 105.0, 110.0, 98.0, 96.0],
        "volume": 1e6,
    },
    index=pd.bdate_range("2018-01-02", periods=5),
)
SPEC = {
    "name": "excursions",
    "entry_conditions": ["close == 100"],
    "exit_conditions": ["close == 110"],
    "stop_conditions": [],
    "position_sizing_formula": "1",
}


def excursions(*, slippage=0.0, bars=BARS, **changes):
    result = bt.simulate(SPEC | changes, bars, capital=10_000.0, commission=0.0, slippage=slippage)
    [trade] = result.trades.to_dict("records")
    return trade["mae_pct"], trade["mfe_pct"]


@pytest.mark.parametrize(
    ("changes", "worst", "best"),
    [
        # Bars 1 and 2 whole, bar 3 by its open, where it is sold.
        ({}, 90 / 100 - 1, 120 / 100 - 1),
        ({"direction": "short"}, 1 - 120 / 100, 1 - 90 / 100),
        # Bought at close 0, whose own high and low came before; sold at close 2, of which the open
        # counts.
        ({"fill": "close"}, 95 / 100 - 1, 110 / 100 - 1),
        ({"fill": "close", "direction": "short"}, 1 - 110 / 100, 1 - 95 / 100),
        # Never sold: the last bar by its open and its close.
        ({"exit_conditions": []}, 40 / 100 - 1, 130 / 100 - 1),
    ],
)
def test_by_hand(changes, worst, best):
    assert excursions(**changes) == pytest.approx((worst, best), rel=1e-12)


def test_against_the_fill_with_its_slippage():
    # Bought at 110, sold at 81: the fill that pays slippage is the worst of all.
    assert excursions(slippage=0.1) == pytest.approx((81 / 110 - 1, 120 / 110 - 1), rel=1e-12)
    # Sold at 90, bought back at 99.
    short = excursions(slippage=0.1, direction="short")
    assert short == pytest.approx((1 - 120 / 90, 0.0), rel=1e-12)


def test_entered_and_left_on_one_bar():
    # Bought at the last open and closed at its close: neither its high nor its low counts.
    assert excursions(bars=BARS.iloc[:2]) == pytest.approx((0.0, 105 / 100 - 1), rel=1e-12)


@pytest.mark.parametrize("fill", ["next_open", "close"])
@pytest.mark.parametrize("direction", ["long", "short"])
def test_lots_that_overlap_bar_by_bar(fill, direction):
    random = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.02, 500)))
    opened = close * np.exp(random.normal(0.0, 0.01, 500))
    bars = pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * 1.01,
            "low": np.minimum(opened, close) * 0.99,
            "close": close,
            "volume": 1e6,
        },
        index=pd.bdate_range("2016-01-04", periods=500),
    )
    spec = SPEC | {
        "entry_conditions": ["close > prev_close"],
        "exit_conditions": ["bars_held >= 3", "close < prev_close"],
        "max_concurrent_positions": 4,
        "max_holding_bars": 9,
        "fill": fill,
        "direction": direction,
    }
    trades = bt.simulate(spec, bars, capital=100_000.0, slippage=0.003).trades
    assert len(trades) > 50
    side = 1.0 if direction == "long" else -1.0
    for trade in trades.itertuples():
        entry, leaves = bars.index.get_indexer([trade.entry_date, trade.exit_date])
        seen = [trade.entry_price, trade.exit_price]
        for bar in range(entry, leaves + 1):
            if bar == leaves:
                seen += [opened[bar]] if bar > entry or fill == "next_open" else []
            elif bar == entry and fill == "close":
                seen.append(close[bar])
            else:
                seen += [bars["high"].iloc[bar], bars["low"].iloc[bar]]
        gains = [side * (price / trade.entry_price - 1.0) for price in seen]
        assert trade.mae_pct == pytest.approx(min(gains), abs=1e-12)
        assert trade.mfe_pct == pytest.approx(max(gains), abs=1e-12)


@pytest.mark.parametrize(
    ("changes", "worst", "best"),
    [
        # Left inside bar 1: its open, where it was held, and the exit.
        ({"stop_loss": 0.04}, 96 / 100 - 1, 0.0),
        # Entered inside bar 1 at 97, which counts by that and the close; bar 2 whole.
        ({"entry_order": {"limit": "97"}}, 90 / 97 - 1, 120 / 97 - 1),
        # Entered and left inside bar 1: its two fills, and nothing between.
        ({"entry_order": {"stop": "108"}, "take_profit": 0.01}, 0.0, 0.01),
        ({"entry_order": {"stop": "97"}, "direction": "short", "stop_loss": 0.02}, -0.02, 0.0),
    ],
)
def test_of_orders_inside_the_bar(changes, worst, best):
    assert excursions(**changes) == pytest.approx((worst, best), rel=1e-12, abs=1e-15)
