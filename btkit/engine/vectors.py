"""Eight numbers at a time, where the compiler does not find out that it may.

Each function is a plain loop, and that is what it means and what Python runs. In compiled code
the same is written down in vectors, which LLVM, numba's back end, turns into the instructions of
the machine at hand; the results are equal to the last bit. A test holds both side by side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import overload

LANES = 8
"""Numbers in a vector."""

SCANNED = 32
"""Bars that `closed_run` and `greatest` look at, and that `mark_worth` marks."""

_DOUBLE = ir.DoubleType()
_VECTOR = ir.VectorType(_DOUBLE, LANES)
_INDEX = ir.IntType(32)
_ZEROS = ir.Constant(_VECTOR, [0.0] * LANES)
# Typed as if it did not take away the builder's first argument.
intrinsic: Any = numba_intrinsic
_IN_PLACE: dict[str, Any] = {"jit_options": {"forceinline": True, "_nrt": False}}


def lane_sum(values, count):
    """Return ``((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))``, s the sums of each lane.

    Parameters
    ----------
    values
        float64, contiguous.
    count
        How many vectors of `LANES` values there are at its beginning.
    """
    sums = [0.0] * LANES
    for at in range(count * LANES):
        sums[at % LANES] += values[at]
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))


def lane_squares(values, count, mean):
    """Return two lane sums: of ``(value - mean) ** 2``, and of ``min(value, 0) ** 2``.

    Parameters
    ----------
    values, count
        As for `lane_sum`.
    mean
        What is taken away.
    """
    head = [values[at] for at in range(count * LANES)]
    distances = [(value - mean) * (value - mean) for value in head]
    falls = [min(value, 0.0) * min(value, 0.0) for value in head]
    return lane_sum(distances, count), lane_sum(falls, count)


def lane_least(values, count):
    """Return the lowest of the first `count` * `LANES` values, none of them NaN; inf for none."""
    least = math.inf
    for at in range(count * LANES):
        least = min(least, values[at])
    return least


def greatest(values, at):
    """Return the highest of `SCANNED` values from `at` on, none of them NaN."""
    highest = values[at]
    for place in range(at + 1, at + SCANNED):
        highest = max(highest, values[place])
    return highest


def closed_run(one, other, at):
    """Return how many of `SCANNED` bars from `at` on come before one where a gate is open.

    Parameters
    ----------
    one, other
        bool, contiguous, with `SCANNED` bars from `at` on.
    at
        The first bar.
    """
    for place in range(SCANNED):
        if one[at + place] or other[at + place]:
            return place
    return SCANNED


def mark_worth(closes, equity, at, free, shares):
    """Write ``free + shares * closes[bar]`` to ``equity[bar]`` for `SCANNED` bars from `at` on.

    Parameters
    ----------
    closes, equity
        float64, contiguous, not the same memory.
    at
        The first bar.
    free
        Cash in $.
    shares
        Of one lot, 0 for none.
    """
    for bar in range(at, at + SCANNED):
        equity[bar] = free + shares * closes[bar]


def next_below(value):
    """Return the next smaller number than one above 0."""
    return math.nextafter(value, 0.0)


class _Array:
    """A contiguous array inside generated code."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:  # noqa: ANN401 - numba's own
        # Anything else would be read as if it were one, and give wrong numbers.
        if kind.layout != "C" or kind.dtype not in (types.float64, types.boolean):
            raise TypeError(f"vectors are of contiguous float64 or bool arrays, not of {kind}")
        self.builder = builder
        self.data = context.make_array(kind)(context, builder, value).data

    def _place(self, at: Any, vector: ir.Type) -> Any:  # noqa: ANN401 - LLVM's own
        pointer = self.builder.gep(self.data, [at])
        return self.builder.bitcast(pointer, vector.as_pointer())

    def load(self, at: Any, vector: ir.Type = _VECTOR, *, align: int = 8) -> Any:  # noqa: ANN401 - as above
        return self.builder.load(self._place(at, vector), align=align)

    def store(self, value: Any, at: Any) -> None:  # noqa: ANN401 - as above
        self.builder.store(value, self._place(at, _VECTOR), align=8)


def _splat(builder, value):
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, value, _INDEX(0))
    mask = ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES)
    return builder.shuffle_vector(first, undefined, mask)


def _sum(builder, vector):
    """Add neighbours, then pairs of them, then the halves."""
    parts = [builder.extract_element(vector, _INDEX(lane)) for lane in range(LANES)]
    while len(parts) > 1:
        parts = [builder.fadd(*parts[at : at + 2]) for at in range(0, len(parts), 2)]
    return parts[0]


def _fold(builder, vector, combine):
    """Combine the halves until one number is left: for what does not depend on the order."""
    size = LANES
    while size > 1:
        size //= 2
        undefined = ir.Constant(vector.type, ir.Undefined)
        halves = []
        for first in (0, size):
            mask = ir.Constant(ir.VectorType(_INDEX, size), list(range(first, first + size)))
            halves.append(builder.shuffle_vector(vector, undefined, mask))
        vector = combine(*halves)
    return builder.extract_element(vector, _INDEX(0))


def _choose(builder: Any, sign: str) -> Callable[[Any, Any], Any]:  # noqa: ANN401 - LLVM's own
    def choose(one, other):
        return builder.select(builder.fcmp_ordered(sign, one, other), one, other)

    return choose


@intrinsic
def _lane_sum(typing_context, values, count):
    def generate(context, builder, signature, arguments):
        array = _Array(context, builder, signature.args[0], arguments[0])
        total = cgutils.alloca_once_value(builder, _ZEROS)
        with cgutils.for_range(builder, arguments[1]) as loop:
            value = array.load(builder.mul(loop.index, loop.index.type(LANES)))
            builder.store(builder.fadd(builder.load(total), value), total)
        return _sum(builder, builder.load(total))

    return types.float64(values, types.intp), generate


@overload(lane_sum, **_IN_PLACE)
def _lane_sum_compiled(values, count):
    return lambda values, count: _lane_sum(values, count)


@intrinsic
def _lane_squares(typing_context, values, count, mean):
    def generate(context, builder, signature, arguments):
        array = _Array(context, builder, signature.args[0], arguments[0])
        middle, least = _splat(builder, arguments[2]), _choose(builder, "<")
        distances = cgutils.alloca_once_value(builder, _ZEROS)
        falls = cgutils.alloca_once_value(builder, _ZEROS)
        with cgutils.for_range(builder, arguments[1]) as loop:
            value = array.load(builder.mul(loop.index, loop.index.type(LANES)))
            for total, part in (
                (distances, builder.fsub(value, middle)),
                (falls, least(value, _ZEROS)),
            ):
                square = builder.fmul(part, part)
                builder.store(builder.fadd(builder.load(total), square), total)
        sums = [_sum(builder, builder.load(total)) for total in (distances, falls)]
        return cgutils.pack_array(builder, sums)

    return types.UniTuple(types.float64, 2)(values, types.intp, types.float64), generate


@overload(lane_squares, **_IN_PLACE)
def _lane_squares_compiled(values, count, mean):
    return lambda values, count, mean: _lane_squares(values, count, mean)


@intrinsic
def _lane_least(typing_context, values, count):
    def generate(context, builder, signature, arguments):
        array = _Array(context, builder, signature.args[0], arguments[0])
        choose = _choose(builder, "<")
        most = ir.Constant(_VECTOR, [math.inf] * LANES)
        least = cgutils.alloca_once_value(builder, most)
        with cgutils.for_range(builder, arguments[1]) as loop:
            value = array.load(builder.mul(loop.index, loop.index.type(LANES)))
            builder.store(choose(value, builder.load(least)), least)
        return _fold(builder, builder.load(least), choose)

    return types.float64(values, types.intp), generate


@overload(lane_least, **_IN_PLACE)
def _lane_least_compiled(values, count):
    return lambda values, count: _lane_least(values, count)


@intrinsic
def _greatest(typing_context, values, at):
    def generate(context, builder, signature, arguments):
        array = _Array(context, builder, signature.args[0], arguments[0])
        choose = _choose(builder, ">")
        vectors = [
            array.load(builder.add(arguments[1], arguments[1].type(step)))
            for step in range(0, SCANNED, LANES)
        ]
        return _fold(builder, reduce(choose, vectors), choose)

    return types.float64(values, types.intp), generate


@overload(greatest, **_IN_PLACE)
def _greatest_compiled(values, at):
    return lambda values, at: _greatest(values, at)


@intrinsic
def _closed_run(typing_context, one, other, at):
    flags = ir.VectorType(ir.IntType(8), SCANNED)

    def generate(context, builder, signature, arguments):
        first, second = (
            _Array(context, builder, signature.args[place], arguments[place]).load(
                arguments[2], flags, align=1
            )
            for place in (0, 1)
        )
        either = builder.or_(first, second)
        opened = builder.icmp_unsigned("!=", either, ir.Constant(flags, [0] * SCANNED))
        mask = builder.bitcast(opened, ir.IntType(SCANNED))
        # Of a mask without a bit it counts all of them.
        before = builder.cttz(mask, ir.IntType(1)(0))
        return builder.zext(before, ir.IntType(64))

    return types.int64(one, other, types.intp), generate


@overload(closed_run, **_IN_PLACE)
def _closed_run_compiled(one, other, at):
    return lambda one, other, at: _closed_run(one, other, at)


@intrinsic
def _mark_worth(typing_context, closes, equity, at, free, shares):
    def generate(context, builder, signature, arguments):
        source = _Array(context, builder, signature.args[0], arguments[0])
        target = _Array(context, builder, signature.args[1], arguments[1])
        free, shares = (_splat(builder, value) for value in arguments[3:5])
        for step in range(0, SCANNED, LANES):
            at = builder.add(arguments[2], arguments[2].type(step))
            target.store(builder.fadd(free, builder.fmul(shares, source.load(at))), at)
        return context.get_dummy_value()

    return types.void(closes, equity, types.intp, types.float64, types.float64), generate


@overload(mark_worth, **_IN_PLACE)
def _mark_worth_compiled(closes, equity, at, free, shares):
    return lambda closes, equity, at, free, shares: _mark_worth(closes, equity, at, free, shares)


@intrinsic
def _next_below(typing_context, value):
    def generate(context, builder, signature, arguments):
        whole = ir.IntType(64)
        bits = builder.sub(builder.bitcast(arguments[0], whole), whole(1))
        return builder.bitcast(bits, _DOUBLE)

    return types.float64(types.float64), generate


@overload(next_below, **_IN_PLACE)
def _next_below_compiled(value):
    return lambda value: _next_below(value)


__all__ = [
    "LANES",
    "SCANNED",
    "closed_run",
    "greatest",
    "lane_least",
    "lane_squares",
    "lane_sum",
    "mark_worth",
    "next_below",
]
