"""Which names exist, and what each one means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from btkit.indicators import (
    averages,
    clock,
    events,
    implied,
    market,
    momentum,
    oscillators,
    position,
    prices,
    session,
    trend,
    volatility,
    volume,
)
from btkit.indicators.base import LARGEST, SMALLEST, Definition, Family, Indicator
from btkit.indicators.event_names import event_name_in
from btkit.plugins import Plugin, Registry

PREVIOUS = "prev_"
_ENTRIES = tuple(
    entry
    for group in (
        prices, averages, momentum, oscillators, trend, volatility, volume, session, clock,
        implied, market, events, position,
    )
    for entry in group.ENTRIES
)  # fmt: skip

DOCUMENTED: dict[str, Definition] = {
    entry.indicator.name: entry for entry in _ENTRIES if isinstance(entry, Definition)
}
"""btkit's own names, in the order of the reference."""

FAMILIES: dict[str, Family] = {entry.stem: entry for entry in _ENTRIES if isinstance(entry, Family)}
"""btkit's own families, by stem."""

REGISTERED: Registry[Definition | Family] = Registry("indicator")
"""What users add: single names, and families by their name with ``<n>``."""

POSITION_NAMES: frozenset[str] = frozenset(
    name for name, definition in DOCUMENTED.items() if not definition.indicator.per_bar
)
"""Names that describe the open position; they have no column."""

MEMBER = re.compile(r"([a-z][a-z0-9_]*)_([1-9][0-9]{0,2})", re.ASCII)
"""What a member of a family looks like."""


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


def define(name: str) -> Definition | None:
    """Return the definition of a name without ``prev_``.

    Parameters
    ----------
    name
        A documented or registered name, or a member of a family.

    Returns
    -------
    Definition or None
        None if there is no such name.

    Raises
    ------
    PluginError
        If the name is not btkit's own, and an installed package fails while it registers its.
    """
    return _define_own(name) or _define_registered(name)


def _define_own(name: str) -> Definition | None:
    if name in DOCUMENTED:
        return DOCUMENTED[name]
    member = _split_member(name)
    family = None if member is None else FAMILIES.get(member[0])
    return None if member is None or family is None else family.define(member[1])


def _define_registered(name: str) -> Definition | None:
    single = REGISTERED.get(name)
    if isinstance(single, Definition):
        return single
    member = _split_member(name)
    if member is None:
        return None
    family = REGISTERED.get(f"{member[0]}_<n>")
    return family.define(member[1]) if isinstance(family, Family) else None


def _split_member(name: str) -> tuple[str, int] | None:
    match = MEMBER.fullmatch(name)
    if match is None or not SMALLEST <= int(match[2]) <= LARGEST:
        return None
    return match[1], int(match[2])


def plugins_of(names: Iterable[str]) -> list[Plugin]:
    """Return where the registered indicators come from that some names rest on.

    Parameters
    ----------
    names
        As conditions write them, parameters in braces or filled in; what they are computed from
        counts, too.

    Returns
    -------
    list of Plugin
        By name.
    """
    waiting, seen, found = list(names), set[str](), dict[str, Plugin]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if "{" in name:
            waiting += REGISTERED.like(_filled_somehow(name))
            continue
        indicator = lookup(name.replace("<n>", str(SMALLEST)))
        waiting += indicator.needs if indicator is not None else ()
        registered = _registered_name(name)
        plugin = None if registered is None else REGISTERED.plugin(registered)
        if plugin is not None:
            found[plugin.name] = plugin
    return [found[name] for name in sorted(found)]


def _filled_somehow(name: str) -> re.Pattern[str]:
    _, base = split_previous(name)
    return re.compile(re.sub(r"\\\{[^{}]*\\\}", "(?:[0-9]+|<n>)", re.escape(base)))


def _registered_name(name: str) -> str | None:
    _, base = split_previous(name)
    if _define_own(base) is not None:
        return None
    if REGISTERED.plugin(base) is not None:
        return base
    member = _split_member(base)
    return None if member is None else f"{member[0]}_<n>"


def lookup(name: str) -> Indicator | None:
    """Return the documentation of a name that a condition may use.

    Parameters
    ----------
    name
        A documented or registered name, a member of a family such as ``sma_37``, or ``prev_``
        before a per-bar name, any number of times.

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
    return _previous(indicator, depth) if indicator.per_bar else None


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


def _previous(indicator: Indicator, depth: int) -> Indicator:
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
        The documented names in the reference's order, then one entry for each family, then what
        users registered, then one for ``prev_<name>``. A family's lookback is its smallest
        member's; `varies` says how it depends on the member.

    Raises
    ------
    PluginError
        If an installed package fails while it registers its own.
    """
    entries = (*DOCUMENTED.values(), *FAMILIES.values(), *REGISTERED.entries().values())
    return [*map(_documentation, entries), PREVIOUS_ENTRY]


def _documentation(entry: Definition | Family) -> Indicator:
    return entry.entry if isinstance(entry, Family) else entry.indicator


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
