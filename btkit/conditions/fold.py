"""Build nodes; what is constant is worked out at once, in Python itself, as floats."""

from __future__ import annotations

import operator
from collections.abc import Callable

from btkit.conditions.nodes import (
    FALSE,
    NONE,
    TRUE,
    And,
    AsOf,
    Binary,
    Compare,
    Const,
    If,
    Node,
    Or,
    Raises,
    RoundTo,
    Strict,
    Unary,
    boolean,
    number,
)

ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
ORDERING: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# 10**22 is the largest power of ten that a double holds exactly, on which exact rounding rests.
ROUND_DIGITS = 22


class FoldError(ValueError):
    """A constant sub-expression raises whenever it is evaluated.

    Parameters
    ----------
    message
        What fails.
    hint
        What to write instead.
    """

    def __init__(
        self, message: str, hint: str = "write what can hold, such as close > sma_50, or remove it"
    ) -> None:
        super().__init__(message)
        self.hint = hint


def unary(op: str, operand: Node) -> Node:
    """Return `op` applied to `operand`; see `Unary` for the operations."""
    if not isinstance(operand, Const):
        return Unary(op, operand)
    value = operand.value
    if op == "not":
        return boolean(not value)
    if op == "bool":
        return boolean(value)
    if value is None:
        raise FoldError(f"{_WORDS[op]} None always fails")
    try:
        return number(_UNARY[op](float(value)))
    except (ValueError, OverflowError) as error:
        raise FoldError(f"{_WORDS[op]} {value} always fails: {error}") from error


def binary(op: str, left: Node, right: Node) -> Node:
    """Return the arithmetic of two nodes, or the min or max of two."""
    if not (isinstance(left, Const) and isinstance(right, Const)):
        return Binary(op, left, right)
    first, second = left.value, right.value
    if first is None or second is None:
        raise FoldError(f"'{op}' with None always fails")
    if op in ("min", "max"):
        return right if (second < first if op == "min" else second > first) else left
    try:
        result = ARITHMETIC[op](float(first), float(second))
    except ZeroDivisionError as error:
        raise FoldError("this constant always fails: it divides by zero") from error
    except OverflowError as error:
        raise FoldError("this constant always fails: it is larger than any float") from error
    if isinstance(result, complex):
        raise FoldError("this constant is a complex number")
    return number(result)


def compare(op: str, left: Node, right: Node) -> Node:
    """Return a comparison of two scalars; `op` may also be ``is``."""
    if not (isinstance(left, Const) and isinstance(right, Const)):
        return Compare(op, left, right)
    first, second = left.value, right.value
    if op == "is":
        return boolean(left.kind == right.kind != "float" and first == second)
    if op == "==":
        return boolean(first == second)
    if first is None or second is None:
        raise FoldError(f"'{op}' with None always fails")
    return boolean(ORDERING[op](first, second))


def round_to(operand: Node, digits: int) -> Node:
    """Return ``round(operand, digits)``."""
    if not isinstance(operand, Const):
        return RoundTo(operand, digits)
    if operand.value is None:
        raise FoldError("round() of None always fails")
    return number(round(operand.number, digits))


def both(left: Node, right: Node) -> Node:
    """Return Python's ``left and right``."""
    if isinstance(left, Const):
        return right if left.value else left
    return And(left, right)


def either(left: Node, right: Node) -> Node:
    """Return Python's ``left or right``."""
    if isinstance(left, Const):
        return left if left.value else right
    return Or(left, right)


def choose(test: Node, then: Node, other: Node) -> Node:
    """Return ``then if test else other``."""
    if isinstance(test, Const):
        return then if test.value else other
    return If(test, then, other)


def strict(effects: tuple[Node, ...], result: Node) -> Node:
    """Return `result` with the failures of `effects`."""
    needed = tuple(dict.fromkeys(node for node in effects if _can_raise(node)))
    return Strict(needed, result) if needed else result


def failing(effects: tuple[Node, ...], reason: str) -> Node:
    """Return a node that fails at every bar; refused where nothing in it varies."""
    if all(isinstance(node, Const) for node in effects):
        raise FoldError(reason)
    return Raises()


def _can_raise(node: Node) -> bool:
    match node:
        case Unary(op="not" | "bool") | Compare(op="==" | "is") | And() | Or() | If() | AsOf():
            return any(_can_raise(child) for child in node.children())
        case Unary() | Binary() | Compare() | RoundTo() | Strict() | Raises():
            return True
        case _:
            return False


_UNARY: dict[str, Callable[[float], float]] = {
    "neg": operator.neg,
    "pos": operator.pos,
    "abs": abs,
    "int": int,
    "float": float,
    "round": round,
}
_WORDS = {
    "neg": "minus",
    "pos": "plus",
    "abs": "abs() of",
    "int": "int() of",
    "float": "float() of",
    "round": "round() of",
}
__all__ = [
    "ARITHMETIC",
    "FALSE",
    "NONE",
    "ORDERING",
    "ROUND_DIGITS",
    "TRUE",
    "FoldError",
    "binary",
    "both",
    "choose",
    "compare",
    "either",
    "failing",
    "round_to",
    "strict",
    "unary",
]
