"""The length of bars: its label, how bars of it are keyed, and how many make a year."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final, Literal, TypeAlias, cast, get_args

import pandas as pd

from btkit.errors import UsageError
from btkit.markets.calendars import session_minutes, sessions_per_year

Unit: TypeAlias = Literal["m", "h", "d", "w", "mo"]

MINUTES_PER_DAY: Final = 1440
MINUTES_PER_HOUR: Final = 60
DAYS_PER_WEEK: Final = 7
LONGEST_MONTH_DAYS: Final = 31
WEEKS_PER_YEAR: Final = 52.0
MONTHS_PER_YEAR: Final = 12.0
FORMS: Final = "<n>m, <n>h (below a day), 1d, <n>w or <n>mo, such as 5m, 30m, 1h, 1d, 1w or 3mo"
# What people write who know other programs; only the reading that cannot be another one.
FOREIGN: Final = {
    "min": "m", "t": "m", "minute": "m", "minutes": "m", "hour": "h", "hours": "h", "hr": "h",
    "day": "d", "days": "d", "b": "d", "wk": "w", "week": "w", "weeks": "w", "month": "mo",
    "months": "mo", "me": "mo", "ms": "mo", "mon": "mo",
}  # fmt: skip
NAMES: Final = {
    "1h": "hourly", "1d": "daily", "1w": "weekly", "1mo": "monthly", "3mo": "quarterly",
    "12mo": "yearly",
}  # fmt: skip


@dataclass(frozen=True)
class Interval:
    """A regular length of bars (SEMANTICS 1.2).

    Immutable, and one object a length: minutes that make whole hours become hours, so that
    ``60m`` is ``1h``. Bars below a day are keyed by their opening time in UTC, all others by a
    date without a time zone.

    Parameters
    ----------
    count
        How many units a bar spans, at least 1; days come one at a time.
    unit
        ``m`` minutes, ``h`` hours, ``d`` a session, ``w`` weeks, ``mo`` calendar months.

    Raises
    ------
    UsageError
        If that is no regular length of bars.

    Examples
    --------
    >>> Interval.parse("90m").minutes
    90
    >>> str(Interval.parse("120m"))
    '2h'
    """

    count: int
    unit: Unit

    DAY: ClassVar[Interval]

    def __post_init__(self) -> None:
        minutes = self.minutes
        if self.count < 1 or self.unit not in get_args(Unit):
            raise _refusal(f"{self.count}{self.unit}", f"Intervals are {FORMS}.")
        if self.unit == "d" and self.count > 1:
            whole = self.count % DAYS_PER_WEEK == 0
            advice = f"{self.count // DAYS_PER_WEEK}w" if whole else "1d or 1w"
            raise _refusal(self.label, f"Sessions come one a bar: use {advice}.")
        if minutes is not None and minutes >= MINUTES_PER_DAY:
            raise _refusal(self.label, "Bars of minutes and hours are below a day: use 1d.")
        if self.unit == "m" and self.count % MINUTES_PER_HOUR == 0:
            object.__setattr__(self, "count", self.count // MINUTES_PER_HOUR)
            object.__setattr__(self, "unit", "h")

    @classmethod
    def parse(cls, text: object) -> Interval:
        """Return the interval that a label names.

        Parameters
        ----------
        text
            Such as ``30m``, ``4h``, ``1d``, ``2w`` or ``3mo``; an interval stays as it is.

        Raises
        ------
        UsageError
            If it names none; the hint says what may be meant.

        Examples
        --------
        >>> Interval.parse("30m")
        Interval(count=30, unit='m')
        """
        if isinstance(text, Interval):
            return text
        if not isinstance(text, str):
            raise UsageError(
                f"An interval is a text, not of type {type(text).__name__}.",
                hint=f"Intervals are {FORMS}.",
                details={"received": type(text).__name__},
            )
        return _parsed(text)

    @property
    def label(self) -> str:
        """How it is written, such as ``1h``."""
        return f"{self.count}{self.unit}"

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every label that means it, the own one first: ``1h`` is ``60m``, too."""
        if self.unit == "h":
            return (self.label, f"{self.count * MINUTES_PER_HOUR}m")
        return (self.label,)

    @property
    def adjective(self) -> str:
        """What its bars are called in a sentence, such as ``hourly`` or ``30-minute``."""
        unit = {"m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month"}[self.unit]
        return NAMES.get(self.label, f"{self.count}-{unit}")

    @property
    def minutes(self) -> int | None:
        """Minutes of an intraday bar; None for daily and longer ones."""
        if self.unit == "m":
            return self.count
        return self.count * MINUTES_PER_HOUR if self.unit == "h" else None

    @property
    def is_intraday(self) -> bool:
        """Whether bars are keyed by their opening time in UTC, not by a date."""
        return self.unit in {"m", "h"}

    @property
    def is_daily(self) -> bool:
        """Whether a bar is one session."""
        return self.unit == "d"

    @property
    def is_longer(self) -> bool:
        """Whether a bar spans several sessions: weeks or months."""
        return self.unit in {"w", "mo"}

    @property
    def length(self) -> pd.Timedelta:
        """Time from a bar's key to the next one's; of months the longest that they can take."""
        if self.minutes is not None:
            return pd.Timedelta(minutes=self.minutes)
        days = {"d": 1, "w": DAYS_PER_WEEK, "mo": LONGEST_MONTH_DAYS}[self.unit]
        return pd.Timedelta(days=self.count * days)

    def per_session(self, calendar: str = "XNYS") -> int:
        """Return how many bars a full session of a calendar begins.

        Parameters
        ----------
        calendar
            A name of `exchange_calendars`.

        Returns
        -------
        int
            At least 1; a session's last, shorter bar counts as one. 1 for daily and longer bars.

        Raises
        ------
        UsageError
            If no exchange has that name.

        Examples
        --------
        >>> Interval.parse("1h").per_session("XNYS")
        7
        """
        if self.minutes is None:
            return 1
        return math.ceil(session_minutes(calendar) / self.minutes)

    def periods_per_year(self, calendar: str = "XNYS") -> float:
        """Return A of SEMANTICS 5: how many returns make a year, for annualising.

        Intraday returns are taken from session to session, so that their number is that of
        daily ones.

        Parameters
        ----------
        calendar
            A name of `exchange_calendars`.

        Raises
        ------
        UsageError
            If no exchange has that name.

        Examples
        --------
        >>> Interval.parse("15m").periods_per_year(), Interval.parse("3mo").periods_per_year()
        (252.0, 4.0)
        """
        if self.unit == "w":
            return WEEKS_PER_YEAR / self.count
        if self.unit == "mo":
            return MONTHS_PER_YEAR / self.count
        return sessions_per_year(calendar)

    def bars_per_year(self, calendar: str = "XNYS") -> float:
        """Return how many bars make a year: the square of a realised volatility's factor.

        Parameters
        ----------
        calendar
            A name of `exchange_calendars`.

        Raises
        ------
        UsageError
            If no exchange has that name.

        Examples
        --------
        >>> Interval.parse("15m").bars_per_year()
        6552.0
        """
        return self.periods_per_year(calendar) * self.per_session(calendar)

    def __str__(self) -> str:
        return self.label


def shortest_first(*found: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return intervals, each once, the shortest first.

    Parameters
    ----------
    found
        As several know them.

    Examples
    --------
    >>> week, month = Interval.parse("1w"), Interval.parse("1mo")
    >>> shortest_first([month, week], [week]) == (week, month)
    True
    """
    return tuple(sorted(set().union(*found), key=lambda interval: interval.length))


@lru_cache(maxsize=256)
def _parsed(text: str) -> Interval:
    found = re.fullmatch(r"0*(\d{1,6})(m|h|d|w|mo)", text.strip())
    if found is not None:
        return Interval(int(found[1]), cast("Unit", found[2]))
    hint = f"Intervals are {FORMS}."
    foreign = re.fullmatch(r"\s*(\d{0,6})\s*([A-Za-z]+)\s*", text)
    if foreign is not None:
        count, unit = foreign[1] or "1", foreign[2]
        known = FOREIGN.get(unit.lower(), unit.lower())
        if unit == "M":
            hint = f"Write {count}m for minutes, {count}mo for months."
        elif known in get_args(Unit):
            hint = f"Write {count}{known}. {hint}"
        elif unit.lower() in {"y", "year", "years", "q", "quarter", "quarters"}:
            hint = f"Write it in months: {int(count) * (3 if known[0] == 'q' else 12)}mo."
    raise _refusal(text, hint)


def _refusal(text: str, hint: str) -> UsageError:
    return UsageError(f"There is no interval {text!r}.", hint=hint, details={"interval": str(text)})


Interval.DAY = Interval(1, "d")
