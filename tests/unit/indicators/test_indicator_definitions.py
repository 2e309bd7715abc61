"""TA-Lib's columns against the definitions, written out in plain Python."""

import math
import statistics
from itertools import pairwise

import numpy as np
import pytest

from btkit.indicators import FeatureSet

COUNT = 320


@pytest.fixture(scope="module")
def bars(make_bars):
    return make_bars(COUNT)


@pytest.fixture(scope="module")
def column(bars):
    features = FeatureSet(bars, bars_per_year=252.0)

    def get(name):
        return [None if math.isnan(value) else value for value in features.column(name)]

    return get


def lists(bars):
    return (list(map(float, bars[name])) for name in ("high", "low", "close", "volume"))


def agree(found, expected):
    assert [value is None for value in found] == [value is None for value in expected]
    assert [value for value in found if value is not None] == pytest.approx(
        [value for value in expected if value is not None], rel=1e-9, abs=1e-9
    )


def windows(values, n, function):
    return [None if i < n - 1 else function(values[i - n + 1 : i + 1]) for i in range(len(values))]


def ema_from(values, n, start):
    """Exponential average seeded at `start` with the mean of the n values up to it."""
    result = [None] * start + [statistics.fmean(values[start - n + 1 : start + 1])]
    for value in values[start + 1 :]:
        result.append(result[-1] + 2 / (n + 1) * (value - result[-1]))
    return result


def wilder(values, n):
    """Wilder's average of values[1:], seeded with the mean of the first n of them."""
    result = [None] * n + [statistics.fmean(values[1 : n + 1])]
    for value in values[n + 1 :]:
        result.append((result[-1] * (n - 1) + value) / n)
    return result


def wilder_sum(values, n):
    """Wilder's running sum: n - 1 values, then each step drops an nth and adds one."""
    total = sum(values[1:n])
    result = [None] * n
    for value in values[n:]:
        total = total - total / n + value
        result.append(total)
    return result


def true_ranges(high, low, close):
    ranges = [
        max(top, before) - min(bottom, before)
        for top, bottom, before in zip(high[1:], low[1:], close, strict=False)
    ]
    return [0.0, *ranges]


def directional_movement(high, low):
    plus, minus = [0.0], [0.0]
    for i in range(1, len(high)):
        up, down = high[i] - high[i - 1], low[i - 1] - low[i]
        plus.append(up if up > down and up > 0 else 0.0)
        minus.append(down if down > up and down > 0 else 0.0)
    return plus, minus


def directional_indicators(high, low, close, n):
    plus, minus = directional_movement(high, low)
    ranges = wilder_sum(true_ranges(high, low, close), n)
    return tuple(
        [
            None if t is None else 100 * m / t
            for m, t in zip(wilder_sum(moves, n), ranges, strict=True)
        ]
        for moves in (plus, minus)
    )


@pytest.mark.parametrize("n", [2, 20, 50, 137, 200])
def test_sma_is_the_mean(bars, column, n):
    _, _, close, _ = lists(bars)
    agree(column(f"sma_{n}"), windows(close, n, statistics.fmean))


@pytest.mark.parametrize("n", [2, 9, 21, 50])
def test_ema_starts_from_the_mean_of_the_first_closes(bars, column, n):
    _, _, close, _ = lists(bars)
    agree(column(f"ema_{n}"), ema_from(close, n, n - 1))


@pytest.mark.parametrize("n", [2, 14, 30])
def test_rsi_is_wilders(bars, column, n):
    _, _, close, _ = lists(bars)
    changes = [0.0] + [b - a for a, b in pairwise(close)]
    up = wilder([max(change, 0.0) for change in changes], n)
    down = wilder([max(-change, 0.0) for change in changes], n)
    expected = [None if u is None else 100 * u / (u + d) for u, d in zip(up, down, strict=True)]
    agree(column(f"rsi_{n}"), expected)


@pytest.mark.parametrize("n", [2, 14, 40])
def test_atr_is_wilders(bars, column, n):
    high, low, close, _ = lists(bars)
    agree(column(f"atr_{n}"), wilder(true_ranges(high, low, close), n))


def test_di_is_wilders(bars, column):
    high, low, close, _ = lists(bars)
    plus, minus = directional_indicators(high, low, close, 14)
    agree(column("plus_di"), plus)
    agree(column("minus_di"), minus)


@pytest.mark.parametrize("n", [2, 14, 25])
def test_adx_averages_dx_twice(bars, column, n):
    high, low, close, _ = lists(bars)
    plus, minus = directional_indicators(high, low, close, n)
    dx = [
        None if p is None else 100 * abs(p - m) / (p + m) if p + m else 0.0
        for p, m in zip(plus, minus, strict=True)
    ]
    expected = [None] * (2 * n - 1) + [statistics.fmean(dx[n : 2 * n])]
    for value in dx[2 * n :]:
        expected.append((expected[-1] * (n - 1) + value) / n)
    agree(column(f"adx_{n}"), expected)


def test_macd_starts_both_averages_together(bars, column):
    _, _, close, _ = lists(bars)
    fast, slow = ema_from(close, 12, 25), ema_from(close, 26, 25)
    line = [None if s is None else f - s for f, s in zip(fast, slow, strict=True)]
    signal = [None] * 25 + ema_from(line[25:], 9, 8)
    shown = [None] * 33 + line[33:]
    agree(column("macd"), shown)
    agree(column("macd_signal"), signal)
    agree(
        column("macd_hist"),
        [None if s is None else m - s for m, s in zip(shown, signal, strict=True)],
    )


def test_bands_use_the_population_deviation(bars, column):
    _, _, close, _ = lists(bars)
    middle = windows(close, 20, statistics.fmean)
    sigma = windows(close, 20, statistics.pstdev)
    upper = [None if m is None else m + 2 * s for m, s in zip(middle, sigma, strict=True)]
    lower = [None if m is None else m - 2 * s for m, s in zip(middle, sigma, strict=True)]
    agree(column("bb_upper"), upper)
    agree(column("bb_lower"), lower)
    agree(
        column("bb_pct"),
        [
            None if u is None else (c - b) / (u - b)
            for c, u, b in zip(close, upper, lower, strict=True)
        ],
    )


@pytest.mark.parametrize("n", [2, 10, 100])
def test_roc_is_in_percent(bars, column, n):
    _, _, close, _ = lists(bars)
    expected = [None] * n + [
        (now / then - 1) * 100 for then, now in zip(close, close[n:], strict=False)
    ]
    agree(column(f"roc_{n}"), expected)


@pytest.mark.parametrize("n", [2, 20, 252])
def test_highest_and_lowest_include_this_bar(bars, column, n):
    high, low, _, _ = lists(bars)
    agree(column(f"highest_{n}"), windows(high, n, max))
    agree(column(f"lowest_{n}"), windows(low, n, min))


def test_obv_adds_volume_by_the_sign_of_the_change(bars, column):
    _, _, close, volume = lists(bars)
    expected = [volume[0]]
    for i in range(1, len(close)):
        sign = (close[i] > close[i - 1]) - (close[i] < close[i - 1])
        expected.append(expected[-1] + sign * volume[i])
    agree(column("obv"), expected)


def test_adv_is_the_mean_volume_of_twenty_bars(bars, column):
    _, _, _, volume = lists(bars)
    agree(column("spy_adv_20d"), windows(volume, 20, statistics.fmean))


@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("hv_2", 2),
        ("hv_30", 30),
        ("hv_77", 77),
        ("spy_realized_vol_5d", 5),
        ("spy_realized_vol_10d", 10),
    ],
)
def test_realised_volatility_is_the_annualised_sample_deviation(bars, column, name, n):
    _, _, close, _ = lists(bars)
    returns = [math.log(b / a) for a, b in pairwise(close)]
    deviations = windows(returns, n, statistics.stdev)
    expected = [None] + [None if s is None else s * math.sqrt(252) for s in deviations]
    agree(column(name), expected)


def test_realised_volatility_scales_with_the_bars_of_a_year(bars):
    daily = FeatureSet(bars, bars_per_year=252.0).column("hv_30")
    quarter_hourly = FeatureSet(bars, bars_per_year=6552.0).column("hv_30")
    np.testing.assert_allclose(quarter_hourly[30:], daily[30:] * math.sqrt(26), rtol=1e-13)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("spy_price", "close"),
        ("spy_close", "close"),
        ("spy_sma_20", "sma_20"),
        ("spy_sma_50", "sma_50"),
        ("spy_sma_200", "sma_200"),
        ("spy_realized_vol_5d", "hv_5"),
        ("spy_realized_vol_10d", "hv_10"),
        ("volume_spy_today", "volume"),
        ("vix_spot", "vix"),
    ],
)
def test_an_alias_is_the_same_column(column, alias, name):
    assert column(alias) == column(name)


def test_prev_moves_any_column_by_one_bar_each(column):
    assert column("prev_close") == [None, *column("close")[:-1]]
    assert column("prev_prev_close") == [None, None, *column("close")[:-2]]
    assert column("prev_highest_20") == [None, *column("highest_20")[:-1]]
    assert column("prev_spy_sma_20") == [None, *column("sma_20")[:-1]]
    assert column("prev_opex_week") == [None, *column("opex_week")[:-1]]
