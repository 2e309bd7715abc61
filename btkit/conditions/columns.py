"""The whole-array part: each distinct sub-expression once, for all bars, with NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.compiled import compiled
from btkit.conditions.machine import Op as MachineOp
from btkit.conditions.machine import Tag, apply_arithmetic, apply_unary
from btkit.conditions.nodes import (
    And,
    AsOf,
    Binary,
    Column,
    Compare,
    Const,
    If,
    Node,
    Or,
    Over,
    Position,
    Raises,
    RoundTo,
    Strict,
    TextConst,
    Unary,
)
from btkit.conditions.over_time import KeptCalls, look_back
from btkit.conditions.texts import NO_COLUMNS, DeclaredColumns, of_each, within
from btkit.conditions.values import Data, Mask, Rows, Value

if TYPE_CHECKING:
    from btkit.markets import Interval

_OPERATIONS: dict[str, Callable[[Data, Data], Data]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
# Where NumPy's own operation can differ from Python's in the last bit, the machine's is used.
_EXACT = {"//": MachineOp.FLOORDIV, "%": MachineOp.MOD, "**": MachineOp.POW}


@dataclass(frozen=True)
class Elsewhere:
    """What is evaluated on other bars: of a slower interval, or of another instrument.

    Parameters
    ----------
    evaluator
        Over those that have closed by the last bar; None where none has.
    last_closed
        int64 (n_bars,): for each bar the last of them that is known when it closes; -1 for none.
    column
        Gives the float64 array of a name as it is known at each bar.
    """

    evaluator: ColumnEvaluator | None
    last_closed: NDArray[np.int64]
    column: Callable[[str], NDArray[np.float64]]


@dataclass
class ColumnEvaluator:
    """Evaluates trees over all bars of one set of features.

    Trees that read the position need arrays of the position's names from `column` as well,
    which exist once a simulation has run.

    Parameters
    ----------
    column
        Gives the float64 array of a name, NaN or infinite where missing.
    is_bool
        Says whether a name's values are truth values.
    let_go
        Called by `forget`: whoever gives the columns need not keep them. Says whether room is
        wanted; of a short run nothing is worked out twice to save it.
    elsewhere
        Gives what evaluates on a slower interval, or on another instrument by its symbol; None
        where no tree asks for either.
    is_text
        Says whether a name's values are texts.
    declared
        The columns that a spec declares, whose texts they are.
    begin, bars
        The first bar that calls over time see, and the number of all; those of a tree without
        such a call nobody asks for.
    whole
        Of an evaluator at some bars alone: what evaluates over all of them, which calls over time
        look back at, and where these bars are among them.
    kept
        Where values of calls over time are kept for whoever asks again.
    """

    column: Callable[[str], NDArray[np.float64]]
    is_bool: Callable[[str], bool]
    let_go: Callable[[], bool] = lambda: True
    elsewhere: Callable[[Interval | str], Elsewhere] | None = None
    is_text: Callable[[str], bool] = lambda _: False
    declared: DeclaredColumns = NO_COLUMNS
    begin: int = 0
    bars: int = 0
    whole: tuple[ColumnEvaluator, Rows] | None = None
    kept: KeptCalls | None = None
    known: dict[Node, Value] = field(default_factory=dict)
    _nested: dict[Interval | str, Elsewhere] = field(default_factory=dict)

    def fresh(self) -> ColumnEvaluator:
        """Return another one over the same columns, which has worked nothing out."""
        return replace(self, known={}, _nested={})

    def evaluate(self, node: Node) -> Value:
        """Return the value of `node` at every bar; each distinct tree is computed once.

        The caller silences NumPy's floating-point warnings: infinities are values here.
        """
        value = self.known.get(node)
        if value is None:
            value = self.known[node] = self._compute(node)
        return value

    def floats(self, node: Column | AsOf | Over) -> NDArray[np.float64]:
        """Return the array of a name or call, or of one as known from other bars.

        NaN or infinite where it is missing.
        """
        if isinstance(node, Column):
            return self.column(node.name)
        if isinstance(node, AsOf) and isinstance(node.operand, Column):
            return self._bars_of(node.where).column(node.operand.name)
        return np.broadcast_to(self.fresh().evaluate(node).floats(), self.bars)

    def forget(self) -> None:
        """Let go of columns and numbers, which of a long run take much room; truth values stay."""
        if self.let_go():
            self._nested.clear()
            if self.whole is not None:
                self.whole[0].forget()
            self.known = {
                tree: value for tree, value in self.known.items() if value.is_bool is True
            }

    def _compute(self, node: Node) -> Value:
        match node:
            case Column(name) | Position(name):
                return self._load(name)
            case Const():
                none = np.bool_(True) if node.kind == "none" else None
                return Value(np.float64(node.number), none, None, node.kind == "bool")  # type: ignore[arg-type]  # 0-d broadcasts
            case TextConst(text):
                return Value(np.float64(self.declared.code(text)), is_text=True)  # type: ignore[arg-type]  # likewise
            case Unary(op, operand):
                return self._unary(op, self.evaluate(operand))
            case RoundTo(operand, digits):
                return _unary("round_to", digits, self.evaluate(operand))
            case Binary(op, left, right):
                return _binary(op, self.evaluate(left), self.evaluate(right))
            case Compare("in", left, right):
                return self._within(left, right)
            case Compare(op, left, right):
                return _compare(op, self.evaluate(left), self.evaluate(right))
            case And(left, right):
                first = self.evaluate(left)
                return _select(first.truth(), self.evaluate(right), first, first.failed)
            case Or(left, right):
                first = self.evaluate(left)
                return _select(first.truth(), first, self.evaluate(right), first.failed)
            case If(test, then, other):
                first = self.evaluate(test)
                return _select(
                    first.truth(), self.evaluate(then), self.evaluate(other), first.failed
                )
            case Strict(effects, result):
                value = self.evaluate(result)
                failed = _any(value.failed, *(self.evaluate(effect).failed for effect in effects))
                return replace(value, failed=failed)
            case AsOf(where, operand):
                return self._as_of(where, operand)
            case Over():
                return self._over(node)
            case Raises():
                return Value(np.float64(0.0), None, np.bool_(True))  # type: ignore[arg-type]  # likewise
        raise AssertionError(node)

    def _unary(self, op: str, operand: Value) -> Value:
        if op not in ("len", "int", "float") or operand.is_text is False:
            return _unary(op, 0, operand)
        data, wrong = of_each(op, operand.data, self.declared)
        of_texts = Value(data, None, _any(operand.failed, operand.none, wrong))
        if operand.is_text is True:
            return of_texts
        others = _unary(op, 0, replace(operand, is_text=False))
        return _select(operand.is_text, of_texts, others, None)

    def _within(self, left: Node, right: Node) -> Value:
        sides = [self.evaluate(left), self.evaluate(right)]
        inside = within(
            *(
                (side.data, node.text if isinstance(node, TextConst) else self.declared)
                for side, node in zip(sides, (left, right), strict=True)
            )
        )
        masks = [
            mask
            for side in sides
            for mask in (side.failed, side.none, _where(np.logical_not(side.is_text)))
        ]
        return Value(inside != 0.0, None, _any(*masks), is_bool=True)

    def _bars_of(self, where: Interval | str) -> Elsewhere:
        if where not in self._nested:
            assert self.elsewhere is not None
            other = self.elsewhere(where)
            if self.kept is not None and other.evaluator is not None:
                evaluator = replace(other.evaluator, kept=self.kept.on(where))
                other = replace(other, evaluator=evaluator)
            self._nested[where] = other
        return self._nested[where]

    def _as_of(self, where: Interval | str, operand: Node) -> Value:
        other = self._bars_of(where)
        if other.evaluator is None:
            return Value(np.float64(0.0), np.bool_(True))  # type: ignore[arg-type]  # likewise
        return other.evaluator.evaluate(operand).as_of(other.last_closed)

    def _over(self, node: Over) -> Value:
        if self.whole is not None:
            evaluator, rows = self.whole
            return evaluator.evaluate(node).at(rows)

        def compute() -> Value:
            operands = [self.evaluate(operand) for operand in node.operands]
            return look_back(node, operands, begin=self.begin, bars=self.bars)

        return compute() if self.kept is None else self.kept.value(node, compute)

    def _load(self, name: str) -> Value:
        data = self.column(name)
        missing = ~np.isfinite(data)
        is_bool, is_text = self.is_bool(name), self.is_text(name)
        if not missing.any():
            return Value(data != 0.0 if is_bool else data, is_bool=is_bool, is_text=is_text)
        # Infinite means missing too; with NaN there, comparisons are false without a mask. A copy
        # of every column would be the most that a long run holds.
        if np.isinf(data).any():
            data = np.where(missing, np.nan, data)
        return Value(data, missing, None, is_bool, is_text)


def _where(kind: bool | NDArray[np.bool_]) -> Mask:  # noqa: FBT001 - a mask of all bars
    return np.asarray(kind) if np.any(kind) else None


def _any(*masks: Mask) -> Mask:
    found: Mask = None
    for mask in masks:
        if mask is not None:
            found = mask if found is None else found | mask
    return found


def _pick(where: NDArray[np.bool_], then: Mask, other: Mask) -> Mask:
    if then is None and other is None:
        return None
    return np.where(where, False if then is None else then, False if other is None else other)


def _select(where: NDArray[np.bool_], then: Value, other: Value, failed: Mask) -> Value:
    return Value(
        np.where(where, then.data, other.data),
        _pick(where, then.none, other.none),
        _any(failed, _pick(where, then.failed, other.failed)),
        _kind(where, then.is_bool, other.is_bool),
        _kind(where, then.is_text, other.is_text),
    )


def _kind(
    where: NDArray[np.bool_],
    then: bool | NDArray[np.bool_],  # noqa: FBT001 - everywhere, nowhere, or by bar
    other: bool | NDArray[np.bool_],  # noqa: FBT001 - likewise
) -> bool | NDArray[np.bool_]:
    if isinstance(then, bool) and then is other:
        return then
    return np.where(where, then, other)


def _numbers(value: Value) -> Data:
    return value.data.astype(np.float64) if value.data.dtype == np.bool_ else value.data


def _unary(op: str, argument: int, operand: Value) -> Value:
    if op in ("not", "bool"):
        truth = operand.truth()
        return Value(truth if op == "bool" else ~truth, None, operand.failed, is_bool=True)
    if op == "unlike":
        data = np.where(operand.is_text, np.nan, _numbers(operand))
        return Value(data, operand.none, operand.failed)
    texts = _where(operand.is_text)
    if op == "number":
        return replace(operand, failed=_any(operand.failed, texts), is_text=False)
    if op == "len":
        return Value(np.float64(0.0), None, np.bool_(True))  # type: ignore[arg-type]  # 0-d broadcasts
    failed = _any(operand.failed, operand.none, texts)
    data = _numbers(operand)
    if op == "neg":
        return Value(-data, None, failed)
    if op == "abs":
        return Value(np.abs(data), None, failed)
    if op in ("pos", "float"):
        return Value(data, None, failed)
    code = {"int": MachineOp.INT, "round": MachineOp.ROUND, "round_to": MachineOp.ROUND_TO}[op]
    flat = np.atleast_1d(data)
    result, wrong = _exact_unary(int(code), argument, np.ascontiguousarray(flat))
    return Value(result.reshape(data.shape), None, _any(failed, wrong.reshape(data.shape)))


def _binary(op: str, left: Value, right: Value) -> Value:
    texts = _any(_where(left.is_text), _where(right.is_text))
    failed = _any(left.failed, right.failed, left.none, right.none, texts)
    first, second = _numbers(left), _numbers(right)
    if op in ("min", "max"):
        later = second < first if op == "min" else second > first
        return _select(later, _without_none(right), _without_none(left), failed)
    if op in _EXACT:
        first, second = np.broadcast_arrays(np.atleast_1d(first), np.atleast_1d(second))
        data, wrong = _exact_binary(
            int(_EXACT[op]), np.ascontiguousarray(first), np.ascontiguousarray(second)
        )
        return Value(data, None, _any(failed, wrong))
    if op == "/":
        zero = second == 0.0
        if np.any(zero):
            failed = _any(failed, zero)
    return Value(_OPERATIONS[op](first, second), None, failed)


def _without_none(value: Value) -> Value:
    # The failure of comparing None is in the caller's mask.
    return Value(value.data, None, None, value.is_bool)


def _compare(op: str, left: Value, right: Value) -> Value:
    failed = _any(left.failed, right.failed)
    if op == "is":
        return Value(_identical(left, right), None, failed, is_bool=True)
    if op == "==":
        same = np.equal(left.data, right.data)
        if left.is_text is not right.is_text:
            same &= np.equal(left.is_text, right.is_text)
        if left.none is not None or right.none is not None:
            nones = [np.False_ if mask is None else mask for mask in (left.none, right.none)]
            same = np.where(nones[0] | nones[1], nones[0] & nones[1], same)
        return Value(same, None, failed, is_bool=True)
    data = _OPERATIONS[op](left.data, right.data)
    unlike = None
    if left.is_text is not right.is_text:
        unlike = _where(np.not_equal(left.is_text, right.is_text))
    return Value(data, None, _any(failed, left.none, right.none, unlike), is_bool=True)


def _identical(left: Value, right: Value) -> NDArray[np.bool_]:
    nones = [np.False_ if value.none is None else value.none for value in (left, right)]
    bools = np.asarray(left.is_bool) & np.asarray(right.is_bool) & ~nones[0] & ~nones[1]
    same: NDArray[np.bool_] = (nones[0] & nones[1]) | (bools & (left.data == right.data))
    return same


@compiled
def _exact_binary(op, left, right):
    result = np.empty(left.size)
    failed = np.zeros(left.size, np.bool_)
    for index in range(left.size):
        value, ok = apply_arithmetic(op, left[index], right[index])
        result[index] = value
        failed[index] = not ok
    return result, failed


@compiled
def _exact_unary(op, argument, operand):
    result = np.empty(operand.size)
    failed = np.zeros(operand.size, np.bool_)
    for index in range(operand.size):
        value, tag = apply_unary(op, argument, operand[index], 1)
        result[index] = value
        failed[index] = tag == 3  # noqa: PLR2004 - Tag.FAILED, which numba wants as a number
    return result, failed


__all__ = ["ColumnEvaluator", "Elsewhere", "Tag", "Value"]
