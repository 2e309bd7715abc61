"""Reading times: the range a person asks for, and the time column of a table."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.errors import DataError, UsageError
from btkit.markets import Interval

# ISO 8601 is tried first; of these, the one that fits every row is right, and two that fit
# every row differently make the column ambiguous.
DATE_FORMATS: Final = (
    "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d.%m.%Y", "%Y.%m.%d", "%m-%d-%Y", "%d-%m-%Y",
    "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%Y%m%d",
)  # fmt: skip
CLOCK_FORMATS: Final = ("", " %H:%M", " %H:%M:%S")
COMPACT: Final = r"(19|20)\d\d(0[1-9]|1[0-2])[0-3]\d[0-2]\d[0-5]\d([0-5]\d)?"
COMPACT_FORMATS: Final = {12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
ISO_DATE: Final = r"\d{4}-\d\d-\d\d"
# Epoch numbers: units by magnitude, each good from 1973 on; smaller ones are 20240131 dates.
EPOCH_UNITS: Final[tuple[tuple[float, Literal["ns", "us", "ms", "s"]], ...]] = (
    (1e17, "ns"),
    (1e14, "us"),
    (1e11, "ms"),
    (1e8, "s"),
)

OFFSET: Final = r"(\d{4}-\d\d-\d\d[T ][^Z+-]*)(?:Z|[+-]\d\d(?::?\d\d)?)$"

ONE_DAY: Final = pd.Timedelta(days=1)
ONE_NANOSECOND: Final = pd.Timedelta(1, unit="ns")


def is_intraday(interval: str) -> bool:
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
        f"{name} {value!r} is not a date", hint=f"write it as {form}", details={name: str(value)}
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
    if pd.isna(time):
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


def read_times(
    column: pd.Series[Any] | pd.DatetimeIndex, *, interval: str, origin: str
) -> tuple[pd.DatetimeIndex, list[str]]:
    """Turn a table's time column into bar times.

    Daily and longer times become naive dates, the date as it is written, whatever the offset
    beside it; intraday times become UTC, and those without an offset are taken as UTC.

    Parameters
    ----------
    column
        Texts, numbers (seconds to nanoseconds since 1970, or 20240131) or timestamps.
    interval
        A label, such as ``30m`` or ``1w``.
    origin
        The file or command, for messages.

    Returns
    -------
    tuple of DatetimeIndex and list of str
        The times in nanosecond resolution, and notes on what had to be assumed.

    Raises
    ------
    DataError
        A time cannot be read, is ambiguous, or has a time of day in a table of daily bars.
    """
    intraday = is_intraday(interval)
    values = pd.Series(column).reset_index(drop=True)
    if values.isna().any():
        raise DataError(
            f"{origin} has {int(values.isna().sum())} rows without a time",
            hint="remove these rows",
            details={"rows": [int(row) for row in np.flatnonzero(values.isna())[:20]]},
        )
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        times = pd.DatetimeIndex(values)
    elif values.dtype.kind == "f":
        times = _from_numbers(values, intraday=intraday, origin=origin)
    else:
        times = _from_texts(values, intraday=intraday, origin=origin)
    times = times.as_unit("ns")
    if intraday:
        if times.tz is not None:
            return times.tz_convert("UTC"), []
        note = f"{origin} gives times without a zone; they were read as UTC."
        return times.tz_localize("UTC"), [note]
    if times.tz is not None:
        times = times.tz_localize(None)
    dates = times.normalize()
    if len(times.unique()) > len(dates.unique()):
        raise DataError(
            f"{origin} has several bars a day, but {interval} bars were asked for",
            hint="ask for the interval that it holds, with --interval",
        )
    return dates, []


def _from_numbers(values: pd.Series[Any], *, intraday: bool, origin: str) -> pd.DatetimeIndex:
    # The largest tells the unit: a long history reaches back to 0 and below.
    largest = float(values.max())
    for least, unit in EPOCH_UNITS:
        if largest >= least:
            try:
                times = pd.DatetimeIndex(pd.to_datetime(values.to_numpy(), unit=unit)).as_unit("ns")
            except ValueError as error:  # out of range, too, is a ValueError
                raise DataError(
                    f"{origin} has times out of range, such as {values.max()}",
                    hint="write them as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ",
                ) from error
            return times.tz_localize("UTC") if intraday else times
    return _from_texts(values.astype("int64").astype(str), intraday=intraday, origin=origin)


def _from_texts(values: pd.Series[Any], *, intraday: bool, origin: str) -> pd.DatetimeIndex:
    texts = values.astype(str).str.strip()
    if texts.str.match(ISO_DATE).all():
        return _from_iso(texts, intraday=intraday, origin=origin)
    stamps = _epoch_numbers(texts)
    if stamps is not None:
        return _from_numbers(stamps, intraday=intraday, origin=origin)
    fits: list[pd.DatetimeIndex] = []
    readable = np.zeros(len(texts), dtype=bool)
    for form in _formats(texts):
        parsed = pd.DatetimeIndex(pd.to_datetime(texts, format=form, errors="coerce"))
        readable |= ~np.asarray(parsed.isna())
        if not parsed.hasnans and not any(parsed.equals(other) for other in fits):
            fits.append(parsed)
    if not fits:
        raise _unreadable(texts, readable, origin)
    if len(fits) > 1:
        row = int(np.flatnonzero(np.asarray(fits[0] != fits[1]))[0])
        raise DataError(
            f"{origin} has ambiguous dates: {texts.iloc[row]!r} may be {fits[0][row].date()} "
            f"or {fits[1][row].date()}",
            hint="write dates as YYYY-MM-DD",
            details={"row": row + 1, "text": texts.iloc[row]},
        )
    return fits[0]


def _formats(texts: pd.Series[Any]) -> list[str]:
    digits = texts.str.len().iloc[0] if texts.str.fullmatch(r"\d+").all() else 0
    compact = [COMPACT_FORMATS[digits]] if digits in COMPACT_FORMATS else []
    return [*compact, *(date + clock for clock in CLOCK_FORMATS for date in DATE_FORMATS)]


def _epoch_numbers(texts: pd.Series[Any]) -> pd.Series[Any] | None:
    if not texts.str.fullmatch(r"-?[0-8]?\d{1,18}(\.\d+)?").all():
        return None
    # As milliseconds, 202401310930 would be in 1976 and 20240131093000 in 2611.
    if texts.str.fullmatch(COMPACT).all():
        return None
    whole = texts.str.fullmatch(r"-?\d+").all()
    numbers = texts.astype("int64") if whole else texts.astype("float64")
    return numbers if numbers.max() >= EPOCH_UNITS[-1][0] else None


def _unreadable(texts: pd.Series[Any], readable: npt.NDArray[np.bool_], origin: str) -> DataError:
    iso = pd.to_datetime(
        texts.where(texts.str.match(ISO_DATE)), format="ISO8601", errors="coerce", utc=True
    )
    known = readable | np.asarray(iso.notna())
    # Where each row is readable by itself, it is the first one unlike the first row.
    shapes = texts.str.replace(r"\d+", "0", regex=True)
    wrong = ~known if not known.all() else np.asarray(shapes != shapes.iloc[0])
    row = int(wrong.argmax())
    what = "times written in different ways" if known.all() else "times that cannot be read"
    return DataError(
        f"{origin} has {what}, such as {texts.iloc[row]!r} in row {row + 1}",
        hint="write them as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ",
        details={"row": row + 1, "text": texts.iloc[row]},
    )


def _from_iso(texts: pd.Series[Any], *, intraday: bool, origin: str) -> pd.DatetimeIndex:
    written = texts
    if not intraday:
        # The date as written: offsets that change with daylight saving must not move it.
        texts = texts.str.replace(OFFSET, r"\1", regex=True)
    zoned = texts.str.match(OFFSET)
    if zoned.any() and not zoned.all():
        raise DataError(
            f"{origin} gives some times with a zone and some without",
            hint="write all of them with an offset such as Z",
        )
    try:
        parsed = pd.to_datetime(texts, format="ISO8601", utc=bool(zoned.any()))
    except ValueError as error:
        nothing = np.zeros(len(texts), dtype=bool)
        raise _unreadable(written, nothing, origin) from error
    return pd.DatetimeIndex(parsed)
