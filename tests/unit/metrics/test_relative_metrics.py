"""Beta, alpha and the like against NumPy, SciPy and empyrical-reloaded."""

import math

import empyrical
import numpy as np
import pandas as pd
import pytest
import scipy.stats

from btkit.metrics import TradeColumns, bar_returns, compute_metrics

A = 252
NAMES = ("beta", "alpha", "correlation", "information_ratio", "tracking_error")


def measure(equity, closes, *, a=A, **options):
    return compute_metrics(
        np.asarray(equity, float),
        pd.bdate_range("2015-01-05", periods=len(equity)),
        initial_capital=100.0,
        periods_per_year=a,
        trades=TradeColumns.empty(),
        benchmark=np.asarray(closes, float),
        **options,
    )


@pytest.fixture(params=[1, 2, 3])
def curves(request):
    rng = np.random.default_rng(request.param)
    market = rng.normal(0.0004, 0.011, 900)
    own = request.param * 0.4 * market + rng.normal(0.0002, 0.006, 900)
    return 100.0 * np.cumprod(1.0 + own), 37.0 * np.cumprod(1.0 + market)


@pytest.mark.parametrize("a", [52, 252])
def test_they_are_those_of_numpy_and_scipy(curves, a):
    equity, closes = curves
    r, b = bar_returns(equity, 100.0), bar_returns(closes, closes[0])
    line = scipy.stats.linregress(b, r)
    covariance = np.cov(r, b)
    ours = measure(equity, closes, a=a)
    assert ours.beta == pytest.approx(covariance[0, 1] / covariance[1, 1], rel=1e-10)
    assert ours.beta == pytest.approx(line.slope, rel=1e-10)
    # The intercept is alpha a return.
    assert ours.alpha == pytest.approx(line.intercept * a, rel=1e-9)
    assert ours.correlation == pytest.approx(np.corrcoef(r, b)[0, 1], rel=1e-10)
    assert ours.tracking_error == pytest.approx((r - b).std(ddof=1) * a**0.5, rel=1e-10)
    assert ours.information_ratio == pytest.approx(
        (r - b).mean() / (r - b).std(ddof=1) * a**0.5, rel=1e-10
    )


def test_they_relate_to_empyrical_as_the_formulas_say(curves):
    equity, closes = curves
    r, b = bar_returns(equity, 100.0), bar_returns(closes, closes[0])
    ours = measure(equity, closes)
    alpha, beta = empyrical.alpha_beta(r, b, annualization=A)
    assert ours.beta == pytest.approx(beta, rel=1e-10)
    # Empyrical compounds alpha over the year; ours is the plain sum of A returns.
    assert (1.0 + ours.alpha / A) ** A - 1.0 == pytest.approx(alpha, rel=1e-9)
    # Its excess Sharpe ratio is the information ratio of one return.
    assert ours.information_ratio == pytest.approx(
        empyrical.excess_sharpe(r, b) * math.sqrt(A), rel=1e-10
    )


def test_a_risk_free_rate_leaves_them_alone(curves):
    rate = np.full(900, 0.05)
    with_rate, without = measure(*curves, risk_free=rate), measure(*curves)
    assert with_rate.sharpe_ratio != without.sharpe_ratio
    for name in NAMES:
        assert getattr(with_rate, name) == getattr(without, name)


def test_the_benchmark_itself(curves):
    _, closes = curves
    ours = measure(100.0 * closes / closes[0], closes)
    assert ours.beta == pytest.approx(1.0, rel=1e-12)
    assert ours.alpha == pytest.approx(0.0, abs=1e-12)
    assert 1.0 - 1e-12 <= ours.correlation <= 1.0
    assert ours.tracking_error == 0.0
    assert math.isnan(ours.information_ratio)


def test_without_variance_they_are_undefined_and_told(curves):
    equity, closes = curves
    flat = measure(equity, np.full(900, 37.0))
    assert all(math.isnan(getattr(flat, name)) for name in ("beta", "alpha", "correlation"))
    assert {"beta", "alpha", "correlation"} <= set(flat.to_json_values()["undefined"])
    assert flat.tracking_error == pytest.approx(flat.volatility, rel=1e-12)
    still = measure(np.full(900, 100.0), closes)
    assert (still.beta, still.alpha) == (0.0, 0.0)
    assert math.isnan(still.correlation)


def test_a_lead_without_any_difference_in_risk_is_infinite():
    ours = measure([100.0, 110.0, 121.0], [1.0, 1.0, 1.0])
    lead = measure(np.full(3, 100.0) * 1.5 ** np.arange(3), 1.5 ** np.arange(3) * [1, 0.5, 0.25])
    assert math.isfinite(ours.information_ratio)
    assert math.isfinite(lead.information_ratio)
    ahead = measure([110.0, 121.0, 133.1], [5.0, 5.0, 5.0])
    assert ahead.information_ratio == math.inf


def test_one_return_has_no_deviation():
    ours = measure([101.0], [5.0])
    assert all(math.isnan(getattr(ours, name)) for name in NAMES)


def test_without_a_benchmark_there_are_none():
    ours = compute_metrics(
        [99.0, 101.0],
        pd.bdate_range("2015-01-05", periods=2),
        initial_capital=100.0,
        periods_per_year=A,
        trades=TradeColumns.empty(),
    )
    assert [getattr(ours, name) for name in NAMES] == [None] * 5
