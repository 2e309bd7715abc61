"""Python's float arithmetic, operation by operation, for compiled code.

Each function returns what the Python operator gives for two floats; where Python raises, `ok`
is False. NumPy's own ``power`` and ``round`` differ from Python's in the last bit now and
then, which is enough to move a trade.
"""

from __future__ import annotations

import math

import numpy as np

from btkit.conditions.compiled import compiled

# Exact: every power of ten up to 10**22 is a double.
POWERS_OF_TEN = np.array([10.0**exponent for exponent in range(23)])
_SPLIT = 134217729.0  # 2**27 + 1, Dekker's constant
_EXACT_INTEGERS = 2.0**53


@compiled
def modulo(left, right):
    """Return ``left % right`` as CPython's float_rem has it; `right` is not zero."""
    rest = np.fmod(left, right)
    if rest != 0.0:
        if (right < 0.0) != (rest < 0.0):
            rest += right
        return rest
    return math.copysign(0.0, right)


@compiled
def floor_divide(left, right):
    """Return ``left // right`` as CPython's float_floor_div has it; `right` is not zero."""
    rest = np.fmod(left, right)
    quotient = (left - rest) / right
    if rest != 0.0 and ((right < 0.0) != (rest < 0.0)):
        quotient -= 1.0
    if quotient != 0.0:
        floored = np.floor(quotient)
        if quotient - floored > 0.5:  # noqa: PLR2004 - CPython's own guard against rounding
            floored += 1.0
        return floored
    return math.copysign(0.0, left / right)


@compiled
def power(left, right):
    """Return ``(left ** right, ok)``; not ok: 0 to a negative power, overflow, complex."""
    if left == 0.0 and right < 0.0 and math.isfinite(right):
        return 0.0, False
    finite = math.isfinite(left) and math.isfinite(right)
    if finite and left < 0.0 and right != np.floor(right):
        return 0.0, False
    result = math.pow(left, right)
    return result, not (finite and math.isinf(result))


@compiled
def two_product(left, right):
    """Return the product and its rounding error, which add up to the exact product (Dekker)."""
    product = left * right
    high = left * _SPLIT
    left_high = high - (high - left)
    left_low = left - left_high
    high = right * _SPLIT
    right_high = high - (high - right)
    right_low = right - right_high
    error = left_low * right_low - (
        ((product - left_high * right_high) - left_low * right_high) - left_high * right_low
    )
    return product, error


@compiled
def round_decimal(value, digits):
    """Return ``round(value, digits)``: the exact value rounded half to even in decimal.

    The exact product (or the exact remainder, for negative digits) decides, so the result is
    correctly rounded for ``-22 <= digits <= 22``.
    """
    if not math.isfinite(value) or value == 0.0:
        return value
    size = abs(value)
    if digits >= 0:
        scale = POWERS_OF_TEN[digits]
        if size >= _EXACT_INTEGERS or size * scale >= _EXACT_INTEGERS:
            # Neighbouring doubles are further apart than the last digit kept.
            return value
        scaled, error = two_product(size, scale)
        whole = np.floor(scaled)
        above = (scaled - whole) - 0.5
        if above > 0.0 or (above == 0.0 and (error > 0.0 or (error == 0.0 and whole % 2.0 == 1.0))):
            whole += 1.0
        return math.copysign(whole / scale, value)
    scale = POWERS_OF_TEN[-digits]
    if size >= scale * _EXACT_INTEGERS:
        return value
    whole = np.rint(size / scale)
    product, error = two_product(whole, scale)
    twice = 2.0 * ((size - product) - error)
    odd = whole % 2.0 == 1.0
    if twice > scale or (twice == scale and odd):
        whole += 1.0
    elif twice < -scale or (twice == -scale and odd):
        whole -= 1.0
    return math.copysign(whole * scale, value)
