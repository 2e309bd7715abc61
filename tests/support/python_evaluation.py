"""Python's own evaluation with every number a float: the yardstick of SEMANTICS 2.2."""

import ast
import warnings
from functools import lru_cache

from btkit.crosscheck.evaluation import FUNCTIONS, arithmetic, signed

_SCOPE = {"__builtins__": {}, "_arithmetic": arithmetic, "_signed": signed, **FUNCTIONS}


def python_value(text, scope):
    """Return what Python makes of an expression."""
    return eval(_compiled(text), _SCOPE, scope)  # noqa: S307 - tests alone, on texts of their own


class _EveryNumberAFloat(ast.NodeTransformer):
    # Integer literals and arithmetic are rewritten, so that no int arises anywhere. An integer
    # literal as the second argument of round stays: round(x, 2.0) is an error in Python.

    def visit_Constant(self, node):
        return ast.Constant(float(node.value)) if type(node.value) is int else node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        return _call("_arithmetic", type(node.op).__name__, node.left, node.right)

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Not):
            return node
        return _call("_signed", type(node.op).__name__, node.operand)

    def visit_Call(self, node):
        keep = _is_round_to_literal(node)
        first, rest = node.args[:1], node.args[1:]
        node.args = [self.visit(argument) for argument in first]
        node.args += rest if keep else [self.visit(argument) for argument in rest]
        return node


def _call(function, name, *arguments):
    return ast.Call(ast.Name(function, ast.Load()), [ast.Constant(name), *arguments], [])


def _is_round_to_literal(node):
    if not (isinstance(node.func, ast.Name) and node.func.id == "round" and len(node.args) == 2):
        return False
    digits = node.args[1]
    if isinstance(digits, ast.UnaryOp) and isinstance(digits.op, ast.USub | ast.UAdd):
        digits = digits.operand
    return isinstance(digits, ast.Constant) and type(digits.value) is int


@lru_cache(maxsize=4096)
def _compiled(text):
    tree = _EveryNumberAFloat().visit(ast.parse(text.strip(), mode="eval"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # `1.0 is True` is legal, if odd
        return compile(ast.fix_missing_locations(tree), text, "eval")
