"""FOMC, CPI and expiry columns on the dates where they are easily wrong."""

import math

import numpy as np
import pandas as pd
import pytest

from btkit.indicators.announcements import EARLIEST, announcements

NEVER = math.nan


@pytest.mark.parametrize(
    ("name", "date", "expected"),
    [
        ("fomc_meeting_day", "2019-01-30", 1),
        ("fomc_meeting_day", "2019-01-31", 0),
        ("fomc_meeting_day", "2020-03-03", 1),  # unscheduled
        ("fomc_meeting_day", "2020-03-16", 0),  # the Monday after the unscheduled Sunday
        ("fomc_meeting_day", "2020-03-18", 0),  # the scheduled meeting that was called off
        ("fomc_meeting_day", "2020-03-23", 1),  # unscheduled
        ("fomc_meeting_day", "2026-12-09", 1),
        ("fomc_meeting_day", "2026-12-31", 0),
        ("fomc_meeting_day", "2027-12-08", 1),
        ("fomc_meeting_day", "2027-12-31", 0),
        ("fomc_meeting_day", "2018-12-19", NEVER),
        ("fomc_meeting_day", "2018-12-31", NEVER),
        ("fomc_meeting_day", "2028-01-04", NEVER),
        ("fomc_within_3d", "2024-01-31", 1),
        ("fomc_within_3d", "2024-01-29", 1),
        ("fomc_within_3d", "2024-01-26", 0),  # five days ahead, over a weekend
        ("fomc_within_3d", "2024-02-01", 0),
        ("fomc_within_3d", "2020-03-02", 0),  # nobody foresaw the next day
        ("fomc_within_3d", "2020-03-13", 0),
        ("fomc_within_3d", "2019-01-02", 0),
        ("fomc_within_3d", "2018-12-31", NEVER),
        ("fomc_within_3d", "2020-03-23", 0),  # nobody foresaw that one, either
        ("fomc_within_3d", "2027-12-28", 0),
        ("fomc_within_3d", "2027-12-29", NEVER),  # its third day is in 2028
        ("days_to_fomc", "2024-01-31", 0),
        ("days_to_fomc", "2024-02-01", 48),
        ("days_to_fomc", "2020-03-02", 16),  # the meeting of 17-18 March, as then scheduled
        ("days_to_fomc", "2020-03-13", 5),
        ("days_to_fomc", "2020-03-16", 44),  # 2020-04-29
        ("days_to_fomc", "2020-03-18", 42),
        ("days_to_fomc", "2019-01-02", 28),
        ("days_to_fomc", "2018-12-31", NEVER),
        ("days_to_fomc", "2026-12-09", 0),
        ("days_to_fomc", "2026-12-10", 48),
        ("days_to_fomc", "2027-12-08", 0),
        ("days_to_fomc", "2027-12-09", NEVER),
        ("cpi_release_day", "2019-01-11", 1),
        ("cpi_release_day", "2025-10-15", 0),  # put off by the shutdown
        ("cpi_release_day", "2025-10-24", 1),
        ("cpi_release_day", "2025-11-13", 0),  # no release for October 2025
        ("cpi_release_day", "2025-12-18", 1),
        ("cpi_release_day", "2026-02-11", 0),
        ("cpi_release_day", "2026-02-13", 1),
        ("cpi_release_day", "2018-12-12", NEVER),
        ("cpi_release_day", "2027-01-13", NEVER),
        ("earnings_within_5d", "2024-01-31", 0),
        ("earnings_within_7d", "1999-01-04", 0),
        ("dte", "2024-03-15", 0),
        ("dte", "2024-03-18", 32),  # 2024-04-19
        ("dte", "2019-04-18", 0),
        ("dte", "2019-04-17", 1),
        ("dte", "2026-12-31", 15),  # 2027-01-15
        ("dte", "2031-12-30", 17),  # 2032-01-16
        ("opex_week", "2024-03-11", 1),
        ("opex_week", "2024-03-15", 1),
        ("opex_week", "2024-03-08", 0),
        ("opex_week", "2024-03-18", 0),
        ("opex_week", "2024-03-16", 0),  # a Saturday
        ("opex_week", "2019-04-15", 1),
        ("opex_week", "2026-06-15", 1),
        ("opex_week", "1965-03-15", 1),
        ("within_3d_of_opex", "2024-03-12", 1),
        ("within_3d_of_opex", "2024-03-11", 0),
        ("within_3d_of_opex", "2024-03-18", 1),
        ("within_3d_of_opex", "2024-03-19", 0),
        ("within_3d_of_opex", "2019-04-15", 1),
        ("within_3d_of_opex", "2019-04-22", 0),  # four days after Thursday's expiry
    ],
)
def test_event_columns(on_dates, name, date, expected):
    features = on_dates(date)
    assert features.column(name).tolist() == pytest.approx([expected], nan_ok=True)
    unknown = features.unknown(name)
    assert (unknown is not None and unknown[0]) == math.isnan(expected)


def test_only_announcements_have_an_end_of_knowledge(on_dates):
    features = on_dates("2018-12-31", "2024-01-31", "2028-01-04")
    assert features.unknown("opex_week") is None
    assert features.unknown("close") is None
    assert features.unknown("dte") is None
    assert features.unknown("fomc_meeting_day").tolist() == [True, False, True]
    assert features.unknown("prev_cpi_release_day").tolist() == [False, True, False]


def test_an_unscheduled_sunday_is_flagged_only_where_it_is_a_session(on_dates):
    around_the_clock = on_dates("2020-03-15", calendar="24/7")
    assert around_the_clock.column("fomc_meeting_day").tolist() == [1.0]
    weekend = on_dates("2020-03-14", "2020-03-15", calendar="24/7")
    assert weekend.column("days_to_fomc").tolist() == [4.0, 45.0]
    new_york = on_dates("2020-03-13", "2020-03-16")
    assert new_york.column("fomc_meeting_day").tolist() == [0.0, 0.0]


def test_intraday_bars_take_the_session_date(on_dates):
    features = on_dates(
        "2024-01-31 14:30",
        "2024-01-31 20:45",
        "2024-02-01 01:00",
        "2024-02-01 14:30",
        interval="15m",
    )
    assert features.column("fomc_meeting_day").tolist() == [1.0, 1.0, 1.0, 0.0]
    assert features.column("days_to_fomc").tolist() == [0.0, 0.0, 0.0, 48.0]


def test_other_calendars_move_the_expiry(on_dates):
    # London has no Juneteenth, and both keep Good Friday.
    assert on_dates("2026-06-18", calendar="XLON").column("dte").tolist() == [1.0]
    assert on_dates("2019-04-18", calendar="XLON").column("dte").tolist() == [0.0]


def test_the_days_agree_with_a_plain_loop(on_dates):
    dates = pd.date_range("2018-11-01", "2028-02-28")
    days = on_dates(*dates).column("days_to_fomc")
    meetings = announcements("fomc").foreseen
    for date, found in zip(dates.to_numpy("datetime64[D]"), days, strict=True):
        ahead = [
            (one.day - date).astype(int)
            for one in meetings
            if one.day >= date and one.since <= date <= one.until
        ]
        known = 2019 <= date.item().year <= 2027 and ahead
        assert found == (min(ahead) if known else pytest.approx(math.nan, nan_ok=True))


def test_announcements_are_complete_and_in_order():
    fomc, cpi = announcements("fomc"), announcements("cpi")
    scheduled = {one.day for one in fomc.foreseen}
    assert set(fomc.days) - scheduled == {
        np.datetime64(day) for day in ("2020-03-03", "2020-03-15", "2020-03-23")
    }
    assert scheduled - set(fomc.days) == {np.datetime64("2020-03-18")}
    years = np.unique(np.array(sorted(scheduled), "datetime64[Y]"), return_counts=True)[1]
    assert years.tolist() == [8] * 9
    assert len(cpi.days) == len(cpi.foreseen) == 95
    for dates in (fomc.days, cpi.days, np.array([one.day for one in fomc.foreseen])):
        assert np.all(np.diff(dates).astype(int) > 0)
    assert all(one.since == EARLIEST for one in (*fomc.foreseen, *cpi.foreseen))


@pytest.mark.parametrize(
    ("interval", "key", "last"),
    [("1w", "2024-03-11", "2024-03-15"), ("1mo", "2024-03-01", "2024-03-28"),
     ("2w", "2024-03-18", "2024-03-28"), ("1d", "2024-03-11", "2024-03-11")],
)  # fmt: skip
def test_expiries_of_longer_bars_are_counted_from_their_last_session(on_dates, interval, key, last):
    longer = on_dates(key, interval=interval)
    assert longer.dates.tolist() == [pd.Timestamp(last).date()]
    assert longer.column("dte").tolist() == on_dates(last).column("dte").tolist()
    assert longer.column("opex_week").tolist() == on_dates(last).column("opex_week").tolist()
