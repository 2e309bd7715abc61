"""What to write instead of what is refused: the hints that hang on how it was written."""

from __future__ import annotations

import ast
import re

from btkit.conditions.calls import CALLS, LONGEST, PYTHONS, meant
from btkit.indicators import lookup

_BARE_PERIOD = re.compile(r"\bon\(\s*(\d+(?:mo|[mhdw]))\s*,")
# What "sma_{n}" becomes when n is 20.5.
_FRACTION_IN_NAME = re.compile(r"[A-Za-z_]\d*_\d+\.\d")


def earlier(node: ast.expr, arguments: list[ast.expr]) -> str | None:
    """Return the hint for ``close[1]`` and ``close.shift(1)``, which look back elsewhere."""
    if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.value, ast.Name):
        shifts = isinstance(node, ast.Subscript) or node.attr == "shift"
        base, name = node.value.id, f"prev_{node.value.id}"
        if shifts and lookup(name) is not None:
            index = node.slice if isinstance(node, ast.Subscript) else None
            bars = abs(whole_number(arguments[0] if arguments else index) or 1)
            if 1 < bars <= LONGEST:
                return f"lag({base}, {bars}) is its value {bars} bars ago"
            return f"{name} is its value one bar ago"
    return None


def member(node: ast.Call) -> str | None:
    """Return the hint for ``sma(20)``, ``SMA(close, 20)``, ``sma(volume, 20)`` and ``ABS(x)``."""
    last = node.args[-1] if node.args else None
    if isinstance(node.func, ast.Name) and node.func.id.lower() in PYTHONS:
        return f"write {node.func.id.lower()}(...)"
    if not isinstance(node.func, ast.Name) or not isinstance(last, ast.Constant):
        return None
    name = f"{node.func.id.lower()}_{last.value!r}"
    of = node.args[0]
    if lookup(name) is None:
        return None
    if name.startswith("sma_") and isinstance(of, ast.Name) and of.id != "close":
        return f"write mean({of.id}, {last.value!r})"
    return f"write {name}"


def like(node: ast.expr) -> str | None:
    """Return the hint for ``lagg(close, 1)``, ``ON("1w", x)`` and ``close.rolling(20).mean()``."""
    if isinstance(node, ast.Attribute):
        found = meant(node.attr)
        return None if found is None else f"write {CALLS[found].written}"
    found = meant(node.id) if isinstance(node, ast.Name) else None
    if found is None or not isinstance(node, ast.Name):
        return None
    if node.id.lower() == found:
        return f"write {found}(...)"
    return f"did you mean {CALLS[found].written}?"


def syntax_hint(text: str) -> str:
    """Return the hint for a text that is no expression."""
    if _FRACTION_IN_NAME.search(text):
        return "a parameter inside a name must be a whole number"
    if (period := _BARE_PERIOD.search(text)) is not None:
        return f'write the interval as a text: on("{period[1]}", x)'
    if "\n" in text:
        return "put an expression of several lines in parentheses"
    lowered = f" {text.lower()} "
    if "&&" in text or "||" in text or "!" in text.replace("!=", ""):
        return "write and, or, not"
    if " = " in lowered:
        return "compare with =="
    return "see `backtest indicators` for the names and README for the grammar"


def whole_number(node: ast.expr | None) -> int | None:
    """Return a whole number that is written out, with its sign; None for anything else."""
    sign = 1
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign = -sign if isinstance(node.op, ast.USub) else sign
        node = node.operand
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return sign * node.value
    return None
