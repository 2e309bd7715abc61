from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from btkit.data import adjust_prices, check_bars, judge_splits_again
from btkit.errors import DataError


def bars(count=30, **changes):
    index = pd.bdate_range("2024-01-01", periods=count)
    close = 100.0 + np.arange(count, dtype=float)
    frame = pd.DataFrame(
        {"open": close - 0.5, "high": close + 1, "low": close - 1, "close": close, "volume": 1e6},
        index=index,
    )
    for name, values in changes.items():
        frame[name] = values
    return frame


def changed(column, row, value):
    frame = bars()
    frame.iloc[row, frame.columns.get_loc(column)] = value
    return frame


def codes(findings):
    return [found.code for found in findings]


def test_clean_bars_pass_unchanged():
    frame = bars()
    frame.index = frame.index.as_unit("ns")
    checked, findings = check_bars(frame)
    assert checked is frame
    assert findings == []


def test_integers_and_unknown_columns_are_brought_into_form():
    frame = bars(volume=1, signal="buy")
    before = frame.copy()
    checked, findings = check_bars(frame)
    assert list(checked.columns) == ["open", "high", "low", "close", "volume"]
    assert set(checked.dtypes) == {np.dtype("float64")}
    assert checked.index.dtype == "datetime64[ns]"
    assert findings == []
    pd.testing.assert_frame_equal(frame, before)


def test_disorder_is_sorted_and_reported():
    frame = bars()
    shuffled = frame.iloc[[*range(10, 30), *range(10)]]
    checked, findings = check_bars(shuffled)
    assert checked.index.is_monotonic_increasing
    assert codes(findings) == ["sorted"]
    assert findings[0].dates == ["2024-01-01"]
    pd.testing.assert_frame_equal(checked, frame, check_index_type=False, check_freq=False)


def test_exact_duplicates_are_dropped_and_reported():
    frame = bars(vix=np.nan)
    twice = pd.concat([frame, frame.iloc[[3, 3, 7]]])
    checked, findings = check_bars(twice)
    assert len(checked) == 30
    assert codes(findings) == ["sorted", "duplicates_dropped"]
    assert findings[1].count == 3
    assert findings[1].dates == ["2024-01-04", "2024-01-04", "2024-01-10"]


@pytest.mark.parametrize("column", ["close", "volume", "vix"])
def test_conflicting_duplicates_are_refused_with_dates(column):
    frame = bars(vix=np.nan)
    other = frame.iloc[[3]].copy()
    other[column] = 103.25
    with pytest.raises(DataError, match="two different rows") as caught:
        check_bars(pd.concat([frame, frame.iloc[[5]], other]))
    assert caught.value.details["dates"] == ["2024-01-04"]


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("close", np.nan, "close_missing"),
        ("open", np.inf, "open_missing"),
        ("high", np.inf, "high_missing"),
        ("volume", np.nan, "volume_missing"),
        ("volume", -1.0, "volume_negative"),
        ("low", 0.0, "low_not_positive"),
        ("close", -3.0, "close_not_positive"),
        ("high", 105.9, "high_below_open_or_close"),
        ("low", 106.1, "low_above_open_or_close"),
    ],
)
def test_broken_values_are_refused_with_dates(column, value, check):
    with pytest.raises(DataError) as caught:
        check_bars(changed(column, 6, value))
    problems = caught.value.details["problems"]
    assert check in [problem["check"] for problem in problems]
    assert caught.value.details["dates"] == ["2024-01-09"]
    assert "2024-01-09" in caught.value.message


def test_all_faults_are_told_at_once_and_dates_are_capped():
    frame = bars(count=40)
    frame["volume"] = -1.0
    frame.iloc[2, 3] = np.nan
    with pytest.raises(DataError) as caught:
        check_bars(frame)
    problems = {problem["check"]: problem for problem in caught.value.details["problems"]}
    assert problems["volume_negative"]["count"] == 40
    assert len(problems["volume_negative"]["dates"]) == 20
    assert problems["close_missing"]["dates"] == ["2024-01-03"]
    assert str(caught.value).endswith("the first 2024-01-03 (and 1 more kind of fault)")


@pytest.mark.parametrize(("factor", "refused"), [(1 - 5e-7, False), (1 - 2e-6, True)])
def test_high_may_be_low_by_a_millionth(factor, refused):
    frame = bars()
    frame["high"] = np.maximum(frame["open"], frame["close"]) * factor
    if refused:
        with pytest.raises(DataError):
            check_bars(frame)
    else:
        check_bars(frame)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (bars().drop(columns=["high", "volume"]), "high, volume"),
        (bars().rename(columns=str.title), "open"),
        (bars().reset_index(drop=True), "DatetimeIndex"),
        (bars(close="text"), "not numbers"),
        ([1, 2], "DataFrame"),
        (pd.concat([bars(), bars()[["close"]]], axis=1), "more than one column close"),
        (bars().set_axis(pd.date_range("2024-01-01 09:30", periods=30, freq="h")), "time zone"),
        (bars().set_axis([pd.NaT, *bars().index[1:]]), "no time"),
    ],
)
def test_wrong_form_is_refused(frame, words):
    with pytest.raises(DataError, match=words):
        check_bars(frame)


def test_daily_bars_with_a_time_zone_keep_their_date():
    frame = bars().tz_localize("America/New_York")
    checked, _ = check_bars(frame)
    assert checked.index.tz is None
    assert checked.index[0] == pd.Timestamp("2024-01-01")


def test_intraday_bars_become_utc():
    index = pd.date_range("2024-01-02 09:30", periods=30, freq="15min", tz="America/New_York")
    checked, _ = check_bars(bars().set_axis(index))
    assert str(checked.index.tz) == "UTC"
    assert checked.index[0] == pd.Timestamp("2024-01-02 14:30", tz="UTC")


@pytest.mark.parametrize(
    "ratio",
    [2.0, 0.5, 1 / 3, 1.5, 10.2, 20.0, 0.0985, 7.0, 1 / 8.2, 30.0, 100.0, 1.25, 0.8, 4 / 3, 0.75],
)
def test_jumps_near_a_split_ratio_are_reported(ratio):
    frame = bars()
    frame.iloc[10:, :4] *= ratio * frame["close"].iloc[9] / frame["open"].iloc[10]
    _, findings = check_bars(frame)
    assert codes(findings) == ["split_like_jump"]
    assert findings[0].dates == ["2024-01-15"]


@pytest.mark.parametrize("ratio", [1.2, 1.4, 1.7, 2.4, 0.83, 7.5, 1 / 5.5, 120.0])
def test_other_jumps_are_not_reported(ratio):
    frame = bars()
    frame.iloc[10:, :4] *= ratio * frame["close"].iloc[9] / frame["open"].iloc[10]
    assert check_bars(frame)[1] == []


def test_a_jump_within_a_bar_is_no_split():
    frame = bars()
    factor = 2.0 * frame["close"].iloc[9] / frame["open"].iloc[10]
    frame.iloc[10, 1] *= factor
    frame.iloc[10, 3] = frame.iloc[10, 1]
    frame.iloc[11:, :4] *= factor
    assert check_bars(frame)[1] == []


def test_splits_that_the_adjustment_explains_are_no_longer_told():
    frame = bars(volume=0.0)
    frame["adj_close"] = frame["close"] / 6
    frame.iloc[10:, :4] /= 2
    frame.iloc[20:, :4] /= 3
    found = check_bars(frame)[1]
    assert codes(found) == ["split_like_jump", "zero_volume"]
    assert found[0].dates == ["2024-01-15", "2024-01-29"]
    assert codes(judge_splits_again(found, adjust_prices(frame))) == ["zero_volume"]


def test_a_split_that_the_adjustment_left_out_is_still_told():
    frame = bars()
    frame.iloc[10:, :4] /= 2
    frame.iloc[20:, :4] /= 3
    frame["adj_close"] = frame["close"] * np.where(np.arange(30) < 10, 0.5, 1.0)
    again = judge_splits_again(check_bars(frame)[1], adjust_prices(frame))
    assert [(found.code, found.dates) for found in again] == [("split_like_jump", ["2024-01-29"])]


def test_runs_of_identical_bars_are_reported_from_five_on():
    frame = bars()
    frame.iloc[4:8, :4] = frame.iloc[4, :4].to_numpy()
    assert check_bars(frame)[1] == []
    frame.iloc[8, :4] = frame.iloc[4, :4].to_numpy()
    _, findings = check_bars(frame)
    assert codes(findings) == ["identical_bars"]
    assert findings[0].count == 5
    assert findings[0].dates[0] == "2024-01-05"


def test_zero_volume_is_reported():
    _, findings = check_bars(changed("volume", 3, 0.0))
    assert codes(findings) == ["zero_volume"]
    _, findings = check_bars(bars(volume=0.0))
    assert findings[0].count == 30
    assert "mean nothing" in findings[0].message


def test_a_few_intraday_bars_without_volume_are_normal():
    index = pd.date_range("2024-01-02 14:30", periods=30, freq="15min", tz="UTC")
    assert check_bars(changed("volume", 3, 0.0).set_axis(index))[1] == []


def test_no_bars_and_one_bar_pass():
    assert check_bars(bars().iloc[:0])[1] == []
    assert check_bars(bars().iloc[:1])[1] == []


def test_attributes_survive_a_repair():
    frame = bars(volume=1).iloc[::-1]
    frame.attrs["btkit"] = {"symbol": "X"}
    assert check_bars(frame)[0].attrs["btkit"] == {"symbol": "X"}


def test_prices_are_scaled_by_the_adjusted_close():
    frame = bars(adj_close=bars()["close"] * 0.25)
    frame.attrs["btkit"] = {"symbol": "X"}
    adjusted = adjust_prices(frame)
    np.testing.assert_allclose(adjusted["open"], frame["open"] * 0.25, rtol=1e-15)
    np.testing.assert_array_equal(adjusted["close"], frame["adj_close"])
    np.testing.assert_array_equal(adjusted["volume"], frame["volume"])
    assert adjusted.attrs == frame.attrs
    pd.testing.assert_frame_equal(adjust_prices(adjusted), adjusted)


@pytest.mark.parametrize("value", [np.nan, 0.0, -1.0, np.inf])
def test_adjusting_needs_every_adjusted_close(value):
    frame = bars(adj_close=50.0)
    frame.iloc[5, 5] = value
    with pytest.raises(DataError, match="1 of 30 bars") as caught:
        adjust_prices(frame)
    assert caught.value.details["dates"] == ["2024-01-08"]
    assert 'price_adjustment "none"' in caught.value.hint
    with pytest.raises(DataError, match="no adj_close"):
        adjust_prices(bars())
