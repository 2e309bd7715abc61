"""What a condition is worth at one bar, as Python itself says, with every number a float.

SEMANTICS 2.2 makes Python's own evaluation the yardstick. This walks Python's own syntax tree and
does at each node what Python does there; nothing is handed to Python to execute. Whole-array and
compiled evaluation are held against it, and it against Python.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from btkit.errors import UsageError

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


@dataclass(frozen=True)
class AsOfCall:
    """2.10, 2.11: A call of `on` or of `of`.

    Parameters
    ----------
    name
        Which.
    where
        The slower interval, such as ``"1w"``, or the symbol of another instrument.
    text
        What is evaluated on those bars.
    """

    name: str
    where: str
    text: str

    @property
    def key(self) -> str:
        """What its value at a bar is called in a scope."""
        return f"{self.name}({self.where}, {self.text})"


@dataclass(frozen=True)
class TimeCall:
    """2.9: A call over time.

    Parameters
    ----------
    name
        Such as ``"mean"``.
    texts
        The expressions that it looks back at.
    bars
        n; 0 for one that takes none.
    """

    name: str
    texts: tuple[str, ...]
    bars: int

    @property
    def key(self) -> str:
        """What its value at a bar is called in a scope."""
        counted = (str(self.bars),) if self.bars else ()
        return f"{self.name}({', '.join((*self.texts, *counted))})"


@dataclass(frozen=True)
class Raised:
    """What stands in a scope for a value whose evaluation raised."""

    message: str


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
    """Return every name that an expression reads at its own bars, functions aside.

    Examples
    --------
    >>> sorted(names_in("max(open, close) > sma_20"))
    ['close', 'open', 'sma_20']
    """
    found = {node.id for node in _at_own_bars(_parsed(text)) if isinstance(node, ast.Name)}
    return found - set(FUNCTIONS) - {*_AS_OF, *_OPERANDS}


def calls_as_of(text: str) -> set[AsOfCall]:
    """Return every call of `on` and `of` in an expression.

    Examples
    --------
    >>> [call.key for call in calls_as_of("close > on('1w', sma_10 * 2)")]
    ['on(1w, sma_10 * 2)']
    """
    return {_call(node) for node in _at_own_bars(_parsed(text)) if _is_as_of(node)}


def calls_over_time(text: str) -> list[TimeCall]:
    """Return the outermost calls over time in an expression, at its own bars, each once.

    Examples
    --------
    >>> [call.key for call in calls_over_time("close > mean(lag(open, 1), 20)")]
    ['mean(lag(open, 1), 20)']
    """
    nodes = _outermost(_parsed(text))
    return list(dict.fromkeys(_time_call(node) for node in nodes))


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
    return _built(text)(scope)


def plain_column(values: list[float], *, boolean: bool) -> list[float | bool | str | None]:
    """Return a column as Python sees it: None for NaN and infinities, truth values as bools."""
    return [
        None if not math.isfinite(value) else bool(value) if boolean else float(value)
        for value in values
    ]


def declared_column(
    bars: Mapping[str, Sequence[object]], name: str
) -> list[float | bool | str | None] | None:
    """2.14: Return a declared column as Python sees it; None for a name that is none.

    Parameters
    ----------
    bars
        The values of each declared column: numbers, truth values or texts.
    name
        As an expression writes it, ``prev_`` before it for each bar before.
    """
    base, before = name, 0
    while base not in bars and base.startswith("prev_"):
        base, before = base.removeprefix("prev_"), before + 1
    if base not in bars:
        return None
    plain = [_plain(value) for value in bars[base]]
    return ([None] * before + plain)[: len(plain)]


def _plain(value: object) -> float | bool | str | None:
    if isinstance(value, bool | str):
        return value
    return float(value) if isinstance(value, float) and math.isfinite(value) else None


def arithmetic(name: str, left: object, right: object) -> float:
    """Return what a binary operator, named as in `ast`, makes of two numbers, as a float."""
    result = _OPERATORS[name](number(left), number(right))
    if isinstance(result, complex):
        raise ValueError("complex")  # noqa: TRY004 - the type is right in Python, the value is not
    return float(result)


def signed(name: str, value: object) -> float:
    """Return ``-value`` for ``USub`` and ``+value`` for ``UAdd``, as a float."""
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

Scope = Mapping[str, object]
Value = Callable[[Scope], Any]

_AS_OF = frozenset({"on", "of"})
_WITH_DIGITS = 2  # arguments of round
# 2.9: how many expressions each call over time looks back at; the others are its n.
_OPERANDS = {
    **dict.fromkeys(("lag", "change", "highest", "lowest", "mean", "std", "total"), 1),
    **dict.fromkeys(("percentile", "count", "bars_since"), 1),
    **dict.fromkeys(("crossed_above", "crossed_below"), 2),
}
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Is": operator.is_,
    "IsNot": operator.is_not,
    "In": lambda left, right: left in right,
    "NotIn": lambda left, right: left not in right,
}


@lru_cache(maxsize=4096)
def _built(text: str) -> Value:
    return _value(_parsed(text).body)


def _value(node: ast.expr) -> Value:  # noqa: C901, PLR0911 - one case a kind of node
    match node:
        case ast.Constant(value=value):
            constant = float(value) if type(value) is int else value
            return lambda _: constant
        case ast.Name(id=name):
            return lambda scope: _read(scope, name)
        case ast.BoolOp(op=op, values=values):
            return _short_circuit(isinstance(op, ast.Or), [_value(each) for each in values])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _value(operand)
            return lambda scope: not inner(scope)
        case ast.UnaryOp(op=op, operand=operand):
            inner, sign = _value(operand), type(op).__name__
            return lambda scope: signed(sign, inner(scope))
        case ast.BinOp(left=left, op=op, right=right):
            first, second, kind = _value(left), _value(right), type(op).__name__
            return lambda scope: arithmetic(kind, first(scope), second(scope))
        case ast.Compare():
            return _chain(node)
        case ast.IfExp(test=test, body=body, orelse=other):
            condition, then, otherwise = _value(test), _value(body), _value(other)
            return lambda scope: then(scope) if condition(scope) else otherwise(scope)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            members = [_value(each) for each in parts]
            made = tuple if isinstance(node, ast.Tuple) else list
            return lambda scope: made(member(scope) for member in members)
        case ast.Call() if _is_as_of(node):
            key = _call(node).key
            return lambda scope: _read(scope, key)
        case ast.Call() if _is_over_time(node):
            name = _time_call(node).key
            return lambda scope: _read(scope, name)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return _called(name, arguments)
    raise UsageError(
        f"The plain simulation reads no {type(node).__name__} in an expression.",
        hint="Take an expression that load_spec lets through.",
    )


def _read(scope: Scope, name: str) -> object:
    if name not in scope:
        raise NameError(name)
    value = scope[name]
    if isinstance(value, Raised):
        raise ValueError(value.message)  # noqa: TRY004 - whatever it was, it raises here, too
    return value


def _short_circuit(wanted: bool, parts: list[Value]) -> Value:  # noqa: FBT001 - what ends it
    def found(scope: Scope) -> object:
        value: object = None
        for part in parts:
            value = part(scope)
            if bool(value) is wanted:
                break
        return value

    return found


def _chain(node: ast.Compare) -> Value:
    first = _value(node.left)
    others = [
        (_COMPARISONS[type(op).__name__], _value(right))
        for op, right in zip(node.ops, node.comparators, strict=True)
    ]

    def found(scope: Scope) -> object:
        left, held = first(scope), True
        for compare, right in others:
            value = right(scope)
            held = compare(left, value)
            if not held:
                break
            left = value
        return held

    return found


def _called(name: str, arguments: list[ast.expr]) -> Value:
    function, values = FUNCTIONS[name], [_value(each) for each in arguments]
    if name == "round" and len(arguments) == _WITH_DIGITS:
        # round(x, 2.0) is an error in Python: digits that are written out stay whole.
        digits = _written_whole(arguments[1])
        if digits is not None:
            values[1] = lambda _: digits
    return lambda scope: function(*(value(scope) for value in values))


def _written_whole(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=int(value)) if type(value) is int:
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return -value if type(value) is int else None
        case ast.UnaryOp(op=ast.UAdd(), operand=ast.Constant(value=int(value))):
            return value if type(value) is int else None
    return None


def _parsed(text: str) -> ast.Expression:
    return ast.parse(text.strip(), mode="eval")


def _is_as_of(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _AS_OF


def _call(node: ast.AST) -> AsOfCall:
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    where, operand = node.args
    assert isinstance(where, ast.Constant)
    return AsOfCall(node.func.id, str(where.value).strip(), ast.unparse(operand))


def _at_own_bars(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if not _is_as_of(node):
        for child in ast.iter_child_nodes(node):
            yield from _at_own_bars(child)


def _is_over_time(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _OPERANDS
        and not node.keywords
    )


def _time_call(node: ast.AST) -> TimeCall:
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    count = _OPERANDS[node.func.id]
    bars = [_whole(argument) for argument in node.args[count:]]
    texts = tuple(ast.unparse(argument) for argument in node.args[:count])
    return TimeCall(node.func.id, texts, *(bars or [0]))


def _whole(node: ast.expr) -> int:
    # A parameter is filled in as a float.
    value = ast.literal_eval(node)
    assert isinstance(value, int | float)
    return int(value)


def _outermost(node: ast.AST) -> Iterator[ast.AST]:
    if _is_over_time(node):
        yield node
    elif not _is_as_of(node):
        for child in ast.iter_child_nodes(node):
            yield from _outermost(child)
