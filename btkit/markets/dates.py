"""Days and moments as people say them: one reader for the command, Python, batches and widgets.

A column of somebody's table is read by `btkit.data`, since all its rows together say how each is
meant.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from btkit.arguments import shown
from btkit.errors import UsageError

# Nanoseconds reach a little further, but not with the day around a moment, or in any zone.
FIRST_DAY: Final = pd.Timestamp("1678-01-01")
LAST_DAY: Final = pd.Timestamp("2262-01-01")
ONE_DAY: Final = pd.Timedelta(days=1)
# Of ISO 8601 the calendar dates alone: 2020-W01-1 and 2020-001 are read by nobody, and 2020 or
# 2020-06 would be a first day as a start, and as an end a day that nobody means.
_TEXT: Final = re.compile(r"(\d{4}-\d\d-\d\d|\d{8})([T ].+)?")
_AS_DAY: Final = "Write dates as YYYY-MM-DD, such as 2018-12-31."
_AS_MOMENT: Final = f"{_AS_DAY[:-1]} or, with a time of day, 2018-12-31T09:30."


def read_moment(value: object, *, name: str) -> pd.Timestamp:
    """Return a moment, in nanoseconds, without a zone where none is said.

    Parameters
    ----------
    value
        A date, a datetime, a NumPy or pandas time, or a text: ``2018-12-31`` or ``20181231``, also
        followed by a time of day and an offset, as in ``2018-12-31T09:30-05:00``.
    name
        The argument's name, for the message.

    Raises
    ------
    UsageError
        If it is none of these, no day of the calendar, or outside 1678 to 2261.

    Examples
    --------
    >>> read_moment("2018-12-31 09:30", name="start")
    Timestamp('2018-12-31 09:30:00')
    """
    return _read(value, name, _AS_MOMENT)


def read_day(value: object, *, name: str) -> date:
    """Return a calendar date.

    Parameters
    ----------
    value
        As `read_moment` takes it. Of a datetime the date is taken, as its own zone has it.
    name
        The argument's name, for the message.

    Raises
    ------
    UsageError
        As `read_moment`, and if a text says a time of day other than midnight.

    Examples
    --------
    >>> read_day("20181231", name="start")
    datetime.date(2018, 12, 31)
    """
    moment = _read(value, name, _AS_DAY)
    if isinstance(value, str) and moment != moment.normalize():
        raise _refusal(value, name, "it has a time of day, and a whole day is meant", _AS_DAY)
    return moment.date()


def read_days(
    start: object, end: object, *, names: tuple[str, str] = ("start", "end")
) -> tuple[date, date]:
    """Return the first and the last day of a range.

    Parameters
    ----------
    start, end
        As `read_day` takes them.
    names
        Of both arguments, for the message.

    Raises
    ------
    UsageError
        If one is no day, or they are in the wrong order.
    """
    first, last = read_day(start, name=names[0]), read_day(end, name=names[1])
    if first > last:
        raise _wrong_order(first, last, names)
    return first, last


def read_range(
    start: object, end: object, *, intraday: bool, names: tuple[str, str] = ("start", "end")
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first and the last bar time of a range, both included.

    Parameters
    ----------
    start, end
        As `read_day` takes them; for intraday bars as `read_moment` does, in UTC unless they name
        an offset. An intraday `end` without a time of day means that whole UTC day.
    intraday
        Whether the result is UTC times, else naive dates.
    names
        Of both arguments, for the message.

    Raises
    ------
    UsageError
        If one cannot be read, or they are in the wrong order.
    """
    if not intraday:
        days = read_days(start, end, names=names)
        return pd.Timestamp(days[0]).as_unit("ns"), pd.Timestamp(days[1]).as_unit("ns")
    first, last = read_moment(start, name=names[0]), read_moment(end, name=names[1])
    if _is_day(end, last):
        last += ONE_DAY - pd.Timedelta(1, unit="ns")
    first, last = (
        time.tz_localize("UTC") if time.tz is None else time.tz_convert("UTC")
        for time in (first, last)
    )
    if first > last:
        raise _wrong_order(start, end, names)
    return first, last


def as_bar_time(moment: pd.Timestamp, bars: pd.DatetimeIndex) -> pd.Timestamp:
    """Return a moment as bars have their times: with their zone, or as its own clock shows it.

    Parameters
    ----------
    moment
        As `read_moment` returns it.
    bars
        Sorted naive dates, or UTC times.
    """
    return moment if (moment.tz is None) == (bars.tz is None) else moment.tz_localize(bars.tz)


def _read(value: object, name: str, hint: str) -> pd.Timestamp:
    text = value.strip() if isinstance(value, str) else ""
    said = _TEXT.fullmatch(text)
    if said is None and (not isinstance(value, date | np.datetime64) or pd.isna(value)):
        raise _refusal(value, name, "it is not in the form YYYY-MM-DD", hint)
    try:
        if said is not None:
            date.fromisoformat(said[1])
        moment = pd.Timestamp(text or value)  # type: ignore[arg-type]  # a time, as found above
    except ValueError as error:
        raise _refusal(value, name, str(error), hint) from None
    if not FIRST_DAY < moment.tz_localize(None) < LAST_DAY:
        years = f"{FIRST_DAY.year} to {LAST_DAY.year - 1}"
        raise _refusal(value, name, f"it is not of the years {years}", hint)
    return moment.as_unit("ns")


def _is_day(value: object, moment: pd.Timestamp) -> bool:
    if isinstance(value, str):
        return len(value.strip()) <= len("YYYY-MM-DD")
    # Naive midnights of a datetime object are dates that a program passed on.
    return moment.tz is None and moment == moment.normalize()


def _refusal(value: object, name: str, reason: str, hint: str) -> UsageError:
    return UsageError(
        f"{name} is {shown(value)}, which is no date: {reason}.",
        hint=hint,
        details={"argument": name, "received": shown(value)},
    )


def _wrong_order(start: object, end: object, names: tuple[str, str]) -> UsageError:
    first, last = names
    return UsageError(
        f"{first} {start} is after {last} {end}.",
        hint="Swap the two dates.",
        details={first: str(start), last: str(end)},
    )
