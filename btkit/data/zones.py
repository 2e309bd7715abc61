"""Zones of times: named beside them, or stated for all."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final
from zoneinfo import available_timezones

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.info import Finding, finding
from btkit.errors import DataError

ZONE: Final = (
    r"^(.*?\d(?:\s*[AP]M)?)\s*(?:"
    r"((?:UTC|GMT)\s*[+-]\d{1,2}(?::?\d{2})?)|(?<=:\d\d)\s*([+-]\d{1,2}(?::?\d{2})?)"
    r"|(?<=[.:]\d{3})\s*([+-]\d{1,2}(?::?\d{2})?)"
    r"|(Z|[A-Z]{3,5}|[A-Z]+(?:/[A-Z0-9_+-]+)+))$"
)
# Abbreviations that mean one thing in market data; CST and IST mean several.
HOURS_EAST: Final = {
    "Z": 0, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8,
    "PDT": -7, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "JST": 9, "HKT": 8,
}  # fmt: skip


def split_zones(texts: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Divide times, in capitals, from the zones beside them, both missing without any."""
    parts = texts.str.extract(ZONE)
    return parts[0], parts[1].fillna(parts[2]).fillna(parts[3]).fillna(parts[4])


def instants_by_zone(
    written: pd.DatetimeIndex, zones: pd.Series[Any], texts: pd.Series[Any], origin: str
) -> tuple[pd.DatetimeIndex, list[Finding]]:
    """Return times that each name their zone as UTC times; see `localize`."""
    instants = pd.Series(pd.NaT, index=range(len(written)), dtype="datetime64[ns, UTC]")
    findings: list[Finding] = []
    names = {name.upper(): name for name in available_timezones()}
    for token in zones.unique():
        rows = np.flatnonzero(zones == token)
        hours = re.fullmatch(r"(?:UTC|GMT)?\s*([+-]\d{1,2}):?(\d{2})?", token)
        if hours or token in HOURS_EAST:
            minutes = _minutes_east(hours.group(1), hours.group(2)) if hours else (
                60 * HOURS_EAST[token]
            )  # fmt: skip
            times = written[rows].tz_localize("UTC") - pd.Timedelta(minutes=minutes)
        elif token in names:
            times, found = localize(written[rows], names[token], origin=origin)
            findings += found
        else:
            raise DataError(
                f"{origin} has the time {texts.iloc[rows[0]]!r}, whose zone is not known",
                hint="write an offset such as +01:00, or state time_format and time_zone",
                details={"row": int(rows[0]) + 1, "text": texts.iloc[rows[0]]},
            )
        instants.iloc[rows] = times
    return pd.DatetimeIndex(instants), findings


def _minutes_east(hours: str, minutes: str | None) -> int:
    size = abs(int(hours)) * 60 + int(minutes or 0)
    return -size if hours.startswith("-") else size


def localize(
    times: pd.DatetimeIndex, zone: str, *, origin: str
) -> tuple[pd.DatetimeIndex, list[Finding]]:
    """Return local times as UTC times, and those that clocks show twice and that stand there once.

    The order of the file tells an hour that comes twice. A time that clocks skip is refused.
    """
    backwards = len(times) > 1 and times[0] > times[-1]
    ordered = times[::-1] if backwards else times
    findings: list[Finding] = []
    shifted = ordered.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    absent = np.asarray(ordered.tz_localize(zone, ambiguous=True, nonexistent="NaT").isna())
    if absent.any():
        raise DataError(
            f"{origin} has the time {ordered[absent][0]}, which clocks in {zone} skip",
            hint="state the time_zone that the times are in",
            details={"dates": [str(time) for time in ordered[absent][:20]]},
        )
    twice = np.asarray(shifted.isna())
    if twice.any():
        # Clocks show such an hour first in summer time, then again.
        first = np.ones(len(ordered), dtype=bool)
        first[twice] = ~_again(ordered[twice])
        shifted = ordered.tz_localize(zone, ambiguous=first)
        if not ordered[twice].duplicated().any():
            message = (
                f"{origin} has times of an hour that clocks in {zone} show twice, but only once; "
                "they were taken as summer time."
            )
            findings.append(finding("ambiguous_clock", message, shifted[twice].tz_convert("UTC")))
    result = shifted.tz_convert("UTC")
    return (result[::-1] if backwards else result), findings


def _again(times: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
    # Once a year's hour has begun again, the rest of it is the second one.
    again = np.zeros(len(times), dtype=bool)
    newest: dict[dt.date, pd.Timestamp] = {}
    second: set[dt.date] = set()
    for row, time in enumerate(times):
        day = time.date()
        if day in newest and time <= newest[day]:
            second.add(day)
        newest[day] = time
        again[row] = day in second
    return again
