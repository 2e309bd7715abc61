"""Whether a calendar's name is one that exists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from btkit.arguments import is_text, quoted
from btkit.errors import Problem
from btkit.spec.fields import CALENDAR_PATTERN
from btkit.spelling import did_you_mean

_DEFAULT = "XNYS"


def calendar_problems(data: Mapping[str, Any]) -> list[Problem]:
    """Return the problem with a spec's calendar, if it names none that exists."""
    name = data.get("calendar", _DEFAULT)
    if not is_text(name) or name == _DEFAULT or not re.fullmatch(CALENDAR_PATTERN, name):
        return []
    # Half a second of import that specs on the default calendar do not pay.
    from exchange_calendars import get_calendar_names  # noqa: PLC0415

    known = get_calendar_names(include_aliases=True)
    if name in known:
        return []
    hint = did_you_mean(name, known) or "XNYS is the New York Stock Exchange's"
    return [Problem("calendar", f"unknown exchange calendar {quoted(name)}", hint)]
