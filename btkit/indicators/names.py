"""The nearest known name, for hints about a misspelt one."""

from __future__ import annotations

import re
from difflib import get_close_matches

from btkit.indicators.registry import (
    DOCUMENTED,
    FAMILIES,
    LARGEST,
    PREVIOUS,
    SMALLEST,
    lookup,
    split_previous,
)

WORDS = {
    "avg": "sma",
    "ma": "sma",
    "max": "highest",
    "high": "highest",
    "min": "lowest",
    "low": "lowest",
    "vol": "hv",
    "realized_vol": "hv",
}
"""Other words for the stems of families."""

DEFAULT_MEMBERS = {
    "sma": "sma_20",
    "ema": "ema_21",
    "rsi": "rsi_14",
    "atr": "atr_14",
    "roc": "roc_10",
    "adx": "adx_14",
    "hv": "hv_30",
    "highest": "highest_20",
    "lowest": "lowest_20",
}
"""What is meant, most likely, by a stem without a number."""

OTHER_NAMES = {"price": "close", "last": "close", "last_price": "close"}
"""Names from elsewhere that are spelt like something else here."""

LIKENESS = 0.6
NUMBERED = re.compile(r"([a-z][a-z_]*?)_*0*([0-9]{1,9})", re.ASCII)


def known_names() -> frozenset[str]:
    """Return every documented name; families and ``prev_`` names come on top.

    Returns
    -------
    frozenset of str
        The reference's names, those that describe the position included.
    """
    return frozenset(DOCUMENTED)


def closest_name(name: str) -> str | None:
    """Return the known name that was most likely meant.

    Parameters
    ----------
    name
        A name that does not exist, such as ``sma50``.

    Returns
    -------
    str or None
        A name that exists; None if nothing is near.

    Examples
    --------
    >>> closest_name("sma50")
    'sma_50'
    """
    wanted = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if lookup(wanted) is not None:
        return wanted
    depth, base = split_previous(wanted)
    if depth and (near := closest_name(base)) is not None:
        candidate = PREVIOUS * depth + near
        return candidate if lookup(candidate) is not None else near
    return (
        OTHER_NAMES.get(wanted)
        or same_letters(wanted)
        or member_of_family(wanted)
        or similar(wanted)
    )


def same_letters(wanted: str) -> str | None:
    """Return the documented name that differs in underscores only.

    Parameters
    ----------
    wanted
        Lower case.

    Returns
    -------
    str or None
        None if there is none.
    """
    letters = wanted.replace("_", "")
    return next((name for name in DOCUMENTED if name.replace("_", "") == letters), None)


def member_of_family(wanted: str) -> str | None:
    """Return the member of a family that a stem and a number point to.

    Parameters
    ----------
    wanted
        Lower case, such as ``sma50`` or ``ema_1000``.

    Returns
    -------
    str or None
        With the number brought into the family's range; None if no stem is like it.
    """
    match = NUMBERED.fullmatch(wanted)
    stem = match[1] if match else wanted
    stems = get_close_matches(stem, [*FAMILIES, *WORDS], n=1, cutoff=LIKENESS)
    if not stems or (match is None and stems[0] != stem):
        return None
    family = WORDS.get(stems[0], stems[0])
    if match is None:
        return DEFAULT_MEMBERS[family]
    return f"{family}_{min(max(int(match[2]), SMALLEST), LARGEST)}"


def similar(wanted: str) -> str | None:
    """Return the documented name that is spelt most alike.

    Parameters
    ----------
    wanted
        Lower case.

    Returns
    -------
    str or None
        None if none is alike enough.
    """
    near = get_close_matches(wanted, DOCUMENTED, n=1, cutoff=LIKENESS)
    return near[0] if near else None
