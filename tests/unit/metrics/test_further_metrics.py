"""Metrics with a function of their own, against scipy, NumPy, empyrical and counting by hand."""

from __future__ import annotations

import math

import empyrical
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from btkit.metrics import METRICS, TradeColumns, compute_metrics

CAPITAL = 100_000.0
RETURNS = np.random.default_rng(11).standard_t(4, 600) * 0.01
DAYS = pd.bdate_range("2020-01-02", periods=600)


def trades(pnl, *, entry=None, exit=None, value=2_000.0):  # noqa: A002 - the trade's word
    pnl = np.array(pnl, np.float64)
    entry = DAYS[: len(pnl)] if entry is None else pd.DatetimeIndex(entry)
    exit_ = entry if exit is None else pd.DatetimeIndex(exit)
    value = np.full(len(pnl), value)
    return TradeColumns(pnl, pnl / 1_000.0, value, entry.to_numpy(), exit_.to_numpy())


def measure(returns=RETURNS, *, made=None, days=None):
    equity = CAPITAL * np.cumprod(1.0 + np.asarray(returns))
    return compute_metrics(
        equity,
        DAYS[: len(equity)] if days is None else pd.DatetimeIndex(days),
        initial_capital=CAPITAL,
        periods_per_year=252.0,
        trades=TradeColumns.empty() if made is None else made,
    )


def test_moments_are_scipys():
    measured = measure()
    assert measured.skew == pytest.approx(stats.skew(RETURNS), rel=1e-9)
    assert measured.kurtosis == pytest.approx(stats.kurtosis(RETURNS, fisher=False), rel=1e-9)


def test_tails():
    measured = measure()
    low, high = np.quantile(RETURNS, [0.05, 0.95])
    assert measured.value_at_risk_95 == pytest.approx(-low, rel=1e-9)
    assert measured.expected_shortfall_95 == pytest.approx(
        -RETURNS[low >= RETURNS].mean(), rel=1e-9
    )
    assert measured.value_at_risk_95 == pytest.approx(-empyrical.value_at_risk(RETURNS), rel=1e-9)
    assert measured.tail_ratio == pytest.approx(empyrical.tail_ratio(RETURNS), rel=1e-9)
    assert measured.tail_ratio == pytest.approx(high / -low, rel=1e-9)
    assert measured.best_day == pytest.approx(RETURNS.max(), rel=1e-9)
    assert measured.worst_day == pytest.approx(RETURNS.min(), rel=1e-9)


def test_turnover_by_hand():
    # Three times $50,000 in and $54,000 out within 730 days; the account is worth $110,000, then
    # twice $130,000.
    days = pd.DatetimeIndex(["2021-01-01", "2022-06-01", "2023-01-01"])
    made = trades([4_000.0] * 3, entry=days, value=104_000.0)
    measured = measure([0.1, 2 / 11, 0.0], made=made, days=days)
    assert measured.turnover == pytest.approx(
        3 * (50_000 + 54_000) / 2 / (370_000 / 3) * 365.25 / 730, rel=1e-12
    )
    assert measure().turnover == 0.0
    assert math.isnan(measure([0.1], made=trades([1.0])).turnover)


def test_omega_is_empyricals():
    assert measure().omega_ratio == pytest.approx(empyrical.omega_ratio(RETURNS), rel=1e-9)


def test_ulcer_index_by_hand():
    # Highs 110, 110, 110; falls 0, 10 %, 20 %.
    measured = measure([0.10, -0.10, 88.0 / 99.0 - 1.0])
    assert measured.ulcer_index == pytest.approx(math.sqrt((0.01 + 0.04) / 3.0))


def test_positive_months_by_hand():
    # Up in January, no bar in February, down in March, flat in April.
    days = ["2020-01-30", "2020-01-31", "2020-03-02", "2020-03-31", "2020-04-01"]
    assert measure([0.01, 0.01, -0.02, 0.005, 0.0], days=days).positive_months == 1.0 / 3.0


def test_positive_months_of_one_bar():
    assert measure([0.01]).positive_months == 1.0


def test_exposure_by_hand():
    # Held at the closes of bars 1, 2 and, two lots at once, 4 and 5 of 10.
    made = trades([1.0, 1.0, 1.0], entry=DAYS[[1, 4, 4]], exit=DAYS[[3, 5, 6]])
    assert measure(RETURNS[:10], made=made).exposure == 0.4
    assert measure(RETURNS[:10]).exposure == 0.0


def test_sqn_and_kelly_by_hand():
    measured = measure(made=trades([30.0, -10.0, 10.0, -10.0]))
    deviation = math.sqrt((25.0**2 + 15.0**2 + 5.0**2 + 15.0**2) / 3.0)
    assert measured.sqn == pytest.approx(2.0 * 5.0 / deviation)
    assert measured.kelly == pytest.approx(0.5 - 0.5 / 2.0)


def test_edges_of_kelly_and_sqn():
    assert measure(made=trades([5.0, 6.0])).kelly == 1.0
    assert measure(made=trades([-5.0, -6.0])).kelly == -math.inf
    assert math.isnan(measure().kelly)
    assert math.isnan(measure(made=trades([5.0])).sqn)
    # The mean of three times 0.1 is not 0.1: what is left is rounding, no deviation.
    assert measure(made=trades([0.1, 0.1, 0.1])).sqn == math.inf


def test_a_flat_curve_has_no_moments_and_no_tails():
    measured = measure(np.zeros(50))
    assert all(math.isnan(getattr(measured, n)) for n in ("skew", "kurtosis", "omega_ratio"))
    assert math.isnan(measured.tail_ratio)
    assert measured.value_at_risk_95 == measured.expected_shortfall_95 == 0.0


def test_every_metric_says_what_it_is():
    for name, entry in METRICS.items():
        assert entry.label, name
        assert not entry.meaning.endswith("."), name
        assert entry.formula, name
        assert entry.unit, name
