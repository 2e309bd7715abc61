"""Conditions read once for many sets of parameters.

A sweep fills `{fast}` in a condition thousands of times. Reading each filled text anew would take
longer than simulating it, so the text is read once with a placeholder where a parameter stands,
and the placeholder is replaced in the tree. That gives the same values as reading the filled text
only where nothing constant would have been folded; where it might not, there is no template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from btkit.conditions import (
    NOTHING_DECLARED,
    OVER_TIME,
    fill_parameters,
    parameter_names,
    parse_expression,
)
from btkit.conditions.calls import LONGEST
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
    number,
)
from btkit.indicators import event_name_in, lookup

_BRACED = r"\{\s*[A-Za-z_][A-Za-z0-9_]*\s*\}"
_WORD = re.compile(rf"(?:[A-Za-z0-9_.]|{_BRACED})+")
_WHOLE = re.compile(_BRACED)
# In a text or a comment braces mean something else; an interval and a symbol have none.
_UNSAFE = re.compile(r"['\"#\\]")
_WHERE = re.compile(r"""\bo[nf]\s*\(\s*(['"])[^'"{}#\\]*\1\s*,""")
_LONGEST = 1_500


@dataclass(frozen=True)
class Hole:
    """A place that parameters fill: a number, or a name such as ``sma_{fast}``.

    Parameters
    ----------
    text
        As it stands in the condition.
    parameters
        The parameters in it, sorted.
    is_name
        Whether it becomes a name rather than a number.
    least
        Of a number of bars that a call over time looks back the smallest one; 0 for no such number.
    """

    text: str
    parameters: tuple[str, ...]
    is_name: bool
    least: int = 0

    def fill(self, values: Mapping[str, float]) -> Node | None:
        """Return what stands in the place for one set; None for no column, and no such length."""
        if not self.is_name:
            # As the written number is read: there is no negative zero.
            value = float(values[self.parameters[0]]) + 0.0
            if self.least and not (value.is_integer() and self.least <= value <= LONGEST):
                return None
            return number(value)
        name = fill_parameters(self.text, values)
        known = lookup(name) if name.isidentifier() else None
        of_event = known is None and event_name_in(name) is not None
        return Column(name) if of_event or (known is not None and known.per_bar) else None


@dataclass(frozen=True)
class Template:
    """A condition with places for parameters.

    Parameters
    ----------
    tree
        Has a `Column` with a placeholder's name at each place.
    holes
        What fills a place, by placeholder.
    """

    tree: Node
    holes: Mapping[str, Hole]

    def parts(self, trees: list[Node]) -> Iterator[tuple[Node, dict[str, Hole]]]:
        """Yield each of some parts of the tree with the places in it."""
        for tree in trees:
            names = {node.name for node in tree.walk() if isinstance(node, Column)}
            yield tree, {name: hole for name, hole in self.holes.items() if name in names}


def read_template(
    text: str,
    *,
    sizing: bool,
    constants: Mapping[str, float],
    declared: frozenset[str] = NOTHING_DECLARED,
) -> Template | None:
    """Read a condition once for all sets; None if each filled text has to be read by itself.

    Parameters
    ----------
    text
        The condition, with parameters in braces.
    sizing, constants, declared
        As for `parse_expression`.
    """
    if _UNSAFE.search(_WHERE.sub("on(", text)) or not text.isascii() or len(text) > _LONGEST:
        return None
    holes: dict[str, Hole] = {}

    def place(match: re.Match[str]) -> str:
        word = match.group()
        if "{" not in word:
            return word
        placeholder = f"_place_{len(holes)}"
        is_name = _WHOLE.fullmatch(word) is None
        holes[placeholder] = Hole(word, tuple(sorted(parameter_names(word))), is_name)
        return placeholder

    placed = _WORD.sub(place, text)
    if any(hole.is_name and not _may_be_name(hole.text) for hole in holes.values()):
        return None
    numbers = frozenset(name for name, hole in holes.items() if not hole.is_name)
    tree, problems = parse_expression(
        placed,
        sizing=sizing,
        constants=constants,
        further_names=frozenset(holes),
        events=None,
        declared=declared,
        lengths=numbers,
    )
    if tree is None or problems:
        return None
    for node in tree.walk():
        if isinstance(node, Over) and isinstance(node.length, Column):
            name = node.length.name
            holes[name] = replace(holes[name], least=OVER_TIME[node.call].least)
    return Template(tree, holes) if _folds_nothing(tree, numbers) else None


def fill_tree(  # noqa: C901, PLR0911 - a case per kind of node
    node: Node, filling: Mapping[str, Node]
) -> Node:
    """Return a tree with its placeholders replaced.

    Parameters
    ----------
    node
        A tree, or a part of one.
    filling
        What takes a placeholder's place.
    """
    match node:
        case Column(name):
            return filling.get(name, node)
        case Const() | Position() | Raises() | TextConst():
            return node
        case Unary(op, operand):
            return Unary(op, fill_tree(operand, filling))
        case RoundTo(operand, digits):
            return RoundTo(fill_tree(operand, filling), digits)
        case Binary(op, left, right):
            return Binary(op, fill_tree(left, filling), fill_tree(right, filling))
        case Compare(op, left, right):
            return Compare(op, fill_tree(left, filling), fill_tree(right, filling))
        case And(left, right):
            return And(fill_tree(left, filling), fill_tree(right, filling))
        case Or(left, right):
            return Or(fill_tree(left, filling), fill_tree(right, filling))
        case AsOf(_, operand):
            return replace(node, operand=fill_tree(operand, filling))
        case Over(call, operands, length):
            return Over(
                call,
                tuple(fill_tree(operand, filling) for operand in operands),
                None if length is None else fill_tree(length, filling),
            )
        case If(test, then, other):
            return If(*(fill_tree(child, filling) for child in (test, then, other)))
        case Strict(effects, result):
            return Strict(
                tuple(fill_tree(effect, filling) for effect in effects), fill_tree(result, filling)
            )
    raise AssertionError(node)


def _may_be_name(word: str) -> bool:
    return (word[0].isalpha() or word[0] == "_") and "." not in word


def _folds_nothing(tree: Node, numbers: frozenset[str]) -> bool:
    """Return whether each placed number meets something that varies from bar to bar."""
    if isinstance(tree, Column):
        return tree.name not in numbers
    for node in tree.walk():
        if isinstance(node, Over):
            # Of constants, too, it is another value at the first bars.
            continue
        placed = [isinstance(child, Column) and child.name in numbers for child in node.children()]
        if any(placed):
            fixed = [
                flag or isinstance(child, Const)
                for flag, child in zip(placed, node.children(), strict=True)
            ]
            if not isinstance(node, Binary | Compare) or all(fixed):
                return False
    return True
