"""Events: FOMC decisions, CPI releases, option expiries, earnings."""

from __future__ import annotations

import numpy as np

from btkit.indicators.announcements import (
    announcement_dates,
    days_until_next,
    is_event_day,
    outside_known,
)
from btkit.indicators.base import Array, Columns, Definition, Indicator, Kind, Mask
from btkit.markets import Days
from btkit.markets.expiries import (
    FRIDAY,
    MAX_EXPIRY_GAP_DAYS,
    MONDAY,
    WEEK,
    monthly_expiries,
)

GROUP = "events"
NEAR_DAYS = 3
KNOWN_YEARS = "missing outside 2019-2026"


def flag(values: Mask, missing: Mask) -> Array:
    """Return a bool column as 1.0, 0.0 and NaN.

    Parameters
    ----------
    values
        True and False.
    missing
        Where the value is not known.

    Returns
    -------
    Array
        Same shape.
    """
    return np.where(missing, np.nan, values)


def beyond_known(columns: Columns) -> Mask:
    """Return the bars outside the years that announcements are known for.

    Parameters
    ----------
    columns
        Where the dates come from.

    Returns
    -------
    Mask
        One a bar.
    """
    return outside_known(columns.dates)


def beyond_known_window(columns: Columns) -> Mask:
    """Return the bars whose three days ahead reach beyond the known years.

    Parameters
    ----------
    columns
        Where the dates come from.

    Returns
    -------
    Mask
        One a bar.
    """
    return outside_known(columns.dates, ahead=NEAR_DAYS)


def days_to_fomc(columns: Columns) -> Array:
    """Return the calendar days to the next scheduled FOMC announcement.

    Parameters
    ----------
    columns
        Where the dates come from.

    Returns
    -------
    Array
        0 on the day, NaN outside the known years and after the last known announcement.
    """
    days = days_until_next(columns.dates, announcement_dates("fomc", scheduled_only=True))
    days[beyond_known(columns)] = np.nan
    return days


def days_to_fomc_unknown(columns: Columns) -> Mask:
    """Return the bars on which no next announcement is known.

    Parameters
    ----------
    columns
        Where the dates come from.

    Returns
    -------
    Mask
        One a bar.
    """
    return np.isnan(columns.column("days_to_fomc"))


def fomc_within_3d(columns: Columns) -> Array:
    """Return whether a scheduled FOMC announcement is 0 to 3 calendar days ahead.

    Parameters
    ----------
    columns
        Where the dates come from.

    Returns
    -------
    Array
        1.0 or 0.0, NaN where the three days reach beyond the known years.
    """
    days = days_until_next(columns.dates, announcement_dates("fomc", scheduled_only=True))
    return flag(days <= NEAR_DAYS, beyond_known_window(columns))


def fomc_meeting_day(columns: Columns) -> Array:
    """Return whether the FOMC announces, scheduled or not, on the bar's date.

    Parameters
    ----------
    columns
        Where the dates come from.

    Returns
    -------
    Array
        1.0 or 0.0, NaN outside the known years.
    """
    events = announcement_dates("fomc", scheduled_only=False)
    return flag(is_event_day(columns.dates, events), beyond_known(columns))


def cpi_release_day(columns: Columns) -> Array:
    """Return whether the BLS releases the CPI on the bar's date.

    Parameters
    ----------
    columns
        Where the dates come from.

    Returns
    -------
    Array
        1.0 or 0.0, NaN outside the known years.
    """
    events = announcement_dates("cpi", scheduled_only=False)
    return flag(is_event_day(columns.dates, events), beyond_known(columns))


def expiries_around(columns: Columns) -> Days:
    """Return the monthly expiries from before the first bar to after the last.

    Parameters
    ----------
    columns
        Where dates and calendar come from.

    Returns
    -------
    Days
        Ascending; at least one on or before the first bar and one on or after the last.
    """

    def compute() -> Days:
        dates = columns.dates
        if not len(dates):
            return np.array([], dtype="datetime64[D]")
        reach = np.timedelta64(MAX_EXPIRY_GAP_DAYS, "D")
        return monthly_expiries(dates.min() - reach, dates.max() + reach, calendar=columns.calendar)

    return columns.shared("expiries", compute)


def days_to_expiry(columns: Columns) -> Array:
    """Return the calendar days to the next monthly expiry.

    Parameters
    ----------
    columns
        Where dates and calendar come from.

    Returns
    -------
    Array
        0 on the expiry.
    """
    return days_until_next(columns.dates, expiries_around(columns))


def opex_week(columns: Columns) -> Array:
    """Return whether the bar is in the week, Monday to Friday, of a monthly expiry.

    Parameters
    ----------
    columns
        Where dates and calendar come from.

    Returns
    -------
    Array
        1.0 or 0.0.
    """
    expiry_weeks = np.unique((expiries_around(columns) - MONDAY) // WEEK)
    since = columns.dates - MONDAY
    weekday = (since % WEEK).astype(np.int64)
    found = np.isin(since // WEEK, expiry_weeks) & (weekday <= FRIDAY)
    return found.astype(np.float64)


def within_3d_of_opex(columns: Columns) -> Array:
    """Return whether the nearest monthly expiry is at most 3 calendar days away.

    Parameters
    ----------
    columns
        Where dates and calendar come from.

    Returns
    -------
    Array
        1.0 or 0.0.
    """
    expiries = expiries_around(columns)
    ahead = days_until_next(columns.dates, expiries)
    # The days since the last expiry are the days until the next on a reversed time axis.
    epoch = np.datetime64(0, "D")
    behind = days_until_next(epoch - (columns.dates - epoch), epoch - (expiries[::-1] - epoch))
    return (np.fmin(ahead, behind) <= NEAR_DAYS).astype(np.float64)


def no_earnings(columns: Columns) -> Array:
    """Return a column of False: there is no earnings service.

    Parameters
    ----------
    columns
        Where the dates come from.

    Returns
    -------
    Array
        0.0 throughout.
    """
    return np.zeros(len(columns.dates))


def event(name: str, kind: Kind, meaning: str, formula: str, source: str) -> Indicator:
    """Return the documentation of an event column.

    Parameters
    ----------
    name
        As it is written in a condition.
    kind
        Float or bool.
    meaning
        What it says, with its unit.
    formula
        How it is computed.
    source
        Where the dates come from.

    Returns
    -------
    Indicator
        Of this group, without lookback.
    """
    return Indicator(name, GROUP, kind, 0, meaning, formula, source)


FOMC_SOURCE = "Federal Reserve announcement dates 2019-2026, in the package"
CPI_SOURCE = "BLS release dates 2019-2026, in the package"
EXPIRY_SOURCE = "exchange_calendars"
NO_SOURCE = "constant: there is no earnings service"

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
    days_to_expiry,
)

DEFINITIONS = (
    Definition(
        event(
            "fomc_meeting_day",
            "bool",
            "True on days of an FOMC announcement, the unscheduled of March 2020 included; "
            f"{KNOWN_YEARS}.",
            "date in announcements",
            FOMC_SOURCE,
        ),
        fomc_meeting_day,
        unknown=beyond_known,
    ),
    Definition(
        event(
            "fomc_within_3d",
            "bool",
            "True where a scheduled FOMC announcement is 0 to 3 calendar days ahead; missing "
            "where those days reach outside 2019-2026.",
            "0 <= next scheduled announcement - date <= 3",
            FOMC_SOURCE,
        ),
        fomc_within_3d,
        unknown=beyond_known_window,
    ),
    Definition(
        event(
            "days_to_fomc",
            "float",
            "Calendar days to the next scheduled FOMC announcement, 0 on it; "
            f"{KNOWN_YEARS} and after the last one known.",
            "next scheduled announcement - date",
            FOMC_SOURCE,
        ),
        days_to_fomc,
        unknown=days_to_fomc_unknown,
    ),
    Definition(
        event(
            "cpi_release_day",
            "bool",
            f"True on days of a CPI release by the BLS; {KNOWN_YEARS}.",
            "date in releases",
            CPI_SOURCE,
        ),
        cpi_release_day,
        unknown=beyond_known,
    ),
    Definition(
        event(
            "opex_week",
            "bool",
            "True from Monday to Friday of the week of a monthly option expiry.",
            "week of date == week of an expiry",
            EXPIRY_SOURCE,
        ),
        opex_week,
    ),
    Definition(
        event(
            "within_3d_of_opex",
            "bool",
            "True where the nearest monthly option expiry is at most 3 calendar days away, "
            "either side.",
            "|nearest expiry - date| <= 3",
            EXPIRY_SOURCE,
        ),
        within_3d_of_opex,
    ),
    Definition(
        event(
            "earnings_within_5d",
            "bool",
            "Always False: earnings dates are not known.",
            "False",
            NO_SOURCE,
        ),
        no_earnings,
    ),
    Definition(
        event(
            "earnings_within_7d",
            "bool",
            "Always False: earnings dates are not known.",
            "False",
            NO_SOURCE,
        ),
        no_earnings,
    ),
)
