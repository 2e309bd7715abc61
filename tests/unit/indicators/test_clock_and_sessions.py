"""Clock names and those of sessions, a bar at a time, from exchange_calendars itself."""

import math
import warnings
from datetime import timedelta
from functools import lru_cache

import exchange_calendars
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from btkit import compute_indicators
from btkit.indicators import FeatureSet, lookup, slower_features
from btkit.markets import Interval

MINUTE = pd.Timedelta(minutes=1)
# Changes of summer time, half days, an evening's opening, a lunch break, months' ends.
RUNS = [
    ("XNYS", "30m", "2024-03-06", "2024-03-13"),
    ("XNYS", "1h", "2024-10-30", "2024-11-05"),
    ("XNYS", "1h", "2024-11-26", "2024-12-03"),
    ("XNYS", "2h", "2024-07-01", "2024-07-09"),
    ("XLON", "1h", "2024-03-27", "2024-04-03"),
    ("XLON", "45m", "2024-12-23", "2024-12-31"),
    ("XTKS", "30m", "2024-04-30", "2024-05-08"),
    ("CMES", "1h", "2024-03-07", "2024-03-13"),
    ("CMES", "4h", "2024-11-27", "2024-12-03"),
    ("24/7", "4h", "2024-03-29", "2024-04-02"),
]


@lru_cache
def calendar_of(name):
    with warnings.catch_warnings():
        # The library calls what newer versions of pandas deprecate.
        warnings.simplefilter("ignore", DeprecationWarning)
        return exchange_calendars.get_calendar(name, start="2015-01-01", end="2025-06-30")


def bars_at(index, seed=0):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(rng.normal(0, 0.01, len(index)).cumsum())
    opened = close * np.exp(rng.normal(0, 0.003, len(index)))
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * 1.002,
            "low": np.minimum(opened, close) * 0.998,
            "close": close,
            "volume": rng.integers(0, 3, len(index)).astype(float),
        },
        index,
    )


def within(schedule, interval):
    """Bars that begin with each session."""
    length = timedelta(minutes=Interval.parse(interval).minutes)
    times = [
        moment
        for opened, closed in zip(schedule["open"], schedule["close"], strict=True)
        for moment in pd.date_range(opened, closed, freq=length, inclusive="left")
    ]
    return pd.DatetimeIndex(times).as_unit("ns")


def features_of(bars, calendar, interval):
    return FeatureSet(bars, bars_per_year=1.0, calendar=calendar, interval=interval)


def session_of(schedule, moment, end):
    """The session that a bar lies in, None for one that lies outside of all."""
    return next(
        (label for label, (opened, closed) in schedule.items() if moment < closed and end > opened),
        None,
    )


class Expected:
    """What each name is at each bar, None where it has no value."""

    def __init__(self, bars, calendar, interval):
        days = pd.Timedelta(days=40)
        exchange = calendar_of(calendar)
        first, last = bars.index[0].tz_localize(None), bars.index[-1].tz_localize(None)
        table = exchange.schedule.loc[first.normalize() - days : last.normalize() + days]
        around = {row.Index: (row.open, row.close) for row in table.itertuples()}
        length = Interval.parse(interval).minutes * MINUTE
        near = {
            label: row
            for label, row in around.items()
            if first - days / 4 < label < last + days / 20
        }
        self.rows = []
        sessions = [session_of(near, moment, moment + length) for moment in bars.index]
        for at, (moment, label) in enumerate(zip(bars.index, sessions, strict=True)):
            local = moment.tz_convert(exchange.tz)
            date = local.tz_localize(None).normalize() if label is None else label
            row = {
                "year": date.year, "month": date.month, "day": date.day,
                "weekday": date.weekday(), "hour": local.hour, "minute": local.minute,
            }  # fmt: skip
            month = [day for day in around if (day.year, day.month) == (date.year, date.month)]
            if date in month:
                row["session_of_month"] = month.index(date) + 1
                row["sessions_left_in_month"] = len(month) - month.index(date) - 1
            if label is not None:
                opened, closed = around[label]
                end = min(moment + length, closed)
                row["minutes_since_open"] = (end - opened) / MINUTE
                row["minutes_to_close"] = (closed - end) / MINUTE
                if opened >= bars.index[0]:
                    self.of_session(row, bars, sessions, at, opened, end, length, closed)
            before = [day for day, (_, closed) in near.items() if closed <= moment]
            if before and near[before[-1]][0] >= bars.index[0]:
                self.of_the_one_before(row, bars, [s == before[-1] for s in sessions])
            self.rows.append(row)

    @staticmethod
    def of_session(row, bars, sessions, at, opened, end, length, closed):
        so_far = bars.iloc[[j for j in range(at + 1) if sessions[j] == sessions[at]]]
        row["session_high"], row["session_low"] = so_far["high"].max(), so_far["low"].min()
        typical = (so_far["high"] + so_far["low"] + so_far["close"]) / 3
        if so_far["volume"].sum():
            row["vwap"] = np.average(typical, weights=so_far["volume"])
        for n in (30, 50, 60, 500):
            over = opened + n * MINUTE
            early = so_far[so_far.index < over]
            whole = all(min(moment + length, closed) <= over for moment in early.index)
            if len(early) and whole and end >= over:
                row[f"opening_range_high_{n}"] = early["high"].max()
                row[f"opening_range_low_{n}"] = early["low"].min()

    @staticmethod
    def of_the_one_before(row, bars, members):
        whole = bars[members]
        if len(whole):
            high, low = whole["high"].max(), whole["low"].min()
            pivot = (high + low + whole["close"].iloc[-1]) / 3
            row |= {"pivot": pivot, "pivot_r1": 2 * pivot - low, "pivot_s1": 2 * pivot - high}

    def __getitem__(self, name):
        return [row.get(name, math.nan) for row in self.rows]


CLOCK = ["year", "month", "day", "weekday", "session_of_month", "sessions_left_in_month", "hour",
         "minute", "minutes_since_open", "minutes_to_close"]  # fmt: skip
OF_SESSION = [
    "session_high", "session_low", "vwap", "pivot", "pivot_r1", "pivot_s1",
    *(f"opening_range_{side}_{n}" for side in ("high", "low") for n in (30, 50, 60, 500)),
]  # fmt: skip


def agree(bars, calendar, interval):
    features, expected = features_of(bars, calendar, interval), Expected(bars, calendar, interval)
    for name in CLOCK:
        np.testing.assert_array_equal(features.column(name), expected[name], err_msg=name)
    for name in OF_SESSION:
        np.testing.assert_allclose(
            features.column(name), expected[name], rtol=1e-12, atol=0, err_msg=name
        )
    for name in ("minutes_to_close", "pivot", "opening_range_low_60"):
        np.testing.assert_array_equal(
            features.column(f"prev_{name}")[1:], features.column(name)[:-1]
        )


@pytest.mark.parametrize(("calendar", "interval", "first", "last"), RUNS)
def test_each_bar_has_what_its_session_says(calendar, interval, first, last):
    schedule = calendar_of(calendar).schedule.loc[first:last]
    index = within(schedule, interval)
    agree(bars_at(index), calendar, interval)
    # Beginning within a session, whose opening nobody saw, and with holes.
    agree(bars_at(index[3:]), calendar, interval)
    agree(bars_at(index[np.arange(len(index)) % 7 != 1], seed=3), calendar, interval)


@pytest.mark.parametrize("freq", ["30min", "1h"])
def test_bars_before_and_after_the_session_and_across_its_opening(freq):
    index = pd.date_range("2024-06-27 10:00", "2024-07-04 23:00", freq=freq, tz="UTC")
    agree(bars_at(index.as_unit("ns")), "XNYS", freq.replace("min", "m"))


@settings(max_examples=10)
@given(kept=st.lists(st.booleans(), min_size=91, max_size=91), seed=st.integers(0, 99),
       interval=st.sampled_from(["30m", "1h"]))  # fmt: skip
def test_missing_bars(kept, seed, interval):
    index = within(calendar_of("XNYS").schedule.loc["2024-11-25":"2024-12-04"], interval)
    kept = np.array(kept[: len(index)])
    kept[0] = True
    agree(bars_at(index[kept], seed), "XNYS", interval)


def test_the_day_after_thanksgiving():
    index = within(calendar_of("XNYS").schedule.loc["2024-11-29":"2024-11-29"], "1h")
    features = features_of(bars_at(index), "XNYS", "1h")
    # From half past nine to one, so that the fourth hour is half of one.
    assert features.column("hour").tolist() == [9, 10, 11, 12]
    assert features.column("minute").tolist() == [30, 30, 30, 30]
    assert features.column("minutes_since_open").tolist() == [60, 120, 180, 210]
    assert features.column("minutes_to_close").tolist() == [150, 90, 30, 0]
    assert features.column("sessions_left_in_month").tolist() == [0, 0, 0, 0]
    assert features.column("weekday").tolist() == [4, 4, 4, 4]


def test_the_opening_range_is_known_when_its_minutes_are_over():
    index = within(calendar_of("XNYS").schedule.loc["2024-07-02":"2024-07-03"], "15m")
    bars = bars_at(index)
    features = features_of(bars, "XNYS", "15m")
    found = features.column("opening_range_high_30")
    assert np.isnan(found[[0, 26]]).all()
    assert (found[1:26] == bars["high"].iloc[:2].max()).all()
    assert (found[27:] == bars["high"].iloc[26:28].max()).all()
    # Nobody knows the first 20 minutes from bars of 15; half a day has no 300.
    assert np.isnan(features.column("opening_range_high_20")).all()
    assert np.flatnonzero(np.isfinite(features.column("opening_range_low_300"))).tolist() == [
        *range(19, 26)
    ]


def test_a_session_without_its_first_bars():
    schedule = calendar_of("XNYS").schedule.loc["2024-07-01":"2024-07-02"]
    index = within(schedule, "15m")
    bars = bars_at(index)
    second = features_of(bars.drop(index[26:27]), "XNYS", "15m").column("opening_range_high_30")
    assert second[26] == bars["high"].iloc[27]
    nothing = features_of(bars.drop(index[26:28]), "XNYS", "15m").column("opening_range_high_30")
    assert np.isnan(nothing[26:]).all()


@pytest.mark.parametrize(("calendar", "last"), [("XNYS", "2024-03-28"), ("XTKS", "2024-03-29"),
                                                ("24/7", "2024-03-31")])  # fmt: skip
def test_months_of_daily_bars(calendar, last):
    days = calendar_of(calendar).sessions_in_range("2024-02-01", "2024-04-30")
    features = features_of(bars_at(days), calendar, "1d")
    left, ordinal = (features.column(f"session{name}")
                     for name in ("s_left_in_month", "_of_month"))  # fmt: skip
    march = days.slice_indexer("2024-03-01", "2024-03-31")
    assert ordinal[march].tolist() == [*range(1, len(days[march]) + 1)]
    assert left[march].tolist() == [*range(len(days[march]) - 1, -1, -1)]
    assert days[march][-1] == pd.Timestamp(last)


def test_a_date_that_is_no_session_has_no_place_in_the_month():
    days = pd.DatetimeIndex(["2024-03-28", "2024-03-29", "2024-03-30", "2024-04-01"])
    features = features_of(bars_at(days), "XNYS", "1d")
    np.testing.assert_array_equal(features.column("session_of_month"), [20, np.nan, np.nan, 1])
    np.testing.assert_array_equal(
        features.column("sessions_left_in_month"), [0, np.nan, np.nan, 21]
    )
    assert features.column("day").tolist() == [28, 29, 30, 1]


@pytest.mark.parametrize(
    ("interval", "keys", "dates"),
    [
        ("1w", ["2024-03-18", "2024-03-25", "2024-07-01"],
         ["2024-03-22", "2024-03-28", "2024-07-05"]),
        ("1mo", ["2024-03-01", "2024-04-01"], ["2024-03-28", "2024-04-30"]),
        ("3mo", ["2023-10-01", "2024-01-01"], ["2023-12-29", "2024-03-28"]),
    ],
)  # fmt: skip
def test_weeks_and_months_have_the_date_of_their_last_session(interval, keys, dates):
    features = features_of(bars_at(pd.DatetimeIndex(keys)), "XNYS", interval)
    last = pd.DatetimeIndex(dates)
    assert features.column("year").tolist() == last.year.tolist()
    assert features.column("month").tolist() == last.month.tolist()
    assert features.column("day").tolist() == last.day.tolist()
    assert features.column("weekday").tolist() == last.day_of_week.tolist()
    exchange = calendar_of("XNYS")
    for at, day in enumerate(last):
        month = exchange.sessions_in_range(day.replace(day=1), day + pd.offsets.MonthEnd(0))
        assert features.column("session_of_month")[at] == month.get_loc(day) + 1
        assert features.column("sessions_left_in_month")[at] == len(month) - month.get_loc(day) - 1


def test_beyond_the_years_that_are_recorded_the_usual_days_are_sessions():
    days = pd.DatetimeIndex(["2028-03-01", "2028-03-31", "2028-04-03"])
    features = features_of(bars_at(days), "XSHG", "1d")
    assert features.column("session_of_month").tolist() == [1, 23, 1]
    assert features.column("sessions_left_in_month").tolist() == [22, 0, 19]


@pytest.mark.parametrize("interval", ["1d", "1w"])
def test_longer_bars_have_no_time_of_day(interval):
    freq = "B" if interval == "1d" else "W-MON"
    bars = bars_at(pd.date_range("2024-01-01", periods=30, freq=freq))
    features = features_of(bars, "XNYS", interval)
    names = ["hour", "minute", "minutes_since_open", "minutes_to_close", "vwap", "session_high",
             "session_low", "opening_range_high_30", "opening_range_low_30"]  # fmt: skip
    for name in names:
        assert lookup(name).intraday
        assert np.isnan(features.column(name)).all()
        assert np.isnan(features.column(f"prev_{name}")).all()
    high, low, close = (bars[name].shift(1) for name in ("high", "low", "close"))
    np.testing.assert_allclose(features.column("pivot"), (high + low + close) / 3, rtol=1e-15)


def test_bars_of_a_slower_interval_have_a_time_of_their_own():
    index = within(calendar_of("XNYS").schedule.loc["2024-11-25":"2024-12-03"], "30m")
    features = features_of(bars_at(index), "XNYS", "30m")
    hours = slower_features(features, Interval.parse("1h"))
    ended = np.flatnonzero(np.diff(hours.last_closed, prepend=-1))
    assert len(ended) == 39
    for name in ("session_high", "session_low", "minutes_to_close", "opening_range_high_60",
                 "sessions_left_in_month", "weekday"):  # fmt: skip
        np.testing.assert_array_equal(hours.column(name)[ended], features.column(name)[ended])
    assert set(hours.column("minute")[1:]) == {30}
    days = slower_features(features, Interval.DAY)
    closes = features.column("minutes_to_close") == 0
    assert days.column("day")[closes].tolist() == [25, 26, 27, 29, 2, 3]
    assert days.column("session_of_month")[closes].tolist() == [17, 18, 19, 20, 1, 2]
    weeks = slower_features(features, Interval.parse("1w"))
    assert weeks.column("sessions_left_in_month")[closes].tolist()[3:] == [0, 0, 0]
    np.testing.assert_array_equal(
        days.column("pivot")[closes][1:], features.column("pivot")[closes][1:]
    )


def test_the_table_has_them_all():
    index = within(calendar_of("XNYS").schedule.loc["2024-07-01":"2024-07-03"], "30m")
    table = compute_indicators(bars_at(index))
    assert table["minutes_to_close"].iloc[-1] == 0
    assert table["session_high"].notna().all()
    assert (table["pivot"].isna().sum(), table["gap_pct"].isna().sum()) == (13, 1)


@pytest.mark.parametrize("calendar", ["XNYS", "CMES"])
def test_no_later_bar_changes_an_intraday_value(calendar):
    index = within(calendar_of(calendar).schedule.loc["2024-11-26":"2024-12-02"], "1h")
    bars = bars_at(index)
    whole = features_of(bars, calendar, "1h")
    for cut in range(1, len(index), 5):
        part = features_of(bars.iloc[:cut], calendar, "1h")
        for name in (*CLOCK, *OF_SESSION):
            np.testing.assert_array_equal(part.column(name), whole.column(name)[:cut])


def test_no_bars_have_no_values():
    empty = bars_at(pd.DatetimeIndex([], tz="UTC"))
    for name in (*CLOCK, *OF_SESSION):
        assert features_of(empty, "XLON", "1h").column(name).shape == (0,)
