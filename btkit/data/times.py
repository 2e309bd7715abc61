"""The range of times that a person asks for."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

import pandas as pd

from btkit.arguments import shown
from btkit.errors import UsageError
from btkit.markets import Interval

# Nanoseconds reach a little further, but not with the day around a moment, or in any zone.
FIRST_DAY: Final = pd.Timestamp("1678-01-01")
LAST_DAY: Final = pd.Timestamp("2262-01-01")
ONE_DAY: Final = pd.Timedelta(days=1)
ONE_NANOSECOND: Final = pd.Timedelta(1, unit="ns")


def is_intraday(interval: object) -> bool:
    """Return whether bars of this interval carry a time of day.

    Parameters
    ----------
    interval
        A label, such as ``30m`` or ``1w``.

    Raises
    ------
    UsageError
        There is no such interval.
    """
    return Interval.parse(interval).is_intraday


def parse_range(
    start: str | dt.date | pd.Timestamp, end: str | dt.date | pd.Timestamp, *, interval: str
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first and the last bar time of a requested range, both included.

    Parameters
    ----------
    start, end
        YYYY-MM-DD text, a date or a timestamp; for intraday bars also ISO 8601 with a time, in
        UTC unless it names an offset. An intraday `end` without a time means that whole UTC day.
    interval
        Decides whether the result is naive dates or UTC times.

    Raises
    ------
    UsageError
        A date cannot be read, has a time of day where bars have none, or start is after end.
    """
    intraday = is_intraday(interval)
    first, _ = _parse_one(start, "start", intraday=intraday)
    last, whole_day = _parse_one(end, "end", intraday=intraday)
    if intraday and whole_day:
        last = last + ONE_DAY - ONE_NANOSECOND
    if first > last:
        raise UsageError(
            f"start {start} is after end {end}",
            hint="give the earlier date as start",
            details={"start": str(start), "end": str(end)},
        )
    return first, last


def _parse_one(value: object, name: str, *, intraday: bool) -> tuple[pd.Timestamp, bool]:
    form = "YYYY-MM-DD or YYYY-MM-DDTHH:MM" if intraday else "YYYY-MM-DD"
    refusal = UsageError(
        f"{name} {shown(value)} is not a date",
        hint=f"write it as {form}",
        details={name: shown(value)},
    )
    if isinstance(value, str):
        text = value.strip()
        if not re.fullmatch(r"\d{4}-\d\d-\d\d([T ].+)?", text):
            raise refusal
        value, date_only = text, len(text) == len("YYYY-MM-DD")
    elif isinstance(value, dt.date):
        date_only = not isinstance(value, dt.datetime)
    else:
        raise refusal
    try:
        time = pd.Timestamp(value).as_unit("ns")
    except ValueError:  # out of range, too, is a ValueError
        raise refusal from None
    if pd.isna(time) or not FIRST_DAY < time.tz_localize(None) < LAST_DAY:
        raise refusal
    if intraday:
        # Naive midnights of a datetime object are dates that a program passed on.
        plain_date = date_only or (
            not isinstance(value, str) and time.tzinfo is None and time == time.normalize()
        )
        utc = time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")
        return utc, plain_date
    day = time.tz_localize(None)
    if day != day.normalize():
        raise UsageError(
            f"{name} {value!s} has a time of day, but daily and longer bars have none",
            hint=f"write it as {form}",
            details={name: str(value)},
        )
    return day, True
