"""Which names exist, and what each one means."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from btkit.indicators import (
    events,
    implied,
    market,
    momentum,
    position,
    prices,
    volatility,
    volume,
)
from btkit.indicators.base import Definition, Family, Indicator
from btkit.indicators.event_names import event_name_in

SMALLEST, LARGEST = 2, 500
PREVIOUS = "prev_"

DOCUMENTED: dict[str, Definition] = {
    definition.indicator.name: definition
    for group in (prices, momentum, volatility, volume, implied, market, events, position)
    for definition in group.DEFINITIONS
}
"""The documented names, in the order of the reference."""

FAMILIES: dict[str, Family] = {
    family.stem: family
    for family in (
        prices.SMA,
        prices.EMA,
        momentum.RSI,
        volatility.ATR,
        momentum.ROC,
        volatility.ADX,
        volatility.HV,
        prices.HIGHEST,
        prices.LOWEST,
    )
}
"""The families, in the order in which the documentation lists them."""

POSITION_NAMES: frozenset[str] = frozenset(
    name for name, definition in DOCUMENTED.items() if not definition.indicator.per_bar
)
"""Names that describe the open position; they have no column."""

MEMBER = re.compile(rf"({'|'.join(FAMILIES)})_([1-9][0-9]*)", re.ASCII)


def split_previous(name: str) -> tuple[int, str]:
    """Split the ``prev_`` prefixes off a name.

    Parameters
    ----------
    name
        Such as ``prev_prev_close``.

    Returns
    -------
    tuple of int and str
        How many there are, and what is left.
    """
    depth = 0
    while name.startswith(PREVIOUS, depth * len(PREVIOUS)):
        depth += 1
    return depth, name[depth * len(PREVIOUS) :]


@lru_cache(maxsize=4096)
def define(name: str) -> Definition | None:
    """Return the definition of a name without ``prev_``.

    Parameters
    ----------
    name
        A documented name or a member of a family.

    Returns
    -------
    Definition or None
        None if there is no such name.
    """
    if name in DOCUMENTED:
        return DOCUMENTED[name]
    match = MEMBER.fullmatch(name)
    if match is None or len(match[2]) > len(str(LARGEST)):
        return None
    n = int(match[2])
    return FAMILIES[match[1]].define(n) if SMALLEST <= n <= LARGEST else None


def lookup(name: str) -> Indicator | None:
    """Return the documentation of a name that a condition may use.

    Parameters
    ----------
    name
        A documented name, a member of a family such as ``sma_37``, or ``prev_`` before a
        per-bar name, any number of times.

    Returns
    -------
    Indicator or None
        None if there is no such name.

    Examples
    --------
    >>> lookup("sma_50").lookback
    49
    """
    documented = DOCUMENTED.get(name)
    if documented is not None:
        return documented.indicator
    depth, base = split_previous(name)
    definition = define(base)
    if definition is None:
        return None
    indicator = definition.indicator
    if depth == 0:
        return indicator
    return previous(indicator, depth) if indicator.per_bar else None


def is_truth_value(name: str) -> bool:
    """Return whether a name's values are bools rather than numbers.

    Parameters
    ----------
    name
        As for `lookup`, or of the form that names of the user's events have; any other has no
        truth values.
    """
    entry = lookup(name)
    if entry is not None:
        return entry.kind == "bool"
    of_event = event_name_in(name)
    return of_event is not None and of_event.kind == "bool"


def previous(indicator: Indicator, depth: int) -> Indicator:
    """Return the documentation of an indicator some bars ago.

    Parameters
    ----------
    indicator
        A per-bar one.
    depth
        Number of bars, at least 1.

    Returns
    -------
    Indicator
        Named with as many ``prev_`` prefixes.
    """
    bars = "one bar" if depth == 1 else f"{depth} bars"
    return replace(
        indicator,
        name=PREVIOUS * depth + indicator.name,
        lookback=indicator.lookback + depth,
        meaning=f"{indicator.name} {bars} before. {indicator.meaning}",
        formula=f"{indicator.name}[i-{depth}]",
        needs=(PREVIOUS * (depth - 1) + indicator.name,),
    )


def catalogue() -> list[Indicator]:
    """Return the documentation of the whole namespace.

    Returns
    -------
    list of Indicator
        The documented names in the reference's order, then one entry for each family, then one
        for ``prev_<name>``. A family's lookback is its smallest member's; `varies` says how it
        depends on the member.
    """
    documented = [definition.indicator for definition in DOCUMENTED.values()]
    return [*documented, *map(family_entry, FAMILIES.values()), PREVIOUS_ENTRY]


def family_entry(family: Family) -> Indicator:
    """Return the documentation of a family.

    Parameters
    ----------
    family
        Such as that of the simple moving averages.

    Returns
    -------
    Indicator
        The largest member's, with ``<n>`` for its number of bars.
    """
    member = family.define(LARGEST).indicator
    return replace(
        member,
        name=general_text(member.name),
        meaning=general_text(member.meaning),
        formula=general_text(member.formula),
        lookback=family.define(SMALLEST).indicator.lookback,
        decay=None,
        varies=f"{family.varies}; n from {SMALLEST} to {LARGEST}",
    )


def general_text(text: str) -> str:
    """Return the text of a family's largest member with n in place of its number.

    Parameters
    ----------
    text
        Name, meaning or formula.

    Returns
    -------
    str
        Such as ``mean(close[i-(n-1)..i])``.
    """
    named = re.sub(rf"_{LARGEST}\b", "_<n>", text)
    for number, letter in (
        (LARGEST - 1, "(n-1)"),
        (LARGEST + 1, "(n+1)"),
        (LARGEST, "n"),
    ):
        named = re.sub(rf"\b{number}\b", letter, named)
    return named


PREVIOUS_ENTRY = Indicator(
    name="prev_<name>",
    group="price",
    kind="float",
    lookback=1,
    meaning="Any per-bar name one bar before, in that name's unit and kind; prev_prev_<name> is "
    "two bars before.",
    formula="<name>[i-1]",
    source="bars",
    varies="lookback of <name> + 1; kind and decay of <name>",
)
