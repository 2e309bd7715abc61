"""The nearest known names, for hints about a misspelt one."""

from __future__ import annotations

import re

from btkit.indicators.base import LARGEST, SMALLEST, Definition, Family
from btkit.indicators.registry import (
    DOCUMENTED,
    FAMILIES,
    PREVIOUS,
    REGISTERED,
    lookup,
    split_previous,
)
from btkit.spelling import near, question

OTHER_NAMES = {
    "price": "close", "last": "close", "last_price": "close", "sar": "psar",
    "parabolic_sar": "psar",
}  # fmt: skip
"""Names from elsewhere that are spelt like something else here."""

NUMBERED = re.compile(r"([a-z][a-z_]*?)_*0*([0-9]{1,9})", re.ASCII)


def known_names() -> frozenset[str]:
    """Return every single name; families and ``prev_`` names come on top.

    Returns
    -------
    frozenset of str
        The reference's names, those that describe the position included, and registered ones.
    """
    return frozenset(_single_names())


def _single_names() -> list[str]:
    registered = REGISTERED.entries().items()
    return [*DOCUMENTED, *(name for name, one in registered if isinstance(one, Definition))]


def _families() -> dict[str, Family]:
    registered = REGISTERED.entries().values()
    return FAMILIES | {entry.stem: entry for entry in registered if isinstance(entry, Family)}


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
    member = _member_of_family(wanted)
    return [member] if member is not None else near(wanted, _single_names())


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
        members = ", ".join(f"{stem}_<n>" for stem in _families())
        return f"names with a number are {members}; see `backtest indicators`"
    groups = dict.fromkeys(definition.indicator.group for definition in DOCUMENTED.values())
    return f"`backtest indicators` lists the names: {', '.join(groups)}"


def _member_of_family(wanted: str) -> str | None:
    families = _families()
    words = {word: family.stem for family in families.values() for word in family.words}
    match = NUMBERED.fullmatch(wanted)
    stem = match[1] if match else wanted
    stem = words.get(stem, stem)
    if match is None:
        return f"{stem}_{families[stem].usual}" if stem in families else None
    stems = [stem] if stem in families else near(match[1], families)
    if not stems:
        return None
    return f"{stems[0]}_{min(max(int(match[2]), SMALLEST), LARGEST)}"
