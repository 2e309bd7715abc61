"""Splits that prices are not adjusted for: told by the source, or seen in the prices."""

import numpy as np
import pandas as pd
import pytest

from btkit.data import adjust_prices, check_bars, judge_splits_again
from btkit.errors import DataError

SPLIT_AT = 40
RATIOS = [2, 3, 4, 5, 10, 20, 3 / 2, 4 / 3, 5 / 4]


def bars(count=80, *, seed=5):
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, count)))
    open_ = np.concatenate(([100.0], close[:-1])) * np.exp(random.normal(0.0, 0.003, count))
    spread = np.exp(np.abs(random.normal(0.008, 0.003, count)))
    return pd.DataFrame(
        {
            "open": open_,
            "high": np.maximum(open_, close) * spread,
            "low": np.minimum(open_, close) / spread,
            "close": close,
            "volume": np.exp(random.normal(14.0, 0.3, count)),
        },
        index=pd.bdate_range("2024-01-01", periods=count, unit="ns"),
    )


def split(ratio, **columns):
    frame = bars()
    frame.iloc[SPLIT_AT:, :4] /= ratio
    return frame.assign(**columns)


def found(frame):
    return [
        (entry.code, entry.dates, "price_adjustment: splits" in entry.message)
        for entry in check_bars(frame)[1]
    ]


DAY = bars().index[SPLIT_AT].date().isoformat()
THE_SPLIT = [("split_like_jump", [DAY], True)]


@pytest.mark.parametrize("ratio", [*RATIOS, *(1 / ratio for ratio in RATIOS)])
def test_a_split_that_adj_close_tells(ratio):
    frame = split(ratio)
    frame["adj_close"] = bars()["close"] / ratio
    assert found(frame) == THE_SPLIT
    assert "tells" in check_bars(frame)[1][0].message


@pytest.mark.parametrize("ratio", [1.1, 6 / 5, 1.28, 1.4, 7.0])
def test_other_steps_of_adj_close_tell_none(ratio):
    # A special dividend, say: the price falls by it, in no ratio of a split.
    frame = bars()
    frame["adj_close"] = frame["close"] * np.where(np.arange(80) < SPLIT_AT, 1 / ratio, 1.0)
    assert found(frame) == []


def test_where_a_column_of_dividends_decides_a_step_is_one():
    frame = bars()
    frame["adj_close"] = frame["close"] * np.where(np.arange(80) < SPLIT_AT, 0.8, 1.0)
    assert found(frame) == THE_SPLIT
    paid = np.where(np.arange(80) == SPLIT_AT, 20.0, 0.0)
    assert found(frame.assign(dividends=paid)) == []
    assert found(frame.assign(dividends=0.0)) == THE_SPLIT


@pytest.mark.parametrize("none", [0.0, 1.0, np.nan])
def test_a_split_that_a_column_tells(none):
    splits = np.where(np.arange(80) == SPLIT_AT, 5 / 4, none)
    assert found(split(5 / 4, splits=splits)) == THE_SPLIT
    # Many sources adjust their prices for the splits that they tell.
    assert found(bars().assign(splits=splits)) == []


@pytest.mark.parametrize("ratio", [2, 3, 3 / 2, 5 / 4, 4 / 3, 1 / 2, 4 / 5, 3 / 4, 1 / 10])
def test_a_jump_alone(ratio):
    assert found(split(ratio)) == THE_SPLIT


def bad_news(fall, *, range_, volume):
    frame = bars()
    frame.iloc[SPLIT_AT:, :4] *= 1 - fall
    day = frame.index[SPLIT_AT]
    frame.loc[day, "low"] = frame.loc[day, "high"] * (1 - range_)
    frame.loc[day, "close"] = frame.loc[day, "low"] * 1.01
    frame.loc[day, "volume"] *= volume
    return frame


@pytest.mark.parametrize(("range_", "volume"), [(0.09, 1.0), (0.03, 8.0), (0.09, 8.0)])
@pytest.mark.parametrize("fall", [0.2, 0.25])
def test_a_fifth_lost_on_bad_news_is_no_split(fall, range_, volume):
    assert found(bad_news(fall, range_=range_, volume=volume)) == []


def test_a_fifth_lost_where_the_source_knows_of_no_split_is_none():
    # Its adjusted closes follow dividends, so they would follow a split.
    dividends = np.where(np.arange(80) < 20, 0.995, 1.0)
    frame = split(5 / 4)
    assert found(frame.assign(adj_close=frame["close"])) == THE_SPLIT
    assert found(frame.assign(adj_close=frame["close"] * dividends)) == []
    assert found(frame.assign(splits=0.0)) == []


def test_adjusting_for_splits_scales_prices_and_dividends_before_each():
    splits = np.ones(80)
    splits[20], splits[SPLIT_AT] = 3.0, 0.5
    frame = bars().assign(splits=splits, dividends=0.6, adj_close=1.0)
    adjusted = adjust_prices(frame, "splits")
    factor = np.select([np.arange(80) < 20, np.arange(80) < SPLIT_AT], [1 / 1.5, 1 / 0.5], 1.0)
    for name in ("open", "high", "low", "close", "dividends"):
        np.testing.assert_allclose(adjusted[name], frame[name] * factor, rtol=1e-15)
    for name in ("volume", "adj_close"):
        np.testing.assert_array_equal(adjusted[name], frame[name])
    pd.testing.assert_frame_equal(adjust_prices(adjusted, "splits"), adjusted)


@pytest.mark.parametrize("ratio", [2, 5 / 4])
def test_an_adjusted_split_is_no_longer_told(ratio):
    frame = split(ratio, splits=np.where(np.arange(80) == SPLIT_AT, ratio, 0.0))
    adjusted = adjust_prices(frame, "splits")
    np.testing.assert_allclose(adjusted["close"], bars()["close"] / ratio, rtol=1e-14)
    assert judge_splits_again(check_bars(frame)[1], adjusted) == []


def test_adjusting_what_the_source_has_adjusted_is_told():
    frame = bars().assign(splits=np.where(np.arange(80) == SPLIT_AT, 2.0, 0.0))
    [told] = judge_splits_again([], adjust_prices(frame, "splits"))
    assert told.dates == [DAY]


@pytest.mark.parametrize("ratio", [-2.0, np.inf])
def test_a_ratio_that_is_none_is_refused(ratio):
    with pytest.raises(DataError, match="splits is negative or infinite on 1 bars"):
        check_bars(bars().assign(splits=np.where(np.arange(80) == 3, ratio, 0.0)))


def test_adjusting_for_splits_needs_the_column():
    with pytest.raises(DataError, match="no column splits"):
        adjust_prices(bars(), "splits")
