"""Compiled arithmetic gives Python's own results, to the last bit and the sign of zero."""

import math
import operator
import struct

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from btkit.conditions.numbers import floor_divide, modulo, power, round_decimal, two_product

many = settings(max_examples=400, derandomize=True, deadline=None)
ODD = (
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    2.2250738585072014e-308,
    1e-300,
    0.5,
    1.0,
    -1.0,
    1.5,
    2.5,
    2.675,
    3.0,
    0.1,
    0.3,
    1e15,
    2.0**52 + 0.5,
    2.0**53 - 1,
    2.0**53,
    1e22,
    1e23,
    1.7976931348623157e308,
    math.inf,
    -math.inf,
    math.nan,
)
anything = st.one_of(st.sampled_from(ODD), st.floats(), st.floats(-100, 100), st.integers(-9, 9))
numbers = anything.map(float)


def bits(value):
    return "nan" if math.isnan(value) else struct.pack("<d", value)


@many
@given(numbers, numbers)
@example(1.0, 0.1)
@example(-1e-300, 1e300)
@example(1e308, 5e-324)
def test_modulo_and_floor_division(left, right):
    assume(right != 0.0)
    assert bits(modulo(left, right)) == bits(left % right)
    assert bits(floor_divide(left, right)) == bits(left // right)


def test_modulo_and_floor_division_of_odd_pairs():
    pairs = [(left, right) for left in ODD for right in ODD if right != 0.0]
    wrong = [
        pair
        for pair in pairs
        if bits(modulo(*pair)) != bits(operator.mod(*pair))
        or bits(floor_divide(*pair)) != bits(operator.floordiv(*pair))
    ]
    assert wrong == []


def python_power(left, right):
    try:
        result = left**right
    except (ZeroDivisionError, OverflowError):
        return None
    return None if isinstance(result, complex) else bits(result)


def own_power(left, right):
    result, ok = power(left, right)
    return bits(result) if ok else None


@many
@given(numbers, numbers)
def test_power(left, right):
    assert own_power(left, right) == python_power(left, right)


def test_power_of_odd_pairs():
    pairs = [(left, right) for left in ODD for right in ODD]
    assert [pair for pair in pairs if own_power(*pair) != python_power(*pair)] == []


@pytest.mark.parametrize(
    ("left", "right"), [(0.0, -1.0), (-0.0, -2.5), (-8.0, 0.5), (10.0, 400.0), (-1e200, 3.0)]
)
def test_powers_that_raise_in_python(left, right):
    assert python_power(left, right) is None
    assert own_power(left, right) is None


@many
@given(numbers, st.integers(-22, 22))
@example(2.675, 2)
@example(0.5, 0)
@example(1.5, 0)
@example(2.5, 0)
@example(-0.5, 0)
@example(1e22, -22)
@example(5e21, -22)
@example(1.5e22, -22)
@example(25.0, -1)
@example(35.0, -1)
@example(1.005, 2)
@example(5e-324, 22)
@example(0.5e-22, 22)
@example(2.0**52 + 0.5, 0)
@example(2.0**52 + 0.5, 1)
def test_rounding(value, digits):
    expected = round(value, digits)
    assert bits(round_decimal(value, digits)) == bits(expected)


@many
@given(st.floats(0.0, 2.0**53), st.integers(1, 22))
# Larger than 2**53, where a number of whole tens need not be a double.
@example(float.fromhex("0x1.048b41ae25f0dp+53"), 1)
@example(float.fromhex("0x1.38fcdd8354f38p+53"), 1)
@example(7.447380587228641e15, 17)
def test_rounding_large_numbers_to_tens(whole, digits):
    for value in (whole * 8.0, whole * 10.0**digits, (math.floor(whole) + 0.5) * 10.0**digits):
        assert bits(round_decimal(value, -digits)) == bits(round(value, -digits))
        assert bits(round_decimal(-value, -digits)) == bits(round(-value, -digits))


@many
@given(st.integers(-(10**17), 10**17), st.integers(0, 20), st.integers(-3, 3), st.integers(0, 22))
def test_rounding_next_to_halves(whole, places, steps, digits):
    value = (whole + 0.5) / 10.0**places
    for _ in range(abs(steps)):
        value = math.nextafter(value, math.inf if steps > 0 else -math.inf)
    assert bits(round_decimal(value, digits)) == bits(round(value, digits))
    assert bits(round_decimal(value, -digits)) == bits(round(value, -digits))


@many
@given(st.floats(-1e150, 1e150), st.sampled_from([10.0**n for n in range(23)]))
def test_a_product_and_its_error_are_exact(left, right):
    assume(left == 0.0 or abs(left) > 1e-200)
    product, error = two_product(left, right)
    ratio = [value.as_integer_ratio() for value in (left, right, product, error)]
    (a, b), (c, d), (e, f), (g, h) = ratio
    assert a * c * f * h == b * d * (e * h + g * f)
