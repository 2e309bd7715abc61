"""SEMANTICS 9.8: which finer bars lie inside each bar, and whether they make it up.

Written from the text, with loops and nothing of what works on whole arrays. What they then do to
orders and lots is in `orders_inside`.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from btkit.crosscheck.beside import Closes
from btkit.crosscheck.records import PlainBar
from btkit.markets import Interval

_NEAR = 1e-6


@dataclass(frozen=True)
class FinerFrame:
    """9.8: The bars of the finer interval, as they are given.

    Parameters
    ----------
    bars
        Checked, not adjusted.
    interval
        Theirs.
    factors
        What the prices of each of the run's bars were multiplied by.
    """

    bars: pd.DataFrame
    interval: Interval
    factors: Sequence[float]


class Matching:
    """9.8: The finer bars inside each bar.

    Parameters
    ----------
    own, finer
        The closes of the run's bars, and of the finer ones.
    bars, inside
        The prices of both; those of the finer ones not adjusted.
    factors
        One for each of the run's bars.
    """

    def __init__(
        self,
        own: Closes,
        finer: Closes,
        bars: Sequence[PlainBar],
        inside: Sequence[PlainBar],
        factors: Sequence[float],
    ) -> None:
        self.own, self.finer = own, finer
        self.bars, self.inside, self.factors = bars, inside, factors

    def judged(self) -> list[list[PlainBar]]:
        """9.8: Those that are judged in the place of each bar; none where the coarse rule holds."""
        found: list[list[PlainBar]] = [[] for _ in self.bars]
        opens = [self.opens(self.own, i) for i in range(len(self.bars))]
        for j in range(len(self.inside)):
            i = bisect_right(opens, self.opens(self.finer, j)) - 1
            if i >= 0 and self.is_inside(j, i):
                found[i].append(self.scaled(j, i))
        return [
            parts if parts and self.make_up(parts, bar) else []
            for parts, bar in zip(found, self.bars, strict=True)
        ]

    def opens(self, bars: Closes, i: int) -> dt.datetime:
        """9.8: A bar opens at its time; one that is keyed by date with its first session.

        A day that is no session opens at the hour of the one before, as it closes (2.11).
        """
        if bars.minutes is not None:
            return bars.times[i]
        day = self.begins(bars, i)
        while day <= bars.days[i]:
            if day in bars.by_day:
                return bars.by_day[day].opens
            day += dt.timedelta(days=1)
        before = [session for session in bars.sessions if session.day < bars.days[i]][-1]
        return before.opens + (bars.days[i] - before.day)

    def begins(self, bars: Closes, i: int) -> dt.datetime:
        """9.8: Weeks begin with a Monday, months with their first day; a day is one (2.10)."""
        last, unit, count = bars.days[i], bars.interval.unit, bars.interval.count
        if unit == "w":
            return last - dt.timedelta(days=last.weekday(), weeks=count - 1)
        if unit == "mo":
            months = last.year * 12 + last.month - count
            return dt.datetime(months // 12, months % 12 + 1, 1)  # noqa: DTZ001 - dates have none
        return last

    def closes(self, bars: Closes, i: int) -> dt.datetime:
        """9.8: A bar closes with its session, an intraday one after its length if sooner.

        One that is cut short closes when the next begins.
        """
        if bars.minutes is None:
            return bars.close_of(i)
        return min([bars.close_of(i), *bars.times[i + 1 : i + 2]])

    def is_inside(self, j: int, i: int) -> bool:
        """9.8: Inside is what opens and closes within the bar."""
        return self.closes(self.finer, j) <= self.closes(self.own, i)

    def scaled(self, j: int, i: int) -> PlainBar:
        """9.8: The finer bars have the coarse bar's adjustment factor."""
        bar, factor = self.inside[j], self.factors[i]
        return PlainBar(bar.open * factor, bar.high * factor, bar.low * factor, bar.close * factor)

    def make_up(self, parts: Sequence[PlainBar], bar: PlainBar) -> bool:
        """9.8: Together they give its O, H, L, C to 1e-6."""
        return (
            self.near(parts[0].open, bar.open)
            and self.near(max(part.high for part in parts), bar.high)
            and self.near(min(part.low for part in parts), bar.low)
            and self.near(parts[-1].close, bar.close)
        )

    def near(self, price: float, whole: float) -> bool:
        """9.8: To 1e-6 of the price."""
        return abs(price - whole) <= _NEAR * whole


def plain_bars(bars: pd.DataFrame) -> list[PlainBar]:
    """Return the prices of bars, one by one."""
    columns = (bars[name].astype("float64").tolist() for name in ("open", "high", "low", "close"))
    return [PlainBar(*prices) for prices in zip(*columns, strict=True)]


def finer_bars(
    bars: pd.DataFrame,
    interval: Interval,
    given: FinerFrame,
    *,
    calendar: str,
    kind: type[Matching] = Matching,
) -> list[list[PlainBar]]:
    """Return the finer bars that are judged in the place of each bar.

    Parameters
    ----------
    bars
        The run's, adjusted, with their interval and calendar.
    interval, calendar
        Of those.
    given
        The finer ones.
    kind
        The rules.
    """
    index, inside = pd.DatetimeIndex(bars.index), pd.DatetimeIndex(given.bars.index)
    return kind(
        Closes(index, interval, calendar),
        Closes(inside, given.interval, calendar),
        plain_bars(bars),
        plain_bars(given.bars),
        given.factors,
    ).judged()
