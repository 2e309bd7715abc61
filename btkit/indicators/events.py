"""Events: FOMC decisions, CPI releases, option expiries, earnings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from btkit.indicators.announcements import EventDates, days_until_next
from btkit.indicators.arrays import Array, Mask
from btkit.indicators.base import Columns, Definition, Indicator, Kind
from btkit.indicators.event_names import GROUP, OWN_NAMES, USER_SOURCE, event_column
from btkit.markets import Days
from btkit.markets.expiries import (
    FRIDAY,
    MAX_EXPIRY_GAP_DAYS,
    MONDAY,
    WEEK,
    monthly_expiries,
)

NEAR_DAYS = 3


def _expiries_around(columns: Columns) -> Days:
    def compute() -> Days:
        dates = columns.dates
        if not len(dates):
            return np.array([], dtype="datetime64[D]")
        reach = np.timedelta64(MAX_EXPIRY_GAP_DAYS, "D")
        return monthly_expiries(dates.min() - reach, dates.max() + reach, calendar=columns.calendar)

    return columns.shared("expiries", compute)


def _days_to_expiry(columns: Columns) -> Array:
    return days_until_next(columns.dates, _expiries_around(columns))


def _opex_week(columns: Columns) -> Array:
    expiry_weeks = np.unique((_expiries_around(columns) - MONDAY) // WEEK)
    since = columns.dates - MONDAY
    weekday = (since % WEEK).astype(np.int64)
    found = np.isin(since // WEEK, expiry_weeks) & (weekday <= FRIDAY)
    return found.astype(np.float64)


def _within_3d_of_opex(columns: Columns) -> Array:
    expiries = _expiries_around(columns)
    ahead = days_until_next(columns.dates, expiries)
    # The days since the last expiry are the days until the next on a reversed time axis.
    epoch = np.datetime64(0, "D")
    behind = days_until_next(epoch - (columns.dates - epoch), epoch - (expiries[::-1] - epoch))
    return (np.fmin(ahead, behind) <= NEAR_DAYS).astype(np.float64)


def _earnings_within(days: int) -> Definition:
    def compute(columns: Columns) -> Array:
        earnings = columns.event("earnings")
        if not earnings.days.size:
            return np.zeros(len(columns.dates))
        return earnings.within(columns.dates, days)

    def without_dates(columns: Columns) -> Mask:
        return np.full(len(columns.dates), not columns.event("earnings").days.size)

    def unknown(columns: Columns) -> Mask:
        return ~without_dates(columns) & columns.event("earnings").in_doubt(
            columns.dates, compute(columns)
        )

    return Definition(
        _event(
            f"earnings_within_{days}d",
            "bool",
            f"True where earnings are 0 to {days} calendar days ahead, by the dates of the event "
            "earnings in the file that BT_EVENTS names; False without any, which is counted as a "
            "fallback.",
            f"0 <= next earnings known of - date <= {days}",
            USER_SOURCE,
        ),
        compute,
        fallback=without_dates,
        unknown=unknown,
    )


def _event(name: str, kind: Kind, meaning: str, formula: str, source: str) -> Indicator:
    return Indicator(name, GROUP, kind, 0, meaning, formula, source)


_SOURCES = {
    "fomc": "Federal Reserve announcement dates 2019-2027 (2027 tentative), in the package",
    "cpi": "BLS release dates 2019-2026, in the package",
}
EXPIRY_SOURCE = "exchange_calendars"

OPTION_EXPIRY = Definition(
    Indicator(
        name="dte",
        group="options",
        kind="float",
        lookback=0,
        meaning="Calendar days to the next monthly option expiry, 0 on it.",
        formula="next expiry - date; expiry: third Friday, or the session before if that is none",
        source=EXPIRY_SOURCE,
    ),
    _days_to_expiry,
)


def _announced(
    name: str, read: Callable[[EventDates, Days], Array], kind: Kind, meaning: str, formula: str
) -> Definition:
    compute, unknown = event_column(OWN_NAMES[name], read)
    source = _SOURCES[OWN_NAMES[name]]
    return Definition(_event(name, kind, meaning, formula, source), compute, unknown=unknown)


ENTRIES = (
    _announced(
        "fomc_meeting_day",
        EventDates.on_the_day,
        "bool",
        "True on days of an FOMC announcement, the unscheduled of March 2020 included; missing "
        "outside 2019-2027.",
        "date in announcements",
    ),
    _announced(
        "fomc_within_3d",
        partial(EventDates.within, days=NEAR_DAYS),
        "bool",
        "True where a scheduled FOMC announcement is 0 to 3 calendar days ahead; missing where "
        "those days reach outside 2019-2027.",
        "0 <= next scheduled announcement - date <= 3",
    ),
    _announced(
        "days_to_fomc",
        EventDates.days_to,
        "float",
        "Calendar days to the next FOMC announcement then scheduled, 0 on it; missing outside "
        "2019-2027 and after the last one known.",
        "next scheduled announcement - date",
    ),
    _announced(
        "cpi_release_day",
        EventDates.on_the_day,
        "bool",
        "True on days of a CPI release by the BLS; missing outside 2019-2026.",
        "date in releases",
    ),
    Definition(
        _event(
            "opex_week",
            "bool",
            "True from Monday to Friday of the week of a monthly option expiry.",
            "week of date == week of an expiry",
            EXPIRY_SOURCE,
        ),
        _opex_week,
    ),
    Definition(
        _event(
            "within_3d_of_opex",
            "bool",
            "True where the nearest monthly option expiry is at most 3 calendar days away, "
            "either side.",
            "|nearest expiry - date| <= 3",
            EXPIRY_SOURCE,
        ),
        _within_3d_of_opex,
    ),
    _earnings_within(5),
    _earnings_within(7),
)
