"""Monthly option expiries."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from btkit.markets.calendars import Days, When, exchange_calendar, to_day, years_around

WEEK = np.timedelta64(7, "D")
MONDAY = np.datetime64("1970-01-05", "D")
FRIDAY = 4
MAX_EXPIRY_GAP_DAYS = 40


def third_fridays(first_year: int, last_year: int) -> Days:
    """Return the third Friday of each month.

    Parameters
    ----------
    first_year, last_year
        Both included.

    Returns
    -------
    Days
        Ascending, twelve a year.
    """
    months = np.arange(f"{first_year}-01", f"{last_year + 1}-01", dtype="datetime64[M]")
    firsts = months.astype("datetime64[D]").astype(np.int64)
    weekdays = (firsts - MONDAY.astype(np.int64)) % 7
    return (firsts + (FRIDAY - weekdays) % 7 + 14).astype("datetime64[D]")


@lru_cache(maxsize=8)
def expiries_of_years(calendar: str, first_year: int, last_year: int) -> Days:
    """Return the monthly expiries of some years.

    Parameters
    ----------
    calendar
        A name of `exchange_calendars`.
    first_year, last_year
        Both included.

    Returns
    -------
    Days
        Ascending, read-only.
    """
    fridays = third_fridays(first_year, last_year)
    exchange = exchange_calendar(calendar, first_year, last_year)
    labels = exchange.sessions.to_numpy().astype("datetime64[D]")
    position = labels.searchsorted(fridays, side="right") - 1
    recorded = (fridays >= labels[0]) & (fridays <= labels[-1])
    expiries = np.where(recorded, labels[np.maximum(position, 0)], fridays)
    expiries.flags.writeable = False
    return expiries


def monthly_expiries(start: When, end: When, *, calendar: str = "XNYS") -> Days:
    """Return the standard monthly option expiries between two dates.

    Parameters
    ----------
    start, end
        First and last date, both included.
    calendar
        A name of `exchange_calendars`.

    Returns
    -------
    Days
        datetime64[D], ascending: third Fridays, or the session before where that is none. In
        years that the exchange's holidays are not recorded for, the third Friday itself.

    Raises
    ------
    UsageError
        If no exchange has that name.

    Examples
    --------
    >>> monthly_expiries("2019-04-01", "2019-04-30")
    array(['2019-04-18'], dtype='datetime64[D]')
    """
    first, last = to_day(start), to_day(end)
    expiries = expiries_of_years(calendar, *years_around(first, last))
    return expiries[expiries.searchsorted(first) : expiries.searchsorted(last, side="right")]
