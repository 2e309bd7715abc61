"""How near a condition came to holding, where it did not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.arguments import quoted
from btkit.conditions import columns_of
from btkit.conditions.nodes import (
    And,
    AsOf,
    Compare,
    Const,
    Declared,
    Node,
    On,
    Or,
    Over,
    Position,
    TextConst,
    Unary,
    number,
)
from btkit.indicators import split_previous
from btkit.simulation.evaluator import Evaluator
from btkit.spelling import did_you_mean, some_of

_NEEDED = {"<": "below", "<=": "at most", ">": "above", ">=": "at least", "==": "exactly"}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
_MOST_TEXTS = 20
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


class Miss(NamedTuple):
    """The bar at which one comparison came nearest: by how much it missed, and its two sides."""

    gap: float
    bar: int
    op: str
    left: float
    right: float

    @property
    def relative(self) -> float:
        """The distance as a share of what was needed, to compare different comparisons."""
        return abs(self.left - self.right) / max(abs(self.right), 1e-12)


def tell_nearest(
    views: Iterable[Evaluator],
    tree: Node,
    among: Callable[[Evaluator], NDArray[np.bool_]],
    index: pd.Index[Any],
) -> str:
    """Return the end of a sentence that says how near a condition came, from a semicolon on.

    Parameters
    ----------
    views
        Evaluate the condition, each at bars after those of the one before; gone through twice.
    tree
        The condition.
    among
        The rows of each to look at, where everything else held.
    index
        The times of all bars.
    """
    miss = nearest_miss(views, tree, among)
    if miss is not None:
        date = index[miss.bar].date().isoformat()
        return (
            f"; it came nearest on {date}, with {miss.left:.6g} where {_NEEDED[miss.op]} "
            f"{miss.right:.6g} was needed"
        )
    columns: dict[str, Node] = {column.label: column for column in columns_of(tree)}
    # Of the position's names some are None while nothing is held, or before anything closed.
    columns |= {node.name: node for node in tree.walk() if isinstance(node, Position)}
    missing, raised, both, never = dict.fromkeys(columns, 0), 0, False, ""
    for view in views:
        never = _tell_texts(view, tree)
        rows = among(view)
        failed = view.spread(view.evaluate(tree).failed) & rows
        raised += int(failed.sum())
        for name, column in columns.items():
            absent = view.spread(view.evaluate(column).none) & rows
            missing[name] += int(absent.sum())
            both |= bool((absent & failed).any())
    if never:
        return f"; {never}"
    if raised:
        reason = (
            "a value it needs was missing"
            if both
            else "it could not be evaluated, since it compares unlike kinds or divides by zero"
        )
        return f"; on {raised:,} bars {reason}"
    # A condition that guards against None does not raise, and holds as little.
    said = [f"{name} was missing on {count:,} bars" for name, count in missing.items() if count]
    return f"; {', '.join(said)}" if said else ""


def _tell_texts(view: Evaluator, tree: Node) -> str:
    # Of a text that a column is compared with, and cannot have, which ones it can have.
    for name, text in _compared_texts(tree):
        can_be = view.declared.can_be.get(split_previous(name)[1])
        if can_be is None or text in can_be:
            continue
        meant = did_you_mean(text, can_be)
        listed = some_of([quoted(text) for text in can_be], most=_MOST_TEXTS)
        asked = "" if meant is None else f"{meant} "
        return f"{name} is never {quoted(text)}: {asked}it is one of {listed}"
    return ""


def _compared_texts(tree: Node) -> Iterator[tuple[str, str]]:
    for node in tree.walk():
        match node:
            case Compare("==", Declared(name) | On(_, Declared(name)), TextConst(text)) | Compare(
                "==", TextConst(text), Declared(name) | On(_, Declared(name))
            ):
                yield name, text
            case _:
                pass


def nearest_miss(
    views: Iterable[Evaluator], tree: Node, among: Callable[[Evaluator], NDArray[np.bool_]]
) -> Miss | None:
    """Return where, and by how much, `tree` missed by least; None where no number says so."""
    nearest: list[Miss | None] = []
    for view in views:
        misses = list(_misses(view, tree, among(view)))
        nearest = list(map(_nearer, nearest or [None] * len(misses), misses))
    known = [miss for miss in nearest if miss is not None]
    return min(known, key=lambda miss: miss.relative) if known else None


def _nearer(before: Miss | None, miss: Miss | None) -> Miss | None:
    # The first of the nearest bars, whichever part it is in.
    return before if miss is None or (before is not None and before.gap <= miss.gap) else miss


def _misses(view: Evaluator, tree: Node, among: NDArray[np.bool_]) -> Iterator[Miss | None]:
    """Yield for each comparison of a condition, in order, where it came nearest."""
    match tree:
        case And(left, right):
            # Each half counts where the other one held: what was missing there was it alone.
            yield from _misses(view, left, among & view.met(right))
            yield from _misses(view, right, among & view.met(left))
        case Or(left, right):
            yield from _misses(view, left, among)
            yield from _misses(view, right, among)
        case Over("crossed_above", (above, below)) | Over("crossed_below", (below, above)):
            yield from _misses(view, _crossing(above, below), among)
        case AsOf(_, And() | Or() | Unary("not") | Compare() as inner):
            yield from _misses(view, _side_by_side(tree, inner), among)
        case Unary(op="not", operand=AsOf(_, Compare() as inner) as other):
            yield from _misses(view, Unary("not", _side_by_side(other, inner)), among)
        case Unary(op="not", operand=Compare(op=op, left=left, right=right)) if op in _OPPOSITE:
            yield from _misses(view, Compare(_OPPOSITE[op], left, right), among)
        case Compare(op=op) if op in _NEEDED:
            yield _nearest_comparison(view, tree, among)
        case _:
            pass


def _crossing(above: Node, below: Node) -> Node:
    """Return a crossing as what it asks for: one column above another, and not one bar before."""
    before = [Over("lag", (side,), number(1)) for side in (above, below)]
    return And(Compare("<=", *before), Compare(">", above, below))


def _side_by_side(other: AsOf, node: Node) -> Node:
    """Return ``on`` of a condition as a condition of ``on``: each side as its other bar has it."""
    match node:
        case And(left, right):
            return And(_side_by_side(other, left), _side_by_side(other, right))
        case Or(left, right):
            return Or(_side_by_side(other, left), _side_by_side(other, right))
        case Unary("not", operand):
            return Unary("not", _side_by_side(other, operand))
        case Compare(op, left, right):
            return Compare(op, _side_by_side(other, left), _side_by_side(other, right))
        case Const() | TextConst():
            return node
    return replace(other, operand=node)


def _nearest_comparison(view: Evaluator, tree: Compare, among: NDArray[np.bool_]) -> Miss | None:
    left, right = _numbers(view, tree.left), _numbers(view, tree.right)
    gap = left - right if tree.op in ("<", "<=") else right - left
    gap = np.abs(gap) if tree.op == "==" else gap
    gap = np.where(among & ~view.met(tree) & np.isfinite(gap), gap, np.inf)
    if not np.isfinite(gap).any():
        return None
    row = int(gap.argmin())
    bar, least = int(view.rows[row]), float(gap[row])
    first, second = float(left[row]), float(right[row])
    if isinstance(tree.left, Const):
        # "5000 < close" asks something of close, not of 5000.
        return Miss(least, bar, _MIRRORED[tree.op], second, first)
    return Miss(least, bar, tree.op, first, second)


def _numbers(view: Evaluator, tree: Node) -> NDArray[np.float64]:
    value = view.evaluate(tree)
    data = np.broadcast_to(np.asarray(value.data, np.float64), len(view.rows))
    unusable = view.spread(value.failed) | view.spread(value.none) | value.is_text
    return np.asarray(np.where(unusable, np.nan, data))
