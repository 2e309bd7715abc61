"""How near a condition came to holding, where it did not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.arguments import quoted
from btkit.conditions import columns_of
from btkit.conditions.nodes import And, Compare, Const, Declared, Node, On, Or, TextConst, Unary
from btkit.indicators import split_previous
from btkit.markets import Interval
from btkit.simulation.evaluator import Evaluator
from btkit.spelling import did_you_mean

_NEEDED = {"<": "below", "<=": "at most", ">": "above", ">=": "at least", "==": "exactly"}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
_MOST_TEXTS = 20
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


class Miss(NamedTuple):
    """The bar at which one comparison came nearest: its row, and the two sides there."""

    row: int
    op: str
    left: float
    right: float

    @property
    def relative(self) -> float:
        """The distance as a share of what was needed, to compare different comparisons."""
        return abs(self.left - self.right) / max(abs(self.right), 1e-12)


def tell_nearest(
    view: Evaluator, tree: Node, among: NDArray[np.bool_], index: pd.Index[Any]
) -> str:
    """Return the end of a sentence that says how near a condition came, from a semicolon on.

    Parameters
    ----------
    view
        Evaluates the condition.
    tree
        The condition.
    among
        The rows to look at, where everything else held.
    index
        The times of all bars.
    """
    miss = nearest_miss(view, tree, among)
    if miss is not None:
        date = index[view.rows[miss.row]].date().isoformat()
        return (
            f"; it came nearest on {date}, with {miss.left:.6g} where {_NEEDED[miss.op]} "
            f"{miss.right:.6g} was needed"
        )
    never = _tell_texts(view, tree)
    if never:
        return f"; {never}"
    missing = {
        column.label: view.spread(view.evaluate(column).none) & among for column in columns_of(tree)
    }
    absent = [name for name, mask in missing.items() if mask.any()]
    raised = view.spread(view.evaluate(tree).failed) & among
    if raised.any():
        reason = (
            "a value it needs was missing"
            if any((missing[name] & raised).any() for name in absent)
            else "it could not be evaluated, since it compares unlike kinds or divides by zero"
        )
        return f"; on {int(raised.sum()):,} bars {reason}"
    # A condition that guards against None does not raise, and holds as little.
    said = [f"{name} was missing on {int(missing[name].sum()):,} bars" for name in absent]
    return f"; {', '.join(said)}" if said else ""


def _tell_texts(view: Evaluator, tree: Node) -> str:
    # Of a text that a column is compared with, and cannot have, which ones it can have.
    for name, text in _compared_texts(tree):
        can_be = view.declared.can_be.get(split_previous(name)[1])
        if can_be is None or text in can_be:
            continue
        meant = did_you_mean(text, can_be)
        listed = ", ".join(map(quoted, can_be[:_MOST_TEXTS]))
        more = len(can_be) - _MOST_TEXTS
        others = f" and {more:,} more" if more > 0 else ""
        asked = "" if meant is None else f"{meant} "
        return f"{name} is never {quoted(text)}: {asked}it is one of {listed}{others}"
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


def nearest_miss(view: Evaluator, tree: Node, among: NDArray[np.bool_]) -> Miss | None:
    """Return where, and by how much, `tree` missed by least; None where no number says so."""
    match tree:
        case And(left, right):
            # Each half counts where the other one held: what was missing there was it alone.
            misses = [
                nearest_miss(view, left, among & view.met(right)),
                nearest_miss(view, right, among & view.met(left)),
            ]
        case Or(left, right):
            misses = [nearest_miss(view, left, among), nearest_miss(view, right, among)]
        case On(interval, And() | Or() | Unary("not") | Compare() as inner):
            return nearest_miss(view, _side_by_side(interval, inner), among)
        case Unary(op="not", operand=On(interval, Compare() as inner)):
            return nearest_miss(view, Unary("not", _side_by_side(interval, inner)), among)
        case Unary(op="not", operand=Compare(op=op, left=left, right=right)) if op in _OPPOSITE:
            return nearest_miss(view, Compare(_OPPOSITE[op], left, right), among)
        case Compare(op=op) if op in _NEEDED:
            return _nearest_comparison(view, tree, among)
        case _:
            return None
    known = [miss for miss in misses if miss is not None]
    return min(known, key=lambda miss: miss.relative) if known else None


def _side_by_side(interval: Interval, node: Node) -> Node:
    """Return ``on`` of a condition as a condition of ``on``: each side as its slower bar has it."""
    match node:
        case And(left, right):
            return And(_side_by_side(interval, left), _side_by_side(interval, right))
        case Or(left, right):
            return Or(_side_by_side(interval, left), _side_by_side(interval, right))
        case Unary("not", operand):
            return Unary("not", _side_by_side(interval, operand))
        case Compare(op, left, right):
            return Compare(op, _side_by_side(interval, left), _side_by_side(interval, right))
        case Const() | TextConst():
            return node
    return On(interval, node)


def _nearest_comparison(view: Evaluator, tree: Compare, among: NDArray[np.bool_]) -> Miss | None:
    left, right = _numbers(view, tree.left), _numbers(view, tree.right)
    gap = left - right if tree.op in ("<", "<=") else right - left
    gap = np.abs(gap) if tree.op == "==" else gap
    gap = np.where(among & ~view.met(tree) & np.isfinite(gap), gap, np.inf)
    if not np.isfinite(gap).any():
        return None
    row = int(gap.argmin())
    first, second = float(left[row]), float(right[row])
    if isinstance(tree.left, Const):
        # "5000 < close" asks something of close, not of 5000.
        return Miss(row, _MIRRORED[tree.op], second, first)
    return Miss(row, tree.op, first, second)


def _numbers(view: Evaluator, tree: Node) -> NDArray[np.float64]:
    value = view.evaluate(tree)
    data = np.broadcast_to(np.asarray(value.data, np.float64), len(view.rows))
    unusable = view.spread(value.failed) | view.spread(value.none) | value.is_text
    return np.asarray(np.where(unusable, np.nan, data))
