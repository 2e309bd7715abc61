"""What the spec needs to know of an expression before anything runs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from btkit.conditions.nodes import Column, Node, Of, On, Position
from btkit.conditions.parse import (
    COST_NAMES,
    NONE_UNKNOWN,
    NOTHING_DECLARED,
    SIZING_NAMES,
    parse_expression,
)
from btkit.errors import Problem
from btkit.indicators import NO_USER_EVENTS, UserEvents
from btkit.markets import Interval

_ON = re.compile(r"\bon\s*\(")


def check_expression(  # noqa: PLR0913 - as `parse_expression`
    text: str,
    *,
    path: str,
    sizing: bool = False,
    sizing_names: frozenset[str] = SIZING_NAMES,
    events: UserEvents | None = NO_USER_EVENTS,
    interval: Interval | None = None,
    declared: frozenset[str] = NOTHING_DECLARED,
    unknown: Mapping[str, str] = NONE_UNKNOWN,
    of_these_bars: frozenset[str] = NOTHING_DECLARED,
) -> list[Problem]:
    """Return everything wrong with an expression whose parameters are filled in.

    Parameters
    ----------
    text
        The expression.
    path
        Where it stands in the spec; each problem carries it.
    sizing
        Whether it is a formula for a size or a price.
    sizing_names
        What that may read beside the namespace.
    events, interval, declared, of_these_bars, unknown
        As for `parse_expression`.

    Examples
    --------
    >>> [problem.hint for problem in check_expression("close > sma50", path="entry_conditions[0]")]
    ["did you mean 'sma_50'?"]
    """
    further = sizing_names if sizing else frozenset[str]()
    return parse_expression(
        text,
        path=path,
        sizing=sizing,
        further_names=further,
        events=events,
        interval=interval,
        declared=declared,
        unknown=unknown,
        of_these_bars=of_these_bars,
    )[1]


def names_in(text: str, *, declared: frozenset[str] = NOTHING_DECLARED) -> frozenset[str]:
    """Return every name that the expression reads, also inside of ``on`` and ``of``.

    Empty for one that is refused.

    Parameters
    ----------
    text
        The expression.
    declared
        The columns of the bars that are names in it beside the namespace.
    """
    return frozenset().union(*names_by_symbol(text, declared=declared).values())


def names_by_symbol(
    text: str, *, declared: frozenset[str] = NOTHING_DECLARED
) -> dict[str | None, frozenset[str]]:
    """Return the names that an expression reads of each instrument; nothing for one refused.

    Parameters
    ----------
    text, declared
        As for `names_in`.

    Returns
    -------
    dict
        By the symbol that ``of`` names, in the order in which they are named; None for the
        instrument itself.

    Examples
    --------
    >>> names_by_symbol('close > of("SPY", sma_20)')
    {None: frozenset({'close'}), 'SPY': frozenset({'sma_20'})}
    """
    further = SIZING_NAMES | COST_NAMES
    tree, _ = parse_expression(text, further_names=further, events=None, declared=declared)
    if tree is None:
        return {}
    found: dict[str | None, set[str]] = {None: set()}
    _gather(tree, None, found)
    return {symbol: frozenset(names - further) for symbol, names in found.items()}


def _gather(node: Node, symbol: str | None, found: dict[str | None, set[str]]) -> None:
    if isinstance(node, Of):
        symbol = node.symbol
        found.setdefault(symbol, set())
    elif isinstance(node, Column | Position):
        found[symbol].add(node.name)
    for child in node.children():
        _gather(child, symbol, found)


def names_of(tree: Node) -> frozenset[str]:
    """Return every namespace name in a tree."""
    return frozenset(node.name for node in tree.walk() if isinstance(node, Column | Position))


def intervals_in(text: str, *, declared: frozenset[str] = NOTHING_DECLARED) -> frozenset[Interval]:
    """Return every slower interval that an expression names; empty for one that is refused.

    Parameters
    ----------
    text, declared
        As for `names_in`.

    Examples
    --------
    >>> sorted(map(str, intervals_in('close > on("1w", sma_10) and on("1mo", rsi_14) > 50')))
    ['1mo', '1w']
    """
    if _ON.search(text) is None:
        return frozenset()
    tree, _ = parse_expression(text, further_names=SIZING_NAMES, events=None, declared=declared)
    nodes = () if tree is None else tree.walk()
    return frozenset(node.interval for node in nodes if isinstance(node, On))
