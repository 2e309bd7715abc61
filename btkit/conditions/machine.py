"""The stack machine for the part of a condition that reads the position.

One interpreter, compiled once, runs every program: there is no compilation per spec. A value
is a float and a tag; `FAILED` means that Python's evaluation would have raised, and ends the
program. Columns of the whole-array part are read as values with tags of their own.
"""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np

from btkit.conditions.compiled import compiled_inline
from btkit.conditions.numbers import floor_divide, modulo, power, round_decimal

STACK_SIZE = 512
# Of the position's names only in_position is a truth value; it stands first.
TRUTH_SLOT = 0


class Tag(IntEnum):
    """What a value is."""

    NONE = 0
    FLOAT = 1
    BOOL = 2
    FAILED = 3


class Op(IntEnum):
    """Instructions: an operation and one integer argument."""

    CONST = 0
    COLUMN = 1
    POSITION = 2
    JUMP = 3
    JUMP_IF_FALSE = 4
    JUMP_IF_FALSE_OR_POP = 5
    JUMP_IF_TRUE_OR_POP = 6
    POP = 7
    FAIL = 8
    NOT = 9
    BOOL = 10
    NEG = 11
    POS = 12
    ABS = 13
    INT = 14
    FLOAT = 15
    ROUND = 16
    ROUND_TO = 17
    ADD = 18
    SUB = 19
    MUL = 20
    DIV = 21
    FLOORDIV = 22
    MOD = 23
    POW = 24
    MIN = 25
    MAX = 26
    LT = 27
    LE = 28
    GT = 29
    GE = 30
    EQ = 31
    IS = 32


# numba reads module constants faster than enum members.
_NONE, _FLOAT, _BOOL, _FAILED = (int(tag) for tag in Tag)
_CONST, _COLUMN, _POSITION = int(Op.CONST), int(Op.COLUMN), int(Op.POSITION)
_JUMP, _JUMP_IF_FALSE = int(Op.JUMP), int(Op.JUMP_IF_FALSE)
_JUMP_IF_FALSE_OR_POP = int(Op.JUMP_IF_FALSE_OR_POP)
_JUMP_IF_TRUE_OR_POP = int(Op.JUMP_IF_TRUE_OR_POP)
_POP, _FAIL, _NOT, _BOOLEAN = int(Op.POP), int(Op.FAIL), int(Op.NOT), int(Op.BOOL)
_NEG, _ABS, _INT, _ROUND = int(Op.NEG), int(Op.ABS), int(Op.INT), int(Op.ROUND)
_ROUND_TO = int(Op.ROUND_TO)
_ADD, _SUB, _MUL, _DIV = int(Op.ADD), int(Op.SUB), int(Op.MUL), int(Op.DIV)
_FLOORDIV, _MOD, _POW, _MIN = int(Op.FLOORDIV), int(Op.MOD), int(Op.POW), int(Op.MIN)
_MAX, _LT, _LE, _GT, _GE = int(Op.MAX), int(Op.LT), int(Op.LE), int(Op.GT), int(Op.GE)
_EQ = int(Op.EQ)


@compiled_inline
def is_true(value, tag):
    """Return Python's truth of a value that did not fail."""
    return tag != _NONE and value != 0.0


@compiled_inline
def apply_unary(op, argument, value, tag):
    """Return ``(value, tag)`` of a one-operand instruction."""
    if op in (_NOT, _BOOLEAN):
        truth = is_true(value, tag)
        return (1.0 if truth == (op == _BOOLEAN) else 0.0), _BOOL
    if tag == _NONE:
        return 0.0, _FAILED
    if op == _NEG:
        return -value, _FLOAT
    if op == _ABS:
        return abs(value), _FLOAT
    if op in (_INT, _ROUND):
        if not math.isfinite(value):
            return 0.0, _FAILED
        return (np.trunc(value) if op == _INT else round_decimal(value, 0)), _FLOAT
    if op == _ROUND_TO:
        return round_decimal(value, argument), _FLOAT
    return value, _FLOAT


@compiled_inline
def apply_arithmetic(op, left, right):
    """Return ``(value, ok)`` of a two-operand arithmetic instruction on numbers."""
    if op == _ADD:
        return left + right, True
    if op == _SUB:
        return left - right, True
    if op == _MUL:
        return left * right, True
    if op == _POW:
        return power(left, right)
    if right == 0.0:
        return 0.0, False
    if op == _DIV:
        return left / right, True
    if op == _FLOORDIV:
        return floor_divide(left, right), True
    return modulo(left, right), True


@compiled_inline
def _apply_binary(op, left, left_tag, right, right_tag):
    if op == _EQ:
        if _NONE in (left_tag, right_tag):
            return (1.0 if left_tag == right_tag else 0.0), _BOOL
        return (1.0 if left == right else 0.0), _BOOL
    if op > _EQ:
        # `is` with None, True or False on one side; a number is never identical to those.
        same = left_tag == right_tag and left_tag != _FLOAT and (left_tag == _NONE or left == right)
        return (1.0 if same else 0.0), _BOOL
    if _NONE in (left_tag, right_tag):
        return 0.0, _FAILED
    if op < _MIN:
        value, ok = apply_arithmetic(op, left, right)
        return value, (_FLOAT if ok else _FAILED)
    if op == _MIN:
        return (right, right_tag) if right < left else (left, left_tag)
    if op == _MAX:
        return (right, right_tag) if right > left else (left, left_tag)
    if op == _LT:
        met = left < right
    elif op == _LE:
        met = left <= right
    elif op == _GT:
        met = left > right
    else:
        met = left >= right
    return (1.0 if met else 0.0), _BOOL


@compiled_inline
def run_program(code, first, last, constants, columns, column_tags, bar, position, stack):
    """Run instructions `first` to `last` at one bar.

    Parameters
    ----------
    code
        int64 (n, 2): operation and argument; jumps name instructions.
    first, last
        The program's first instruction and the one after its last.
    constants
        float64 (n_constants, 2): value and tag.
    columns, column_tags
        float64 and uint8 (n_columns, n_bars): values of whole-array expressions.
    bar
        The bar at which columns are read.
    position
        float64 (n_slots,): the values of the position's names, NaN for None; slot `TRUTH_SLOT` is a
        bool.
    stack
        float64 (STACK_SIZE, 2): scratch space for values and tags.

    Returns
    -------
    tuple
        Value and tag.
    """
    # The value on top is kept out of the stack; a program begins with one that is no one's.
    value, tag = 0.0, _NONE
    depth = -1
    at = first
    while at < last:
        op = code[at, 0]
        argument = code[at, 1]
        at += 1
        if op <= _POSITION:
            if op == _CONST:
                fresh, fresh_tag = constants[argument, 0], int(constants[argument, 1])
            elif op == _COLUMN:
                fresh, fresh_tag = columns[argument, bar], int(column_tags[argument, bar])
            else:
                fresh = position[argument]
                fresh_tag = _BOOL if argument == TRUTH_SLOT else _FLOAT
                if math.isnan(fresh):
                    fresh_tag = _NONE
            if fresh_tag == _FAILED:
                return 0.0, _FAILED
            if at < last and code[at, 0] >= _ADD:
                # The right side of what comes next: it need not go over the stack.
                value, tag = _apply_binary(code[at, 0], value, tag, fresh, fresh_tag)
                at += 1
                if tag == _FAILED:
                    return 0.0, _FAILED
                continue
            if depth >= 0:
                stack[depth, 0], stack[depth, 1] = value, tag
            depth += 1
            value, tag = fresh, fresh_tag
            continue
        if op >= _ADD:
            depth -= 1
            value, tag = _apply_binary(op, stack[depth, 0], int(stack[depth, 1]), value, tag)
        elif op >= _NOT:
            value, tag = apply_unary(op, argument, value, tag)
        elif op == _JUMP:
            at = argument
        elif op == _FAIL:
            return 0.0, _FAILED
        else:
            truth = is_true(value, tag)
            if (op == _JUMP_IF_FALSE_OR_POP and not truth) or (
                op == _JUMP_IF_TRUE_OR_POP and truth
            ):
                at = argument
                continue
            if op == _JUMP_IF_FALSE and not truth:
                at = argument
            depth -= 1
            if depth >= 0:
                value, tag = stack[depth, 0], int(stack[depth, 1])
        if tag == _FAILED:
            return 0.0, _FAILED
    return value, tag
