"""Membership functions agree with their definition, read one value at a time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from btkit.models.fuzzy import LARGEST_NUMBER, SHAPES, Membership, number_problems

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
# Values that hit feet and tops often, and ones between them.
VALUES = st.lists(st.one_of(st.integers(-5, 5).map(float), NUMBERS, st.just(math.nan)), min_size=1)
CORNERS = st.one_of(st.integers(-5, 5).map(float), NUMBERS)


def by_definition(shape, numbers, value):
    if math.isnan(value):
        return math.nan
    if shape == "gaussian":
        centre, sigma = numbers
        return math.exp(-0.5 * ((value - centre) / sigma) ** 2)
    if shape == "triangular" and value == numbers[1]:
        return 1.0
    left, first, last, right = numbers if len(numbers) == 4 else (*numbers[:2], *numbers[1:])
    if value <= left or value >= right:
        return 0.0
    if first <= value <= last:
        return 1.0
    rising = value < first
    return (value - left) / (first - left) if rising else (right - value) / (right - last)


def agree(shape, numbers, values):
    degrees = Membership(shape, numbers).degrees(np.array(values))
    expected = [by_definition(shape, numbers, value) for value in values]
    np.testing.assert_allclose(degrees, expected, rtol=1e-15, atol=0.0)
    known = degrees[~np.isnan(degrees)]
    assert ((known >= 0.0) & (known <= 1.0)).all()


@given(st.lists(CORNERS, min_size=3, max_size=3).map(sorted), VALUES)
def test_a_triangle(corners, values):
    agree("triangular", tuple(corners), [*values, *corners])


@given(st.lists(CORNERS, min_size=4, max_size=4).map(sorted), VALUES)
def test_a_trapezoid(corners, values):
    agree("trapezoidal", tuple(corners), [*values, *corners])


@given(CORNERS, st.floats(1e-3, 1e6), st.lists(st.floats(-1e3, 1e3), min_size=1))
def test_a_bell(centre, sigma, values):
    agree("gaussian", (centre, sigma), [*values, centre, math.nan])


@pytest.mark.parametrize(
    ("numbers", "value", "degree"),
    [
        ((0.0, 0.0, 40.0), 0.0, 1.0),  # the peak is the left foot
        ((0.0, 0.0, 40.0), -1e-9, 0.0),
        ((60.0, 100.0, 100.0), 100.0, 1.0),  # and the right one
        ((60.0, 100.0, 100.0), 100.1, 0.0),
        ((5.0, 5.0, 5.0), 5.0, 1.0),
        ((5.0, 5.0, 5.0), 5.1, 0.0),
        # A trapezoid's foot is 0 even where its top begins there, as it was in training.
        ((0.0, 0.0, 25.0, 40.0), 0.0, 0.0),
        ((0.0, 0.0, 25.0, 40.0), 1e-9, 1.0),
        ((80.0, 90.0, 100.0, 100.0), 100.0, 0.0),
        ((80.0, 90.0, 100.0, 100.0), 99.9, 1.0),
        ((7.0, 7.0, 7.0, 7.0), 7.0, 0.0),
    ],
)
def test_where_feet_and_tops_meet(numbers, value, degree):
    shape = "triangular" if len(numbers) == 3 else "trapezoidal"
    assert Membership(shape, numbers).degrees(np.array([value])) == [degree]


def test_the_farthest_values_overflow_nothing():
    values = np.array([1e308, -1e308, 0.0])
    far = LARGEST_NUMBER
    for shape, numbers in (
        ("triangular", (-far, 0.0, far)),
        ("trapezoidal", (-far, 0.0, 1.0, far)),
        ("gaussian", (0.0, 1e-300)),
    ):
        np.testing.assert_array_equal(Membership(shape, numbers).degrees(values), [0.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("shape", "numbers", "places"),
    [
        ("triangular", (0.0, 25.0), [None]),
        ("trapezoidal", (0.0, 1.0, 2.0), [None]),
        ("gaussian", (1.0, 2.0, 3.0), [None]),
        ("triangular", (0.0, math.nan, math.inf), [1, 2]),
        ("triangular", (0.0, 1.0, 2e100), [2]),
        ("triangular", (30.0, 20.0, 10.0), [1, 2]),
        ("trapezoidal", (0.0, 10.0, 5.0, 20.0), [2]),
        ("gaussian", (50.0, 0.0), [1]),
        ("gaussian", (50.0, -1.0), [1]),
    ],
)
def test_bad_numbers_are_named_by_their_place(shape, numbers, places):
    assert [place for place, _, _ in number_problems(shape, numbers)] == places


def test_good_numbers_have_no_problem():
    for shape, numbers in (
        ("triangular", (0.0, 0.0, 0.0)),
        ("trapezoidal", (0.0, 0.0, 1.0, 1.0)),
        ("gaussian", (-3.0, 1e-9)),
    ):
        assert number_problems(shape, numbers) == []
        assert shape in SHAPES


def test_a_formula_changes_with_every_number():
    formulas = {
        Membership(shape, numbers).formula
        for shape, numbers in (
            ("triangular", (0.0, 25.0, 40.0)),
            ("triangular", (0.0, 25.000000000000004, 40.0)),
            ("trapezoidal", (0.0, 25.0, 40.0, 50.0)),
            ("gaussian", (0.0, 25.0)),
        )
    }
    assert len(formulas) == 4
