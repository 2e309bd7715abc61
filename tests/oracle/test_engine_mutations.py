"""The engine's loop, broken on purpose: the plain simulation must report every break.

`test_rules.py` breaks every rule; here are those of the engine that are its own, such as the bars
that it passes over. What is changed is found in the syntax tree by what it does and reads, exactly
once, so that neither formatting nor moving a function from one module to another breaks a test.
Python runs the broken loop, where numba would compile it.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from oracle.battery import share_cases

from btkit.crosscheck.check import compare
from btkit.engine import loop


def tree_of(name):
    return ast.parse(Path(str(importlib.util.find_spec(name).origin)).read_bytes())


def made_of(name):
    """Return the modules with compiled functions that a module is made of, itself the last."""
    tree, found = tree_of(name), []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("btkit.engine."):
            found += made_of(node.module)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if any(node.decorator_list for node in functions):
        found.append(name)
    return list(dict.fromkeys(found))


MODULES = made_of("btkit.engine.loop")


def reads(node, *names):
    """Return whether something reads all of these names or attributes."""
    found = {getattr(part, "id", getattr(part, "attr", None)) for part in ast.walk(node)}
    return found >= set(names)


def is_named(node, name):
    return getattr(node, "id", getattr(node, "attr", None)) == name


# What is looked for


def compares(operator, *names):
    return lambda node: (
        isinstance(node, ast.Compare) and type(node.ops[0]) is operator and reads(node, *names)
    )


def joins(operator, *names):
    return lambda node: (
        isinstance(node, ast.BoolOp) and type(node.op) is operator and reads(node, *names)
    )


def adds(operator, *, left=None, right=None):
    """Find the arithmetic of which one side is just this name."""
    return lambda node: (
        isinstance(node, ast.BinOp)
        and type(node.op) is operator
        and (left is None or is_named(node.left, left))
        and (right is None or is_named(node.right, right))
    )


def calls(function, *names):
    return lambda node: (
        isinstance(node, ast.Call) and is_named(node.func, function) and reads(node, *names)
    )


def breaks_off(node):
    """Find the lone test of a loop whether something is at or below 0."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.body[0], ast.Break)
        and isinstance(node.test, ast.Compare)
        and type(node.test.ops[0]) is ast.LtE
    )


def fills_the_rest(node):
    """Find the curve from a bar to its end."""
    return (
        isinstance(node, ast.Subscript)
        and is_named(node.value, "equity")
        and isinstance(node.slice, ast.Slice)
        and node.slice.upper is None
    )


# What it becomes


def with_operator(operator):
    return lambda node: ast.Compare(node.left, [operator()], node.comparators)


def against(value):
    return lambda node: ast.Compare(node.left, node.ops, [ast.Constant(value)])


def without(*names):
    def change(node):
        kept = [part for part in node.values if not reads(part, *names)]
        assert len(kept) == len(node.values) - 1
        return kept[0] if len(kept) == 1 else ast.BoolOp(node.op, kept)

    return change


def always(value):
    return lambda _: ast.Constant(value)


def one_more(node):
    return ast.BinOp(node, ast.Add(), ast.Constant(1))


def only_left(node):
    return node.left


def only_right(node):
    return node.right


def first_argument(node):
    return node.args[0]


def both_at_once(node):
    """Make `failed or not true` what only a condition that is neither is."""
    failed, untrue = node.values
    return ast.BoolOp(ast.And(), [ast.UnaryOp(ast.Not(), failed), untrue])


def for_both_gates(node):
    one, _, *others = node.args
    return ast.Call(node.func, [one, one, *others], [])


def never_taken(node):
    return ast.If(ast.Constant(False), node.body, node.orelse)


def first_of(node):
    start = node.slice.lower
    return ast.Subscript(node.value, ast.Slice(start, one_more(start)), node.ctx)


BREAKS = {
    "max_holding one bar late": (compares(ast.GtE, "max_holding"), with_operator(ast.Gt)),
    "room for one lot too many": (compares(ast.Lt, "max_positions"), with_operator(ast.LtE)),
    "filters gate every exit": (joins(ast.Or, "filter_all"), without("filter_all")),
    "filters gate no exit": (joins(ast.Or, "filter_all"), always(True)),
    "a failed condition holds": (joins(ast.Or, "is_true", "_FAILED"), both_at_once),
    "the share of cash is forgotten": (adds(ast.Mult, left="share"), only_right),
    "the cut ignores the order's fee": (adds(ast.Sub, right="per_order"), only_left),
    "the cut ignores the rate": (adds(ast.Add, right="rate"), only_left),
    "the cut ignores the share's fee": (adds(ast.Add, right="per_share"), only_left),
    "the last entry fills": (compares(ast.Lt, "final"), always(True)),
    "the curve is not flat after ruin": (fills_the_rest, first_of),
    "quiet bars hide the last": (calls("min", "last", "final"), first_argument),
    "quiet bars hide max_holding": (adds(ast.Add, right="max_holding"), one_more),
    "quiet bars hide room for another lot": (compares(ast.GtE, "fullest"), against(1)),
    "quiet bars hide stops": (calls("closed_run", "other"), for_both_gates),
    "quiet bars hide ruin": (breaks_off, never_taken),
}


class Breaker(ast.NodeTransformer):
    """Takes compilers off functions, and changes what is looked for."""

    def __init__(self, found, change):
        self.found, self.change, self.places = found, change, 0

    def visit_FunctionDef(self, node):
        node.decorator_list = []
        return self.generic_visit(node)

    def visit(self, node):
        if self.found(node):
            self.places += 1
            return self.change(node)
        return super().visit(node)


def run_bars_of(found, change, monkeypatch):
    """Return the loop with a change made, and at how many places it was made."""
    breaker = Breaker(found, change)
    for name in MODULES:
        tree = ast.fix_missing_locations(breaker.visit(tree_of(name)))
        module = ModuleType(name)
        # Those that come later import from this one.
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(tree, name, "exec"), module.__dict__)  # noqa: S102 - our own source, with one rule broken
    return module.run_bars, breaker.places


def put_in_place(broken, patch):
    """Let everyone who runs the loop run a broken one: by its name, or out of a table."""
    for module in [module for name, module in sys.modules.items() if name.startswith("btkit.")]:
        for name, value in list(vars(module).items()):
            if value is loop.run_bars:
                patch.setattr(module, name, broken)
            for key, row in value.items() if isinstance(value, dict) else ():
                if isinstance(row, tuple) and any(part is loop.run_bars for part in row):
                    parts = (broken if part is loop.run_bars else part for part in row)
                    patch.setitem(value, key, tuple(parts))


def noticed(found, change, monkeypatch):
    """Return whether any case comes out differently, and at how many places something changed."""
    cases = share_cases()
    plain = [case.plain() for case in cases]
    with monkeypatch.context() as patch:
        broken, places = run_bars_of(found, change, patch)
        put_in_place(broken, patch)
        with np.errstate(all="ignore"):  # plain numpy scalars warn where compiled code does not
            return places, any(
                compare(case.again(), run, case.times)
                for case, run in zip(cases, plain, strict=True)
            )


def test_python_runs_the_loop_as_numba_does(monkeypatch):
    assert noticed(lambda _: False, None, monkeypatch) == (0, False)


@pytest.mark.parametrize("broken", BREAKS)
def test_a_broken_engine_is_noticed(broken, monkeypatch):
    found, change = BREAKS[broken]
    assert noticed(found, change, monkeypatch) == (1, True)
