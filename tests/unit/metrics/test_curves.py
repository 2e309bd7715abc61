"""The curves behind the pictures."""

import math

import empyrical
import numpy as np
import pandas as pd
import pytest

from btkit.metrics import (
    bar_returns,
    deepest_drawdowns,
    drawdown_series,
    exposure,
    monthly_returns,
    rolling_sharpe,
    rolling_volatility,
    time_in_market,
    worst_drawdown,
)


def series(values, *, start="2024-01-01", freq="D"):
    return pd.Series(
        np.array(values, dtype=float), index=pd.date_range(start, periods=len(values), freq=freq)
    )


def test_drawdown_starts_from_the_initial_capital():
    drawdown = drawdown_series(series([90.0, 110.0, 55.0]), 100.0)
    assert drawdown.to_numpy() == pytest.approx([-0.1, 0.0, -0.5])
    assert drawdown.index[0] == pd.Timestamp("2024-01-01")


def test_drawdown_of_an_array_is_an_array():
    drawdown = drawdown_series(np.array([90.0, 110.0]), 100.0)
    assert isinstance(drawdown, np.ndarray)
    assert drawdown == pytest.approx([-0.1, 0.0])


def test_the_deepest_falls_in_order():
    equity = series([90, 100, 120, 90, 120, 130, 117, 110.5, 125, 131, 104.8, 110])
    falls = deepest_drawdowns(equity, 100.0)
    day = equity.index
    assert [(fall.peak, fall.trough, fall.recovery, fall.days) for fall in falls] == [
        (day[2], day[3], day[4], 2),
        (day[9], day[10], None, 2),
        (day[5], day[7], day[9], 4),
        (day[0], day[0], day[1], 1),
    ]
    assert [fall.depth for fall in falls] == pytest.approx([-0.25, -0.2, -0.15, -0.1], rel=1e-12)
    assert deepest_drawdowns(equity, 100.0, count=2) == falls[:2]
    assert deepest_drawdowns(series([100, 101]), 100.0) == []


def test_the_deepest_fall_is_empyricals():
    returns = np.random.default_rng(5).normal(0.0003, 0.01, 1_500)
    equity = series(100.0 * np.cumprod(1.0 + returns))
    falls = deepest_drawdowns(equity, 100.0)
    assert falls[0].depth == pytest.approx(
        empyrical.max_drawdown(bar_returns(equity.to_numpy(), 100.0)), rel=1e-9
    )
    # A fall that is over is that of the curve cut out from its high to its recovery, and the
    # next one is the deepest of what is left.
    left = equity
    for fall in falls:
        assert fall.depth == pytest.approx((left / left.cummax() - 1.0).min(), rel=1e-9)
        assert fall == worst_drawdown(left, 100.0) or fall.recovery is None
        end = fall.recovery or left.index[-1] + pd.Timedelta(days=1)
        left = left[(left.index <= fall.peak) | (left.index >= end)]


def test_debt_is_deeper_than_everything():
    assert drawdown_series(np.array([-20.0]), 100.0).tolist() == [-1.2]


def test_worst_drawdown_that_recovers():
    worst = worst_drawdown(series([100, 120, 110, 90, 120, 119]), 100.0)
    assert worst.peak == pd.Timestamp("2024-01-02")
    assert worst.trough == pd.Timestamp("2024-01-04")
    assert worst.recovery == pd.Timestamp("2024-01-05")
    assert worst.depth == pytest.approx(-0.25)
    assert worst.days == 3


def test_worst_drawdown_that_lasts():
    worst = worst_drawdown(series([90, 80, 85]), 100.0)
    assert worst.peak == pd.Timestamp("2024-01-01")  # the initial capital is dated there
    assert worst.trough == pd.Timestamp("2024-01-02")
    assert worst.recovery is None
    assert worst.days == 2


def test_no_drawdown():
    assert worst_drawdown(series([100, 101]), 100.0) is None


def test_months_and_years_compound_to_the_whole():
    rng = np.random.default_rng(7)
    equity = series(100 * np.cumprod(1 + rng.normal(0, 0.01, 700)), start="2021-11-15")
    table = monthly_returns(equity, 100.0)
    assert list(table.index) == [2021, 2022, 2023]
    assert list(table.columns) == [*range(1, 13), "year"]
    months = table.drop(columns="year")
    assert np.isnan(months.loc[2021, 10])
    by_month = (1 + months).prod(axis=1) - 1
    assert by_month.to_numpy() == pytest.approx(table["year"].to_numpy(dtype=float))
    assert (1 + table["year"]).prod() == pytest.approx(equity.iloc[-1] / 100)


def test_months_by_hand():
    times = pd.DatetimeIndex(["2023-12-28", "2023-12-29", "2024-02-01", "2024-02-29"])
    table = monthly_returns(pd.Series([105.0, 110.0, 100.0, 99.0], index=times), 100.0)
    assert table.loc[2023, 12] == pytest.approx(0.10)
    assert np.isnan(table.loc[2024, 1])  # no bars: unknown, not 0
    assert table.loc[2024, 2] == pytest.approx(-0.10)
    assert table.loc[2024, "year"] == pytest.approx(-0.10)


def test_a_year_without_bars_is_a_row_without_values():
    times = pd.DatetimeIndex(["2022-12-30", "2024-01-02"])
    table = monthly_returns(pd.Series([100.0, 120.0], index=times), 100.0)
    assert table.loc[2023].isna().all()
    assert table.loc[2024, "year"] == pytest.approx(0.2)


def test_months_after_ruin_are_zero():
    times = pd.DatetimeIndex(["2024-01-31", "2024-02-29", "2024-03-29"])
    table = monthly_returns(pd.Series([-10.0, -10.0, -10.0], index=times), 100.0)
    assert table.loc[2024, [1, 2, 3]].tolist() == pytest.approx([-1.1, 0.0, 0.0])


def test_months_of_one_bar():
    assert monthly_returns(series([110.0]), 100.0).loc[2024, 1] == pytest.approx(0.1)


def test_months_of_intraday_bars():
    times = pd.date_range("2024-01-31 20:00", periods=8, freq="h", tz="UTC")
    table = monthly_returns(pd.Series([100.0] * 4 + [110.0] * 4, index=times), 100.0)
    assert table.loc[2024, [1, 2]].tolist() == pytest.approx([0.0, 0.1])


def test_rolling_sharpe_is_the_sharpe_of_each_window():
    rng = np.random.default_rng(11)
    equity = series(100 * np.cumprod(1 + rng.normal(0.001, 0.01, 60)))
    rolling = rolling_sharpe(equity, 20, 252)
    returns = equity.pct_change().to_numpy()
    assert rolling.iloc[:20].isna().all()
    for last in (20, 35, 59):
        window = returns[last - 19 : last + 1]
        expected = window.mean() / window.std(ddof=1) * math.sqrt(252)
        assert rolling.iloc[last] == pytest.approx(expected, rel=1e-9)
    volatility = rolling_volatility(equity, 20, 252)
    assert volatility.iloc[59] == pytest.approx(returns[40:].std(ddof=1) * math.sqrt(252))


def test_a_still_window_after_a_wild_one_has_no_sharpe():
    # What a sliding sum keeps of the wild bars must not become a ratio of 1e8.
    wild = 100 * np.cumprod(1 + np.random.default_rng(1).normal(0, 0.3, 40))
    equity = series([*wild, *[wild[-1]] * 40])
    assert rolling_sharpe(equity, 20, 252).iloc[-20:].isna().all()
    assert (rolling_volatility(equity, 20, 252).iloc[-20:] == 0.0).all()


@pytest.mark.parametrize("window", [5, 6, 100])
def test_a_window_longer_than_the_curve_has_no_values(window):
    assert rolling_sharpe(series([1, 2, 3, 4, 5]), window, 252).isna().all()


def test_exposure():
    share = exposure(series([100, 200, 100, -5]), series([0, 100, 100, 3]))
    assert share.to_numpy() == pytest.approx([0.0, 0.5, 1.0, math.nan], nan_ok=True)


def test_time_in_market():
    assert time_in_market(series([0, 5, 5, 0])) == 0.5
