"""How far back a tree reads: what a call over time adds to the lookback of what is inside."""

from __future__ import annotations

from dataclasses import replace

from btkit.conditions.calls import OVER_TIME
from btkit.conditions.nodes import AsOf, Column, Node, Over
from btkit.indicators import lookup


def reaches_of(tree: Node) -> dict[Column | AsOf, int]:
    """Return every column that a tree reads, and how many bars before its own at the furthest.

    Parameters
    ----------
    tree
        Of a condition or a formula.

    Returns
    -------
    dict
        Columns inside of `on` and `of` with their call, in bars of that.
    """
    found: dict[Column | AsOf, int] = {}
    _reach(tree, 0, found)
    return found


def columns_of(tree: Node) -> list[Column | AsOf]:
    """Return every column that a tree reads, once; those inside of `on` and `of` with that."""
    return list(reaches_of(tree))


def _reach(node: Node, bars: int, found: dict[Column | AsOf, int]) -> None:
    match node:
        case Column():
            found[node] = max(found.get(node, 0), bars)
        case AsOf():
            for column, before in reaches_of(node.operand).items():
                # What stands inside of on() or of() cannot be another one.
                assert isinstance(column, Column)
                known = replace(node, operand=column)
                found[known] = max(found.get(known, 0), before)
        case Over(call, operands):
            for operand in operands:
                _reach(operand, bars + OVER_TIME[call].reach(node.bars), found)
        case _:
            for child in node.children():
                _reach(child, bars, found)


def lookback_of(node: Node) -> int:
    """Return the index, from 0, of the first bar at which nothing is missing for want of bars.

    Parameters
    ----------
    node
        A tree, or a part of one; of `on` and `of` the bars are theirs.
    """
    if isinstance(node, Column):
        entry = lookup(node.name)
        return 0 if entry is None else entry.lookback
    if isinstance(node, Over):
        call = OVER_TIME[node.call]
        if not call.needs_all:
            return call.reach(node.bars) if call.takes_length else 0
        return call.reach(node.bars) + max(map(lookback_of, node.operands))
    return max(map(lookback_of, node.children()), default=0)


def calls_of(tree: Node) -> list[Over | AsOf]:
    """Return the outermost calls over time in a tree; those inside of `on` and `of` with that."""
    match tree:
        case Over():
            return [tree]
        case AsOf(_, operand):
            return [replace(tree, operand=call) for call in calls_of(operand)]
    return [call for child in tree.children() for call in calls_of(child)]
