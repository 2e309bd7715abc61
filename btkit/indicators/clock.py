"""The clock: the date of a bar's session, and where in it the bar stands (SEMANTICS 2.13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.indicators.arrays import Array, Mask
from btkit.indicators.base import Columns, Definition, Indicator
from btkit.markets import Days, SessionPlaces, month_places, session_places, zone_of
from btkit.markets.expiries import MONDAY, WEEK
from btkit.markets.session_times import MINUTE

GROUP = "clock"
SOURCE = "exchange_calendars"
_EPOCH: Final = 1970
_MONTHS: Final = 12


def places_of(columns: Columns) -> SessionPlaces:
    """Return where in their sessions the bars stand, which have to be intraday ones.

    Parameters
    ----------
    columns
        Of the bars.
    """
    return columns.shared(
        "places",
        lambda: session_places(columns.index, columns.interval, calendar=columns.calendar),
    )


def nothing(columns: Columns) -> Array:
    """Return a column without values: what intraday bars alone have, on others.

    Parameters
    ----------
    columns
        Of the bars.
    """
    return np.full(len(columns.index), np.nan)


def _of_date(read: Callable[[Days], npt.NDArray[np.int64]]) -> Callable[[Columns], Array]:
    return lambda columns: read(columns.dates).astype(np.float64)


def _months(days: Days) -> npt.NDArray[np.int64]:
    return days.astype("datetime64[M]").astype(np.int64)


def _year(days: Days) -> npt.NDArray[np.int64]:
    return _months(days) // _MONTHS + _EPOCH


def _month(days: Days) -> npt.NDArray[np.int64]:
    return _months(days) % _MONTHS + 1


def _day(days: Days) -> npt.NDArray[np.int64]:
    since_the_first: npt.NDArray[np.int64] = (days - days.astype("datetime64[M]")).astype(np.int64)
    return since_the_first + 1


def _weekday(days: Days) -> npt.NDArray[np.int64]:
    return ((days - MONDAY) % WEEK).astype(np.int64)


def _month_places(columns: Columns) -> tuple[Array, Array]:
    def compute() -> tuple[Array, Array]:
        of_month, left, is_session = month_places(columns.dates, calendar=columns.calendar)
        return np.where(is_session, of_month, np.nan), np.where(is_session, left, np.nan)

    return columns.shared("month_places", compute)


def _on_the_clock(part: str) -> Callable[[Columns], Array]:
    def compute(columns: Columns) -> Array:
        if not columns.interval.is_intraday:
            return nothing(columns)
        index = columns.index
        utc = index.tz_localize("UTC") if index.tz is None else index
        local: pd.Index = getattr(utc.tz_convert(zone_of(columns.calendar)), part)
        return local.to_numpy(dtype=np.float64)

    return compute


def _minutes(
    span: Callable[[SessionPlaces], npt.NDArray[np.int64]],
) -> Callable[[Columns], Array]:
    def compute(columns: Columns) -> Array:
        if not columns.interval.is_intraday:
            return nothing(columns)
        places = places_of(columns)
        inside: Mask = places.inside
        return np.where(inside, span(places) / MINUTE, np.nan)

    return compute


def _entry(
    name: str,
    compute: Callable[[Columns], Array],
    meaning: str,
    formula: str,
    *,
    intraday: bool = False,
) -> Definition:
    return Definition(
        Indicator(name, GROUP, "float", 0, meaning, formula, SOURCE, intraday=intraday), compute
    )


_OF_SESSION = "of the bar's session, of the last one of weekly and longer bars"
_SESSIONS = "by the exchange's calendar; missing on a date that is no session"
_LOCAL = "in the exchange's time zone; intraday bars alone have it"
_INSIDE = (
    "as the clock runs, lunch breaks and all; intraday bars alone have it, within their session"
)

ENTRIES = (
    _entry("year", _of_date(_year), f"Year {_OF_SESSION}.", "year of date"),
    _entry("month", _of_date(_month), f"Month {_OF_SESSION}, 1 to 12.", "month of date"),
    _entry("day", _of_date(_day), f"Day of the month {_OF_SESSION}.", "day of date"),
    _entry(
        "weekday",
        _of_date(_weekday),
        f"Day of the week {_OF_SESSION}: 0 is Monday, 4 Friday.",
        "weekday of date",
    ),
    _entry(
        "session_of_month",
        lambda columns: _month_places(columns)[0],
        f"Which session of its month the bar's is, 1 the first, {_SESSIONS}.",
        "number of sessions from the first of the month to date",
    ),
    _entry(
        "sessions_left_in_month",
        lambda columns: _month_places(columns)[1],
        f"Sessions of the month after the bar's, 0 on the last, {_SESSIONS}.",
        "number of sessions of the month after date",
    ),
    _entry(
        "hour", _on_the_clock("hour"),
        f"Hour at which the bar opens, 0 to 23, {_LOCAL}.", "hour of the bar's opening",
        intraday=True,
    ),
    _entry(
        "minute", _on_the_clock("minute"),
        f"Minute of the hour at which the bar opens, 0 to 59, {_LOCAL}.",
        "minute of the bar's opening", intraday=True,
    ),
    _entry(
        "minutes_since_open",
        _minutes(lambda places: places.ends - places.opened),
        f"Minutes from the session's open to this bar's close, {_INSIDE}.",
        "close of the bar - open of the session",
        intraday=True,
    ),
    _entry(
        "minutes_to_close",
        _minutes(lambda places: places.closed - places.ends),
        "Minutes from this bar's close to the session's, 0 on its last bar, half days included, "
        f"{_INSIDE}.",
        "close of the session - close of the bar",
        intraday=True,
    ),
)  # fmt: skip
