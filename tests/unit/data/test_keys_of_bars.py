"""From stamps to keys: sessions, closes, local clocks (SEMANTICS 1.2)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from btkit.data.formats import BarFormat
from btkit.data.placing import read_times
from btkit.errors import DataError
from btkit.markets import schedule, zone_of


def sessions(calendar, first, last):
    return schedule(calendar, pd.Timestamp(first), pd.Timestamp(last))


def keys(times, interval="1d", **more):
    more = {"calendar": "XNYS", **more}
    if "bar_time" in more or "time_zone" in more:
        stated = {name: more.pop(name) for name in ("bar_time", "time_zone") if name in more}
        more["bar_format"] = BarFormat(**stated)
    return read_times(pd.Series(list(times)), interval=interval, origin="x.csv", **more)


def found(findings):
    return [finding.code for finding in findings]


@pytest.mark.parametrize("calendar", ["CMES", "us_futures", "CBOT"])
@pytest.mark.parametrize("form", ["epoch", "offset", "local"])
def test_a_daily_bar_stamped_at_the_opening_belongs_to_the_session_it_opens(calendar, form):
    days = sessions(calendar, "2024-02-20", "2024-04-10")
    opens = pd.DatetimeIndex(days["open"])
    zone = zone_of(calendar)
    written = {
        "epoch": opens.as_unit("s").asi8,
        "offset": [time.tz_convert(zone).isoformat() for time in opens],
        "local": opens.tz_convert(zone).strftime("%Y-%m-%d %H:%M"),
    }[form]
    index, findings = keys(written, calendar=calendar)
    assert list(index) == list(days.index)
    assert found(findings) == ["stamped_at_session_open"]
    assert calendar in findings[0].message


@pytest.mark.parametrize("calendar", ["XNYS", "24/7", "XLON"])
@pytest.mark.parametrize("zone", ["UTC", "America/Chicago"])
def test_evenings_from_sunday_to_thursday_open_weekdays_under_any_calendar(calendar, zone):
    # Futures trade on holidays of the exchange whose calendar stands by default.
    days = sessions("CMES", "2024-02-20", "2024-06-10")
    written = pd.DatetimeIndex(days["open"]).tz_convert(zone).strftime("%Y-%m-%d %H:%M")
    index, findings = keys(written, calendar=calendar)
    assert list(index) == list(days.index)
    assert found(findings) == ["stamped_at_session_open"]


@pytest.mark.parametrize("calendar", ["XTAE", "XSAU"])
def test_closes_of_a_market_that_trades_on_sundays_keep_their_dates(calendar):
    days = sessions(calendar, "2024-02-20", "2024-06-10").index
    index, _ = keys([f"{day:%Y-%m-%d} 17:25" for day in days], calendar=calendar)
    assert list(index) == list(days)


def test_a_few_bars_are_enough_where_the_calendar_knows_their_session():
    # Tuesday to Thursday: no Sunday shows what the stamps are.
    index, _ = keys([1704236400, 1704322800], calendar="CMES")
    assert list(index) == [pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-04")]


@pytest.mark.parametrize(
    ("zone", "calendar"),
    [("Europe/Berlin", "XETR"), ("Europe/London", "XLON"), ("Asia/Tokyo", "XTKS"),
     ("Pacific/Auckland", "XNZE")],
)  # fmt: skip
def test_midnights_to_the_east_are_the_next_date(zone, calendar):
    days = sessions(calendar, "2024-03-01", "2024-05-31").index
    index, findings = keys(days.tz_localize(zone).as_unit("s").asi8, calendar=calendar)
    assert list(index) == list(days)
    assert found(findings) == ["stamped_at_session_open"]


def test_weeks_that_begin_at_a_midnight_to_the_east_keep_their_mondays():
    mondays = pd.date_range("2024-01-01", periods=30, freq="W-MON")
    index, findings = keys(mondays.tz_localize("Europe/London").as_unit("s").asi8, "1w")
    assert list(index) == list(mondays)
    assert found(findings) == ["stamped_at_session_open"]


def test_sundays_among_evenings_tell_without_a_calendar():
    days = pd.bdate_range("2024-01-02", periods=20)
    index, findings = keys(
        (days - pd.Timedelta(hours=2)).tz_localize("UTC").as_unit("s").asi8, calendar=None
    )
    assert list(index) == list(days)
    assert found(findings) == ["stamped_at_session_open"]


@pytest.mark.parametrize(
    ("stamp", "calendar"),
    [("14:30", "XNYS"), ("21:00", "XNYS"), ("00:00", "XNYS"), ("05:00", "XNYS"), ("06:00", "CMES"),
     ("22:00", "CMES"), ("00:00", "24/7"), ("23:59", "24/7"), ("12:00", "24/5")],
)  # fmt: skip
def test_other_stamps_are_of_the_date_that_they_name(stamp, calendar):
    days = sessions("XNYS", "2024-01-02", "2024-02-14").index
    index, findings = keys([f"{day.date()}T{stamp}:00Z" for day in days], calendar=calendar)
    assert list(index) == list(days)
    assert findings == []


def test_a_close_on_a_holiday_moves_no_bar():
    days = pd.bdate_range("2024-01-02", periods=20)
    index, _ = keys([f"{day.date()}T21:00:00Z" for day in days])
    assert list(index) == list(days)


def test_evenings_that_nothing_decides_are_said():
    days = pd.bdate_range("2024-01-08", periods=4)
    index, findings = keys([f"{day.date()}T23:00:00Z" for day in days])
    assert list(index) == list(days)
    assert found(findings) == ["dates_as_written"]
    assert "time_zone" in findings[0].message
    index, _ = keys([f"{day.date()}T23:00:00Z" for day in days], bar_time="session_open")
    assert list(index) == list(days + pd.Timedelta(days=1))
    index, findings = keys([f"{day.date()}T23:00:00Z" for day in days], bar_time="open")
    assert (list(index), findings) == (list(days), [])


def test_stated_session_openings_need_a_time_of_day():
    with pytest.raises(DataError, match="dates without a time of day"):
        keys(["2024-01-08", "2024-01-09"], bar_time="session_open")
    with pytest.raises(DataError, match="1h bars were asked for"):
        keys(["2024-01-08T10:00Z"], "1h", bar_time="session_open")


def test_daily_closes_at_midnight_end_the_day_before():
    index, _ = keys(["2024-01-09T00:00:00Z", "2024-01-10T00:00:00Z"], bar_time="close",
                    calendar="24/7")  # fmt: skip
    assert list(index) == [pd.Timestamp("2024-01-08"), pd.Timestamp("2024-01-09")]
    index, _ = keys(["2024-01-09", "2024-01-10"], bar_time="close")
    assert list(index) == [pd.Timestamp("2024-01-09"), pd.Timestamp("2024-01-10")]


@pytest.mark.parametrize("aligned", ["to the session", "to the clock"])
def test_closes_become_opens_also_of_bars_that_a_session_cuts_short(aligned):
    # 29 November 2024 closed at 13:00 New York; each other session's last hour has 30 minutes.
    hour = pd.Timedelta(hours=1)
    opens, closes = [], []
    for _, day in sessions("XNYS", "2024-11-27", "2024-12-02").iterrows():
        time = day["open"] if aligned == "to the session" else day["open"].floor("h")
        while time < day["close"]:
            opens.append(max(time, day["open"]))
            closes.append(min(time + hour, day["close"]))
            time += hour
    _, findings = keys([time.isoformat() for time in closes], "1h")
    assert found(findings) == ["may_be_closes"]
    assert "bar_time: close" in findings[0].message
    assert keys([time.isoformat() for time in opens], "1h")[1] == []
    for order in (slice(None), slice(None, None, -1)):
        stamps = [time.isoformat() for time in closes[order]]
        index, findings = keys(stamps, "1h", bar_time="close")
        assert list(index) == opens[order]
        assert findings == []


def hours(zone, first, last):
    index = pd.date_range(first, last, freq="h", tz="UTC")
    return index, index.tz_convert(zone).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    "zone",
    ["America/New_York", "Europe/London", "Europe/Berlin", "Europe/Athens", "Australia/Sydney"],
)
def test_an_hour_that_comes_twice_is_refused_with_the_question(zone):
    autumn = ("04-01", "04-20") if zone.startswith("Australia") else ("10-20", "11-10")
    index, texts = hours(zone, *(f"2024-{day}" for day in autumn))
    with pytest.raises(DataError, match=f"as clocks in {zone} show it") as caught:
        keys(texts, "1h", calendar="24/7")
    assert f"time_zone: {zone}" in caught.value.hint
    for order in (slice(None), slice(None, None, -1)):
        read, findings = keys(texts[order], "1h", time_zone=zone)
        assert list(read) == list(index[order])
        assert findings == []


@pytest.mark.parametrize(
    "zone",
    ["America/New_York", "Europe/London", "Europe/Berlin", "Europe/Athens", "Australia/Sydney"],
)
def test_an_hour_that_clocks_skip_is_said(zone):
    spring = ("10-01", "10-20") if zone.startswith("Australia") else ("03-01", "04-10")
    _, texts = hours(zone, *(f"2024-{day}" for day in spring))
    _, findings = keys(texts, "1h", calendar="24/7")
    assert found(findings) == ["times_taken_as_utc", "local_times"]
    assert "time_zone" in findings[1].message
    _, findings = keys(hours("UTC", "2024-03-01", "2024-04-10")[1], "1h", calendar="24/7")
    assert found(findings) == ["times_taken_as_utc"]


@pytest.mark.parametrize("interval", ["1m", "15m", "1h"])
def test_sessions_that_begin_at_a_local_hour_are_said(interval):
    length = pd.Timedelta(interval)
    index = pd.DatetimeIndex(
        np.concatenate(
            [
                pd.date_range(day["open"], day["close"], freq=length, inclusive="left")
                for _, day in sessions("XNYS", "2024-03-04", "2024-03-15").iterrows()
            ]
        )
    )
    local = index.tz_convert("America/New_York").strftime("%Y-%m-%d %H:%M")
    _, findings = keys(local, interval)
    assert found(findings) == ["times_taken_as_utc", "local_times"]
    assert "State time_zone: America/New_York" in findings[1].message
    _, findings = keys(index.strftime("%Y-%m-%d %H:%M"), interval)
    assert found(findings) == ["times_taken_as_utc"]
    read, findings = keys(local, interval, time_zone="America/New_York")
    assert list(read) == list(index)
    assert findings == []


def days_of_hours(zone, begin, count):
    # 16 hours of each weekday from a local hour on, around a change of clocks.
    return pd.DatetimeIndex(
        [
            day + pd.Timedelta(hours=hour)
            for day in pd.bdate_range("2024-03-04", "2024-03-15", tz=zone)
            for hour in range(begin, begin + count)
        ]
    )


@pytest.mark.parametrize("calendar", ["XNYS", "CMES"])
def test_days_that_begin_at_one_local_hour_before_and_after_the_opening_are_said(calendar):
    # Extended hours, of which no bar is at the session's opening alone.
    index = days_of_hours("America/New_York", 4, 16)
    _, findings = keys(index.strftime("%Y-%m-%d %H:%M"), "1h", calendar=calendar)
    assert found(findings) == ["times_taken_as_utc", "local_times"]
    assert "04:00" in findings[1].message
    in_utc = index.tz_convert("UTC").strftime("%Y-%m-%d %H:%M")
    assert found(keys(in_utc, "1h", calendar=calendar)[1]) == ["times_taken_as_utc"]


def test_a_time_that_the_stated_zone_skips_is_refused():
    with pytest.raises(DataError, match="2024-03-10 02:30:00, which clocks in America/New_York"):
        keys(["2024-03-10 02:30", "2024-03-10 03:30"], "1h", time_zone="America/New_York")


def test_an_hour_that_stands_there_once_and_was_twice_is_said():
    index, findings = keys(["2024-11-03 00:30", "2024-11-03 01:30", "2024-11-03 04:30"], "1h",
                           time_zone="America/New_York")  # fmt: skip
    assert index[1] == pd.Timestamp("2024-11-03 05:30", tz="UTC")
    assert found(findings) == ["ambiguous_clock"]


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["20240131 09:30:00 US/Eastern", "20240131 10:30:00 US/Eastern"], "14:30"),
        (["20240131 09:30:00 EST", "20240131 10:30:00 EST"], "14:30"),
        (["20240731 09:30:00 EDT", "20240731 10:30:00 EDT"], "13:30"),
        (["31.01.2024 15:30:00.000 GMT+0100", "31.01.2024 16:30:00.000 GMT+0100"], "14:30"),
        (["2024-01-31 14:30:00 UTC", "2024-01-31 15:30:00 UTC"], "14:30"),
        (["01/31/2024 09:30 -05:00", "01/31/2024 10:30 -05:00"], "14:30"),
        (["Wed, Jan 31, 2024 2:30 PM America/Chicago",
          "Wed, Jan 31, 2024 3:30 PM America/Chicago"], "20:30"),
    ],
)  # fmt: skip
def test_zones_beside_times_are_understood(texts, first):
    index, findings = keys(texts, "1h")
    assert f"{index[0]:%H:%M}" == first
    assert index[1] - index[0] == pd.Timedelta(hours=1)
    assert findings == []
