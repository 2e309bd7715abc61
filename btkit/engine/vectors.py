"""Many flags at a time, in the one place where the compiler does not find out that it may.

`closed_run` is a plain loop, and that is what it means and what Python runs. In compiled code the
same is written down in vectors, which LLVM, numba's back end, turns into the instructions of the
machine at hand. A test holds both side by side.

What it buys, as processor time a set of the 4,950 crossovers of `make bench`, one thread, the least
of 40 sweeps on a machine with other work: 13 to 14 µs with it; with `closed_run` itself compiled in
its place 20, with a pass that first asks whether any gate is open 21, with the minimum of the open
bars' places 24. On that machine at rest a set takes 10.1 to 11.1 µs with it.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import overload

SCANNED = 32
"""Bars that `closed_run` looks at."""

# Typed as if it did not take away the builder's first argument.
intrinsic: Any = numba_intrinsic
_IN_PLACE: dict[str, Any] = {"jit_options": {"forceinline": True, "_nrt": False}}


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


@intrinsic
def _closed_run(typing_context, one, other, at):
    flags = ir.VectorType(ir.IntType(8), SCANNED)

    def load(context, builder, kind, gate, at):
        # Anything else would be read as if it were one, and give wrong numbers.
        if kind.layout != "C" or kind.dtype != types.boolean:
            raise TypeError(f"gates are contiguous arrays of bool, not {kind}")
        first = builder.gep(context.make_array(kind)(context, builder, gate).data, [at])
        return builder.load(builder.bitcast(first, flags.as_pointer()), align=1)

    def generate(context, builder, signature, arguments):
        at = arguments[2]
        either = builder.or_(
            *(
                load(context, builder, kind, gate, at)
                for kind, gate in zip(signature.args[:2], arguments[:2], strict=True)
            )
        )
        opened = builder.icmp_unsigned("!=", either, ir.Constant(flags, [0] * SCANNED))
        mask = builder.bitcast(opened, ir.IntType(SCANNED))
        # Of a mask without a bit it counts all of them.
        before = builder.cttz(mask, ir.IntType(1)(0))
        return builder.zext(before, ir.IntType(64))

    return types.int64(one, other, types.intp), generate


@overload(closed_run, **_IN_PLACE)
def _closed_run_compiled(one, other, at):
    return lambda one, other, at: _closed_run(one, other, at)


__all__ = ["SCANNED", "closed_run"]
