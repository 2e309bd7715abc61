"""What a condition is worth at one bar, as Python itself says, with every number a float."""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

Scope = Mapping[str, object]

# What an expression may raise at a bar. A NameError is not among them: it is a fault of the test.
RAISED = (ArithmeticError, TypeError, ValueError)

_OPERATORS: dict[str, Callable[[float, float], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "Pow": operator.pow,
}


def number(value: object) -> float:
    """Return a float or a bool as a float; anything else is no number."""
    if isinstance(value, float | bool):
        return float(value)
    raise TypeError(f"{value!r} is not a number")


def arithmetic(name: str, left: object, right: object) -> float:
    result = _OPERATORS[name](number(left), number(right))
    if isinstance(result, complex):
        raise ValueError("complex")  # noqa: TRY004 - the type is right in Python, the value is not
    return float(result)


def signed(name: str, value: object) -> float:
    return -number(value) if name == "USub" else number(value)


def _counting_in_floats(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: object) -> object:
        result = function(*arguments)
        return float(result) if type(result) is int else result

    return call


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": _counting_in_floats(abs),
    "round": _counting_in_floats(round),
    "int": _counting_in_floats(int),
    "len": _counting_in_floats(len),
    "min": min,
    "max": max,
    "float": float,
    "bool": bool,
}


class EveryNumberAFloat(ast.NodeTransformer):
    """Rewrite integer literals and arithmetic, so that no int arises anywhere.

    An integer literal as the second argument of round stays: round(x, 2.0) is an error in Python.
    """

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Constant(float(node.value)) if type(node.value) is int else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        return _call("arithmetic", type(node.op).__name__, node.left, node.right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not):
            return node
        return _call("signed", type(node.op).__name__, node.operand)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        keep = _is_round_to_literal(node)
        first, rest = node.args[:1], node.args[1:]
        node.args = [self.visit(argument) for argument in first]
        node.args += rest if keep else [self.visit(argument) for argument in rest]
        return node


def _call(function: str, name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(function, ast.Load()), [ast.Constant(name), *arguments], [])


def _is_round_to_literal(node: ast.Call) -> bool:
    if not (isinstance(node.func, ast.Name) and node.func.id == "round" and len(node.args) == 2):
        return False
    digits = node.args[1]
    if isinstance(digits, ast.UnaryOp) and isinstance(digits.op, ast.USub | ast.UAdd):
        digits = digits.operand
    return isinstance(digits, ast.Constant) and type(digits.value) is int


@lru_cache(maxsize=4096)
def compiled(text: str) -> CodeType:
    tree = EveryNumberAFloat().visit(ast.parse(text.strip(), mode="eval"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # `1.0 is True` is legal, if odd
        return compile(ast.fix_missing_locations(tree), text, "eval")


def evaluate(text: str, scope: Scope) -> object:
    """Return the expression's value; names with no value are None in `scope`."""
    inner = {"__builtins__": {}, "arithmetic": arithmetic, "signed": signed, **FUNCTIONS, **scope}
    return eval(compiled(text), inner)  # noqa: S307 - Python is the yardstick, the texts are ours


def names_in(text: str) -> set[str]:
    """Return every name that the expression reads, functions aside."""
    tree = ast.parse(text.strip(), mode="eval")
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return found - set(FUNCTIONS)


def plain_column(values: list[float], *, boolean: bool) -> list[float | bool | None]:
    """Return a feature as Python sees it: None for NaN and infinities, bools as bools."""
    return [
        None if not math.isfinite(value) else bool(value) if boolean else float(value)
        for value in values
    ]
