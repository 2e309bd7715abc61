"""When options expire: monthly, and for a spread that is sold today."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np

from btkit.markets.calendars import (
    Days,
    When,
    exchange_calendar,
    sessions,
    to_day,
    years_around,
)

WEEK = np.timedelta64(7, "D")
MONDAY = np.datetime64("1970-01-05", "D")
FRIDAY = 4
MAX_EXPIRY_GAP_DAYS = 40
_NEAR_DAYS = 3
# Further apart than any two monthly expiries, and than any closure of an exchange.
_MARGIN = np.timedelta64(70, "D")


def _third_fridays(first_year: int, last_year: int) -> Days:
    months = np.arange(f"{first_year}-01", f"{last_year + 1}-01", dtype="datetime64[M]")
    firsts = months.astype("datetime64[D]").astype(np.int64)
    weekdays = (firsts - MONDAY.astype(np.int64)) % 7
    return (firsts + (FRIDAY - weekdays) % 7 + 14).astype("datetime64[D]")


@lru_cache(maxsize=8)
def _expiries_of_years(calendar: str, first_year: int, last_year: int) -> Days:
    fridays = _third_fridays(first_year, last_year)
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
    expiries = _expiries_of_years(calendar, *years_around(first, last))
    return expiries[expiries.searchsorted(first) : expiries.searchsorted(last, side="right")]


def expiries_ahead(
    fill_dates: Days,
    *,
    target_dte: int,
    snap: Literal["weekly", "monthly"] | None = None,
    calendar: str = "XNYS",
) -> Days:
    """Return the expiry of a spread sold on each date (SEMANTICS 4.2).

    Parameters
    ----------
    fill_dates
        datetime64[D], shape (n,), ascending.
    target_dte
        Calendar days that it should run.
    snap
        None takes the day `target_dte` days ahead, or the last session before it. ``"weekly"``
        takes the Friday nearest to that day, ``"monthly"`` the nearest third Friday of a month;
        of two equally near the earlier, and only such as lie ahead. Where the Friday is no
        session, the spread expires at the session before.
    calendar
        The exchange calendar that says which days are sessions.

    Returns
    -------
    ndarray of datetime64[D], shape (n,)
        Without `snap` it can be the fill date itself: a day ahead of a Friday there is none.
    """
    if not len(fill_dates):
        return fill_dates.copy()
    targets = fill_dates + np.timedelta64(target_dte, "D")
    first, last = fill_dates[0] - _MARGIN, targets[-1] + _MARGIN
    listed = sessions(first, last, calendar=calendar).to_numpy().astype("datetime64[D]")
    if snap is None:
        return _session_before(targets, listed)
    if snap == "monthly":
        fridays = _third_fridays(first.astype(object).year, last.astype(object).year)
        return _nearest(fridays, _session_before(fridays, listed), targets, fill_dates)
    weekday = (targets - MONDAY).astype(np.int64) % 7
    ahead = FRIDAY - weekday
    fridays = targets + np.where(ahead > _NEAR_DAYS, ahead - 7, ahead).astype("timedelta64[D]")
    chosen = _session_before(fridays, listed)
    while (passed := chosen <= fill_dates).any():
        fridays[passed] += np.timedelta64(7, "D")
        chosen = _session_before(fridays, listed)
    return chosen


def _session_before(days: Days, listed: Days) -> Days:
    """Return each day, or the last session before it; as it is where sessions are not recorded."""
    if not len(listed):
        return days
    position = listed.searchsorted(days, side="right") - 1
    recorded = (days >= listed[0]) & (days <= listed[-1])
    return np.where(recorded, listed[np.maximum(position, 0)], days)


def _nearest(fridays: Days, listed: Days, targets: Days, fill_dates: Days) -> Days:
    # Distances are those of the Fridays: a holiday moves an expiry, not which one is meant.
    after = np.clip(fridays.searchsorted(targets), 1, len(fridays) - 1)
    earlier = targets - fridays[after - 1] <= fridays[after] - targets
    chosen = np.where(earlier, after - 1, after)
    # What has expired when the order fills cannot be sold.
    first = listed.searchsorted(fill_dates, side="right")
    return listed[np.maximum(chosen, first)]
