"""Events that users bring: their names, their dates, and what was known of them when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

import numpy as np

from btkit.indicators.announcements import EARLIEST, KNOWN, NO_DATES, EventDates, Foreseen
from btkit.indicators.base import Indicator
from btkit.indicators.event_names import EventName, define_event, event_name_in, split_event_name
from btkit.indicators.registry import PREVIOUS, lookup, split_previous
from btkit.spelling import likeness, near
from btkit.writing import digest_of_json

_LONGEST = 50
# Stands for n where the documentation of a name with any n is made from that of one.
_SOME = 987


@dataclass(frozen=True)
class EventDay:
    """One date of an event.

    Parameters
    ----------
    day
        When it is.
    symbol
        The instrument that it concerns; None for all of them.
    known_from
        The first day on which it was known of, at most `day`; None for always.
    """

    day: date
    symbol: str | None = None
    known_from: date | None = None

    def to_json(self) -> dict[str, str | None]:
        """Return it as plain JSON values."""
        return {
            "date": self.day.isoformat(),
            "symbol": self.symbol,
            "known_from": None if self.known_from is None else self.known_from.isoformat(),
        }


@dataclass(frozen=True)
class UserEvents:
    """Events with their dates, as the file that BT_EVENTS names has them.

    Parameters
    ----------
    calendars
        The dates of each event, by its name, in order.

    Examples
    --------
    >>> halvings = UserEvents({"halving": (EventDay(date(2024, 4, 20)),)})
    >>> halvings.knows("days_to_halving"), halvings.knows("days_to_fork")
    (True, False)
    """

    calendars: Mapping[str, tuple[EventDay, ...]] = field(default_factory=dict)

    def knows(self, name: str) -> bool:
        """Tell whether a name, with or without ``prev_``, reads one of the events."""
        wanted = event_name_in(name)
        return wanted is not None and wanted.event in self.calendars

    def of(self, symbol: str | None) -> dict[str, EventDates]:
        """Return the dates that concern an instrument, for `FeatureSet`.

        Parameters
        ----------
        symbol
            The instrument; None for one without a name, which only dates for all concern.
        """
        own = (None if symbol is None else symbol.upper(), None)
        found = {}
        for name, days in self.calendars.items():
            mine = [one for one in days if one.symbol in own]
            found[name] = _dates(mine) if mine else NO_DATES
        return found

    def only(self, names: Iterable[str], *, symbols: Iterable[str | None]) -> UserEvents:
        """Return what some names of conditions read of them on some instruments.

        Parameters
        ----------
        names
            Such as ``days_to_halving``; others are passed over.
        symbols
            Each as for `of`.
        """
        own = {None, *(symbol.upper() for symbol in symbols if symbol is not None)}
        read = {wanted.event for name in names if (wanted := event_name_in(name)) is not None}
        return UserEvents(
            {
                name: tuple(one for one in days if one.symbol in own)
                for name, days in self.calendars.items()
                if name in read
            }
        )

    def like(self, word: str) -> list[str]:
        """Return names that a word with parameters in braces may become, one a kind and event.

        Parameters
        ----------
        word
            Such as ``talk_within_{days}d``.
        """
        pattern = re.compile(re.sub(r"\\\{[^{}]*\\\}", "[0-9]+", re.escape(word)))
        return [
            made.name
            for event in self.calendars
            for made in _kinds(event, within=1)
            if pattern.fullmatch(made.name)
        ]

    def to_json(self) -> dict[str, list[dict[str, str | None]]]:
        """Return them as plain JSON values, which `from_json` takes back."""
        return {name: [one.to_json() for one in days] for name, days in self.calendars.items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Iterable[Mapping[str, str | None]]]) -> UserEvents:
        """Return the events that `to_json` gave."""
        return cls(
            {
                name: tuple(
                    EventDay(
                        date.fromisoformat(str(row["date"])),
                        row["symbol"],
                        None
                        if row["known_from"] is None
                        else date.fromisoformat(row["known_from"]),
                    )
                    for row in rows
                )
                for name, rows in stored.items()
            }
        )

    def fingerprint(self) -> str | None:
        """Return the SHA-256 of what they say, in hexadecimal; None without any event."""
        return digest_of_json(self.to_json()) if self.calendars else None

    def indicators(self) -> list[Indicator]:
        """Return the documentation of the names, three an event, as `catalogue` lists others."""
        return [
            indicator
            for event in self.calendars
            for indicator in (
                define_event(EventName(event, "bool")).indicator,
                define_event(EventName(event, "float")).indicator,
                _of_any_length(event),
            )
        ]

    def closest(self, name: str) -> str | None:
        """Return the name of one of the events that was most likely meant, None if none is near.

        Parameters
        ----------
        name
            One that does not exist, such as ``days_to_earning``.
        """
        depth, base = split_previous(name.lower())
        wanted = split_event_name(base)
        if wanted is not None:
            events = near(wanted.event, self.calendars)
            found = [EventName(event, wanted.kind, wanted.within).name for event in events]
        else:
            number = re.search("[0-9]+", base)
            within = int(number[0][-9:]) if number else 1
            made = {
                one.name: event for event in self.calendars for one in _kinds(event, within=within)
            }
            spoken_of = [name for name, event in made.items() if event in base]
            found = near(base, made) or sorted(spoken_of, key=partial(likeness, base))[-1:]
        return PREVIOUS * depth + found[0] if found else None


NO_USER_EVENTS = UserEvents()


def refuse_event_name(name: str) -> str | None:
    """Return why an event cannot have a name, None if it can.

    Parameters
    ----------
    name
        As the file has it.
    """
    if name in KNOWN:
        return f"{name!r} is an event of btkit's own, which cannot be redefined"
    if name.startswith(PREVIOUS) or split_event_name(name) is not None:
        return f"{name!r} reads like a name that is made from an event's"
    if split_event_name(f"{name}_day") != EventName(name, "bool") or len(name) > _LONGEST:
        return (
            f"{name!r} is no name of an event: lower-case ASCII letters, digits and _, a letter "
            f"first, at most {_LONGEST} of them"
        )
    for kind in ("bool", "float"):
        made = EventName(name, kind).name
        if lookup(made) is not None:
            return f"{name!r} would make {made!r}, which is a name of btkit's own"
    return None


def _kinds(event: str, *, within: int) -> tuple[EventName, ...]:
    return (
        EventName(event, "bool"), EventName(event, "float"), EventName(event, "bool", within)
    )  # fmt: skip


def _of_any_length(event: str) -> Indicator:
    member = define_event(EventName(event, "bool", _SOME)).indicator
    name, meaning, formula = (
        re.sub(rf"\b{_SOME}(?=d?\b)", letter, text)
        for text, letter in (
            (member.name.replace(f"_{_SOME}d", "_<n>d"), "<n>"),
            (member.meaning, "n"),
            (member.formula, "n"),
        )
    )
    return replace(member, name=name, meaning=meaning, formula=formula, varies="n from 0")


def _dates(days: list[EventDay]) -> EventDates:
    happened = np.unique(np.array([one.day for one in days], "datetime64[D]"))
    foreseen = tuple(Foreseen(_day(one.day), _since(one)) for one in days)
    return EventDates(happened, foreseen, EARLIEST, happened[-1], begins=happened[0])


def _day(when: date) -> np.datetime64:
    return np.datetime64(when, "D")


def _since(one: EventDay) -> np.datetime64:
    return EARLIEST if one.known_from is None else _day(one.known_from)
