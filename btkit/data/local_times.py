"""Whether times without a zone are local ones: where clocks change, they show it."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.info import Finding, finding
from btkit.errors import DataError
from btkit.markets import ONE_DAY, schedule, zone_of

HOUR: Final = pd.Timedelta(hours=1)
# Where most vendors' clocks stand; each skips and repeats an hour of its own.
USUAL_ZONES: Final = (
    "America/New_York", "Europe/London", "Europe/Berlin", "Europe/Athens", "Australia/Sydney",
    "Pacific/Auckland",
)  # fmt: skip
# A market that closes for less shows no beginning of its days.
NIGHT: Final = pd.Timedelta(hours=4)
FEWEST_SESSIONS: Final = 3
MOST_OF_THEM: Final = 0.8


def local_time_findings(
    times: pd.DatetimeIndex, *, length: pd.Timedelta, origin: str, calendar: str | None
) -> list[Finding]:
    """Look for signs that intraday times without a zone are local ones.

    ``local_times``: sessions begin at the exchange's local hour on both sides of a change of
    clocks, or always, days begin at one hour on both sides, or an hour is missing where clocks
    skip one. An hour that comes twice where clocks go back is refused.
    """
    if not len(times):
        return []
    for zone in USUAL_ZONES:
        _refuse_twice(times, zone, origin)
    found = [] if calendar is None else _by_openings(times, length, origin, calendar)
    present = times.unique().sort_values()
    if not found and length <= HOUR:
        found = _by_skipped_hours(present, origin)
    if not found and calendar is not None:
        found = _by_beginnings(present, origin, calendar)
    return found


def _changes(times: pd.DatetimeIndex, zone: str) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    # The hours that local clocks skip, and those that they show twice, by their beginning.
    hours = pd.date_range(times.min().floor("D"), times.max().ceil("D"), freq="h")
    skipped = hours.tz_localize(zone, ambiguous=True, nonexistent="NaT").isna()
    twice = hours.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward").isna()
    return hours[np.asarray(skipped)], hours[np.asarray(twice)]


def _refuse_twice(times: pd.DatetimeIndex, zone: str, origin: str) -> None:
    again = times[np.asarray(times.duplicated())]
    if again.empty:
        return
    _, twice = _changes(times, zone)
    hours = again.floor("h")
    if len(twice) and np.asarray(hours.isin(twice)).all():
        raise DataError(
            f"{origin} has times without a zone, and the hour of {again[0]} twice, as clocks in "
            f"{zone} show it when they go back",
            hint=f"state time_zone in a format, such as time_zone: {zone}",
            details={"dates": [str(time) for time in again[:20]]},
        )


def _by_openings(
    times: pd.DatetimeIndex, length: pd.Timedelta, origin: str, calendar: str
) -> list[Finding]:
    sessions = schedule(calendar, times.min().normalize(), times.max().normalize())
    opens = pd.DatetimeIndex(sessions["open"])
    zone = zone_of(calendar)
    in_utc = opens.tz_localize(None)
    local = opens.tz_convert(zone).tz_localize(None)
    present = times.unique().sort_values()
    # Only sessions that have bars at all, whichever clock they are written by.
    held = present.searchsorted(in_utc + ONE_DAY) > present.searchsorted(local)
    # Where a market never closes between two sessions, no bar shows where one begins.
    closes = pd.DatetimeIndex(sessions["close"])
    held[1:] &= np.asarray(opens[1:] - closes[:-1] >= length)
    begin_local, begin_utc = (
        _begins(present, opening[held], length) for opening in (local, in_utc)
    )
    needed = max(FEWEST_SESSIONS, MOST_OF_THEM * np.count_nonzero(held))
    hits = np.count_nonzero(begin_local)
    if hits < needed or hits <= np.count_nonzero(begin_utc):
        return []
    message = (
        f"{origin} gives times without a zone, and its sessions begin at {local[0]:%H:%M}, the "
        f"local hour of {calendar}, whatever the clocks do; read as UTC they are wrong by hours. "
        f"State time_zone: {zone} in a format."
    )
    return [finding("local_times", message, local[held][begin_local].tz_localize("UTC"))]


def _begins(
    times: pd.DatetimeIndex, opens: pd.DatetimeIndex, length: pd.Timedelta
) -> npt.NDArray[np.bool_]:
    # A bar at the opening, or at the full hour around it, and none just before.
    found = np.zeros(len(opens), dtype=bool)
    for start in (opens, opens.floor(length)):
        at = np.asarray(start.isin(times))
        before = times.searchsorted(start) - times.searchsorted(start - length)
        found |= at & (before == 0)
    return found


def _by_beginnings(times: pd.DatetimeIndex, origin: str, calendar: str) -> list[Finding]:
    # Extended hours begin elsewhere than the session, and at one local hour all the same.
    zone = zone_of(calendar)
    begins = times[np.diff(times.asi8, prepend=times.asi8[0] - NIGHT.value) >= NIGHT.value]
    shifts = begins.tz_localize("UTC").tz_convert(zone).tz_localize(None) - begins
    clocks = pd.Series(begins - begins.normalize())
    sides = [clocks[np.asarray(shifts == shift)] for shift in shifts.unique()]
    if len(sides) < 2 or min(map(len, sides)) < FEWEST_SESSIONS:  # noqa: PLR2004 - before, after
        return []
    usual = [side.mode().iloc[0] for side in sides]
    steady = all(
        clock == usual[0] and (side == clock).mean() >= MOST_OF_THEM
        for clock, side in zip(usual, sides, strict=True)
    )
    if not steady:
        return []
    hour = pd.Timestamp(0) + usual[0]
    message = (
        f"{origin} gives times without a zone, and its days begin at {hour:%H:%M} before and after "
        f"the clocks of {calendar} change; read as UTC they may be wrong by hours. State "
        f"time_zone: {zone} in a format if they are its times."
    )
    return [finding("local_times", message, begins.tz_localize("UTC"))]


def _by_skipped_hours(times: pd.DatetimeIndex, origin: str) -> list[Finding]:
    hours = times.floor("h").unique()
    for zone in USUAL_ZONES:
        skipped, _ = _changes(times, zone)
        lacking = skipped[_is_lone_gap(hours, skipped)]
        if len(lacking):
            message = (
                f"{origin} gives times without a zone, and no bar in the hour of {lacking[0]}, "
                f"which clocks in {zone} skip; read as UTC they may be wrong by hours. State "
                "time_zone in a format."
            )
            return [finding("local_times", message, lacking.tz_localize("UTC"))]
    return []


def _is_lone_gap(hours: pd.DatetimeIndex, skipped: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
    here = np.asarray(skipped.isin(hours))
    around = np.asarray((skipped - HOUR).isin(hours)) & np.asarray((skipped + HOUR).isin(hours))
    return ~here & around
