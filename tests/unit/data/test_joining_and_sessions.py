from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from btkit.data import Answer, load_from_source
from btkit.data.coverage import Span, judge_coverage
from btkit.data.join import join_by_date
from btkit.data.source import no_observations
from btkit.errors import UsageError
from btkit.markets import Interval, sessions
from btkit.settings import Settings

NOW = dt.datetime(2024, 6, 28, 22, 0, tzinfo=dt.UTC)


def series(**values):
    return pd.Series(list(values.values()), index=pd.to_datetime(list(values)), dtype=float)


@pytest.mark.parametrize(
    ("value_day", "bar_day", "known"),
    [
        ("2024-01-10", "2024-01-10", True),
        ("2024-01-10", "2024-01-09", False),
        ("2024-01-10", "2024-01-18", True),  # five sessions later: the 15th was a holiday
        ("2024-01-10", "2024-01-19", False),
        ("2024-01-13", "2024-01-19", True),  # known since a Saturday
        ("2001-09-10", "2001-09-21", True),  # New York was shut from the 11th to the 14th
        ("2001-09-10", "2001-09-24", False),
    ],
)
def test_a_value_is_known_for_five_sessions(value_day, bar_day, known):
    values = pd.Series([17.0], index=[pd.Timestamp(value_day)])
    joined = join_by_date(values, pd.DatetimeIndex([bar_day]), calendar="XNYS")
    assert np.isfinite(joined).tolist() == [known]


def test_a_missing_value_does_not_hide_the_one_before():
    values = series(**{"2024-01-09": 12.0, "2024-01-10": np.nan, "2024-01-11": 13.0})
    bars = pd.bdate_range("2024-01-08", "2024-01-12")
    np.testing.assert_array_equal(
        join_by_date(values, bars, calendar="XNYS"), [np.nan, 12.0, 12.0, 13.0, 13.0]
    )


def test_an_intraday_bar_does_not_know_its_own_day():
    values = series(**{"2024-01-09": 12.0, "2024-01-10": 13.0})
    bars = pd.DatetimeIndex(
        ["2024-01-09 20:45", "2024-01-10 14:30", "2024-01-10 20:45", "2024-01-11 00:30"], tz="UTC"
    )
    np.testing.assert_array_equal(
        join_by_date(values, bars, calendar="XNYS"), [np.nan, 12.0, 12.0, 13.0]
    )


def test_the_future_never_changes_what_was_joined():
    days = pd.bdate_range("2024-01-01", periods=60)
    values = pd.Series(np.arange(60.0), index=days)[::3]
    whole = join_by_date(values, days, calendar="XNYS")
    for cut in range(1, 60, 7):
        early = join_by_date(values[: days[cut - 1]], days[:cut], calendar="XNYS")
        np.testing.assert_array_equal(early, whole[:cut])


class Memory:
    """A source of one's own."""

    name = "memory"
    live = False

    def __init__(self, frame):
        self.frame, self.asked = frame, []

    def bars(self, request):
        self.asked.append(request)
        inside = (self.frame.index >= request.first) & (self.frame.index <= request.last)
        return Answer(self.frame[inside], "Bars in memory.", live=self.live)

    def vix(self, _request):
        return no_observations("vix")

    def implied_volatility(self, _request):
        return no_observations("iv_rank", note="none")


def frame(index):
    close = 100.0 + np.arange(len(index)) % 7
    return pd.DataFrame(
        {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1.0},
        index=index,
    )


def load(source, start, end, **options):
    settings = Settings(_env_file=None)
    return load_from_source("X", start, end, settings=settings, source=source, now=NOW, **options)


@pytest.mark.parametrize(
    ("index", "interval"),
    [
        (sessions("2004-01-01", "2024-06-28"), "1d"),
        (pd.date_range("1980-01-07", "2024-06-24", freq="W-MON"), "1w"),
        (pd.date_range("2022-01-03", "2024-06-28", freq="h", tz="UTC"), "1h"),
    ],
)
def test_the_warm_up_is_exact_for_every_interval(index, interval):
    loaded = load(Memory(frame(index)), "2024-06-03", "2024-06-28", interval=interval)
    assert loaded.info.warmup_rows == 2000
    first = index.searchsorted(loaded.start)
    assert loaded.bars.index[0] == index[first - 2000]


def test_sparse_history_is_asked_for_again_further_back():
    index = sessions("1990-01-01", "2024-06-28")[::2]
    source = Memory(frame(index))
    assert load(source, "2024-06-03", "2024-06-28").info.warmup_rows == 2000
    assert len(source.asked) == 2


# New York closes at 20:00 UTC in summer; Thursday 2024-07-04 is a holiday.
FORMING = [
    ("1d", "2024-06-27", "2024-06-27 19:59", "2024-06-26"),
    ("1d", "2024-06-27", "2024-06-27 20:00", "2024-06-27"),
    ("1w", "2024-06-24", "2024-06-28 19:59", "2024-06-17"),
    ("1w", "2024-06-24", "2024-06-28 20:00", "2024-06-24"),
    ("1w", "2024-06-28", "2024-06-26 12:00", "2024-06-21"),
    ("2w", "2024-06-17", "2024-06-26 12:00", "2024-06-03"),
    ("1mo", "2024-06-03", "2024-06-28 19:59", "2024-05-01"),
    ("1mo", "2024-06-03", "2024-06-28 20:00", "2024-06-03"),
    ("1mo", "2024-06-28", "2024-06-28 19:59", "2024-05-31"),
    ("3mo", "2024-04-01", "2024-06-27 21:00", "2024-01-02"),
    ("3mo", "2024-04-01", "2024-06-28 21:00", "2024-04-01"),
    ("3mo", "2024-06-28", "2024-06-27 21:00", "2024-03-28"),
    ("1h", "2024-06-28 19:30", "2024-06-28 19:59", "2024-06-28T18:30:00+00:00"),
    # A session cuts its last hour short.
    ("1h", "2024-06-28 19:30", "2024-06-28 20:00", "2024-06-28T19:30:00+00:00"),
    ("30m", "2024-06-28 19:30", "2024-06-28 19:59", "2024-06-28T19:00:00+00:00"),
]


def index_until(interval, last):
    moment = pd.Timestamp(last)
    if interval.is_daily:
        return sessions("2023-01-02", moment)
    if interval.is_intraday:
        hours = [
            pd.date_range(f"{day.date()} 13:30", f"{day.date()} 19:59", freq=interval.length)
            for day in sessions("2024-06-03", moment.normalize())
        ]
        return pd.DatetimeIndex(np.concatenate(hours)).tz_localize("UTC")
    if interval.unit == "w":
        return pd.date_range(end=moment, periods=60, freq=f"{7 * interval.count}D")
    days = sessions("2020-01-01", "2024-06-28")
    ordinal = (days.year * 12 + days.month - 1) // interval.count
    kept = pd.Series(days, index=ordinal).groupby(level=0)
    return pd.DatetimeIndex(kept.first() if moment.day < 15 else kept.last())


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(("label", "key", "now", "last"), FORMING)
def test_a_bar_whose_period_is_not_over_is_dropped_and_told(label, key, now, last, live):
    source = Memory(frame(index_until(Interval.parse(label), key)))
    source.live = live
    assert source.frame.index[-1].tz_localize(None) == pd.Timestamp(key)
    loaded = load_from_source(
        "X", "2024-01-01", "2024-06-30", interval=label, source=source, calendar="XNYS",
        settings=Settings(_env_file=None), now=pd.Timestamp(now, tz="UTC").to_pydatetime(),
    )  # fmt: skip
    assert loaded.info.last == last
    dropped = loaded.bars.index[-1] < source.frame.index[-1]
    assert dropped == ("not_closed" in {found.code for found in loaded.info.quality})


def test_bars_of_a_file_that_lie_ahead_are_no_forming_ones():
    source = Memory(frame(sessions("2024-01-02", "2025-06-27")))
    loaded = load(source, "2024-06-03", "2025-06-27")
    assert loaded.info.last == "2025-06-27"
    source.live = True
    assert load(source, "2024-06-03", "2025-06-27").info.last == "2024-06-28"


def test_a_young_symbol_is_asked_for_once():
    source = Memory(frame(sessions("2023-01-03", "2024-06-28")))
    assert load(source, "2024-06-03", "2024-06-28").info.warmup_rows == 355
    assert len(source.asked) == 1


def span(first, last, interval="1d", now=NOW, zone=None):
    return Span(
        pd.Timestamp(first, tz=zone),
        pd.Timestamp(last, tz=zone),
        Interval.parse(interval),
        "XNYS",
        now,
    )


def judge(index, asked, **told):
    return judge_coverage(Answer(pd.DataFrame(), "", **told), index, asked)


def test_sessions_that_have_not_closed_are_not_missed():
    index = sessions("2024-06-03", "2024-06-27")
    during = dt.datetime(2024, 6, 28, 19, 0, tzinfo=dt.UTC)
    asked = span("2024-06-01", "2030-12-31", now=during)
    assert judge(index, asked).coverage == "complete"
    after = judge(index, span("2024-06-01", "2030-12-31"))
    assert after.gaps == [(pd.Timestamp("2024-06-28"),) * 2]


@pytest.mark.parametrize("weekday", ["MON", "FRI", "SUN"])
def test_weekly_gaps_are_whole_weeks(weekday):
    first = {"MON": "2024-01-01", "FRI": "2024-01-05", "SUN": "2023-12-31"}[weekday]
    index = pd.date_range(first, periods=20, freq=f"W-{weekday}").delete([4, 5])
    judged = judge(index, span("2024-01-01", "2024-05-19", "1w"))
    assert judged.gaps == [(pd.Timestamp("2024-01-29"), pd.Timestamp("2024-02-09"))]


@pytest.mark.parametrize(
    ("freq", "interval", "missing", "gap"),
    [
        ("MS", "1mo", 3, ("2023-04-01", "2023-04-28")),
        ("ME", "1mo", 3, ("2023-04-01", "2023-04-28")),
        ("QS", "3mo", 1, ("2023-04-01", "2023-06-30")),
        ("QE", "3mo", 1, ("2023-04-01", "2023-06-30")),
        ("2W-MON", "2w", 2, ("2023-01-30", "2023-02-10")),
        ("2W-FRI", "2w", 2, ("2023-01-23", "2023-02-03")),
    ],
)
def test_gaps_of_longer_bars_are_whole_periods(freq, interval, missing, gap):
    index = pd.date_range("2023-01-01", "2024-05-31", freq=freq).delete(missing)
    judged = judge(index, span("2023-01-01", "2024-05-31", interval))
    assert judged.gaps == [tuple(map(pd.Timestamp, gap))]
    told = [(pd.Timestamp(gap[0]),) * 2]
    again = judge(index, span("2023-01-01", "2024-05-31", interval), gaps=told)
    assert again.coverage == "partial"
    assert again.notes == []


@pytest.mark.parametrize(
    ("interval", "key", "seen"),
    [
        ("1d", "2024-03-25", "2024-03-25"),
        ("1w", "2024-03-25", "2024-03-28"),  # Good Friday
        ("1w", "2024-03-28", "2024-03-28"),
        ("1mo", "2024-03-01", "2024-03-28"),
        ("1mo", "2024-03-31", "2024-03-28"),
        ("3mo", "2024-01-02", "2024-03-28"),
    ],
)
def test_a_longer_bar_sees_what_its_last_session_knows(interval, key, seen):
    days = sessions("2023-06-01", "2024-06-28")
    values = pd.Series(np.arange(len(days), dtype=float), index=days)
    bars = pd.DatetimeIndex([key])
    joined = join_by_date(values, bars, calendar="XNYS", interval=Interval.parse(interval))
    assert joined.tolist() == [values.loc[seen]]
    late = join_by_date(
        values, bars, calendar="XNYS", interval=Interval.parse(interval), same_day=False
    )
    assert late.tolist() == [values.loc[seen] - 1]


def test_intraday_gaps_are_sessions_and_thin_ones_are_told():
    index = pd.DatetimeIndex(
        [
            time
            for day in ("2024-06-03", "2024-06-04", "2024-06-06")
            for time in pd.date_range(f"{day} 13:30", f"{day} 19:45", freq="15min", tz="UTC")
        ]
    ).delete(slice(5, 26))
    judged = judge(index, span("2024-06-03", "2024-06-06 23:59", "15m", zone="UTC"))
    assert judged.gaps == [(pd.Timestamp("2024-06-05"),) * 2]
    assert [(found.code, found.dates) for found in judged.findings] == [
        ("thin_sessions", ["2024-06-03"])
    ]


def test_whole_missing_sessions_of_a_complete_intraday_answer_are_gaps():
    days = sessions("2024-06-03", "2024-06-07").delete(2)
    index = pd.DatetimeIndex(
        [time for day in days for time in pd.date_range(day + pd.Timedelta("13:30:00"), periods=26,
                                                        freq="15min", tz="UTC")]
    )  # fmt: skip
    asked = span("2024-06-03", "2024-06-07 23:59", "15m", zone="UTC")
    judged = judge(index, asked, gaps=[], coverage="complete")
    assert judged.gaps == [(pd.Timestamp("2024-06-05"),) * 2]
    assert "the first 2024-06-05" in judged.notes[0]


def test_a_told_gap_stands_where_a_session_has_few_of_its_bars():
    index = pd.date_range("2024-06-03 13:30", periods=31, freq="15min", tz="UTC").union(
        pd.date_range("2024-06-04 13:30", periods=5, freq="15min", tz="UTC")
    )
    told = [(pd.Timestamp("2024-06-03"), pd.Timestamp("2024-06-04"))]
    judged = judge(index, span("2024-06-03", "2024-06-04 23:59", "15m", zone="UTC"), gaps=told)
    assert judged.gaps == [(pd.Timestamp("2024-06-04"),) * 2]


def test_a_week_is_held_by_its_one_bar():
    index = pd.date_range("2024-01-01", periods=20, freq="W-MON").delete([4, 5])
    told = [
        (pd.Timestamp("2024-01-17"), pd.Timestamp("2024-01-18")),
        (pd.Timestamp("2024-01-29"), pd.Timestamp("2024-02-05")),
    ]
    judged = judge(index, span("2024-01-01", "2024-05-19", "1w"), gaps=told, coverage="partial")
    assert judged.gaps == [(pd.Timestamp("2024-01-29"), pd.Timestamp("2024-02-09"))]
    assert ["2024-01-17" in note for note in judged.notes] == [True]


def test_a_told_weekend_or_holiday_lacks_nothing():
    index = sessions("2024-06-03", "2024-06-27")
    told = [(pd.Timestamp("2024-06-08"), pd.Timestamp("2024-06-09")),
            (pd.Timestamp("2024-06-19"), pd.Timestamp("2024-06-19"))]  # fmt: skip
    judged = judge(index, span("2024-06-03", "2024-06-27"), gaps=told, coverage="partial")
    assert (judged.coverage, judged.gaps, judged.notes) == ("complete", [], [])


def test_partial_without_gaps_is_disputed_when_nothing_is_missing():
    index = sessions("2024-06-03", "2024-06-27")
    judged = judge(index, span("2024-06-03", "2024-06-27"), gaps=[], coverage="partial")
    assert judged.coverage == "complete"
    assert "without saying where" in judged.notes[0]


def test_gaps_known_to_agree_with_the_calendar_are_not_computed_again():
    told = [(pd.Timestamp("2024-06-05"), pd.Timestamp("2024-06-06"))]
    index = sessions("2024-06-03", "2024-06-20")
    judged = judge(index, span("2024-06-03", "2024-06-27"), gaps=told, exact_calendar="XNYS")
    assert judged.gaps == told
    other = judge(index, span("2024-06-03", "2024-06-27"), gaps=told, exact_calendar="XLON")
    assert other.gaps == [(pd.Timestamp("2024-06-21"), pd.Timestamp("2024-06-27"))]


def test_times_that_are_not_utc_are_suspected():
    index = pd.date_range("2024-06-03 06:30", "2024-06-03 12:45", freq="15min", tz="UTC")
    judged = judge(index, span("2024-06-03", "2024-06-03 23:59", "15m", zone="UTC"))
    assert [found.code for found in judged.findings] == ["bars_outside_sessions"]
    assert judged.findings[0].count == 26


@pytest.mark.parametrize(
    ("symbol", "options"),
    [("", {}), ("--help", {}), ("A B\nC", {}), ("X" * 41, {}), ("X", {"warmup": -1})],
)
def test_senseless_questions_are_usage_errors(symbol, options):
    with pytest.raises(UsageError):
        load_from_source(
            symbol, "2024-01-01", "2024-01-31", settings=Settings(_env_file=None),
            source="sample", **options,
        )  # fmt: skip
