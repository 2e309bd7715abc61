"""Metrics of closed trades, by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from btkit.metrics import TradeColumns, compute_metrics

PER_TRADE = [
    "win_rate",
    "profit_factor",
    "expectancy_per_trade",
    "avg_win",
    "avg_loss",
    "avg_win_pct",
    "avg_loss_pct",
    "avg_holding_period",
    "avg_win_holding_period",
    "avg_loss_holding_period",
]


def measure(pnl, *, return_pct=None, days=None, unit="ns"):
    pnl = np.array(pnl, dtype=float)
    days = np.ones(len(pnl), dtype=int) if days is None else np.array(days)
    entry = np.full(len(pnl), np.datetime64("2024-01-01", unit))
    times = pd.date_range("2024-01-01", periods=3)
    return compute_metrics(
        np.array([100.0, 101.0, 100.5]),
        times,
        initial_capital=100.0,
        periods_per_year=252,
        trades=TradeColumns(
            pnl=pnl,
            return_pct=pnl / 1000 if return_pct is None else np.array(return_pct),
            fill_value=np.zeros(len(pnl)),
            entry_time=entry,
            exit_time=entry + days * np.timedelta64(1, "D"),
        ),
    )


def test_no_trades():
    measured = measure([])
    assert measured.total_trades == measured.winning_trades == measured.losing_trades == 0
    assert measured.consecutive_losses_max == 0
    assert measured.largest_win == measured.largest_loss == 0.0
    for name in PER_TRADE:
        assert math.isnan(getattr(measured, name)), name


def test_one_winning_trade():
    measured = measure([50.0], return_pct=[0.05], days=[3])
    assert (measured.total_trades, measured.winning_trades, measured.losing_trades) == (1, 1, 0)
    assert measured.win_rate == 1.0
    assert measured.profit_factor == math.inf
    assert measured.expectancy_per_trade == measured.avg_win == measured.largest_win == 50.0
    assert measured.avg_win_pct == 0.05
    assert measured.avg_holding_period == measured.avg_win_holding_period == 72.0
    assert measured.largest_loss == 0.0
    for name in ("avg_loss", "avg_loss_pct", "avg_loss_holding_period"):
        assert math.isnan(getattr(measured, name)), name


def test_one_losing_trade():
    measured = measure([-50.0])
    assert measured.win_rate == measured.profit_factor == measured.largest_win == 0.0
    assert measured.largest_loss == measured.avg_loss == -50.0
    assert measured.consecutive_losses_max == 1
    assert math.isnan(measured.avg_win)


def test_all_winners():
    measured = measure([10.0, 20.0, 30.0])
    assert measured.win_rate == 1.0
    assert measured.profit_factor == math.inf
    assert measured.consecutive_losses_max == 0
    assert measured.avg_win == 20.0


def test_a_break_even_trade_is_neither_won_nor_lost():
    measured = measure([100.0, 0.0, -50.0, 0.0], days=[1, 2, 3, 4])
    assert (measured.winning_trades, measured.losing_trades) == (1, 1)
    assert measured.win_rate == 0.25
    assert measured.profit_factor == 2.0
    assert measured.expectancy_per_trade == 12.5
    assert measured.avg_holding_period == 60.0
    assert measured.avg_win_holding_period == 24.0
    assert measured.avg_loss_holding_period == 72.0


def test_only_break_even_trades_have_no_profit_factor():
    measured = measure([0.0, 0.0])
    assert math.isnan(measured.profit_factor)
    assert measured.win_rate == 0.0
    assert measured.expectancy_per_trade == 0.0


def test_profit_factor_is_of_money_not_of_percentages():
    # Equal percentages, a hundred times the size.
    measured = measure([1000.0, -10.0], return_pct=[0.1, -0.1])
    assert measured.profit_factor == 100.0
    assert measured.avg_win_pct == 0.1
    assert measured.avg_loss_pct == -0.1


@pytest.mark.parametrize(
    ("pnl", "longest"),
    [
        ([1, -1, -1, 1, -1], 2),
        ([-1, -1, -1], 3),
        ([-1, 0, -1], 1),  # a break-even trade ends a streak
        ([1, 0, 2], 0),
        ([1, -1, 1, -1, -1, -1], 3),
    ],
)
def test_streaks_follow_the_order_of_the_trades(pnl, longest):
    assert measure(pnl).consecutive_losses_max == longest


@pytest.mark.parametrize("unit", ["ns", "us", "s"])
def test_holding_periods_are_hours_whatever_the_resolution(unit):
    assert measure([1.0, -1.0], days=[2, 4], unit=unit).avg_holding_period == 72.0
