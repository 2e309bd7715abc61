"""What a condition is worth at one bar, as Python itself says, with every number a float.

SEMANTICS 2.2 makes Python's own evaluation the yardstick, so this is Python's own evaluation: of
texts that `btkit.spec.load_spec` has let through, which hold no attribute, subscript or foreign
call. Whole-array and compiled evaluation are held against it.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

RAISED = (ArithmeticError, TypeError, ValueError)
"""What an expression may raise at a bar; a NameError is a fault of whoever gave the columns."""

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
    """Return a float or a bool as a float.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    if isinstance(value, float | bool):
        return float(value)
    raise TypeError(f"{value!r} is not a number")


def filled_in(text: str, parameters: Mapping[str, float]) -> str:
    """Return a text with the spec's parameters in place of their braces (SEMANTICS 2.7).

    Examples
    --------
    >>> filled_in("sma_{fast} > {level}", {"fast": 20, "level": 1.5})
    'sma_20 > 1.5'
    """
    for name, value in parameters.items():
        text = text.replace("{" + name + "}", repr(value))
    return text


def names_in(text: str) -> set[str]:
    """Return every name that an expression reads, functions aside.

    Examples
    --------
    >>> sorted(names_in("max(open, close) > sma_20"))
    ['close', 'open', 'sma_20']
    """
    return _names(_parsed(text)) - set(_FUNCTIONS)


def evaluate(text: str, scope: Mapping[str, object]) -> object:
    """Return an expression's value.

    Parameters
    ----------
    text
        An expression of a loaded spec, parameters filled in.
    scope
        The value of each name it reads: a float, a bool, or None where it is missing.

    Raises
    ------
    ArithmeticError, TypeError, ValueError
        Where Python's evaluation does; then a condition is not met.

    Examples
    --------
    >>> evaluate("close > 3 and rank is None", {"close": 4.0, "rank": None})
    True
    """
    return eval(_compiled(text), _FUNCTIONS_AND_HELPERS, scope)  # noqa: S307 - Python is the yardstick, and load_spec let the text through


def plain_column(values: list[float], *, boolean: bool) -> list[float | bool | None]:
    """Return a column as Python sees it: None for NaN and infinities, truth values as bools."""
    return [
        None if not math.isfinite(value) else bool(value) if boolean else float(value)
        for value in values
    ]


def _arithmetic(name: str, left: object, right: object) -> float:
    result = _OPERATORS[name](number(left), number(right))
    if isinstance(result, complex):
        raise ValueError("complex")  # noqa: TRY004 - the type is right in Python, the value is not
    return float(result)


def _signed(name: str, value: object) -> float:
    return -number(value) if name == "USub" else number(value)


def _counting_in_floats(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: object) -> object:
        result = function(*arguments)
        return float(result) if type(result) is int else result

    return call


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": _counting_in_floats(abs),
    "round": _counting_in_floats(round),
    "int": _counting_in_floats(int),
    "len": _counting_in_floats(len),
    "min": min,
    "max": max,
    "float": float,
    "bool": bool,
}
_FUNCTIONS_AND_HELPERS: dict[str, Any] = {
    "__builtins__": {},
    "_arithmetic": _arithmetic,
    "_signed": _signed,
    **_FUNCTIONS,
}


class _EveryNumberAFloat(ast.NodeTransformer):
    # Integer literals and arithmetic are rewritten, so that no int arises anywhere. An integer
    # literal as the second argument of round stays: round(x, 2.0) is an error in Python.

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Constant(float(node.value)) if type(node.value) is int else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        return _call("_arithmetic", type(node.op).__name__, node.left, node.right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not):
            return node
        return _call("_signed", type(node.op).__name__, node.operand)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        keep = _is_round_to_literal(node)
        first, rest = node.args[:1], node.args[1:]
        node.args = [self.visit(argument) for argument in first]
        node.args += rest if keep else [self.visit(argument) for argument in rest]
        return node


def _call(function: str, name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(function, ast.Load()), [ast.Constant(name), *arguments], [])


def _is_round_to_literal(node: ast.Call) -> bool:
    if not (isinstance(node.func, ast.Name) and node.func.id == "round" and len(node.args) == 2):  # noqa: PLR2004 - round(x, digits)
        return False
    digits = node.args[1]
    if isinstance(digits, ast.UnaryOp) and isinstance(digits.op, ast.USub | ast.UAdd):
        digits = digits.operand
    return isinstance(digits, ast.Constant) and type(digits.value) is int


def _parsed(text: str) -> ast.Expression:
    return ast.parse(text.strip(), mode="eval")


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


@lru_cache(maxsize=4096)
def _compiled(text: str) -> CodeType:
    tree = _EveryNumberAFloat().visit(_parsed(text))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # `1.0 is True` is legal, if odd
        return compile(ast.fix_missing_locations(tree), text, "eval")
