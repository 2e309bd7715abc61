"""Split conditions: whole-array columns, and postfix programs over them for the loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.machine import STACK_SIZE, Op, Tag
from btkit.conditions.nodes import (
    And,
    Binary,
    Compare,
    Const,
    If,
    Node,
    Or,
    Position,
    Raises,
    RoundTo,
    Strict,
    Unary,
)
from btkit.errors import UsageError

_UNARY = {
    "neg": Op.NEG,
    "pos": Op.POS,
    "abs": Op.ABS,
    "int": Op.INT,
    "float": Op.FLOAT,
    "bool": Op.BOOL,
    "not": Op.NOT,
    "round": Op.ROUND,
}
_BINARY = {
    "+": Op.ADD,
    "-": Op.SUB,
    "*": Op.MUL,
    "/": Op.DIV,
    "//": Op.FLOORDIV,
    "%": Op.MOD,
    "**": Op.POW,
    "min": Op.MIN,
    "max": Op.MAX,
}
_COMPARE = {"<": Op.LT, "<=": Op.LE, ">": Op.GT, ">=": Op.GE, "==": Op.EQ, "is": Op.IS}
TAGS = {"none": Tag.NONE, "float": Tag.FLOAT, "bool": Tag.BOOL}


class Tables(NamedTuple):
    """What programs read, ready for the compiled loop.

    Parameters
    ----------
    constants
        float64 (n_constants, 2): value and tag.
    columns, column_tags
        float64 and uint8 (n_columns, n_bars): values of whole-array expressions.
    """

    constants: NDArray[np.float64]
    columns: NDArray[np.float64]
    column_tags: NDArray[np.uint8]


@dataclass
class Assembler:
    """Collects the programs of one spec; equal constants and columns are stored once.

    Parameters
    ----------
    positions
        For each of the position's names, where the loop keeps its value; aliases share a place.
    """

    positions: Mapping[str, int]
    code: list[tuple[int, int]] = field(default_factory=list)
    constants: dict[Const, int] = field(default_factory=dict)
    columns: dict[Node, int] = field(default_factory=dict)

    def add(self, node: Node) -> tuple[int, int]:
        """Append the program of `node`; return its first instruction and the one after it."""
        first = len(self.code)
        self._emit(node)
        if _stack_need(node) > STACK_SIZE:
            raise UsageError(
                "a condition is too complex to run", hint="split it into several conditions"
            )
        return first, len(self.code)

    def _emit(self, node: Node) -> None:
        if not node.reads_position and not isinstance(node, Const):
            self._put(Op.COLUMN, self.columns.setdefault(node, len(self.columns)))
            return
        match node:
            case Const():
                self._put(Op.CONST, self.constants.setdefault(node, len(self.constants)))
            case Position(name):
                self._put(Op.POSITION, self.positions[name])
            case Unary(op, operand):
                self._emit(operand)
                self._put(_UNARY[op])
            case RoundTo(operand, digits):
                self._emit(operand)
                self._put(Op.ROUND_TO, digits)
            case Binary(op, left, right):
                self._emit(_beside_position(left, "number"))
                self._emit(_beside_position(right, "number"))
                self._put(_BINARY[op])
            case Compare(op, left, right):
                stands_for = "unlike" if op == "==" else "number"
                self._emit(_beside_position(left, stands_for))
                self._emit(_beside_position(right, stands_for))
                self._put(_COMPARE[op])
            case _:
                self._emit_flow(node)

    def _emit_flow(self, node: Node) -> None:
        match node:
            case And(left, right) | Or(left, right):
                self._emit(left)
                is_and = isinstance(node, And)
                jump = self._put(Op.JUMP_IF_FALSE_OR_POP if is_and else Op.JUMP_IF_TRUE_OR_POP)
                self._emit(right)
                self._land(jump)
            case If(test, then, other):
                self._emit(test)
                to_other = self._put(Op.JUMP_IF_FALSE)
                self._emit(then)
                to_end = self._put(Op.JUMP)
                self._land(to_other)
                self._emit(other)
                self._land(to_end)
            case Strict(effects, result):
                for effect in effects:
                    self._emit(effect)
                    self._put(Op.POP)
                self._emit(result)
            case Raises():
                self._put(Op.FAIL)

    def _put(self, op: Op, argument: int = 0) -> int:
        self.code.append((int(op), argument))
        return len(self.code) - 1

    def _land(self, jump: int) -> None:
        self.code[jump] = (self.code[jump][0], len(self.code))


def _beside_position(node: Node, stands_for: str) -> Node:
    # What reads the position is no text.
    return Unary(stands_for, node) if node.may_be_text else node


def _stack_need(node: Node) -> int:
    # An operand waits on the stack while the ones after it are worked out.
    if not node.reads_position or not node.children():
        return 1
    waiting = isinstance(node, Binary | Compare)
    needs = [_stack_need(child) for child in node.children()]
    return max(need + (index if waiting else 0) for index, need in enumerate(needs))
