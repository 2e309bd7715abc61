"""The nearest known names, for hints about a misspelt one."""

from __future__ import annotations

import re

from btkit.indicators.registry import (
    DOCUMENTED,
    FAMILIES,
    LARGEST,
    PREVIOUS,
    SMALLEST,
    lookup,
    split_previous,
)
from btkit.spelling import near, question

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

NUMBERED = re.compile(r"([a-z][a-z_]*?)_*0*([0-9]{1,9})", re.ASCII)


def known_names() -> frozenset[str]:
    """Return every documented name; families and ``prev_`` names come on top.

    Returns
    -------
    frozenset of str
        The reference's names, those that describe the position included.
    """
    return frozenset(DOCUMENTED)


def closest_names(name: str) -> list[str]:
    """Return the known names that may have been meant.

    Parameters
    ----------
    name
        A name that does not exist, such as ``sma50``.

    Returns
    -------
    list of str
        Names that exist, the likeliest first; none if nothing is near.

    Examples
    --------
    >>> closest_names("sma50")
    ['sma_50']
    """
    wanted = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if lookup(wanted) is not None:
        return [wanted]
    depth, base = split_previous(wanted)
    if depth and (found := closest_names(base)):
        candidates = [PREVIOUS * depth + name for name in found]
        return [
            candidate if lookup(candidate) is not None else name
            for candidate, name in zip(candidates, found, strict=True)
        ]
    if wanted in OTHER_NAMES:
        return [OTHER_NAMES[wanted]]
    member = member_of_family(wanted)
    return [member] if member is not None else near(wanted, DOCUMENTED)


def name_hint(name: str) -> str:
    """Return what to write instead of a name that does not exist.

    Parameters
    ----------
    name
        A name that does not exist.

    Returns
    -------
    str
        The names near it; where there are none, what names there are.

    Examples
    --------
    >>> name_hint("sma50")
    "did you mean 'sma_50'?"
    """
    found = closest_names(name)
    if found:
        return question(found)
    if NUMBERED.fullmatch(name.lower()):
        members = ", ".join(f"{stem}_<n>" for stem in FAMILIES)
        return f"names with a number are {members}; see `backtest indicators`"
    groups = dict.fromkeys(definition.indicator.group for definition in DOCUMENTED.values())
    return f"`backtest indicators` lists the names: {', '.join(groups)}"


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
    family = WORDS.get(stem, stem)
    if match is None:
        return DEFAULT_MEMBERS.get(family)
    stems = [family] if family in FAMILIES else near(stem, FAMILIES)
    if not stems:
        return None
    return f"{stems[0]}_{min(max(int(match[2]), SMALLEST), LARGEST)}"
