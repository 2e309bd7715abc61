"""When a spread that fills at a bar expires (SEMANTICS 4.2), for all bars at once."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from btkit.markets import sessions
from btkit.markets.expiries import third_fridays

Days: TypeAlias = NDArray[np.datetime64]
_MONDAY = np.datetime64("1970-01-05", "D")
_FRIDAY = 4
_NEAR = 3
# Further apart than any two monthly expiries, and than any closure of an exchange.
_MARGIN = np.timedelta64(70, "D")


def expiries(
    fill_dates: Days,
    *,
    target_dte: int,
    snap: Literal["weekly", "monthly"] | None = None,
    calendar: str = "XNYS",
) -> Days:
    """Return the expiry of a spread sold on each date.

    Parameters
    ----------
    fill_dates
        datetime64[D], shape (n,), ascending.
    target_dte
        Calendar days that it should run.
    snap
        None takes the day `target_dte` days ahead, or the last session before it. ``"weekly"``
        takes the Friday nearest to that day, ``"monthly"`` the nearest third Friday of a month;
        of two equally near the earlier, and only such as lie ahead. Where the Friday is no
        session, the spread expires at the session before.
    calendar
        The exchange calendar that says which days are sessions.

    Returns
    -------
    ndarray of datetime64[D], shape (n,)
        Without `snap` it can be the fill date itself: a day ahead of a Friday there is none.
    """
    if not len(fill_dates):
        return fill_dates.copy()
    targets = fill_dates + np.timedelta64(target_dte, "D")
    first, last = fill_dates[0] - _MARGIN, targets[-1] + _MARGIN
    listed = sessions(first, last, calendar=calendar).to_numpy().astype("datetime64[D]")
    if snap is None:
        return _session_before(targets, listed)
    if snap == "monthly":
        fridays = third_fridays(first.astype(object).year, last.astype(object).year)
        return _nearest(fridays, _session_before(fridays, listed), targets, fill_dates)
    weekday = (targets - _MONDAY).astype(np.int64) % 7
    ahead = _FRIDAY - weekday
    fridays = targets + np.where(ahead > _NEAR, ahead - 7, ahead).astype("timedelta64[D]")
    chosen = _session_before(fridays, listed)
    while (passed := chosen <= fill_dates).any():
        fridays[passed] += np.timedelta64(7, "D")
        chosen = _session_before(fridays, listed)
    return chosen


def _session_before(days: Days, listed: Days) -> Days:
    """Return each day, or the last session before it; as it is where sessions are not recorded."""
    if not len(listed):
        return days
    position = listed.searchsorted(days, side="right") - 1
    recorded = (days >= listed[0]) & (days <= listed[-1])
    return np.where(recorded, listed[np.maximum(position, 0)], days)


def _nearest(fridays: Days, listed: Days, targets: Days, fill_dates: Days) -> Days:
    # Distances are those of the Fridays: a holiday moves an expiry, not which one is meant.
    after = np.clip(fridays.searchsorted(targets), 1, len(fridays) - 1)
    earlier = targets - fridays[after - 1] <= fridays[after] - targets
    chosen = np.where(earlier, after - 1, after)
    # What has expired when the order fills cannot be sold.
    first = listed.searchsorted(fill_dates, side="right")
    return listed[np.maximum(chosen, first)]
