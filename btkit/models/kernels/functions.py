"""What a neuron does with its sum, in plain arithmetic that runs on many lanes at once.

The functions of a C library differ between systems, and those that work on several numbers at
once may differ from their own for one. These are additions, products and quotients, each rounded
as IEEE 754 says, so that they give the same everywhere; ``gelu`` alone asks the C library, number
by number.
"""

from __future__ import annotations

import math

import numpy as np

from btkit.conditions.compiled import compiled_apart, compiled_inline
from btkit.models.kernels.lanes import LANES

ACTIVATIONS = (
    "identity",
    "relu",
    "leaky_relu",
    "tanh",
    "sigmoid",
    "silu",
    "elu",
    "gelu",
)
"""The functions, by the names that configurations have; the place of one is what is compiled."""

_RELU, _LEAKY_RELU, _TANH, _SIGMOID, _SILU, _ELU, _GELU = range(1, len(ACTIVATIONS))
_LEAK = 0.01  # PyTorch's own slope below zero

_PER_LOG_TWO = 1.0 / math.log(2.0)
# log(2) in two parts: the first ends in zeros, so that its small multiples are exact.
_LOG_TWO = float.fromhex("0x1.62e42feep-1")
_LOG_TWO_REST = float.fromhex("0x1.a39ef35793c76p-33")
# Added to a number, it leaves the nearest whole one in the last bits.
_SHIFT = 1.5 * 2.0**52
_MANTISSA = np.int64(52)
_ONE = np.int64(0x3FF0000000000000)
# Beyond these, e**x is no normal number, and tanh(x) is 1.
_LEAST, _MOST, _FLAT = -708.0, 708.0, 20.0
# 1/n! from n = 2: on half of log(2) to either side the series errs by less than 1e-17.
_C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11, _C12, _C13 = (
    1.0 / math.factorial(n) for n in range(2, 14)
)


@compiled_inline
def parts_of_exp(x):
    """Return s, a power of two, and p with ``e**x = s + s * p``; x from -708 to 708."""
    shifted = x * _PER_LOG_TWO + _SHIFT
    whole = shifted - _SHIFT
    rest = (x - whole * _LOG_TWO) - whole * _LOG_TWO_REST
    bits = (np.float64(shifted).view(np.int64) << _MANTISSA) + _ONE
    square = rest * rest
    fourth = square * square
    low = (_C2 + _C3 * rest) + (_C4 + _C5 * rest) * square
    middle = (_C6 + _C7 * rest) + (_C8 + _C9 * rest) * square
    high = (_C10 + _C11 * rest) + (_C12 + _C13 * rest) * square
    return np.int64(bits).view(np.float64), rest + square * (
        low + fourth * (middle + fourth * high)
    )


# A comparison with NaN is false: it passes through each of these.
@compiled_inline
def sigmoid(x):
    """Return ``1 / (1 + e**-x)``, to 2 units in the last place."""
    x = _LEAST if x < _LEAST else x
    x = _MOST if x > _MOST else x
    scale, part = parts_of_exp(-x)
    return 1.0 / (1.0 + (scale + scale * part))


@compiled_inline
def tanh(x):
    """Return the hyperbolic tangent, to 3 units in the last place."""
    size = abs(x)
    size = _FLAT if size > _FLAT else size
    scale, part = parts_of_exp(2.0 * size)
    above = scale * part + (scale - 1.0)
    return math.copysign(above / (above + 2.0), x)


@compiled_inline
def elu(x):
    """Return x above zero, ``e**x - 1`` below."""
    below = 0.0 if x > 0.0 else x
    below = _LEAST if below < _LEAST else below
    scale, part = parts_of_exp(below)
    return x if x > 0.0 else scale * part + (scale - 1.0)


@compiled_apart
def activate(function, sums):
    """Apply the function of that place in `ACTIVATIONS` to a group of four sums a lane."""
    if function == _RELU:
        for i in range(4 * LANES):
            sums[i] = 0.0 if sums[i] < 0.0 else sums[i]
    elif function == _LEAKY_RELU:
        for i in range(4 * LANES):
            sums[i] = sums[i] * _LEAK if sums[i] < 0.0 else sums[i]
    elif function == _TANH:
        for i in range(4 * LANES):
            sums[i] = tanh(sums[i])
    elif function == _SIGMOID:
        for i in range(4 * LANES):
            sums[i] = sigmoid(sums[i])
    elif function == _SILU:
        for i in range(4 * LANES):
            sums[i] *= sigmoid(sums[i])
    elif function == _ELU:
        for i in range(4 * LANES):
            sums[i] = elu(sums[i])
    elif function == _GELU:
        for i in range(4 * LANES):
            sums[i] = 0.5 * sums[i] * math.erfc(-sums[i] * math.sqrt(0.5))
