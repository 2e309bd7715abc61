"""The typed tree that a condition becomes: scalars only, each node a value at a bar.

A value at a bar is None, a float or a bool, or the evaluation raised. Tuples, lists and texts that
are written out are gone by the time these nodes exist (`forms` works them out while the expression
is read), so the loop's machine knows nothing but scalars. Texts of declared columns whole arrays
see to: no node that may be one reads the position.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from btkit.markets import Interval


class Node:
    """A scalar value at every bar; equal trees are equal and hash alike."""

    @cached_property
    def reads_position(self) -> bool:
        """Whether the value depends on the open position, and so on the simulation itself."""
        return any(child.reads_position for child in self.children())

    @cached_property
    def may_be_text(self) -> bool:
        """Whether the value may be a text, which only bars can say."""
        return False

    @cached_property
    def size(self) -> int:
        """The number of nodes in the tree."""
        return 1 + sum(child.size for child in self.children())

    def children(self) -> tuple[Node, ...]:
        """Return the nodes that this one is computed from."""
        return ()

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it."""
        yield self
        for child in self.children():
            yield from child.walk()


@dataclass(frozen=True)
class Const(Node):
    """None, True, False or a number; `kind` keeps True and 1.0 apart, which Python's == does not.

    Parameters
    ----------
    kind
        ``"none"``, ``"bool"`` or ``"float"``.
    number
        The value as a float; 0.0 for None.
    """

    kind: str
    number: float

    @property
    def value(self) -> float | bool | None:
        """The Python value."""
        if self.kind == "none":
            return None
        return bool(self.number) if self.kind == "bool" else self.number


@dataclass(frozen=True)
class Column(Node):
    """A per-bar name of the indicator namespace."""

    name: str

    @property
    def label(self) -> str:
        """How it is written."""
        return self.name


@dataclass(frozen=True)
class Declared(Column):
    """A column of the bars that the spec declares: of numbers, truth values or texts."""

    @cached_property
    def may_be_text(self) -> bool:
        """Always true: its kind is known with the bars."""
        return True


@dataclass(frozen=True)
class TextConst(Node):
    """A text that a declared column is compared with."""

    text: str


@dataclass(frozen=True)
class Position(Node):
    """A name that describes the account or the open position."""

    name: str

    @cached_property
    def reads_position(self) -> bool:
        """Always true."""
        return True


@dataclass(frozen=True)
class Unary(Node):
    """``op`` is one of neg pos abs int float bool not round, or len of what may be a text.

    Beside the position a text stands for what it does there: ``number`` raises, and ``unlike`` is
    equal to nothing.
    """

    op: str
    operand: Node

    def children(self) -> tuple[Node, ...]:
        """Return the operand."""
        return (self.operand,)


@dataclass(frozen=True)
class Binary(Node):
    """``op`` is one of + - * / // % **, or min and max of two (the first wins a tie)."""

    op: str
    left: Node
    right: Node

    def children(self) -> tuple[Node, ...]:
        """Return both operands."""
        return (self.left, self.right)


@dataclass(frozen=True)
class Compare(Node):
    """``op`` is one of < <= > >= == is, or in of two texts."""

    op: str
    left: Node
    right: Node

    def children(self) -> tuple[Node, ...]:
        """Return both operands."""
        return (self.left, self.right)


@dataclass(frozen=True)
class RoundTo(Node):
    """``round(operand, digits)``, correctly rounded in decimal as Python does."""

    operand: Node
    digits: int

    def children(self) -> tuple[Node, ...]:
        """Return the operand."""
        return (self.operand,)


@dataclass(frozen=True)
class And(Node):
    """Python's ``and``: the left value if it is false, else the right one."""

    left: Node
    right: Node

    @cached_property
    def may_be_text(self) -> bool:
        """Whether either operand may be."""
        return self.left.may_be_text or self.right.may_be_text

    def children(self) -> tuple[Node, ...]:
        """Return both operands."""
        return (self.left, self.right)


@dataclass(frozen=True)
class Or(Node):
    """Python's ``or``: the left value if it is true, else the right one."""

    left: Node
    right: Node

    @cached_property
    def may_be_text(self) -> bool:
        """Whether either operand may be."""
        return self.left.may_be_text or self.right.may_be_text

    def children(self) -> tuple[Node, ...]:
        """Return both operands."""
        return (self.left, self.right)


@dataclass(frozen=True)
class If(Node):
    """``then if test else other``; the branch not taken cannot raise."""

    test: Node
    then: Node
    other: Node

    @cached_property
    def may_be_text(self) -> bool:
        """Whether either branch may be."""
        return self.then.may_be_text or self.other.may_be_text

    def children(self) -> tuple[Node, ...]:
        """Return test, then and other."""
        return (self.test, self.then, self.other)


@dataclass(frozen=True)
class Strict(Node):
    """The value of `result`, after `effects` were evaluated only for what they raise.

    ``len((1 / x, 2))`` is 2, and still raises where x is 0.
    """

    effects: tuple[Node, ...]
    result: Node

    @cached_property
    def may_be_text(self) -> bool:
        """Whether the result may be."""
        return self.result.may_be_text

    def children(self) -> tuple[Node, ...]:
        """Return effects and result."""
        return (*self.effects, self.result)


@dataclass(frozen=True)
class AsOf(Node):
    """The operand on other bars, at the last of them that has closed: `On` or `Of`.

    None before any has; where the operand raises at that bar, it raises.

    Parameters
    ----------
    where
        The slower interval, or the symbol of another instrument.
    operand
        What is worked out there.
    """

    where: Interval | str
    operand: Node

    call: ClassVar[str]
    """What it is called."""

    @cached_property
    def may_be_text(self) -> bool:
        """Whether the operand may be."""
        return self.operand.may_be_text

    def children(self) -> tuple[Node, ...]:
        """Return the operand."""
        return (self.operand,)

    @property
    def label(self) -> str:
        """How it is written, an operand that is no name and no call shortened."""
        inside = self.operand.label if isinstance(self.operand, Column | Over) else "..."
        return f'{self.call}("{self.where}", {inside})'


class On(AsOf):
    """``on("1w", operand)``: on bars of a slower interval."""

    call = "on"

    @property
    def interval(self) -> Interval:
        """The slower one."""
        assert isinstance(self.where, Interval)
        return self.where


class Of(AsOf):
    """``of("SPY", operand)``: on bars of another instrument, None once they are too old."""

    call = "of"

    @property
    def symbol(self) -> str:
        """The other instrument's."""
        assert isinstance(self.where, str)
        return self.where


@dataclass(frozen=True)
class Over(Node):
    """A call over time, such as ``mean(close, 20)``: None wherever a bar that it needs is missing.

    Parameters
    ----------
    call
        A name of `btkit.conditions.calls.OVER_TIME`.
    operands
        What it looks back at.
    length
        n; None for a call that takes none. In a template a `Column` may stand in its place.
    label
        How it is written.
    """

    call: str
    operands: tuple[Node, ...]
    length: Node | None = None
    label: str = field(default="", compare=False)

    @cached_property
    def may_be_text(self) -> bool:
        """Whether what it looks back at may be, which ``lag`` alone hands on."""
        return self.call == "lag" and self.operands[0].may_be_text

    def children(self) -> tuple[Node, ...]:
        """Return what it looks back at, and its length."""
        return self.operands if self.length is None else (*self.operands, self.length)

    @property
    def bars(self) -> int:
        """Its n; 0 for a call that takes none."""
        return int(self.length.number) if isinstance(self.length, Const) else 0


@dataclass(frozen=True)
class Raises(Node):
    """An evaluation that fails at every bar, such as ``"a" < close``."""


NONE = Const("none", 0.0)
TRUE = Const("bool", 1.0)
FALSE = Const("bool", 0.0)


def number(value: float) -> Const:
    """Return the constant for a number."""
    return Const("float", float(value))


def boolean(value: object) -> Const:
    """Return the constant for a truth value."""
    return TRUE if value else FALSE
