"""Returns, ratios and drawdowns on curves small enough to work out by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from btkit.errors import UsageError
from btkit.metrics import TradeColumns, bar_returns, compute_metrics

RUINED_FROM = [100.0, 60.0, -20.0, -20.0, -20.0]


def measure(equity, *, initial=100.0, times=None, periods_per_year=252, ruined=False):
    if times is None:
        times = pd.date_range("2024-01-01", periods=len(equity), freq="D")
    return compute_metrics(
        np.array(equity, dtype=float),
        times,
        initial_capital=initial,
        periods_per_year=periods_per_year,
        trades=TradeColumns.empty(),
        ruined=ruined,
    )


def test_n_bars_give_n_returns_the_first_from_the_initial_capital():
    returns = bar_returns(np.array([110.0, 99.0]), 100.0)
    assert returns == pytest.approx([0.10, -0.10], abs=1e-15)


def test_nothing_is_earned_after_the_account_is_lost():
    returns = bar_returns(np.array([50.0, -10.0, -20.0, 5.0]), 100.0)
    # -10 to -20 would be "+100 %" as a quotient.
    assert returns.tolist() == [-0.5, -1.2, 0.0, 0.0]


def test_two_bars_by_hand():
    measured = measure([110.0, 99.0])
    # r = +10 %, -10 %: mean 0, sample deviation sqrt(0.02).
    assert measured.sharpe_ratio == pytest.approx(0.0, abs=1e-12)
    assert measured.volatility == pytest.approx(math.sqrt(0.02) * math.sqrt(252))
    assert measured.total_return == -1.0
    assert measured.total_return_pct == -0.01
    assert measured.max_drawdown_pct == pytest.approx(-0.10)
    assert measured.max_drawdown == -11.0
    assert measured.cagr == pytest.approx(0.99**365.25 - 1)
    assert measured.annualized_return == measured.cagr
    assert measured.calmar_ratio == pytest.approx(measured.cagr / 0.10)
    assert measured.recovery_factor == pytest.approx(-1 / 11)


def test_sharpe_and_sortino_by_hand():
    measured = measure([102.0, 102.0 * 0.99, 102.0 * 0.99 * 1.03])
    mean = (0.02 - 0.01 + 0.03) / 3
    deviation = math.sqrt(((0.02 - mean) ** 2 + (-0.01 - mean) ** 2 + (0.03 - mean) ** 2) / 2)
    downside = math.sqrt(0.01**2 / 3)  # over all three bars, not over the falling one
    assert measured.sharpe_ratio == pytest.approx(mean / deviation * math.sqrt(252), rel=1e-12)
    assert measured.sortino_ratio == pytest.approx(mean / downside * math.sqrt(252), rel=1e-12)


@pytest.mark.parametrize("level", [100.0, 0.1 + 0.2, 123_456.78])
def test_a_flat_curve_has_no_ratios(level):
    measured = measure([level] * 50, initial=level)
    assert measured.volatility == 0.0
    assert measured.max_drawdown_pct == measured.max_drawdown == measured.total_return == 0.0
    assert measured.max_drawdown_duration_days == 0
    assert measured.cagr == 0.0
    for name in ("sharpe_ratio", "sortino_ratio", "calmar_ratio", "recovery_factor"):
        assert math.isnan(getattr(measured, name)), name


def test_a_curve_that_moves_by_rounding_alone_is_flat():
    ulp = np.spacing(100_000.0)
    wobble = 100_000.0 + ulp * np.array([0, 1, -1, 2, 0, -2, 1, 0])
    measured = measure(wobble, initial=100_000.0)
    assert measured.volatility == measured.max_drawdown_pct == measured.max_drawdown == 0.0
    assert measured.max_drawdown_duration_days == 0
    assert math.isnan(measured.sharpe_ratio)
    assert math.isnan(measured.sortino_ratio)


@pytest.mark.parametrize(("pace", "sign"), [(1.001, 1.0), (0.999, -1.0)])
def test_constant_growth_has_an_infinite_sharpe_ratio(pace, sign):
    # The returns differ in the last place only; their deviation is rounding, not risk.
    measured = measure(100.0 * pace ** np.arange(1, 500))
    assert measured.volatility == 0.0
    assert measured.sharpe_ratio == sign * math.inf


def test_a_curve_that_never_falls_has_infinite_quotients():
    measured = measure([101.0, 103.0, 104.0])
    assert measured.sortino_ratio == math.inf
    assert measured.calmar_ratio == math.inf
    assert measured.recovery_factor == math.inf
    assert math.isfinite(measured.sharpe_ratio)
    assert measured.max_drawdown_duration_days == 0


def test_a_cent_of_movement_is_not_rounding():
    measured = measure([100_000.0, 100_000.01, 100_000.0, 100_000.01], initial=100_000.0)
    assert measured.volatility > 0.0
    assert math.isfinite(measured.sharpe_ratio)
    assert measured.max_drawdown == pytest.approx(-0.01)


@pytest.mark.parametrize(
    ("close", "sortino"), [(90.0, -math.sqrt(252)), (100.0, math.nan), (110.0, math.inf)]
)
def test_one_bar_has_no_deviation_and_no_pace(close, sortino):
    measured = measure([close])
    assert math.isnan(measured.sharpe_ratio)
    assert math.isnan(measured.volatility)
    assert math.isnan(measured.cagr)
    assert measured.sortino_ratio == pytest.approx(sortino, nan_ok=True)
    assert measured.total_return == close - 100.0
    assert measured.max_drawdown_pct == pytest.approx(min(close / 100.0 - 1, 0.0))


def test_ruin():
    measured = measure(RUINED_FROM, ruined=True)
    assert measured.cagr == measured.annualized_return == -1.0
    assert measured.total_return == -120.0
    assert measured.total_return_pct == pytest.approx(-1.2)
    assert measured.max_drawdown_pct == pytest.approx(-1.2)
    assert measured.max_drawdown == -120.0
    assert measured.calmar_ratio == pytest.approx(-1.0 / 1.2)
    assert measured.recovery_factor == pytest.approx(-1.0)
    assert measured.max_drawdown_duration_days == 4
    returns = np.array([0.0, -0.4, -20 / 60 - 1, 0.0, 0.0])
    expected = returns.mean() / returns.std(ddof=1) * math.sqrt(252)
    assert measured.sharpe_ratio == pytest.approx(expected, rel=1e-12)


def test_a_loss_beyond_everything_is_never_a_gain():
    assert measure([50.0, -300.0]).cagr == -1.0


def test_ruin_on_the_only_bar():
    assert measure([-5.0], ruined=True).cagr == -1.0


def test_cagr_counts_calendar_days_not_bars():
    times = pd.DatetimeIndex(["2020-01-01", "2020-06-01", "2024-01-01"])
    measured = measure([100.0, 130.0, 150.0], times=times)
    assert measured.cagr == pytest.approx(1.5 ** (365.25 / 1461) - 1, rel=1e-14)


def test_cagr_beyond_a_double_is_infinite():
    assert measure([100.0, 1000.0]).cagr == math.inf


def test_cagr_of_a_curve_does_not_depend_on_the_interval():
    sessions = pd.bdate_range("2024-01-02", periods=3)
    hours = pd.DatetimeIndex(
        [day + pd.Timedelta(hours=hour) for day in sessions for hour in (15, 16, 17, 18, 19, 20)]
    ).tz_localize("UTC")
    daily = measure([101.0, 99.0, 104.0], times=sessions)
    hourly = measure(np.repeat([101.0, 99.0, 104.0], 6), times=hours, periods_per_year=252 * 6)
    assert hourly.cagr == daily.cagr
    assert hourly.max_drawdown_duration_days == daily.max_drawdown_duration_days


def test_a_first_bar_loss_is_a_drawdown_from_the_initial_capital():
    measured = measure([90.0, 95.0, 120.0])
    assert measured.max_drawdown_pct == pytest.approx(-0.10)
    assert measured.max_drawdown_duration_days == 2


def test_the_deepest_fall_in_money_is_not_percent_times_the_last_peak():
    # -50 % early (50 $), then -20 % from 1,000 (200 $).
    measured = measure([100.0, 50.0, 1000.0, 800.0, 1200.0])
    assert measured.max_drawdown_pct == -0.5
    assert measured.max_drawdown == -200.0
    assert measured.recovery_factor == pytest.approx(1100 / 200)


@pytest.mark.parametrize(
    ("equity", "days"),
    [
        ([100.0, 101.0, 102.0], 0),
        ([100.0, 90.0, 100.0], 2),  # recovered on reaching the peak, not on passing it
        ([100.0, 90.0, 95.0, 101.0, 100.5], 3),
        ([100.0, 110.0, 109.0, 108.0], 2),  # still below at the end
        ([100.0, 110.0, 109.0, 111.0, 100.0, 101.0, 102.0], 3),
        ([110.0, 110.0, 110.0, 109.0], 1),  # counted from the last bar at the peak
        ([90.0], 0),
        ([90.0, 90.0, 90.0], 2),
        ([90.0, 101.0], 1),
    ],
)
def test_drawdown_duration(equity, days):
    assert measure(equity).max_drawdown_duration_days == days


def test_drawdown_duration_is_in_calendar_days_over_a_weekend():
    times = pd.DatetimeIndex(["2024-01-05", "2024-01-08", "2024-01-09"])
    assert measure([100.0, 99.0, 101.0], times=times).max_drawdown_duration_days == 4


@pytest.mark.parametrize(
    ("equity", "initial", "periods_per_year", "message"),
    [
        ([], 100.0, 252, "does not fit"),
        ([1.0, math.nan], 100.0, 252, "2024-01-02"),
        ([1.0, math.inf], 100.0, 252, "2024-01-02"),
        ([1.0], 0.0, 252, "initial_capital"),
        ([1.0], math.nan, 252, "initial_capital"),
        ([1.0], 100.0, 0, "periods_per_year"),
        ([1.0], 100.0, math.inf, "periods_per_year"),
    ],
)
def test_what_cannot_be_measured_is_refused(equity, initial, periods_per_year, message):
    with pytest.raises(UsageError, match=message):
        measure(equity, initial=initial, periods_per_year=periods_per_year)


def test_a_curve_of_another_length_than_its_times_is_refused():
    with pytest.raises(UsageError, match="does not fit 3 bar times"):
        measure([1.0, 2.0], times=pd.date_range("2024-01-01", periods=3))


def test_times_that_do_not_rise_are_refused():
    with pytest.raises(UsageError, match="do not rise"):
        measure([1.0, 2.0], times=pd.DatetimeIndex(["2024-01-02", "2024-01-01"]))


def test_the_inputs_are_left_alone():
    equity = np.array([100.0, 90.0, -5.0, -5.0])
    before = equity.copy()
    equity.flags.writeable = False
    measure(equity, ruined=True)
    assert (equity == before).all()


def test_the_same_input_gives_the_same_bits():
    equity = 100.0 * np.cumprod(1 + np.random.default_rng(3).normal(0, 0.01, 5031))
    assert measure(equity) == measure(equity.copy())
