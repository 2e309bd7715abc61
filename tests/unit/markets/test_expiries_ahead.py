from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from btkit.markets import sessions as exchange_sessions
from btkit.markets.expiries import expiries_ahead


@pytest.mark.parametrize(
    ("fill", "dte", "snap", "expiry"),
    [
        ("2018-01-03", 21, None, "2018-01-24"),  # a Wednesday
        ("2018-01-03", 17, None, "2018-01-19"),  # Saturday: the Friday before
        ("2018-06-13", 21, None, "2018-07-03"),  # Independence Day: the session before
        ("2018-01-05", 1, None, "2018-01-05"),  # a Friday: nothing is left
        ("2018-03-07", 23, None, "2018-03-29"),  # Good Friday
        ("2018-01-03", 21, "weekly", "2018-01-26"),
        ("2018-01-03", 19, "weekly", "2018-01-19"),  # Monday: the Friday before is nearer
        ("2018-01-03", 20, "weekly", "2018-01-26"),  # Tuesday: the one after
        ("2018-03-07", 23, "weekly", "2018-03-29"),
        ("2018-01-05", 1, "weekly", "2018-01-12"),  # today's has been: the next
        ("2018-03-29", 1, "weekly", "2018-04-06"),  # Good Friday's was on this very Thursday
        ("2018-01-03", 21, "monthly", "2018-01-19"),
        ("2018-01-03", 35, "monthly", "2018-02-16"),
        ("2018-01-19", 5, "monthly", "2018-02-16"),
        ("2019-04-01", 18, "monthly", "2019-04-18"),  # Good Friday
        # 14 days after Good Friday and 14 before the third Friday of May: as far from either.
        ("2014-04-11", 21, "monthly", "2014-04-17"),
        ("2014-04-17", 15, "monthly", "2014-05-16"),  # unless it has been
        # A Monday between two Fridays that are holidays: the Friday before is nearer.
        ("2009-12-22", 6, "weekly", "2009-12-24"),
    ],
)
def test_expiry(fill, dte, snap, expiry):
    found = expiries_ahead(np.array([fill], "datetime64[D]"), target_dte=dte, snap=snap)
    assert found.tolist() == [np.datetime64(expiry).item()]


def test_an_equally_near_monthly_expiry_is_the_earlier_one():
    # 2018-02-16 and 2018-03-16 are 28 days apart; 14 days from either is 2018-03-02.
    found = expiries_ahead(np.array(["2018-02-01"], "datetime64[D]"), target_dte=29, snap="monthly")
    assert str(found[0]) == "2018-02-16"


def test_all_bars_at_once_give_what_each_gives_alone():
    days = np.arange("2017-12-01", "2018-04-30", dtype="datetime64[D]")
    for snap in (None, "weekly", "monthly"):
        together = expiries_ahead(days, target_dte=10, snap=snap)
        alone = [
            expiries_ahead(days[i : i + 1], target_dte=10, snap=snap)[0] for i in range(len(days))
        ]
        assert together.tolist() == [day.item() for day in alone]
        assert snap is None or (together > days).all()
    assert not len(expiries_ahead(days[:0], target_dte=10))


@pytest.mark.parametrize("dte", [1, 3, 16, 21, 45])
def test_twenty_years_day_by_day(dte):
    """Walk the exchange's own calendar, one date at a time, by the words of the documentation."""
    sessions = {stamp.date() for stamp in exchange_sessions("1998-06-01", "2020-12-31")}
    day = dt.timedelta(days=1)

    def session_before(date):
        while date not in sessions:
            date -= day
        return date

    def nearest(fridays, target, fill):
        ahead = [friday for friday in fridays if session_before(friday) > fill]
        return session_before(min(ahead, key=lambda friday: (abs(friday - target), friday)))

    fills = [dt.date(1999, 1, 4) + day * step for step in range(0, 365 * 20, 3)]
    fills = [fill for fill in fills if fill in sessions]
    expected = {"none": [], "weekly": [], "monthly": []}
    for fill in fills:
        target = fill + dte * day
        around = [target + step * day for step in range(-40, 80)]
        fridays = [date for date in around if date.weekday() == 4]
        thirds = [date for date in fridays if 15 <= date.day <= 21]
        expected["none"].append(session_before(target))
        expected["weekly"].append(nearest(fridays, target, fill))
        expected["monthly"].append(nearest(thirds, target, fill))
    for snap, dates in expected.items():
        found = expiries_ahead(
            np.array(fills, "datetime64[D]"), target_dte=dte, snap=None if snap == "none" else snap
        )
        assert found.tolist() == dates, snap
