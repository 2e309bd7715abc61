"""Known announcement dates: FOMC decisions and CPI releases, 2019 to 2026."""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib.resources import files

import numpy as np

from btkit.indicators.base import Array, Mask
from btkit.markets import Days

FIRST_KNOWN = np.datetime64("2019-01-01", "D")
LAST_KNOWN = np.datetime64("2026-12-31", "D")


@lru_cache(maxsize=4)
def announcement_dates(name: str, *, scheduled_only: bool) -> Days:
    """Return the announcement dates that the package carries.

    Parameters
    ----------
    name
        ``"fomc"`` or ``"cpi"``.
    scheduled_only
        Leave out those that nobody could foresee.

    Returns
    -------
    Days
        Ascending, read-only.
    """
    text = files("btkit.indicators").joinpath(f"data/{name}.csv").read_text(encoding="utf-8")
    dates = np.array(
        [
            row["date"]
            for row in csv.DictReader(text.splitlines())
            if not (scheduled_only and row["note"] == "unscheduled")
        ],
        dtype="datetime64[D]",
    )
    dates.sort()
    dates.flags.writeable = False
    return dates


def outside_known(dates: Days, *, ahead: int = 0) -> Mask:
    """Return where a window of days reaches beyond the known years.

    Parameters
    ----------
    dates
        First day of each window.
    ahead
        Days that the window goes on after its first.

    Returns
    -------
    Mask
        Same shape as `dates`.
    """
    return (dates < FIRST_KNOWN) | (dates > LAST_KNOWN - np.timedelta64(ahead, "D"))


def days_until_next(dates: Days, events: Days) -> Array:
    """Return the calendar days to the next event.

    Parameters
    ----------
    dates
        Shape (n,).
    events
        Ascending.

    Returns
    -------
    Array
        Shape (n,), 0 on the event's own day, NaN after the last event.
    """
    known = np.append(events, np.datetime64("NaT"))
    days = known[events.searchsorted(dates)] - dates
    return np.where(np.isnat(days), np.nan, days.astype(np.int64))


def is_event_day(dates: Days, events: Days) -> Mask:
    """Return where a date is the date of an event.

    Parameters
    ----------
    dates
        Shape (n,).
    events
        Ascending.

    Returns
    -------
    Mask
        Shape (n,).
    """
    on_the_day: Mask = events.searchsorted(dates) != events.searchsorted(dates, side="right")
    return on_the_day
