"""Whether calendars are ones that exist, and are of instruments that are read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from btkit.arguments import is_text, quoted
from btkit.errors import Problem
from btkit.spec.fields import CALENDAR_PATTERN, MAX_OTHERS
from btkit.spelling import did_you_mean

_DEFAULT = "XNYS"
_FIELD = "calendars"


def calendar_problems(data: Mapping[str, Any]) -> list[Problem]:
    """Return the problems with a spec's calendars, of those that name none that exists."""
    named = {
        path: name
        for path, name in _named(data)
        if is_text(name) and name != _DEFAULT and re.fullmatch(CALENDAR_PATTERN, name)
    }
    if not named:
        return []
    # Half a second of import that specs on the default calendar do not pay.
    from exchange_calendars import get_calendar_names  # noqa: PLC0415

    known = get_calendar_names(include_aliases=True)
    return [
        Problem(
            path,
            f"unknown exchange calendar {quoted(name)}",
            did_you_mean(name, known) or "XNYS is the New York Stock Exchange's",
        )
        for path, name in named.items()
        if name not in known
    ]


def unread_calendars(calendars: Mapping[str, str], read: Collection[str]) -> list[Problem]:
    """Return the problems with calendars of instruments that no condition reads.

    Parameters
    ----------
    calendars
        By symbol.
    read
        The symbols that conditions read with ``of``.
    """
    return [
        Problem(
            f"{_FIELD}.{symbol}",
            f"no condition reads {quoted(symbol)}",
            did_you_mean(symbol, read)
            or f'read it with of("{symbol}", ...), or leave it out; the calendar of the bars '
            "themselves is the field calendar",
        )
        for symbol in calendars
        if symbol not in read
    ]


def _named(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "calendar", data.get("calendar", _DEFAULT)
    others = data.get(_FIELD)
    if isinstance(others, dict) and len(others) <= MAX_OTHERS:
        yield from ((f"{_FIELD}.{symbol}", name) for symbol, name in others.items())
