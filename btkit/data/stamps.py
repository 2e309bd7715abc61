"""Reading a column of times: texts, numbers since 1970, timestamps."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.epochs import epoch_numbers, from_epoch, from_epoch_unit
from btkit.data.formats import EPOCH_FORMATS, NO_FORMAT, BarFormat
from btkit.data.info import Finding
from btkit.data.zones import instants_by_zone, localize, split_zones
from btkit.errors import DataError
from btkit.markets import FIRST_DAY, LAST_DAY, ONE_DAY

# ISO 8601 is tried first; of these, the one that fits every row is right, and two that fit
# every row differently make the column ambiguous.
DATE_FORMATS: Final = (
    "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d.%m.%Y", "%Y.%m.%d", "%m-%d-%Y", "%d-%m-%Y",
    "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d-%b-%y", "%d %b %y",
    "%d-%b-%Y", "%d-%B-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y",
    "%Y-%b-%d", "%Y%m%d", "%Y-%m-%d",
)  # fmt: skip
CLOCK_FORMATS: Final = (
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %H%M%S", " %H%M",
)  # fmt: skip
COMPACT: Final = r"(19|20)\d\d(0[1-9]|1[0-2])[0-3]\d[0-2]\d[0-5]\d([0-5]\d)?"
COMPACT_FORMATS: Final = {12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
ISO_DATE: Final = r"\d{4}-\d\d-\d\d"
OFFSET: Final = r"(\d{4}-\d\d-\d\d[T ][^Z+-]*)(?:Z|[+-]\d\d(?::?\d\d)?)$"
CLOCK: Final = r"\d:\d\d|\d{8} [0-2]\d[0-5]\d|\d{12}"
BEFORE_CLOCK: Final = r"(?<=\d)(?:T|-|,\s*|\s+)(?=\d{1,2}:\d\d)|(?<=\d{8})T(?=\d{4})"
WEEKDAY: Final = r"^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+"
SAMPLE_ROWS: Final = 200
CENTURY: Final = pd.DateOffset(years=100)


@dataclass(frozen=True)
class Stamps:
    """What a column of times says.

    Parameters
    ----------
    written
        Date and time of day as they stand there, naive; those of numbers are UTC.
    instants
        The same as UTC times, None where no zone is given.
    has_clock
        Whether a time of day is given.
    findings
        What had to be inferred.
    """

    written: pd.DatetimeIndex
    instants: pd.DatetimeIndex | None
    has_clock: bool
    findings: list[Finding] = field(default_factory=list)


def read_stamps(
    column: pd.Series[Any] | pd.DatetimeIndex, *, origin: str, bar_format: BarFormat = NO_FORMAT
) -> Stamps:
    """Read a column of times: texts, numbers (since 1970, or 20240131) or timestamps."""
    values = pd.Series(column).reset_index(drop=True)
    if values.isna().any():
        raise DataError(
            f"{origin} has {int(values.isna().sum())} rows without a time",
            hint="remove these rows",
            details={"rows": [int(row) for row in np.flatnonzero(values.isna())[:20]]},
        )
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        stamps = _from_timestamps(pd.DatetimeIndex(values))
    elif bar_format.time_format is not None:
        stamps = _from_stated(values, bar_format.time_format, origin)
    elif values.dtype.kind == "f":
        numbers = epoch_numbers(values)
        stamps = (
            _from_texts(_as_texts(values), origin)
            if numbers is None
            else _from_numbers(numbers, origin)
        )
    else:
        stamps = _from_texts(_as_texts(values), origin)
    if bar_format.time_zone is None:
        return stamps
    return _in_zone(stamps, bar_format.time_zone, origin)


def _as_texts(values: pd.Series[Any]) -> pd.Series[Any]:
    whole = values.dtype.kind == "f" and bool((values == values.round()).all())
    return (values.astype("int64") if whole else values).astype(str).str.strip()


def _in_zone(stamps: Stamps, zone: str, origin: str) -> Stamps:
    if not stamps.has_clock and stamps.instants is None:
        return stamps
    if stamps.instants is None:
        instants, findings = localize(stamps.written, zone, origin=origin)
        return replace(stamps, instants=instants, findings=[*stamps.findings, *findings])
    local = stamps.instants.tz_convert(zone).tz_localize(None)
    return replace(stamps, written=local)


def _from_timestamps(times: pd.DatetimeIndex) -> Stamps:
    times = times.as_unit("ns")
    written = times if times.tz is None else times.tz_localize(None)
    instants = None if times.tz is None else times.tz_convert("UTC")
    return Stamps(written, instants, bool((written != written.normalize()).any()))


def _from_numbers(numbers: pd.Series[Any], origin: str) -> Stamps:
    times, findings = from_epoch(numbers, origin=origin)
    return Stamps(times.tz_localize(None), times, True, findings)


def _from_stated(values: pd.Series[Any], form: str, origin: str) -> Stamps:
    texts = _as_texts(values)
    if form in EPOCH_FORMATS:
        unit = cast("Literal['s', 'ms', 'us', 'ns']", form)
        times = from_epoch_unit(pd.to_numeric(texts, errors="coerce"), unit, origin=origin)
        return Stamps(times.tz_localize(None), times, has_clock=True)
    if "%z" in form:
        return _with_offsets(texts, form, origin)
    parsed = _parsed(texts, form)
    if parsed.hasnans:
        row = int(np.asarray(parsed.isna()).argmax())
        raise _misfit(texts, row, form, origin)
    return Stamps(parsed, None, bool(re.search("%[HIfXcT]", form)))


def _with_offsets(texts: pd.Series[Any], form: str, origin: str) -> Stamps:
    read = []
    for row, text in enumerate(texts):
        try:
            time = dt.datetime.strptime(text, form)  # noqa: DTZ007 - it has a %z
        except ValueError:
            raise _misfit(texts, row, form, origin) from None
        if not FIRST_DAY < pd.Timestamp(time.replace(tzinfo=None)) < LAST_DAY:
            raise _misfit(texts, row, form, origin)
        read.append(time)
    written = pd.DatetimeIndex([time.replace(tzinfo=None) for time in read]).as_unit("ns")
    instants = pd.DatetimeIndex([time.astimezone(dt.UTC) for time in read]).as_unit("ns")
    return Stamps(written, instants, has_clock=True)


def _misfit(texts: pd.Series[Any], row: int, form: str, origin: str) -> DataError:
    return DataError(
        f"{origin} has the time {texts.iloc[row]!r} in row {row + 1}, which is not written as "
        f"{form!r}",
        hint="correct time_format in the stated format, or leave it out",
        details={"row": row + 1, "text": texts.iloc[row]},
    )


def _from_texts(texts: pd.Series[Any], origin: str) -> Stamps:
    if texts.str.match(ISO_DATE).all() and not texts.iloc[:1].str.contains("[A-SU-Y]").any():
        return _from_iso(texts, origin)
    compact = texts.str.fullmatch(COMPACT).all()
    # As milliseconds, 202401310930 would be in 1976 and 20240131093000 in 2611.
    numbers = None if compact else epoch_numbers(texts)
    if numbers is not None:
        return _from_numbers(numbers, origin)
    upper = texts.str.upper()
    times, zones = split_zones(upper)
    zoned = zones.notna()
    if zoned.any() and not zoned.all():
        _refuse_mixture(origin)
    stems = (times if zoned.all() else upper).str.replace(WEEKDAY, "", regex=True, case=False)
    written = _by_format(stems, texts, origin)
    has_clock = bool(stems.str.contains(CLOCK).any())
    if not zoned.all():
        return Stamps(written, None, has_clock)
    instants, findings = instants_by_zone(written, zones, texts, origin)
    return Stamps(written, instants, has_clock, findings)


def _by_format(stems: pd.Series[Any], texts: pd.Series[Any], origin: str) -> pd.DatetimeIndex:
    stems = stems.str.replace(BEFORE_CLOCK, " ", regex=True)
    forms = _formats(stems)
    spots = np.unique(np.linspace(0, len(stems) - 1, min(SAMPLE_ROWS, len(stems))).astype(int))
    sample = stems.iloc[spots]
    fits: list[pd.DatetimeIndex] = []
    for form in forms:
        # Long columns are tried whole only where a few of their rows fit.
        if pd.to_datetime(sample, format=form, errors="coerce").isna().any():
            continue
        parsed = _parsed(stems, form)
        if not parsed.hasnans and not any(parsed.equals(other) for other in fits):
            fits.append(parsed)
    if not fits:
        readable = np.zeros(len(stems), dtype=bool)
        for form in forms:
            readable |= ~np.asarray(pd.to_datetime(stems, format=form, errors="coerce").isna())
        raise _unreadable(texts, readable, origin)
    if len(fits) > 1:
        row = int(np.flatnonzero(np.asarray(fits[0] != fits[1]))[0])
        raise DataError(
            f"{origin} has ambiguous dates: {texts.iloc[row]!r} may be {fits[0][row].date()} "
            f"or {fits[1][row].date()}",
            hint='write dates as YYYY-MM-DD, or state time_format, such as "%d/%m/%Y"',
            details={"row": row + 1, "text": texts.iloc[row]},
        )
    return fits[0]


def _parsed(texts: pd.Series[Any], form: str) -> pd.DatetimeIndex:
    read = pd.DatetimeIndex(pd.to_datetime(texts, format=form, errors="coerce"))
    # As %Y%m%d, 240116 is in the year 2401.
    within = np.asarray((read > FIRST_DAY) & (read < LAST_DAY))
    times = pd.DatetimeIndex(read.where(within)).as_unit("ns")
    if "%y" not in form:
        return times
    # Two digits of the sixties: bars are of the past.
    latest = pd.Timestamp(dt.datetime.now(dt.UTC)).tz_localize(None) + 2 * ONE_DAY
    return pd.DatetimeIndex(times.where(~np.asarray(times > latest), times - CENTURY))


def _formats(texts: pd.Series[Any]) -> list[str]:
    digits = texts.str.len().iloc[0] if texts.str.fullmatch(r"\d+").all() else 0
    compact = [COMPACT_FORMATS[digits]] if digits in COMPACT_FORMATS else []
    return [*compact, *(date + clock for clock in CLOCK_FORMATS for date in DATE_FORMATS)]


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
        hint="write them as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ, or state time_format",
        details={"row": row + 1, "text": texts.iloc[row]},
    )


def _refuse_mixture(origin: str) -> None:
    raise DataError(
        f"{origin} gives some times with a zone and some without",
        hint="write all of them with an offset such as Z",
    )


def _from_iso(texts: pd.Series[Any], origin: str) -> Stamps:
    zoned = texts.str.match(OFFSET)
    if zoned.any() and not zoned.all():
        _refuse_mixture(origin)
    # The date as written: offsets that change with daylight saving must not move it.
    stems = texts.str.replace(OFFSET, r"\1", regex=True).str.rstrip()
    try:
        written = pd.DatetimeIndex(pd.to_datetime(stems, format="ISO8601")).as_unit("ns")
        instants = None
        if zoned.any():
            instants = pd.DatetimeIndex(pd.to_datetime(texts, format="ISO8601", utc=True))
    except ValueError as error:
        nothing = np.zeros(len(texts), dtype=bool)
        raise _unreadable(texts, nothing, origin) from error
    has_clock = bool((stems.str.len() > len("YYYY-MM-DD")).any())
    return Stamps(written, None if instants is None else instants.as_unit("ns"), has_clock)
