"""The names that every event has: ``<name>_day``, ``days_to_<name>``, ``<name>_within_<n>d``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

from btkit.indicators.announcements import EventDates
from btkit.indicators.arrays import Array, Mask
from btkit.indicators.base import Columns, Definition, Indicator, Kind
from btkit.markets import Days

GROUP = "events"
USER_SOURCE = "the file that BT_EVENTS names"
OWN_NAMES = {
    "fomc_meeting_day": "fomc",
    "fomc_within_3d": "fomc",
    "days_to_fomc": "fomc",
    "cpi_release_day": "cpi",
}
"""The names that read the package's own dates, and the event of each."""
_FORMS = (
    re.compile(r"days_to_(?P<event>[a-z][a-z0-9_]*)", re.ASCII),
    re.compile(r"(?P<event>[a-z][a-z0-9_]*?)_within_(?P<n>0|[1-9][0-9]{0,8})d", re.ASCII),
    re.compile(r"(?P<event>[a-z][a-z0-9_]*)_day", re.ASCII),
)


@dataclass(frozen=True)
class EventName:
    """A name that reads an event's dates.

    Parameters
    ----------
    event
        The event's own name.
    kind
        ``"float"`` for the days to it, else ``"bool"``.
    within
        n of ``<name>_within_<n>d``, None for the other two.
    """

    event: str
    kind: Kind
    within: int | None = None

    @property
    def name(self) -> str:
        """The name as a condition writes it."""
        if self.within is not None:
            return f"{self.event}_within_{self.within}d"
        return f"days_to_{self.event}" if self.kind == "float" else f"{self.event}_day"


def split_event_name(name: str) -> EventName | None:
    """Return what a name would read if there were such an event, None if it has none of the forms.

    Parameters
    ----------
    name
        Without ``prev_``.

    Examples
    --------
    >>> split_event_name("halving_within_30d")
    EventName(event='halving', kind='bool', within=30)
    """
    ahead, within, day = (form.fullmatch(name) for form in _FORMS)
    if ahead is not None:
        return EventName(ahead["event"], "float")
    if within is not None:
        return EventName(within["event"], "bool", int(within["n"]))
    return EventName(day["event"], "bool") if day is not None else None


def event_name_in(name: str) -> EventName | None:
    """Return the same, ``prev_`` before the name or not.

    Parameters
    ----------
    name
        As a condition writes it.
    """
    return split_event_name(re.sub(r"^(?:prev_)+", "", name))


def event_of(name: str) -> str | None:
    """Return the event whose dates a name reads, None if it reads none.

    Parameters
    ----------
    name
        As a condition writes it.
    """
    if name.startswith("prev_"):
        return event_of(name.removeprefix("prev_"))
    if name in OWN_NAMES:
        return OWN_NAMES[name]
    wanted = split_event_name(name)
    return None if wanted is None else wanted.event


def event_column(
    event: str, read: Callable[[EventDates, Days], Array]
) -> tuple[Callable[[Columns], Array], Callable[[Columns], Mask]]:
    """Return the functions that compute an event's column, and where it is not known.

    Parameters
    ----------
    event
        Its name; the columns know its dates.
    read
        Returns the column of some dates.
    """

    def compute(columns: Columns) -> Array:
        return read(columns.event(event), columns.dates)

    def unknown(columns: Columns) -> Mask:
        return columns.event(event).in_doubt(columns.dates, compute(columns))

    return compute, unknown


@lru_cache(maxsize=1024)
def define_event(wanted: EventName) -> Definition:
    """Return the definition of a name of an event that the user brings.

    Parameters
    ----------
    wanted
        Which name of which event.
    """
    event = wanted.event
    if wanted.within is not None:
        meaning = f"True where {event} is foreseen for 0 to {wanted.within} calendar days ahead"
        formula = f"0 <= next {event} known of - date <= {wanted.within}"
        compute, unknown = event_column(event, partial(EventDates.within, days=wanted.within))
    elif wanted.kind == "float":
        meaning = f"Calendar days to the next {event} that is known of, 0 on it"
        formula = f"next {event} known of - date"
        compute, unknown = event_column(event, EventDates.days_to)
    else:
        meaning = f"True on days of {event}"
        formula = f"date in {event}"
        compute, unknown = event_column(event, EventDates.on_the_day)
    return Definition(
        Indicator(
            name=wanted.name,
            group=GROUP,
            kind=wanted.kind,
            lookback=0,
            meaning=f"{meaning}; missing after the last date of the file.",
            formula=formula,
            source=USER_SOURCE,
        ),
        compute,
        unknown=unknown,
    )
