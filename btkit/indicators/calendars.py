"""Exchange sessions, session dates of intraday bars, and monthly option expiries."""

from __future__ import annotations

import warnings
from datetime import date
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from btkit.errors import UsageError
from btkit.indicators.base import Days

When: TypeAlias = str | date | pd.Timestamp | np.datetime64

FIRST_YEAR, LAST_YEAR = 1990, 2039
REFERENCE_YEAR = 2025
MAX_EXPIRY_GAP_DAYS = 40
WEEK = np.timedelta64(7, "D")
MONDAY = np.datetime64("1970-01-05", "D")
FRIDAY = 4


@lru_cache(maxsize=8)
def exchange_calendar(name: str, first_year: int, last_year: int) -> Any:  # noqa: ANN401 - untyped
    """Return an exchange's calendar, cut to the years that its holidays are recorded for.

    Parameters
    ----------
    name
        A name of `exchange_calendars`, such as ``XNYS``.
    first_year, last_year
        The years wanted, both included.

    Returns
    -------
    exchange_calendars.ExchangeCalendar
        With an explicit start: by default it would begin 20 years before today.

    Raises
    ------
    UsageError
        If no exchange has that name.
    """
    import exchange_calendars  # noqa: PLC0415 - slow to import, and few runs need it

    start, end = pd.Timestamp(first_year, 1, 1), pd.Timestamp(last_year, 12, 31)
    with warnings.catch_warnings():
        # The library calls what newer versions of pandas deprecate; nobody here can mend that.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return exchange_calendars.get_calendar(name, start=start, end=end)
        except exchange_calendars.errors.InvalidCalendarName as error:
            raise UsageError(
                f"There is no exchange calendar {name!r}.",
                hint="Use a name of exchange_calendars, such as XNYS, CMES or 24/7.",
                details={"calendar": name},
            ) from error
        except ValueError:
            # Holidays of some exchanges are recorded for certain years only.
            kind = type(exchange_calendars.get_calendar(name))
            earliest, latest = kind.bound_min(), kind.bound_max()
            return kind(
                start=start if earliest is None else max(start, earliest),
                end=end if latest is None else min(end, latest),
            )


def years_around(first: np.datetime64, last: np.datetime64) -> tuple[int, int]:
    """Return the years to build a calendar for, so that nearly all callers share one.

    Parameters
    ----------
    first, last
        The dates wanted.

    Returns
    -------
    tuple of int
        First and last year: 1990 to 2039, and whole decades more where the dates need them.
    """
    first_year, last_year = pd.Timestamp(first).year, pd.Timestamp(last).year
    return (
        min(FIRST_YEAR, first_year - first_year % 10),
        max(LAST_YEAR, last_year - last_year % 10 + 9),
    )


def sessions(start: When, end: When, *, calendar: str = "XNYS") -> pd.DatetimeIndex:
    """Return the sessions of an exchange between two dates.

    Parameters
    ----------
    start, end
        First and last date, both included.
    calendar
        A name of `exchange_calendars`.

    Returns
    -------
    pd.DatetimeIndex
        Ascending, timezone-naive. Years that the exchange's holidays are not recorded for have
        no sessions here.

    Raises
    ------
    UsageError
        If no exchange has that name.

    Examples
    --------
    >>> len(sessions("2024-12-23", "2024-12-27"))
    4
    """
    first, last = to_day(start), to_day(end)
    if last < first:
        return pd.DatetimeIndex([])
    days: pd.DatetimeIndex = exchange_calendar(calendar, *years_around(first, last)).sessions
    inside = days[(days >= pd.Timestamp(first)) & (days <= pd.Timestamp(last))]
    return pd.DatetimeIndex(inside.to_numpy())


@lru_cache(maxsize=16)
def session_minutes(calendar: str = "XNYS") -> int:
    """Return the length of an exchange's regular session, lunch break left out.

    Parameters
    ----------
    calendar
        A name of `exchange_calendars`.

    Returns
    -------
    int
        Minutes of trading: the median session of 2025.

    Raises
    ------
    UsageError
        If no exchange has that name.

    Examples
    --------
    >>> session_minutes("XNYS")
    390
    """
    if calendar == "XNYS":
        # The exchange of nearly every run; building its calendar takes longer than a run.
        return 390
    year = exchange_calendar(calendar, FIRST_YEAR, LAST_YEAR).schedule.loc[str(REFERENCE_YEAR)]
    breaks = (year["break_end"] - year["break_start"]).fillna(pd.Timedelta(0))
    length: pd.Timedelta = (year["close"] - year["open"] - breaks).median()
    return round(length / pd.Timedelta(minutes=1))


def session_dates(index: pd.DatetimeIndex, *, calendar: str = "XNYS") -> Days:
    """Return the session that each intraday bar belongs to.

    Parameters
    ----------
    index
        UTC open times of bars; naive ones are taken as UTC.
    calendar
        A name of `exchange_calendars`.

    Returns
    -------
    Days
        The date on the exchange's clock; for an exchange whose session opens on the evening
        before, the date of the session.

    Raises
    ------
    UsageError
        If no exchange has that name.
    """
    utc = index.tz_localize("UTC") if index.tz is None else index
    if calendar == "XNYS":
        # Sessions of the default exchange never cross midnight: no schedule is needed.
        return local_dates(utc, "America/New_York")
    if not len(utc):
        return np.array([], dtype="datetime64[D]")
    exchange = exchange_calendar(calendar, *years_around(to_day(utc[0]), to_day(utc[-1])))
    dates = local_dates(utc, exchange.tz)
    labels = exchange.sessions.to_numpy().astype("datetime64[D]")
    opens, closes = nanoseconds(exchange.opens), nanoseconds(exchange.closes)
    bars = nanoseconds(utc)
    position = np.minimum(closes.searchsorted(bars, side="right"), len(labels) - 1)
    inside = (bars >= opens[position]) & (bars < closes[position])
    return np.where(inside, labels[position], dates)


def nanoseconds(times: pd.Series[Any] | pd.DatetimeIndex) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return UTC times as nanoseconds since 1970, whatever their resolution.

    Parameters
    ----------
    times
        Timezone-aware.

    Returns
    -------
    ndarray of int64
        Same length.
    """
    return pd.DatetimeIndex(times).tz_convert(None).as_unit("ns").asi8


def local_dates(utc: pd.DatetimeIndex, zone: Any) -> Days:  # noqa: ANN401 - any pandas zone
    """Return the dates on a clock of another time zone.

    Parameters
    ----------
    utc
        Timezone-aware.
    zone
        Anything that pandas takes as a time zone.

    Returns
    -------
    Days
        Same length.
    """
    return utc.tz_convert(zone).tz_localize(None).to_numpy().astype("datetime64[D]")


def to_day(when: When) -> np.datetime64:
    """Return the date of a point in time.

    Parameters
    ----------
    when
        A date in any usual form; of an aware timestamp its UTC date.

    Returns
    -------
    numpy.datetime64
        With day resolution.
    """
    stamp = pd.Timestamp(when)
    naive = stamp if stamp.tz is None else stamp.tz_convert(None)
    return np.datetime64(naive.date(), "D")


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
