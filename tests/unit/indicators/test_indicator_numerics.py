"""Stability: flat prices, large numbers, and values that depend on their own window alone."""

import math

import numpy as np
import pytest

from btkit.indicators import FeatureSet
from btkit.indicators.spread import corwin_schultz_spread
from btkit.indicators.volatility import realized_volatility, rolling_mean


@pytest.mark.parametrize("price", [0.0001, 100.1, 4999.9, 1e9])
def test_flat_prices_give_exactly_zero_volatility(price):
    moved = price * np.exp(np.random.default_rng(3).normal(0, 0.05, 200))
    close = np.append(moved, np.full(40, price))
    volatility = realized_volatility(close, window=30, bars_per_year=252.0)
    assert volatility[-1] == 0.0
    assert np.all(volatility[-10:] == 0.0)
    assert np.all(volatility[30:200] > 0.0)


def test_steady_growth_has_no_volatility_to_speak_of():
    close = 100.0 * 1.01 ** np.arange(300)
    volatility = realized_volatility(close, window=30, bars_per_year=252.0)
    assert np.nanmax(volatility) < 1e-13


@pytest.mark.parametrize("name", ["hv_30", "hv_2", "bid_ask_spread_pct", "highest_20", "roc_10"])
def test_a_windowed_value_does_not_depend_on_earlier_bars(make_bars, name):
    bars = make_bars(400)
    wild = bars.copy()
    wild.loc[wild.index[:200], ["open", "high", "low", "close"]] *= 1e6
    calm, stormy, short = (
        FeatureSet(frame, bars_per_year=252.0).column(name)[-150:]
        for frame in (bars, wild, bars.iloc[201:])
    )
    np.testing.assert_array_equal(calm, stormy)
    np.testing.assert_array_equal(calm, short)


def test_flat_prices_leave_the_place_between_the_bands_undefined(flat_bars, make_bars):
    assert np.isnan(FeatureSet(flat_bars(60), bars_per_year=252.0).column("bb_pct")).all()
    bars = make_bars(80)
    bars.loc[bars.index[40:], "close"] = 4999.9
    place = FeatureSet(bars, bars_per_year=252.0).column("bb_pct")
    assert np.isfinite(place[19:59]).all()
    assert np.isnan(place[59:]).all()


def test_flat_prices_keep_the_other_columns_defined(flat_bars):
    features = FeatureSet(flat_bars(80), bars_per_year=252.0)
    expected = {"rsi_14": 0.0, "adx_14": 0.0, "atr_14": 0.0, "plus_di": 0.0, "minus_di": 0.0}
    expected |= {"roc_10": 0.0, "hv_30": 0.0, "bid_ask_spread_pct": 0.0, "obv": 5.0}
    assert {name: features.column(name)[-1] for name in expected} == expected


def test_no_realised_volatility_makes_the_ratio_missing(flat_bars):
    bars = flat_bars(60).assign(current_iv=0.2)
    features = FeatureSet(bars, bars_per_year=252.0)
    assert np.isnan(features.column("iv_hv_ratio")).all()


def test_rolling_mean_is_empty_without_a_full_window():
    assert rolling_mean(np.array([1.0, 2.0]), 3).shape == (0,)
    assert rolling_mean(np.array([1.0, 2.0, 6.0]), 2).tolist() == [1.5, 4.0]


def spread_by_hand(high, low, close):
    """The paper's two-day estimate for the second of two bars, in scalar steps."""
    (h1, h2), (l1, l2) = high, low
    if l2 > close[0]:
        h2, l2 = h2 - (l2 - close[0]), close[0]
    elif h2 < close[0]:
        h2, l2 = close[0], l2 + (close[0] - h2)
    beta = math.log(h1 / l1) ** 2 + math.log(h2 / l2) ** 2
    gamma = math.log(max(h1, h2) / min(l1, l2)) ** 2
    root = 3 - 2 * math.sqrt(2)
    alpha = (math.sqrt(2 * beta) - math.sqrt(beta)) / root - math.sqrt(gamma / root)
    return max(2 * (math.exp(alpha) - 1) / (1 + math.exp(alpha)), 0.0)


@pytest.mark.parametrize(
    ("high", "low", "close"),
    [
        ([101.0, 101.0], [99.0, 99.0], [100.0, 100.0]),
        ([101.0, 102.5], [99.0, 100.5], [100.0, 101.0]),
        ([101.0, 90.0], [99.0, 88.0], [100.0, 89.0]),
        ([101.0, 120.0], [99.0, 118.0], [100.0, 119.0]),
        ([101.0, 110.0], [99.0, 100.0], [100.9, 109.0]),
    ],
)
def test_the_spread_of_two_bars_is_the_papers(high, low, close):
    found = corwin_schultz_spread(np.array(high), np.array(low), np.array(close), estimates=1)
    assert math.isnan(found[0])
    assert found[1] == pytest.approx(spread_by_hand(high, low, close), abs=1e-14)


def test_equal_ranges_are_all_spread():
    # Two bars with one and the same range have no volatility: all of the range is spread.
    high, low = np.full(3, 101.0), np.full(3, 99.0)
    found = corwin_schultz_spread(high, low, np.full(3, 100.0), estimates=2)
    ratio = 101.0 / 99.0
    assert found[2] == pytest.approx(2 * (ratio - 1) / (ratio + 1), rel=1e-12)


def test_the_spread_column_is_the_mean_of_twenty_estimates(make_bars):
    bars = make_bars(60)
    high, low, close = (bars[name].tolist() for name in ("high", "low", "close"))
    pairs = [
        spread_by_hand(high[i - 1 : i + 1], low[i - 1 : i + 1], close[i - 1 : i + 1])
        for i in range(1, 60)
    ]
    found = FeatureSet(bars, bars_per_year=252.0).column("bid_ask_spread_pct")
    assert np.isnan(found[:20]).all()
    expected = [sum(pairs[i - 20 : i]) / 20 for i in range(20, 60)]
    np.testing.assert_allclose(found[20:], expected, rtol=1e-12, atol=1e-15)
    assert found[-1] > 0.0
