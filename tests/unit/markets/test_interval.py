"""Bar intervals: how they are written, what they know, and how they are told from bar times."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from btkit.errors import UsageError
from btkit.markets import Interval, infer_interval, sessions, sessions_per_year


@pytest.mark.parametrize(
    ("text", "label"),
    [("1m", "1m"), ("30m", "30m"), ("60m", "1h"), ("90m", "90m"), ("120m", "2h"), (" 7h ", "7h"),
     ("1d", "1d"), ("1w", "1w"), ("4w", "4w"), ("1mo", "1mo"), ("12mo", "12mo"), ("05m", "5m")],
)  # fmt: skip
def test_an_interval_is_read_from_its_label(text, label):
    interval = Interval.parse(text)
    assert interval.label == str(interval) == label
    assert Interval.parse(label) == interval
    assert Interval.parse(interval) is interval
    assert all(Interval.parse(other) == interval for other in interval.spellings)


@pytest.mark.parametrize(
    ("text", "advice"),
    [("1M", "1mo for months"), ("5min", "Write 5m"), ("1wk", "Write 1w"), ("D", "Write 1d"),
     ("1H", "Write 1h"), ("1y", "12mo"), ("2q", "6mo"), ("24h", "use 1d"), ("1440m", "use 1d"),
     ("2d", "1d or 1w"), ("14d", "use 2w"), ("0m", "<n>mo"), ("", "<n>mo"), ("1.5h", "<n>mo"),
     ("daily", "<n>mo"), (None, "<n>mo"), (5, "<n>mo"), ("-1h", "<n>mo"), ("1m 5m", "<n>mo")],
)  # fmt: skip
def test_what_is_no_interval_is_refused_with_what_may_be_meant(text, advice):
    with pytest.raises(UsageError, match=r"There is no interval|An interval is a text") as refusal:
        Interval.parse(text)
    assert advice in refusal.value.hint


def test_an_interval_cannot_be_changed():
    with pytest.raises(AttributeError):
        Interval.parse("1h").count = 2


@pytest.mark.parametrize(
    ("text", "minutes", "days", "adjective"),
    [("30m", 30, 0, "30-minute"), ("1h", 60, 0, "hourly"), ("2h", 120, 0, "2-hour"),
     ("1d", None, 1, "daily"), ("1w", None, 7, "weekly"), ("2w", None, 14, "2-week"),
     ("1mo", None, 31, "monthly"), ("3mo", None, 93, "quarterly")],
)  # fmt: skip
def test_an_interval_knows_its_length_and_its_keys(text, minutes, days, adjective):
    interval = Interval.parse(text)
    assert (interval.minutes, interval.length.days, interval.adjective) == (
        minutes, days, adjective,
    )  # fmt: skip
    assert interval.is_intraday == (minutes is not None)
    assert interval.is_daily + interval.is_longer + interval.is_intraday == 1


@pytest.mark.parametrize(
    ("text", "calendar", "returns", "bars"),
    [
        ("1d", "XNYS", 252, 252),
        ("1d", "24/7", 365, 365),
        ("1d", "24/5", 260, 260),
        ("1d", "XTAE", 252, 252),  # Sunday to Thursday, Monday to Friday from 2026 on
        ("1d", "CMES", 252, 252),
        ("1w", "24/7", 52, 52),
        ("4w", "XNYS", 13, 13),
        ("1mo", "XNYS", 12, 12),
        ("3mo", "XNYS", 4, 4),
        ("1m", "XNYS", 252, 98_280),
        ("15m", "XNYS", 252, 6_552),
        ("1h", "XNYS", 252, 1_764),
        ("90m", "XNYS", 252, 1_260),
        ("4h", "XNYS", 252, 504),
        ("7h", "XNYS", 252, 252),
        ("1h", "24/7", 365, 8_760),
        ("1h", "24/5", 260, 6_240),
        ("1h", "XHKG", 252, 1_512),
    ],
)
def test_an_interval_knows_what_makes_a_year(text, calendar, returns, bars):
    interval = Interval.parse(text)
    assert interval.periods_per_year(calendar) == returns
    assert interval.bars_per_year(calendar) == bars


def test_another_name_of_an_exchange_has_the_same_year():
    assert sessions_per_year("NYSE") == sessions_per_year("XNYS")


def session_times(interval, first="2023-01-01", last="2023-02-28"):
    return pd.DatetimeIndex(
        [
            moment
            for day in sessions(first, last)
            for moment in pd.date_range(
                day + pd.Timedelta(hours=14, minutes=30),
                day + pd.Timedelta(hours=21),
                freq=interval.length,
                inclusive="left",
                tz="UTC",
            )
        ]
    )


@given(
    minutes=st.one_of(st.integers(1, 60), st.sampled_from([90, 120, 150, 180, 195])),
    seed=st.integers(0, 2**16),
)
def test_an_intraday_interval_is_told_through_nights_weekends_and_holes(minutes, seed):
    interval = Interval(minutes, "m")
    times = session_times(interval, last="2023-01-31")
    assert infer_interval(times) == interval
    kept = np.random.default_rng(seed).random(len(times)) > 0.1
    assert infer_interval(times[kept], stated=interval) == interval


@pytest.mark.parametrize("label", ["1d", "1w", "2w", "4w", "13w", "1mo", "2mo", "3mo", "12mo"])
@pytest.mark.parametrize("key", ["first day", "last day", "first session", "last session"])
def test_a_longer_interval_is_told_however_its_bars_are_keyed(label, key):
    days = sessions("2004-01-01", "2023-12-31")
    interval = Interval.parse(label)
    if interval.is_daily:
        index = days
    else:
        ordinal = (
            (days.year * 12 + days.month - 1) if interval.unit == "mo" else
            (days - pd.Timestamp("2004-01-05")).days // 7
        )  # fmt: skip
        period = pd.Series(days, index=ordinal // interval.count)
        if key.endswith("session"):
            index = pd.DatetimeIndex(period.groupby(level=0).agg(key.split()[0]))
        else:
            number = np.unique(period.index) + (key == "last day")
            if interval.unit == "mo":
                months = (number * interval.count - 1970 * 12).astype("datetime64[M]")
                index = pd.DatetimeIndex(months.astype("datetime64[D]"))
            else:
                index = pd.Timestamp("2004-01-05") + pd.to_timedelta(
                    number * interval.count * 7, unit="D"
                )
            index -= pd.Timedelta(days=int(key == "last day"))
    assert infer_interval(index) == interval
    assert infer_interval(index[5:30], stated=interval) == interval


@pytest.mark.parametrize(
    ("times", "expected"),
    [([], "1d"), (["2024-01-05"], "1d"), (["2024-01-05", "2024-01-08"], "1d"),
     (["2023-02-01", "2023-03-01"], "1mo"), (["2024-01-01", "2024-04-01"], "3mo"),
     (["2024-01-31", "2024-02-29"], "1mo"), (["2024-01-05", "2024-02-02"], "4w")],
)  # fmt: skip
def test_few_bars_are_told_from_their_distance(times, expected):
    assert infer_interval(pd.DatetimeIndex(times)).label == expected


# Two 4-hour bars a session on a clock that the session cuts: 1.5, 2.5 or 20 hours apart.
CUT_SHORT = [
    pd.Timestamp(f"{day} {time}", tz="UTC")
    for day in ("2024-07-08", "2024-07-09", "2024-07-10", "2024-07-11")
    for time in ("13:30", "16:00")
]


@pytest.mark.parametrize(
    ("times", "told", "expected"),
    [
        (["2024-07-08"], "1w", "1w"),
        (["2024-07-08"], "", "1d"),
        (["2024-07-08"], None, "1d"),
        (CUT_SHORT[:1], "1h", "1h"),
        (CUT_SHORT, "4h", "4h"),
        # Whoever resamples bars keeps what was told of the old ones: the times decide.
        (["2024-07-05", "2024-07-12", "2024-07-19"], "1d", "1w"),
        (["2024-07-08", "2024-07-09", "2024-07-10"], "1h", "1d"),
        (["2023-02-01", "2023-03-01"], "4w", "4w"),
        (["2024-01-05", "2024-02-02"], "1mo", "1mo"),
    ],
)
def test_what_the_loader_tells_decides_where_the_times_cannot(times, told, expected):
    assert infer_interval(pd.DatetimeIndex(times), stated=told).label == expected


@pytest.mark.parametrize("told", [None, "1h", "15m", "1d", "1w", "minutely"])
def test_what_the_loader_tells_is_not_believed_against_the_times(told):
    assert infer_interval(pd.DatetimeIndex(CUT_SHORT), stated=told).label == "150m"


def test_one_bar_a_session_is_intraday_where_its_loader_says_so():
    index = session_times(Interval.parse("7h"))
    assert infer_interval(index, stated="7h").label == "7h"
    assert infer_interval(index.tz_localize(None), stated="7h").label == "1d"


@pytest.mark.parametrize(("label", "kept"), [("1m", 0.02), ("5m", 0.1), ("15m", 0.2)])
@pytest.mark.parametrize("seed", range(5))
def test_the_interval_of_a_stock_that_hardly_trades_measures_all_distances(label, kept, seed):
    times = session_times(Interval.parse(label))
    thin = times[np.random.default_rng(seed).random(len(times)) < kept]
    assert infer_interval(thin).label == label


def test_a_stock_that_hardly_trades_keeps_the_interval_it_was_loaded_with():
    times = pd.DatetimeIndex(["2024-01-04 15:00", "2024-01-04 15:02", "2024-01-04 15:07"], tz="UTC")
    assert infer_interval(times, stated="1m").label == "1m"


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2024-01-01", periods=20, freq="30s"),
        pd.date_range("2024-01-01", periods=20, freq="11D"),
    ],
)
def test_distances_of_no_regular_length_are_refused(times):
    with pytest.raises(UsageError, match="apart, which is no regular interval") as refusal:
        infer_interval(times)
    assert "Resample" in refusal.value.hint
