"""Slower bars: what they are made of, and when each is known (SEMANTICS 2.10)."""

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from btkit.errors import UsageError
from btkit.markets import Interval, check_slower, schedule, slower_bars

CALENDARS = ["XNYS", "24/7", "24/5", "CMES", "us_futures", "XHKG"]
# Thanksgiving with its half day, Easter, and the closure of September 2001 that nobody foresaw.
SPANS = [("2024-11-20", "2024-12-06"), ("2024-03-20", "2024-04-05"), ("2001-09-03", "2001-09-21")]
COLUMNS = ["open", "high", "low", "close", "volume", "iv_rank", "mood"]


def frame_at(index, random):
    low = random.uniform(1.0, 2.0, len(index))
    inner = [low + random.uniform(0.0, 1.0, len(index)) for _ in range(2)]
    return pd.DataFrame(
        {
            "open": inner[0],
            "high": low + 1.0,
            "low": low,
            "close": inner[1],
            "volume": random.uniform(0.0, 9.0, len(index)),
            "iv_rank": np.where(random.random(len(index)) < 0.3, np.nan, low),
            "mood": pd.array(random.choice(["calm", None, "wild"], len(index)), dtype="object"),
        },
        index=index,
    )


def key_of(label, slower):
    if slower.unit == "d":
        return label
    if slower.unit == "w":
        return label - dt.timedelta(days=label.weekday())
    return label.replace(day=1)


def session_at(when, length, day):
    for label, (opens, closes) in day.items():
        if length is None and label == when:
            return label
        if length is not None and when < closes and when + length > opens:
            return label
    return None


def period_of(when, label, interval, slower, day):
    """The period's key, when it begins and when it closes, for one bar."""
    if slower.minutes is not None:
        opens, closes = day[label]
        length = dt.timedelta(minutes=slower.minutes)
        begin = opens + max((when - opens) // length, 0) * length
        return begin, begin, min(begin + length, closes)
    key = key_of(label, slower)
    alike = [other for other in day if key_of(other, slower) == key]
    if interval.is_daily:
        return key, alike[0], alike[-1]
    return key, day[alike[0]][0], day[alike[-1]][1]


def bar_by_bar(bars, interval, slower, calendar):
    """Return slower bars as rows, and for each bar how many of them have closed."""
    length = None if interval.minutes is None else dt.timedelta(minutes=interval.minutes)
    times = [when.to_pydatetime() for when in bars.index]
    month = pd.Timedelta(days=32)
    around = schedule(
        calendar,
        (bars.index[0] - month).tz_localize(None).normalize(),
        (bars.index[-1] + month).tz_localize(None).normalize(),
    )
    day = {
        row.Index.to_pydatetime(): (row.open.to_pydatetime(), row.close.to_pydatetime())
        for row in around.itertuples()
    }
    groups, ends = {}, []
    for i, when in enumerate(times):
        label = session_at(when, length, day)
        end = when if length is None else when + length
        if label is not None and length is not None:
            end = min(end, day[label][1])
        ends.append(end)
        if label is None:
            continue
        key, begins, closes = period_of(when, label, interval, slower, day)
        if begins >= times[0]:
            groups.setdefault(key, (closes, []))[1].append(i)
    rows = []
    for _, members in groups.values():
        part = bars.iloc[members]
        volume = 0.0
        for one in part["volume"]:
            volume += one
        last = part.iloc[-1]
        rows.append(
            [part["open"].iloc[0], part["high"].max(), part["low"].min(), last["close"], volume,
             last["iv_rank"], last["mood"]]
        )  # fmt: skip
    closed = [sum(closes <= end for closes, _ in groups.values()) for end in ends]
    return list(groups), rows, closed


def made_of(draw):
    calendar = draw(st.sampled_from(CALENDARS))
    first, last = (pd.Timestamp(day) for day in draw(st.sampled_from(SPANS)))
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    minutes = draw(st.sampled_from([None, None, 15, 60, 90]))
    if minutes is None:
        interval, slower = Interval.DAY, draw(st.sampled_from(["1w", "1mo"]))
        times = pd.date_range(first - pd.Timedelta(days=90), last, unit="us")
        if draw(st.booleans()):
            times = times[times.isin(schedule(calendar, times[0], times[-1]).index)]
    else:
        interval = Interval(minutes, "m")
        several = Interval(minutes * draw(st.integers(2, 8)), "m")
        slower = draw(st.sampled_from([several, "1d", "1w", "1mo"]))
        grid = draw(st.sampled_from(["sessions", "clock"]))
        if grid == "clock":
            times = pd.date_range(first, last, freq=f"{minutes}min", tz="UTC")
        else:
            each = [
                pd.date_range(row.open, row.close, freq=f"{minutes}min", inclusive="left")
                for row in schedule(calendar, first, last).itertuples()
            ]
            times = each[0].append(each[1:])
            # A session that is no multiple of the bars ends with a short one.
            times = times[~times.duplicated()]
    kept = draw(st.sampled_from([1.0, 1.0, 0.8, 0.1]))
    index = times[random.random(len(times)) < kept]
    index = index if len(index) else times[:1]
    return frame_at(index, random), interval, Interval.parse(slower), calendar


@st.composite
def cases(draw):
    return made_of(draw)


def alike(found, wanted):
    missing = all(isinstance(one, float) and math.isnan(one) for one in (found, wanted))
    return missing or found == wanted


@given(cases())
def test_slower_bars_are_those_of_a_loop_over_the_bars(case):
    bars, interval, slower, calendar = case
    found = slower_bars(bars.index, interval, slower, calendar=calendar)
    keys, rows, closed = bar_by_bar(bars, interval, slower, calendar)
    frame = found.frame(bars)
    assert list(frame.columns) == COLUMNS
    assert [key.to_pydatetime() for key in found.index] == keys
    assert all(
        alike(a, b) for own, row in zip(frame.to_numpy(), rows, strict=True)
        for a, b in zip(own, row, strict=True)
    )  # fmt: skip
    assert (found.last_closed + 1).tolist() == closed
    assert found.complete == closed[-1]
    for i in range(len(found)):
        (members,) = np.nonzero(found.period == i)
        assert found.last_closed[: members[-1]].max(initial=-1) < i


@given(cases(), st.floats(0.0, 1.0))
def test_nothing_that_comes_later_moves_what_is_known(case, share):
    bars, interval, slower, calendar = case
    whole = slower_bars(bars.index, interval, slower, calendar=calendar)
    cut = bars.iloc[: 1 + int(share * (len(bars) - 1))]
    part = slower_bars(cut.index, interval, slower, calendar=calendar)
    assert part.last_closed.tolist() == whole.last_closed[: len(cut)].tolist()
    known = part.complete
    pd.testing.assert_frame_equal(part.frame(cut)[:known], whole.frame(bars)[:known])


def test_a_half_day_closes_its_last_period_early():
    half_hours = pd.date_range("2024-11-29 14:30", "2024-11-29 17:30", freq="30min", tz="UTC")
    found = slower_bars(half_hours, "30m", "2h")
    assert found.period.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert found.last_closed.tolist() == [-1, -1, -1, 0, 0, 0, 1]


def test_a_week_whose_friday_is_a_holiday_closes_on_thursday_whatever_bars_there_are():
    days = pd.DatetimeIndex(["2024-03-25", "2024-03-28", "2024-04-01", "2024-04-04", "2024-04-08"])
    found = slower_bars(days, "1d", "1w")
    assert found.last_closed.tolist() == [-1, 0, 0, 0, 1]
    assert found.index.tolist() == [pd.Timestamp(day) for day in days[[0, 2, 4]]]


def test_a_period_without_bars_is_no_slower_bar_and_a_missing_last_bar_delays_none():
    times = ["2024-07-01 13:30", "2024-07-01 13:35", "2024-07-01 15:35", "2024-07-02 13:30"]
    found = slower_bars(pd.DatetimeIndex(times, tz="UTC"), "5m", "1h")
    assert found.period.tolist() == [0, 0, 1, 2]
    assert found.last_closed.tolist() == [-1, -1, 0, 1]


def test_a_bar_outside_of_all_sessions_is_part_of_no_slower_bar():
    times = ["2024-07-01 12:00", "2024-07-01 13:00", "2024-07-01 19:00", "2024-07-01 20:00",
             "2024-07-02 14:00"]  # fmt: skip
    found = slower_bars(pd.DatetimeIndex(times, tz="UTC"), "1h", "1d")
    # The hour from 13:00 holds the opening at 13:30.
    assert found.period.tolist() == [-1, 0, 0, -1, 1]
    assert found.last_closed.tolist() == [-1, -1, 0, 0, 0]


def test_a_bar_that_the_opening_cuts_short_ends_where_the_next_begins():
    times = ["2024-07-01 13:15", "2024-07-01 13:30", "2024-07-01 13:45", "2024-07-01 14:00"]
    found = slower_bars(pd.DatetimeIndex(times, tz="UTC"), "30m", "1h", calendar="24/7")
    assert found.period.tolist() == [-1, -1, -1, 0]
    assert found.last_closed.tolist() == [-1, -1, -1, -1]
    later = slower_bars(pd.DatetimeIndex(times, tz="UTC"), "15m", "30m", calendar="24/7")
    assert later.period.tolist() == [-1, 0, 0, 1]
    assert later.last_closed.tolist() == [-1, -1, 0, 0]


def test_a_slower_bar_is_left_out_where_its_beginning_is():
    tuesday = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-08", "2024-01-16"])
    # Monday 1 January was a holiday, so that the first week begins on Tuesday.
    assert slower_bars(tuesday, "1d", "1w").period.tolist() == [0, 0, 1, 2]
    assert slower_bars(tuesday[1:], "1d", "1w").period.tolist() == [-1, 0, 1]


@pytest.mark.parametrize(
    ("calendar", "first", "closed"),
    # The exchange of Riyadh, whose records begin in 2021, opens on Sundays and not on Fridays.
    [("XSAU", "2015-03-01", {4, 5}), ("XSHG", "2030-06-02", {5, 6})],
)
def test_years_that_no_calendar_records_have_the_week_of_the_nearest(calendar, first, closed):
    days = pd.date_range(first, periods=28)
    weeks = slower_bars(days, "1d", "1w", calendar=calendar)
    inside = ~np.isin(days.day_of_week, list(closed))
    assert (weeks.period[inside][6:] >= 0).all()
    assert (weeks.period[~inside] == -1).all()
    # The nearest recorded session of Riyadh opens at 7:00 UTC, that of Shanghai closes then.
    hours = (days[inside] + pd.Timedelta(hours=6.5)).tz_localize("UTC")
    assert slower_bars(hours, "1h", "1d", calendar=calendar).period.max() >= len(hours) - 2


def test_no_bars_make_no_slower_bars():
    bars = pd.DataFrame(columns=COLUMNS, index=pd.DatetimeIndex([]))
    found = slower_bars(bars.index, "1d", "1w")
    assert (len(found), found.complete, len(found.frame(bars))) == (0, 0, 0)
    saturday = frame_at(pd.DatetimeIndex(["2024-01-06"]), np.random.default_rng(0))
    weekend = slower_bars(saturday.index, "1d", "1w")
    assert (len(weekend), weekend.complete, len(weekend.frame(saturday))) == (0, 0, 0)


@pytest.mark.parametrize(
    ("interval", "slower"),
    [("1m", "5m"), ("30m", "1h"), ("1h", "23h"), ("4h", "1mo"), ("7m", "1d"), ("1d", "1w"),
     ("1d", "1mo")],
)  # fmt: skip
def test_intervals_that_nest(interval, slower):
    check_slower(Interval.parse(interval), Interval.parse(slower))


@pytest.mark.parametrize(
    ("interval", "slower", "hint"),
    [
        ("1h", "1h", "Name a whole multiple of 1h, or 1d, 1w or 1mo."),
        ("1h", "90m", "Name a whole multiple of 1h, or 1d, 1w or 1mo."),
        ("1h", "30m", "Name a whole multiple of 1h, or 1d, 1w or 1mo."),
        ("5m", "2w", "Name a whole multiple of 5m, or 1d, 1w or 1mo."),
        ("1d", "1h", "Name 1w or 1mo."),
        ("1d", "1d", "Name 1w or 1mo."),
        ("1d", "3mo", "Name 1w or 1mo."),
        ("1w", "1mo", "Nothing slower nests in such bars: load daily ones."),
        ("1mo", "1mo", "Nothing slower nests in such bars: load daily ones."),
    ],
)
def test_intervals_that_do_not_nest_are_refused(interval, slower, hint):
    with pytest.raises(UsageError, match=f"Bars of {interval} do not make") as refusal:
        check_slower(Interval.parse(interval), Interval.parse(slower))
    assert refusal.value.hint == hint


@example(minutes=1)
@given(minutes=st.sampled_from([1, 5, 60]))
def test_units_of_the_index_make_no_difference(minutes):
    index = pd.date_range("2024-07-01 13:30", periods=200, freq=f"{minutes}min", tz="UTC")
    wanted = slower_bars(index, f"{minutes}m", "2h")
    for unit in ("s", "ms", "ns"):
        found = slower_bars(index.as_unit(unit), f"{minutes}m", "2h")
        assert found.last_closed.tolist() == wanted.last_closed.tolist()
        assert found.index.unit == unit
        assert found.index.tolist() == wanted.index.tolist()
