"""Exchange calendars: which days are sessions, when they open and close, how many make a year."""

from __future__ import annotations

import datetime as dt
import warnings
from datetime import date
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.errors import UsageError
from btkit.markets.dates import read_moment

Days: TypeAlias = npt.NDArray[np.datetime64]
When: TypeAlias = str | date | pd.Timestamp | np.datetime64

FIRST_YEAR, LAST_YEAR = 1990, 2039
EARLIEST_YEAR, LATEST_YEAR = 1678, 2261
REFERENCE_YEAR = 2025
# A (SEMANTICS 5): of most exchanges, of one that trades at weekends, of one without holidays.
SESSIONS_PER_YEAR, EVERY_DAY, EVERY_WEEKDAY = 252.0, 365.0, 260.0
SATURDAY, SUNDAY = 5, 6


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

    from btkit.markets.offsets import mend_offsets  # noqa: PLC0415 - imports the same

    mend_offsets()
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
        First and last year: 1990 to 2039, and whole decades more where the dates need them, as
        far as nanoseconds reach.
    """
    first_year, last_year = pd.Timestamp(first).year, pd.Timestamp(last).year
    return (
        max(EARLIEST_YEAR, min(FIRST_YEAR, first_year - first_year % 10)),
        min(LATEST_YEAR, max(LAST_YEAR, last_year - last_year % 10 + 9)),
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


def schedule(calendar: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """Return opening and closing times of the sessions from `first` to `last`.

    Parameters
    ----------
    calendar
        A name of `exchange_calendars`.
    first, last
        Naive dates, both included.

    Returns
    -------
    DataFrame
        Columns ``open`` and ``close``, UTC, indexed by session date.

    Raises
    ------
    UsageError
        If no exchange has that name.
    """
    years = years_around(first.to_datetime64(), last.to_datetime64())
    times: pd.DataFrame = exchange_calendar(calendar, *years).schedule
    begin, end = times.index.searchsorted(first), times.index.searchsorted(last, side="right")
    # Slices: to compare each session with the range takes ten times as long.
    inside = times.iloc[begin:end][["open", "close"]]
    return inside.set_axis(pd.DatetimeIndex(inside.index).as_unit("ns"), axis="index")


def zone_of(calendar: str) -> str:
    """Return the IANA name of the zone that an exchange keeps its hours in.

    Parameters
    ----------
    calendar
        A name that exchange_calendars knows.

    Raises
    ------
    UsageError
        There is no such calendar.
    """
    now = np.datetime64("2025-01-01")
    return str(exchange_calendar(calendar, *years_around(now, now)).tz)


def closed_schedule(
    calendar: str, first: pd.Timestamp, last: pd.Timestamp, *, now: dt.datetime
) -> pd.DataFrame:
    """Return the `schedule` of those sessions that have closed by `now`.

    Parameters
    ----------
    calendar, first, last
        As for `schedule`.
    now
        A time with its zone.
    """
    times = schedule(calendar, first, last)
    return times.iloc[: int(times["close"].searchsorted(pd.Timestamp(now), side="right"))]


@lru_cache(maxsize=16)
def sessions_per_year(calendar: str = "XNYS") -> float:
    """Return the sessions of a year that returns are annualised with.

    Parameters
    ----------
    calendar
        A name of `exchange_calendars`.

    Returns
    -------
    float
        252; 365 of a market that trades on Saturdays and Sundays, such as ``24/7``, and 260 of
        one that is open Monday to Friday all year, such as ``24/5``. The sessions of 2025
        decide: an exchange whose week begins on Sunday, or which opens on a Saturday now and
        then, has 252.

    Raises
    ------
    UsageError
        If no exchange has that name.

    Examples
    --------
    >>> sessions_per_year("24/7")
    365.0
    """
    if calendar == "XNYS":
        # The exchange of nearly every run; building its calendar takes longer than a run.
        return SESSIONS_PER_YEAR
    year = sessions(f"{REFERENCE_YEAR}-01-01", f"{REFERENCE_YEAR}-12-31", calendar=calendar)
    weekdays = np.bincount(year.day_of_week, minlength=7)
    # Half of all weekends: more than the odd session that makes up for a holiday.
    if min(weekdays[SATURDAY], weekdays[SUNDAY]) > len(year) / 14:
        return EVERY_DAY
    always = pd.bdate_range(f"{REFERENCE_YEAR}-01-01", f"{REFERENCE_YEAR}-12-31")
    return EVERY_WEEKDAY if always.isin(year).all() else SESSIONS_PER_YEAR


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
    naive = pd.DatetimeIndex(times).tz_convert(None)
    # A unit that is there already would be a copy.
    return (naive if naive.unit == "ns" else naive.as_unit("ns")).asi8


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
    stamp = read_moment(when, name="date")
    naive = stamp if stamp.tz is None else stamp.tz_convert(None)
    return np.datetime64(naive.date(), "D")
