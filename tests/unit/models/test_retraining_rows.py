"""When a model is trained again, and that no row of it has a label from later."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.deep import sized
from support.random_bars import make_bars

from btkit.errors import NoDataError, UsageError
from btkit.markets import Interval, bar_dates
from btkit.models.labelling import read_label
from btkit.models.retraining import (
    Lessons,
    Rhythm,
    bar_moments,
    plan_trainings,
)

DAYS = pd.bdate_range("2015-01-05", periods=400)
HOURS = pd.DatetimeIndex(
    [day + pd.Timedelta(hours=14.5 + hour) for day in DAYS[:60] for hour in range(7)]
).tz_localize("UTC")


def dates_of(index):
    return np.array(index, "datetime64[D]")


@given(
    st.integers(1, 90), st.integers(30, 120), st.integers(1, 30), st.booleans(), st.integers(0, 399)
)
def test_every_so_many_bars_the_last_rows_are_learnt_whose_horizon_is_over(
    every, window, horizon, anchored, begin
):
    rhythm = Rhythm(every, window, anchored)
    asked = {"begin": begin, "horizon": horizon, "rhythm": rhythm, "intraday": False}
    if begin - horizon + 1 < window:
        with pytest.raises(NoDataError, match=f"a training learns {window}"):
            plan_trainings(dates_of(DAYS), **asked)
        return
    made = plan_trainings(dates_of(DAYS), **asked)
    assert [training.known for training in made] == list(range(begin, 400, every))
    for training in made:
        assert training.date == str(DAYS[training.known].date())
        assert training.last + horizon == training.known
        learnt = training.last - training.first + 1
        grown = training.known - begin if anchored else 0
        assert learnt == window + grown


@given(st.integers(1, 40), st.integers(1, 10), st.integers(300, 419))
def test_a_model_of_intraday_bars_has_seen_only_sessions_before_its_own(every, horizon, begin):
    dates = bar_dates(HOURS, Interval.parse("1h"))
    made = plan_trainings(
        dates, begin=begin, horizon=horizon, rhythm=Rhythm(every, 100), intraday=True
    )
    assert made[0].date == str(dates[begin])
    assert len({training.date for training in made}) == len(made)
    for training in made:
        assert str(dates[training.known]) < training.date
        assert str(dates[training.known + 1]) == training.date
        assert training.last + horizon == training.known


def test_bundles_name_a_bar_of_days_by_its_session_and_a_shorter_one_by_its_time():
    mondays = pd.date_range("2015-01-05", periods=3, freq="W-MON")
    weekly, hourly = Interval.parse("1w"), Interval.parse("1h")
    named = bar_moments(mondays, bar_dates(mondays, weekly), weekly)
    assert [str(day.date()) for day in named] == ["2015-01-09", "2015-01-16", "2015-01-23"]
    assert bar_moments(HOURS, bar_dates(HOURS, hourly), hourly) is HOURS


LABEL = read_label(
    {"kind": "triple_barrier", "take_profit": 0.01, "stop_loss": 0.01, "horizon": 10}
)


def lessons_of(bars, methods):
    close = bars["close"]
    features = pd.DataFrame({"plain": close.pct_change(5), "raw": close})
    index = pd.DatetimeIndex(bars.index)
    moments = bar_moments(index, dates_of(index), Interval.parse("1d"))
    return Lessons(features, LABEL.compute(bars), methods, moments)


def lesson_at(bars, known, methods, window=100):
    training = plan_trainings(
        dates_of(bars.index), begin=known, horizon=10, rhythm=Rhythm(400, window), intraday=False
    )[0]
    return lessons_of(bars, methods).of(training)


@settings(max_examples=sized(20, 500))
@given(st.integers(120, 399), st.integers(0, 10**6))
def test_a_lesson_is_the_same_whatever_comes_after(known, seed):
    bars, other = make_bars(400, seed=seed), make_bars(400, seed=seed + 1)
    other.iloc[: known + 1] = bars.iloc[: known + 1]
    methods = {"raw": "zscore"}
    lesson = lesson_at(bars, known, methods)
    assert (LABEL.compute(bars)["end"].loc[lesson.X.index] <= bars.index[known]).all()
    for changed in (bars.iloc[: known + 1], other):
        again = lesson_at(changed, known, methods)
        assert again.sha256 == lesson.sha256
        pd.testing.assert_frame_equal(again.X, lesson.X)
        pd.testing.assert_series_equal(again.y, lesson.y)
        pd.testing.assert_series_equal(again.weights, lesson.weights)
        assert again.normalization_params == lesson.normalization_params
    changed = bars.copy()
    changed.iloc[known - 10, changed.columns.get_loc("close")] *= 1.001
    assert lesson_at(changed, known, methods).sha256 != lesson.sha256


def test_a_value_is_normalised_by_the_rows_that_are_learnt_alone():
    bars = make_bars(400)
    plain = lesson_at(bars, 300, {}).X["raw"]
    assert plain.tolist() == bars["close"].iloc[191:291].tolist()
    scaled = lesson_at(bars, 300, {"raw": "zscore"})
    assert scaled.X["raw"].to_numpy() == pytest.approx((plain - plain.mean()) / plain.std(ddof=0))
    between = lesson_at(bars, 300, {"raw": "minmax"})
    assert (between.X["raw"].min(), between.X["raw"].max()) == (0.0, 1.0)
    known = {"method": "minmax", "min": plain.min(), "max": plain.max()}
    assert between.normalization_params == {"raw": known}
    assert lesson_at(bars, 300, {"raw": "none"}).X["raw"].tolist() == plain.tolist()


def test_rows_without_a_feature_are_left_out_and_weights_have_a_mean_of_one():
    bars = make_bars(400)
    lesson = lesson_at(bars, 110, {}, window=101)
    assert lesson.X.index.tolist() == bars.index[5:101].tolist()
    assert lesson.weights.mean() == pytest.approx(1.0)
    assert [lesson.first, lesson.last, lesson.known] == bars.index[[5, 100, 110]].tolist()


def test_too_few_whole_rows_are_refused():
    bars = make_bars(400)
    lessons = lessons_of(bars, {})
    lessons.features.iloc[20:] = np.nan
    training = plan_trainings(
        dates_of(bars.index), begin=200, horizon=10, rhythm=Rhythm(63, 150), intraday=False
    )
    with pytest.raises(NoDataError, match="have all features and a label"):
        lessons.of(training[0])


@pytest.mark.parametrize(
    ("numbers", "said"),
    [((0, 100), "every is 0"), ((63, 29), "window is 29"), ((1.5, 100), "every is 1.5"),
     ((63, 100, "yes"), "anchored is 'yes'")],
)  # fmt: skip
def test_a_rhythm_that_makes_no_sense_is_refused(numbers, said):
    with pytest.raises(UsageError, match=said):
        Rhythm(*numbers)
