"""What features of slower timeframes see of the bars before a run, whoever asks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.random_bars import make_bars
from support.small_models import SLOWER, write_bundle

import btkit as bt
from btkit.indicators import FeatureSet, slower_features
from btkit.markets import Interval, schedule, slower_bars
from btkit.models import plan_features
from btkit.models.asked_bars import AskedBars
from btkit.models.loading import load_bundle, read_features
from btkit.models.predictions import predict
from btkit.models.slower_intervals import slower_intervals

WEEK, MONTH = Interval.parse("1w"), Interval.parse("1mo")
BARS = make_bars(5_200, 3)
OPENINGS = schedule("XNYS", pd.Timestamp("2012-01-03"), pd.Timestamp("2012-12-31"))["open"]
HALF_HOURS = make_bars(
    13 * len(OPENINGS),
    4,
    index=pd.DatetimeIndex(
        [opening + half * pd.Timedelta("30min") for opening in OPENINGS for half in range(13)]
    ),
)


def plan_of(*timeframes):
    return plan_features(
        {
            "indicators": {"rsi_50": {"type": "rsi", "period": 50}},
            "fuzzy_sets": {},
            "nn_inputs": [
                {"raw_indicator": "rsi_50", "timeframes": "all", "normalization": "none"}
            ],
            "training_timeframes": list(timeframes),
        }
    )


PLAN = plan_of("1d", "1w", "1mo")
CASES = {
    "days": (BARS, PLAN),
    # A half day's bars after its close belong to no session.
    "half hours": (HALF_HOURS, plan_of("30m", "2h", "1d")),
}


@st.composite
def spans(draw, count):
    start = draw(st.integers(0, count - 1))
    return start, draw(st.integers(0, start)), draw(st.integers(0, start))


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
@settings(max_examples=15)
def test_each_timeframe_sees_its_own_bars_and_no_others(case, data):
    bars, plan = CASES[case]
    start, begin, cut = data.draw(spans(len(bars)))
    rows = plan.matrix(bars, interval=plan.base, start=start, begin=begin)
    own = plan.matrix(bars.iloc[begin:], interval=plan.base)[:, 0]
    np.testing.assert_array_equal(rows[begin:, 0], own)
    assert np.isnan(rows[:begin]).all()
    least = begin
    for column, slower in enumerate(plan.slower_lookbacks, 1):
        made = slower_bars(bars.index, plan.base, slower)
        # The first bar of the last 600 slower ones that have closed before the start.
        closed = int(made.last_closed[:start].max(initial=-1)) + 1
        first = int(np.flatnonzero(made.period == max(closed - 600, 0))[0])
        # One bar more shows that nothing of a slower one is missing, where its first is.
        whole = slower_bars(bars.index[first:], plan.base, slower).period[0] == 0
        before = first if whole else first - 1
        expected = plan.matrix(bars.iloc[before:], interval=plan.base)[:, column]
        seen = max(first, begin)
        np.testing.assert_array_equal(rows[seen:, column], expected[seen - before :])
        least = min(least, before)
    # Nor does it matter that there are earlier ones, where there are enough.
    cut = min(cut, least)
    again = plan.matrix(bars.iloc[cut:], interval=plan.base, start=start - cut, begin=begin - cut)
    np.testing.assert_array_equal(again, rows[cut:])


def test_a_feature_is_what_on_gives_for_the_same_indicator():
    start = 4_000
    rows = PLAN.matrix(BARS, interval="1d", start=start, begin=start - 2_000)
    features = FeatureSet(BARS, bars_per_year=252.0, start=start, begin=start - 2_000)
    for column, slower in enumerate((WEEK, MONTH), 1):
        found = slower_features(features, slower).column("rsi_50")
        np.testing.assert_array_equal(rows[start:, column], found[start:])
        assert np.isfinite(found[start:]).all()
    np.testing.assert_array_equal(rows[start:, 0], features.column("rsi_50")[start:])


def test_what_a_bundle_reads_is_known_from_its_documents(tmp_path):
    folder = write_bundle(tmp_path / "slow", **SLOWER)
    plan = read_features(str(folder))
    assert plan.slower_lookbacks == {WEEK: 100, MONTH: 9}
    assert load_bundle(folder).features.slower_lookbacks == plan.slower_lookbacks
    (folder / "model.safetensors").unlink()
    model = bt.load_spec({"name": "m", "model_path": str(folder)})
    both = (WEEK, MONTH)
    assert slower_intervals(model, symbol="SPX", interval=Interval.DAY) == both
    plain = write_bundle(tmp_path / "plain")
    dated = bt.load_spec(
        {"name": "m", "models": {"2012-01-03": str(plain), "2015-01-05": str(folder)}}
    )
    assert slower_intervals(dated, symbol="SPX", interval=Interval.DAY) == both
    reading = {
        "name": "r", "entry_conditions": ["regime == 'BUY' and on('1mo', close) > 1"],
        "exit_conditions": [], "stop_conditions": [], "classifiers": {"regime": str(plain)},
    }  # fmt: skip
    rules = bt.load_spec(reading)
    assert slower_intervals(rules, symbol=None, interval=Interval.DAY) == (MONTH,)
    rules = bt.load_spec(reading | {"classifiers": {"regime": {"2012-01-03": str(folder)}}})
    assert slower_intervals(rules, symbol=None, interval=Interval.DAY) == both


@pytest.mark.parametrize("damage", ["nothing", "no mapping", "other bars"])
def test_what_is_refused_later_counts_for_nothing(tmp_path, damage):
    folder = write_bundle(tmp_path / "slow", **SLOWER)
    document = folder / "metadata_v3.json"
    if damage == "nothing":
        document.unlink()
    elif damage == "no mapping":
        document.write_text("[]", encoding="utf-8")
    spec = bt.load_spec({"name": "m", "model_path": str(folder)})
    interval = Interval.parse("1h") if damage == "other bars" else Interval.DAY
    assert slower_intervals(spec, symbol="SPX", interval=interval) == ()


def test_kept_predictions_are_of_what_is_seen(tmp_path):
    bundle = load_bundle(write_bundle(tmp_path / "slow", **SLOWER))
    bars = BARS.iloc[:4_000]
    found = [
        predict(bundle, AskedBars(bars, None, Interval.DAY, "XNYS", start, begin), first=3_950)
        for start, begin in ((0, 0), (3_900, 0), (3_900, 3_000))
    ]
    weekly, daily = ([made.features[3_950, place] for made in found] for place in (0, 1))
    assert weekly[0] != weekly[1] == weekly[2]
    assert daily[0] == daily[1] != daily[2]
    assert len({tuple(made.outputs[3_950]) for made in found}) == 3


def test_no_bars_of_a_slower_interval_are_no_values():
    rows = PLAN.matrix(BARS.iloc[:2], interval="1d")
    assert np.isnan(rows).all()
    assert rows.shape == (2, 3)
    empty = PLAN.matrix(BARS.iloc[:0], interval="1d")
    assert empty.shape == (0, 3)


PLAIN = {"sma": 1e-11, "wma": 1e-11, "stochastic": 1e-11, "ema": (499 / 501) ** 1_501}


@pytest.mark.parametrize("kind", [*PLAIN, "obv"])
def test_runs_that_begin_on_other_days_are_as_far_apart_as_is_written(kind):
    plan = plan_features(
        {
            "indicators": {"x": {"type": kind} | ({"period": 500} if kind == "ema" else {})},
            "fuzzy_sets": {},
            "nn_inputs": [
                {"raw_indicator": "x", "timeframes": "all", "normalization": "none"}
            ],
            "training_timeframes": ["1d"],
        }
    )  # fmt: skip
    early, late = (
        plan.matrix(BARS, interval="1d", start=start, begin=start - 2_000)[3_500:, 0]
        for start in (3_000, 3_500)
    )
    apart = np.max(np.abs(early - late) / np.abs(late).max())
    assert apart > 0.1 if kind == "obv" else apart <= PLAIN[kind]
    assert (plan.notes != ()) == (kind == "obv")


def sessions_of(calendar, minutes):
    """Return the openings and closes of bars, and the session of each, by the exchange itself."""
    days = schedule(calendar, pd.Timestamp("2014-11-24"), pd.Timestamp("2015-01-02"))
    rows = []
    for day, opening, close in zip(days.index, days["open"], days["close"], strict=True):
        starts = pd.date_range(opening, close, freq=f"{minutes}min", inclusive="left")
        length = pd.Timedelta(minutes=minutes)
        rows += [(at, min(at + length, close), day, close) for at in starts]
    return pd.DataFrame(rows, columns=["open", "close", "session", "end"])


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("calendar", ["XNYS", "XLON", "CMES", "24/7"])
def test_a_day_is_known_at_its_session_s_close_and_no_earlier(calendar, holes):
    # Half days, a change of years, and sessions that begin on the evening before are among them.
    times = sessions_of(calendar, 60)
    if holes:
        # A day whose beginning is not there is left out, if it is the first one.
        kept = np.append(True, np.random.default_rng(3).random(len(times) - 1) > 0.2)
        times = times[kept].reset_index(drop=True)
    bars = make_bars(len(times), 5, index=pd.DatetimeIndex(times["open"]))
    closes = bars["close"].to_numpy()
    plan = plan_features(
        {
            "indicators": {"x": {"type": "momentum", "period": 1}},
            "fuzzy_sets": {},
            "nn_inputs": [{"raw_indicator": "x", "timeframes": "all", "normalization": "none"}],
            "training_timeframes": ["1h", "1d"],
        }
    )
    daily = plan.matrix(bars, interval="1h", calendar=calendar)[:, 1]
    expected = []
    for known in times["close"]:
        over = times["end"] <= known
        days = pd.Series(closes[over]).groupby(times["session"][over].to_numpy()).last().to_numpy()
        expected.append(days[-1] - days[-2] if len(days) > 1 else np.nan)
    np.testing.assert_allclose(daily, expected, rtol=1e-12, equal_nan=True)
    # What the last hour of a day comes to is seen from its close on.
    last = int(np.flatnonzero(np.diff(times["session"].astype(np.int64)))[20])
    moved = bars.copy()
    moved.iloc[last, bars.columns.get_indexer(["high", "close"])] *= 1.5
    changed = plan.matrix(moved, interval="1h", calendar=calendar)
    same = plan.matrix(bars, interval="1h", calendar=calendar)
    np.testing.assert_array_equal(changed[:last], same[:last])
    assert (changed[last] != same[last]).any()
