"""When a spread that is sold on a day expires: SEMANTICS 4.2."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from functools import lru_cache

from btkit.markets import sessions

_FRIDAY = 4
# Beyond any distance between two monthly expiries and any closure of an exchange.
_MARGIN = dt.timedelta(days=70)
_EPOCH = dt.date(1970, 1, 1)


@lru_cache(maxsize=4096)
def expiry_of(day: int, *, target_dte: int, snap: str | None, calendar: str) -> int:
    """4.2: The day `target_dte` days ahead or the session before it, or the nearest Friday.

    Parameters
    ----------
    day
        Of the fill, in days since 1970-01-01.
    target_dte
        Calendar days that the spread should run.
    snap
        ``"weekly"`` takes the nearest Friday, ``"monthly"`` the nearest third Friday of a month,
        both ahead, or the session before it where it is none; of two equally near the earlier.
    calendar
        The exchange calendar that says which days are sessions.

    Returns
    -------
    int
        In days since 1970-01-01; without `snap` it can be the day itself.

    Examples
    --------
    >>> friday = (dt.date(2019, 3, 1) - dt.date(1970, 1, 1)).days
    >>> ahead = expiry_of(friday, target_dte=45, snap="monthly", calendar="XNYS")
    >>> (dt.date(1970, 1, 1) + dt.timedelta(days=ahead)).isoformat()  # Good Friday's Thursday
    '2019-04-18'
    """
    today = _EPOCH + dt.timedelta(days=day)
    target = today + dt.timedelta(days=target_dte)
    listed = _sessions(today.year, target.year, calendar)
    if snap is None:
        return (_session_before(target, listed) - _EPOCH).days
    span = range((target + _MARGIN - today).days)
    fridays = [
        friday
        for friday in (today + dt.timedelta(days=ahead) for ahead in span)
        if friday.weekday() == _FRIDAY and (snap == "weekly" or 15 <= friday.day <= 21)  # noqa: PLR2004 - third Fridays
    ]
    ahead = [friday for friday in fridays if _session_before(friday, listed) > today]
    nearest = min(ahead, key=lambda friday: (abs(friday - target), friday))
    return (_session_before(nearest, listed) - _EPOCH).days


def _session_before(day: dt.date, listed: list[dt.date]) -> dt.date:
    # Where an exchange's sessions are not recorded, a day stays as it is.
    if not listed or not listed[0] <= day <= listed[-1]:
        return day
    return listed[bisect_right(listed, day) - 1]


@lru_cache(maxsize=8)
def _sessions(first_year: int, last_year: int, calendar: str) -> list[dt.date]:
    first, last = dt.date(first_year, 1, 1) - _MARGIN, dt.date(last_year, 12, 31) + _MARGIN
    return [moment.date() for moment in sessions(first, last, calendar=calendar)]
