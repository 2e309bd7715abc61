"""Text, tuples and lists inside a condition, worked out while the expression is read.

Their shape is known from the expression alone: nothing in the namespace is a tuple, and only a
declared column may be a text, so each comparison, membership test, ``len``, ``min`` and ``max`` of
them becomes a tree of scalars. A conditional expression with such a branch is a `Choice`, and
whatever consumes it is applied to both branches. Evaluating an item may raise even where its value
is not wanted; `effects` keeps that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from btkit.conditions.fold import (
    FALSE,
    TRUE,
    FoldError,
    binary,
    both,
    choose,
    compare,
    either,
    failing,
    strict,
    unary,
)
from btkit.conditions.nodes import Node, TextConst, Unary, boolean, number

# Choices between tuples multiply where they are compared; no honest condition comes near.
MAX_NODES = 20_000
MAX_COMPARED = 50

T = TypeVar("T")
Form: TypeAlias = "Node | Text | Sequence | Choice"


@dataclass(frozen=True)
class Text:
    """A string constant."""

    text: str


@dataclass(frozen=True)
class Sequence:
    """A tuple or a list; Python never holds the two equal."""

    kind: str
    items: tuple[Form, ...]


@dataclass(frozen=True)
class Choice:
    """A conditional expression with at least one branch that is no scalar."""

    test: Node
    then: Form
    other: Form


def choice(test: Node, then: Form, other: Form) -> Form:
    """Return ``then if test else other`` for any forms."""
    if isinstance(then, Node) and isinstance(other, Node) and not _splits(test, then, other):
        return choose(test, then, other)
    if test in (TRUE, FALSE):
        return then if test is TRUE else other
    if test.size > MAX_NODES:
        raise FoldError("the expression is too complex", "split it up")
    return Choice(test, then, other)


def _splits(*nodes: Node) -> bool:
    # No node that may be a text reads the position: each consumer is applied to the branches.
    return any(node.may_be_text for node in nodes) and any(node.reads_position for node in nodes)


def effects(form: Form) -> tuple[Node, ...]:
    """Return the nodes whose evaluation building `form` needs."""
    if isinstance(form, Node):
        return (form,)
    if isinstance(form, Sequence):
        return tuple(node for item in form.items for node in effects(item))
    if isinstance(form, Choice):
        branches = choose(
            form.test, strict(effects(form.then), TRUE), strict(effects(form.other), TRUE)
        )
        return (branches,)
    return ()


def distribute(form: Form, consume: Callable[[Form], Form]) -> Form:
    """Apply `consume` to each branch that `form` can turn out to be."""
    if isinstance(form, Choice):
        return choice(form.test, distribute(form.then, consume), distribute(form.other, consume))
    return consume(form)


def branches(form: Form) -> Iterator[Form]:
    """Yield each branch that `form` can turn out to be."""
    if isinstance(form, Choice):
        yield from branches(form.then)
        yield from branches(form.other)
    else:
        yield form


def scalar(form: Form, consume: Callable[[Form], Node]) -> Node:
    """`distribute` for a consumer whose results are scalars."""
    if isinstance(form, Choice):
        return choose(form.test, scalar(form.then, consume), scalar(form.other, consume))
    return consume(form)


def truth(form: Form) -> Node:
    """Return a scalar with the truth value of `form`."""

    def of(form: Form) -> Node:
        if isinstance(form, Text):
            return boolean(form.text)
        if isinstance(form, Sequence):
            return strict(effects(form), boolean(form.items))
        assert isinstance(form, Node)
        return form

    return scalar(form, of)


def logical_and(left: Form, right: Form) -> Form:
    """Return Python's ``left and right``."""
    if isinstance(left, Node) and isinstance(right, Node) and not _splits(left, right):
        return both(left, right)
    return choice(truth(left), right, left)


def logical_or(left: Form, right: Form) -> Form:
    """Return Python's ``left or right``."""
    if isinstance(left, Node) and isinstance(right, Node) and not _splits(left, right):
        return either(left, right)
    return choice(truth(left), left, right)


def equal(left: Form, right: Form) -> Node:
    """Return ``left == right`` as a bool."""

    def pair(left: Form, right: Form) -> Node:
        sides = _beside_text(left, right)
        if sides is not None:
            return compare("==", *sides)
        if isinstance(left, Text) and isinstance(right, Text):
            return boolean(left.text == right.text)
        result: Node = FALSE
        if isinstance(left, Sequence) and isinstance(right, Sequence) and _alike(left, right):
            pairs = zip(left.items, right.items, strict=True)
            result = joined(both, [TRUE, *(equal(first, second) for first, second in pairs)])
        return strict((*effects(left), *effects(right)), result)

    return scalar(left, lambda first: scalar(right, lambda second: pair(first, second)))


def ordered(op: str, left: Form, right: Form) -> Node:
    """Return ``left < right`` and its kin as a bool; forms of different kinds raise."""

    def pair(left: Form, right: Form) -> Node:
        sides = _beside_text(left, right)
        if sides is not None:
            return compare(op, *sides)
        if isinstance(left, Text) and isinstance(right, Text):
            return boolean(_ORDER[op](left.text, right.text))
        if isinstance(left, Sequence) and isinstance(right, Sequence) and left.kind == right.kind:
            result = _lexicographic(op, left.items, right.items)
            return strict((*effects(left), *effects(right)), result)
        return failing(
            (*effects(left), *effects(right)), f"'{op}' between different kinds always fails"
        )

    return scalar(left, lambda first: scalar(right, lambda second: pair(first, second)))


def member(item: Form, container: Form) -> Node:
    """Return ``item in container`` as a bool."""

    def of(container: Form) -> Node:
        if isinstance(container, Sequence):
            found = joined(either, [FALSE, *(equal(item, other) for other in container.items)])
            return strict((*effects(item), *effects(container)), found)
        if isinstance(container, Text) or (isinstance(container, Node) and container.may_be_text):
            return scalar(item, lambda form: _substring(form, container))
        return failing((*effects(item), *effects(container)), "'in' needs a tuple or a list")

    return scalar(container, of)


def identical(form: Form, constant: Node) -> Node:
    """Return ``form is constant`` for a constant None, True or False."""

    def of(form: Form) -> Node:
        if isinstance(form, Node):
            return compare("is", form, constant)
        return strict(effects(form), FALSE)

    return scalar(form, of)


def length(form: Form) -> Node:
    """Return ``len(form)``."""

    def of(form: Form) -> Node:
        if isinstance(form, Node) and form.may_be_text:
            return Unary("len", form)
        from_constant = _length_constant(form)
        if from_constant is None:
            return failing(effects(form), "len() of a number always fails")
        return strict(effects(form), from_constant)

    return scalar(form, of)


def extreme(op: str, items: tuple[Form, ...]) -> Form:
    """Return ``min(*items)`` or ``max(*items)``: the first of equals, as Python has it."""
    if len(items) > MAX_COMPARED:
        raise FoldError(f"{op}() takes at most {MAX_COMPARED} values", f"nest {op}() in {op}()")
    best = items[0]
    for item in items[1:]:
        if (
            isinstance(best, Node)
            and isinstance(item, Node)
            and not (best.may_be_text or item.may_be_text)
        ):
            best = binary(op, best, item)
        else:
            best = choice(ordered("<" if op == "min" else ">", item, best), item, best)
    return best


def negation(form: Form) -> Node:
    """Return ``not form``."""
    return unary("not", truth(form))


def joined(join: Callable[[T, T], T], values: list[T]) -> T:
    """Join values in order as a balanced tree: ``and`` and ``or`` are associative.

    A long list must not become a deep tree, which everything recursive would fall into.
    """
    while len(values) > 1:
        last = values[-1:] if len(values) % 2 else []
        values = [join(*values[i : i + 2]) for i in range(0, len(values) - 1, 2)] + last
    return values[0]


def _alike(left: Sequence, right: Sequence) -> bool:
    return left.kind == right.kind and len(left.items) == len(right.items)


def _lexicographic(op: str, left: tuple[Form, ...], right: tuple[Form, ...]) -> Node:
    if min(len(left), len(right)) > MAX_COMPARED:
        raise FoldError(
            f"tuples of more than {MAX_COMPARED} items cannot be put in order",
            "compare item by item",
        )
    if not left or not right:
        return boolean(_ORDER[op](len(left), len(right)))
    return choose(
        equal(left[0], right[0]),
        _lexicographic(op, left[1:], right[1:]),
        ordered(op, left[0], right[0]),
    )


def _substring(form: Form, container: Text | Node) -> Node:
    if isinstance(form, Text) and isinstance(container, Text):
        return boolean(form.text in container.text)
    sides = _beside_text(form, container)
    if sides is None or not (isinstance(form, Text) or sides[0].may_be_text):
        return failing(
            (*effects(form), *effects(container)), "'in' a text needs a text on its left"
        )
    return compare("in", *sides)


def _beside_text(left: Form, right: Form) -> tuple[Node, Node] | None:
    """Return two scalars, of which one may be a written text where the other may be one, too."""
    if isinstance(left, Node) and isinstance(right, Node):
        return left, right
    if isinstance(left, Node) and left.may_be_text and isinstance(right, Text):
        return left, TextConst(right.text)
    if isinstance(right, Node) and right.may_be_text and isinstance(left, Text):
        return TextConst(left.text), right
    return None


def _length_constant(form: Form) -> Node | None:
    if isinstance(form, Text):
        return number(len(form.text))
    if isinstance(form, Sequence):
        return number(len(form.items))
    return None


_ORDER: dict[str, Callable[[object, object], bool]] = {
    "<": lambda left, right: left < right,  # type: ignore[operator]  # what cannot be ordered raises
    "<=": lambda left, right: left <= right,  # type: ignore[operator]  # what cannot be ordered raises
    ">": lambda left, right: left > right,  # type: ignore[operator]  # what cannot be ordered raises
    ">=": lambda left, right: left >= right,  # type: ignore[operator]  # what cannot be ordered raises
}
