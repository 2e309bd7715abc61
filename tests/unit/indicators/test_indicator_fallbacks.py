"""Columns that rest on a documented fallback say on which bars."""

import numpy as np
import pytest

from btkit.indicators import FeatureSet

NAN = np.nan


def test_a_missing_vix_is_twenty(make_bars):
    bars = make_bars(4, vix=[15.0, NAN, np.inf, 18.0])
    features = FeatureSet(bars, bars_per_year=252.0)
    assert features.column("vix").tolist() == [15.0, 20.0, 20.0, 18.0]
    assert features.fallback("vix").tolist() == [False, True, True, False]
    assert features.column("vix_spot").tolist() == [15.0, 20.0, 20.0, 18.0]
    assert features.fallback("vix_spot").tolist() == [False, True, True, False]
    assert features.fallback("prev_vix").tolist() == [False, False, True, True]
    assert features.fallback("prev_prev_vix_spot").tolist() == [False, False, False, True]


def test_without_a_vix_column_every_bar_falls_back(make_bars):
    features = FeatureSet(make_bars(3).drop(columns="vix"), bars_per_year=252.0)
    assert features.column("vix").tolist() == [20.0] * 3
    assert features.fallback("vix").tolist() == [True] * 3


def test_implied_volatility_falls_back_to_realised(make_bars):
    bars = make_bars(40)
    bars.loc[bars.index[[2, 35]], "current_iv"] = NAN
    features = FeatureSet(bars, bars_per_year=252.0)
    expected = bars["current_iv"].to_numpy(copy=True)
    expected[35] = features.column("hv_30")[35] * 1.20
    np.testing.assert_array_equal(features.column("iv_atm"), expected)
    # Bar 2 has neither volatility, and so no fallback either.
    assert np.flatnonzero(features.fallback("iv_atm")).tolist() == [35]
    assert np.flatnonzero(features.fallback("prev_iv_atm")).tolist() == [36]


def test_without_iv_history_the_names_are_missing(make_bars):
    bars = make_bars(40).drop(columns=["iv_rank", "iv_percentile", "current_iv"])
    features = FeatureSet(bars, bars_per_year=252.0)
    for name in ("iv_rank", "iv_percentile", "current_iv", "iv_hv_ratio"):
        assert np.isnan(features.column(name)).all()
        assert features.fallback(name) is None
    np.testing.assert_array_equal(features.column("iv_atm"), features.column("hv_30") * 1.20)
    assert np.flatnonzero(features.fallback("iv_atm")).tolist() == list(range(30, 40))


def test_full_iv_history_needs_no_fallback(make_bars):
    bars = make_bars(40)
    features = FeatureSet(bars, bars_per_year=252.0)
    np.testing.assert_array_equal(features.column("iv_atm"), bars["current_iv"])
    assert not features.fallback("iv_atm").any()
    np.testing.assert_allclose(
        features.column("iv_hv_ratio")[30:],
        (bars["current_iv"].to_numpy() / features.column("hv_30"))[30:],
    )


@pytest.mark.parametrize("name", ["close", "sma_20", "prev_close", "iv_rank", "fomc_meeting_day"])
def test_other_names_never_fall_back(make_bars, name):
    assert FeatureSet(make_bars(3), bars_per_year=252.0).fallback(name) is None
