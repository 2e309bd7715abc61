"""The columns of one set of bars: few bars, bad bars, sharing, and the whole table."""

import numpy as np
import pandas as pd
import pytest
import talib

from btkit import compute_indicators
from btkit.errors import DataError, UsageError
from btkit.indicators import POSITION_NAMES, FeatureSet, known_names, lookup

MOMENTUM = ["close", "sma_50", "rsi_14", "macd_hist", "ema_21", "sma_200", "vix", "atr_14"]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 14, 20, 33])
def test_few_bars_give_missing_columns_not_errors(make_bars, count):
    features = FeatureSet(make_bars(count), bars_per_year=252.0)
    names = [*(known_names() - POSITION_NAMES), "sma_500", "ema_500", "rsi_500", "atr_500"]
    names += ["roc_500", "adx_500", "hv_500", "highest_500", "lowest_500", "prev_prev_close"]
    for name in names:
        values = features.column(name)
        assert values.shape == (count,)
        lookback = lookup(name).lookback
        assert np.isnan(values[:lookback]).all()
    assert compute_indicators(make_bars(count)).shape[0] == count


@pytest.mark.parametrize(
    "name", [*MOMENTUM, "prev_close", "hv_30", "opex_week", "iv_atm", "iv_rank"]
)
def test_a_column_is_a_plain_float_array_that_nobody_can_change(make_bars, name):
    bars = make_bars(300)
    features = FeatureSet(bars, bars_per_year=252.0)
    values = features.column(name)
    assert values.dtype == np.float64
    assert values.flags.c_contiguous
    assert features.column(name) is values
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1.0


def test_the_bars_and_the_columns_do_not_touch_each_other(make_bars):
    bars = make_bars(50)
    before = bars.copy()
    features = FeatureSet(bars, bars_per_year=252.0)
    bars["close"] = 1.0
    bars.loc[bars.index[0], "vix"] = 99.0
    np.testing.assert_array_equal(features.column("close"), before["close"])
    np.testing.assert_array_equal(features.column("vix"), before["vix"])


def test_strided_and_integer_bars_are_taken(make_bars):
    bars = make_bars(60)
    strided = pd.DataFrame(bars.to_numpy(), index=bars.index, columns=bars.columns)
    whole = bars.round().astype({"close": "int64", "volume": "int64"})
    for name in ("rsi_14", "obv", "atr_14"):
        np.testing.assert_array_equal(
            FeatureSet(strided, bars_per_year=252.0).column(name),
            FeatureSet(bars, bars_per_year=252.0).column(name),
        )
        assert FeatureSet(whole, bars_per_year=252.0).column(name).dtype == np.float64


@pytest.mark.parametrize(
    ("function", "names"),
    [
        ("MACD", ["macd", "macd_signal", "macd_hist"]),
        ("BBANDS", ["bb_upper", "bb_lower", "bb_pct"]),
    ],
)
def test_lines_of_one_indicator_share_one_call(make_bars, monkeypatch, function, names):
    calls = []
    original = getattr(talib, function)

    def counted(*inputs, **options):
        calls.append(function)
        return original(*inputs, **options)

    monkeypatch.setattr(talib, function, counted)
    features = FeatureSet(make_bars(60), bars_per_year=252.0)
    for name in names:
        features.column(name)
    assert calls == [function]


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("sma50", "no indicator 'sma50'", "'sma_50'"),
        ("qqqqqq", "no indicator 'qqqqqq'", "backtest indicators"),
        ("in_position", "describes the position", "condition"),
        ("short_leg_delta", "describes the position", "condition"),
        ("prev_in_position", "no indicator 'prev_in_position'", "'in_position'"),
    ],
)
@pytest.mark.parametrize("ask", ["column", "fallback", "unknown"])
def test_a_name_without_a_column_is_refused(make_bars, name, message, hint, ask):
    features = FeatureSet(make_bars(3), bars_per_year=252.0)
    with pytest.raises(UsageError, match=message) as refusal:
        getattr(features, ask)(name)
    assert hint in refusal.value.hint


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("close", np.nan),
        ("open", 0.0),
        ("high", -1.0),
        ("low", np.inf),
        ("volume", -1.0),
        ("volume", np.nan),
    ],
)
def test_impossible_bars_are_refused(make_bars, column, value):
    # TA-Lib would turn a NaN into a plausible RSI of 0.
    bars = make_bars(30)
    bars.loc[bars.index[3], column] = value
    with pytest.raises(DataError, match=f"impossible {column} on 1 bars, first on 2018-06-06"):
        FeatureSet(bars, bars_per_year=252.0)


def test_bars_without_a_required_column_are_refused(make_bars):
    with pytest.raises(UsageError, match="no column 'volume'"):
        FeatureSet(make_bars(3).drop(columns="volume"), bars_per_year=252.0)


@pytest.mark.parametrize("rows", [[0, 2, 1, *range(3, 30)], [*range(30), 29]])
def test_the_table_of_bars_out_of_order_is_that_of_ordered_ones(make_bars, rows):
    # Averages over shuffled or repeated bars look as right as any.
    table = compute_indicators(make_bars(30).iloc[rows])
    pd.testing.assert_frame_equal(table, compute_indicators(make_bars(30)), check_freq=False)


def test_the_whole_table(make_bars):
    bars = make_bars(300, start="2018-09-03")
    table = compute_indicators(bars)
    assert set(table.columns) == known_names() - POSITION_NAMES
    assert table.columns[:5].tolist() == ["open", "high", "low", "close", "volume"]
    assert table.index.equals(bars.index)
    features = FeatureSet(bars, bars_per_year=252.0)
    for name in table.columns:
        if lookup(name).kind == "bool":
            assert table[name].dtype == "boolean"
            found = table[name].astype("float64").to_numpy(na_value=np.nan)
        else:
            assert table[name].dtype == np.float64
            found = table[name].to_numpy()
        np.testing.assert_array_equal(found, features.column(name))
    assert table["fomc_meeting_day"].isna().sum() == (bars.index < "2019-01-01").sum()


def test_the_table_of_intraday_bars_is_annualised_by_their_interval(make_bars):
    moments = pd.DatetimeIndex(
        [
            moment
            for day in ("2024-01-30", "2024-01-31", "2024-02-01")
            for moment in pd.date_range(f"{day} 14:30", f"{day} 20:45", freq="15min", tz="UTC")
        ]
    )
    bars = make_bars(len(moments)).set_index(moments)
    table = compute_indicators(bars)
    expected = FeatureSet(bars, bars_per_year=6552.0, interval="15m").column("hv_30")
    np.testing.assert_array_equal(table["hv_30"], expected)
    assert table["fomc_meeting_day"].tolist() == [False] * 26 + [True] * 26 + [False] * 26
    halved = compute_indicators(bars, bars_per_year=6552.0 / 4)["hv_30"]
    np.testing.assert_allclose(halved, expected / 2)
