"""Numbers and dates as people read them: real minus signs, units, and a dash for the undefined."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence

import pandas as pd

from btkit.spelling import count_of

# In letters of up to four bytes; file systems take 255 bytes.
_FILE_PART = 50

MINUS = "\u2212"
DASH = "\u2013"
NARROW = "\u00a0"  # keeps a number and its unit on one line
DAYS_PER_YEAR = 365.25
CENTS_UP_TO = 1_000.0


def percent(fraction: float | None, *, digits: int = 1, sign: bool = False) -> str:
    """Return a fraction as percent, such as ``−11.9 %`` for −0.1187; ``–`` when undefined."""
    if fraction is None or not math.isfinite(fraction):
        return DASH
    return _signed(fraction * 100, digits=digits, sign=sign) + NARROW + "%"


def ratio(value: float | None, *, digits: int = 2) -> str:
    """Return a plain number with `digits` decimals, such as ``1.34``; ``–`` when undefined."""
    if value is None or not math.isfinite(value):
        return DASH
    return _signed(value, digits=digits)


def count(value: float | None) -> str:
    """Return a whole number with thousands separators; ``–`` when undefined."""
    return ratio(value, digits=0)


def money(value: float | None, *, sign: bool = False) -> str:
    """Return dollars with thousands separators, and cents only below $1,000."""
    if value is None or not math.isfinite(value):
        return DASH
    digits = 2 if abs(value) < CENTS_UP_TO else 0
    text = _signed(value, digits=digits, sign=sign)
    head = text[0] if text[0] in f"+{MINUS}" else ""
    return f"{head}${text[len(head) :]}"


def price(value: float | None) -> str:
    """Return a price with two decimals, or four below ten (where cents are too coarse)."""
    if value is None or not math.isfinite(value):
        return DASH
    return _signed(value, digits=4 if abs(value) < 10 else 2)  # noqa: PLR2004 - said above


def day(moment: pd.Timestamp) -> str:
    """Return an ISO date, with the time where it is not midnight."""
    # A page has thousands of them, and `strftime` takes six times as long.
    date, time = moment.isoformat(timespec="nanoseconds").split("T")
    return date if time.startswith("00:00:00.000000000") else f"{date} {time[:5]}"


def month(moment: pd.Timestamp) -> str:
    """Return month and year, such as ``Oct 2007``."""
    return moment.strftime("%b %Y")


def span(days: float) -> str:
    """Return a length of time in the unit a person would choose, such as ``3.1 years``."""
    if days >= DAYS_PER_YEAR:
        return f"{days / DAYS_PER_YEAR:.1f} years"
    if days >= 60:  # noqa: PLR2004 - below two months, days say more
        return f"{round(days / (DAYS_PER_YEAR / 12))} months"
    return plural(round(days), "day")


def holding(hours: float) -> str:
    """Return a holding time in hours, or in days from two days on."""
    if hours < 48:  # noqa: PLR2004 - said above
        return f"{hours:.1f} hours"
    return f"{hours / 24:.1f} days"


def plural(number: int, noun: str) -> str:
    """Return ``1 trade`` or ``1,234 trades``."""
    return count_of(number, noun)


def command_parts(command: Sequence[str]) -> list[str]:
    """Return a command line in parts that stay on one line each: a flag with its value.

    Examples
    --------
    >>> command_parts(["backtest", "run", "--symbol", "SPX", "--quiet"])
    ['backtest run', '--symbol SPX', '--quiet']
    """
    parts: list[list[str]] = [[]]
    for word in command:
        if word.startswith("--"):
            parts.append([])
        parts[-1].append(word)
    return [shlex.join(part) for part in parts]


def _signed(value: float, *, digits: int, sign: bool = False) -> str:
    text = f"{abs(value):,.{digits}f}"
    if not text.strip("0,."):
        return text  # neither −0.0 nor +0.0
    if value < 0:
        return MINUS + text
    return f"+{text}" if sign else text


def file_part(name: str) -> str:
    """Return a name as a part of a file's name: one that leads nowhere, and is not hidden.

    Parameters
    ----------
    name
        Any text, such as a strategy's name.

    Examples
    --------
    >>> file_part("../Dips & 5% rips")
    'Dips---5--rips'
    """
    plain = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in name)
    return plain.strip(".-")[:_FILE_PART] or "strategy"
