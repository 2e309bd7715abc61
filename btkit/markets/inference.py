"""Which interval bars have, from their times."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.errors import UsageError
from btkit.markets.interval import DAYS_PER_WEEK, FORMS, MINUTES_PER_DAY, Interval

Integers = npt.NDArray[np.int64]
SECONDS_PER_MINUTE: Final = 60
SECONDS_PER_DAY: Final = 86_400
# Daily bars may leave out days; nearer to each other than weeks can be, they are daily.
SHORTEST_WEEK_DAYS, LONGEST_WEEK_DAYS = 5, 10
# Keys of weeks move by a day where a holiday falls on it, those of months by weekends.
ALIKE: Final = 0.6
MONTH_DAYS: Final = 30.44
NEAR_DAYS: Final = 4


def infer_interval(index: pd.DatetimeIndex, *, stated: Interval | str | None = None) -> Interval:
    """Return the interval of bars from their times.

    Parameters
    ----------
    index
        Ascending times of bars.
    stated
        What whoever loaded the bars says; a text that names no interval says nothing. It decides
        where the times cannot: for fewer than two bars, for intraday bars that sessions cut
        short, such as two 4-hour bars that open 2.5 hours apart, and between 4 weeks and a month.

    Returns
    -------
    Interval
        ``1d`` for fewer than two bars of which nothing is stated. The most frequent distance below
        a day decides, which neither nights and weekends nor missing bars move (where few bars are
        left, the greatest length that measures all distances); for longer ones the median.

    Raises
    ------
    UsageError
        If the distances are those of no interval.

    Examples
    --------
    >>> infer_interval(pd.DatetimeIndex(["2024-01-04", "2024-01-05", "2024-01-08"])).label
    '1d'
    """
    claimed = _claim(stated)
    if len(index) < 2:  # noqa: PLR2004 - it takes two to have a distance
        return claimed or Interval.DAY
    distances = np.diff(index.as_unit("s").asi8)
    # Sorted by itself: of many equal distances NumPy's percentile takes ten times as long.
    ordered = np.sort(distances)
    if ordered[(ordered.size - 1) // 4] >= SECONDS_PER_DAY:
        return _days_or_longer(index, distances, claimed)
    usual = _usual(ordered[ordered < SECONDS_PER_DAY])
    if claimed is not None and _may_be(claimed, usual, ordered):
        return claimed
    minutes, rest = divmod(usual, SECONDS_PER_MINUTE)
    if rest or not 0 < minutes < MINUTES_PER_DAY:
        raise _refusal(usual / SECONDS_PER_MINUTE)
    return Interval(minutes, "m")


def _claim(stated: Interval | str | None) -> Interval | None:
    if stated is None:
        return None
    try:
        return Interval.parse(stated)
    except UsageError:
        return None  # frames carry attributes of other origin


def _usual(below: Integers) -> int:
    usual = _most_frequent(below)
    # Without the nights, which end at any distance.
    inside = below[below <= SECONDS_PER_DAY // 2]
    if inside.size and np.mean(inside % usual == 0) < ALIKE:
        # So thin that no distance is usual: what measures them all is the length.
        return int(np.gcd.reduce(inside))
    return usual


def _most_frequent(ordered: Integers) -> int:
    # Of sorted values; the smallest of equally frequent ones.
    edges = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    counts = np.diff(np.append(edges, ordered.size))
    return int(ordered[edges[counts.argmax()]])


def _may_be(claimed: Interval, usual: int, ordered: Integers) -> bool:
    if claimed.minutes is None:
        return False
    length = claimed.minutes * SECONDS_PER_MINUTE
    if usual <= length:
        # A session cuts one bar short, and then there is a night.
        short = int(ordered.searchsorted(length, side="left"))
        long = ordered.size - int(ordered.searchsorted(length, side="right"))
        return usual == length or short <= long + 1
    # So few trades that hardly two neighbours have both a bar.
    alike = np.count_nonzero(ordered == usual) > ordered.size / 2
    return not alike and not (ordered % length).any()


def _days_or_longer(
    index: pd.DatetimeIndex, distances: Integers, claimed: Interval | None
) -> Interval:
    days = np.round(distances / SECONDS_PER_DAY).astype(np.int64)
    # Missing bars only lengthen, so that the lower quartile tells a day and the median the rest.
    middle = int(np.sort(days)[(days.size - 1) // 2])
    least = int(np.sort(days)[(days.size - 1) // 4])
    if claimed is not None and _fits(claimed, least, middle, timed=index.tz is not None):
        return claimed
    if least < SHORTEST_WEEK_DAYS:
        return Interval.DAY
    weeks, off = divmod(middle, DAYS_PER_WEEK)
    if not off and np.mean(days % DAYS_PER_WEEK == 0) >= ALIKE and not _on_month_days(index):
        return Interval(weeks, "w")
    month: Integers = np.asarray(index.year * 12 + index.month, dtype=np.int64)
    steps = month[1:] - month[:-1]
    usual = int(np.sort(steps)[(steps.size - 1) // 2])
    if usual > 0 and np.mean(steps % usual == 0) >= ALIKE and middle > LONGEST_WEEK_DAYS:
        return Interval(usual, "mo")
    if SHORTEST_WEEK_DAYS <= middle <= LONGEST_WEEK_DAYS:
        return Interval(1, "w")
    raise _refusal(float(middle * MINUTES_PER_DAY))


def _fits(claimed: Interval, least: int, middle: int, *, timed: bool) -> bool:
    if claimed.is_intraday:
        # One bar a session, such as 7 hours of 6.5.
        return timed and least < SHORTEST_WEEK_DAYS
    if claimed.is_daily:
        return 1 <= least < SHORTEST_WEEK_DAYS
    if claimed.unit == "w":
        return abs(middle - claimed.count * DAYS_PER_WEEK) < NEAR_DAYS - 1
    if claimed.unit == "mo":
        return abs(middle - claimed.count * MONTH_DAYS) < NEAR_DAYS
    return False


def _on_month_days(index: pd.DatetimeIndex) -> bool:
    # The first of a month 28 days after the first of another is a month later, not 4 weeks.
    return len(index.day.unique()) == 1 or bool(index.is_month_end.all())


def _refusal(minutes: float) -> UsageError:
    apart = f"{minutes:g} minutes" if minutes < MINUTES_PER_DAY else (
        f"{minutes / MINUTES_PER_DAY:g} days"
    )  # fmt: skip
    return UsageError(
        f"Bars are {apart} apart, which is no regular interval.",
        hint=f"Resample the bars to one: {FORMS}.",
        details={"minutes": minutes},
    )
