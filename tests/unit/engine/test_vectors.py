"""Vectors in compiled code give what the plain loops give, to the last bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from btkit.engine import vectors
from btkit.engine.measure import lowest, pairwise_squares, pairwise_sum
from btkit.engine.vectors import LANES, SCANNED

FUNCTIONS = {name: getattr(vectors, name) for name in vectors.__all__ if not name.isupper()}
numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


# numba compiles a call from outside: what the engine does, too.
# ruff: noqa: PLW0108
def compiled(name):
    function = FUNCTIONS[name]
    count = function.__code__.co_argcount
    if count == 1:
        return njit(lambda a: function(a))
    if count == 2:
        return njit(lambda a, b: function(a, b))
    if count == 3:
        return njit(lambda a, b, c: function(a, b, c))
    return njit(lambda a, b, c, d, e: function(a, b, c, d, e))


COMPILED = {name: compiled(name) for name in FUNCTIONS}


@settings(deadline=None)
@given(st.lists(numbers, min_size=64, max_size=64), numbers, st.integers(0, 8))
def test_sums(values, mean, count):
    values = np.array(values)
    for name, arguments in (
        ("lane_sum", (values, count)),
        ("lane_squares", (values, count, mean)),
        ("lane_least", (values, count)),
    ):
        assert COMPILED[name](*arguments) == FUNCTIONS[name](*arguments)


@settings(deadline=None)
@given(st.lists(numbers, min_size=40, max_size=40), st.integers(0, 8))
def test_greatest(values, at):
    values = np.array(values)
    assert COMPILED["greatest"](values, at) == max(values[at : at + SCANNED])


@settings(deadline=None)
@given(st.sets(st.integers(0, 39)), st.sets(st.integers(0, 39)), st.integers(0, 8))
def test_closed_run(one, other, at):
    gates = np.zeros((2, 40), np.bool_)
    gates[0, list(one)] = gates[1, list(other)] = True
    opened = [place for place in sorted(one | other) if at <= place < at + SCANNED]
    expected = opened[0] - at if opened else SCANNED
    assert COMPILED["closed_run"](*gates, at) == expected
    assert FUNCTIONS["closed_run"](*gates, at) == expected


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1e5), min_size=40, max_size=40), numbers, numbers)
def test_mark_worth_writes_its_bars_only(closes, free, shares):
    closes = np.array(closes)
    equity = np.full(40, -1.0)
    COMPILED["mark_worth"](closes, equity, 3, free, shares)
    bars = slice(3, 3 + SCANNED)
    assert (equity[bars] == free + shares * closes[bars]).all()
    assert (equity[:3] == -1.0).all()
    assert (equity[3 + SCANNED :] == -1.0).all()


@settings(deadline=None)
@given(st.floats(min_value=0.0, exclude_min=True, allow_infinity=False))
def test_next_below(value):
    assert COMPILED["next_below"](value) == math.nextafter(value, 0.0)
    assert FUNCTIONS["next_below"](value) == math.nextafter(value, 0.0)


@pytest.mark.parametrize("values", [np.ones(80)[::2], np.ones(40, np.float32)])
def test_arrays_that_would_be_misread_are_refused(values):
    with pytest.raises(TypeError, match="contiguous float64 or bool arrays"):
        COMPILED["greatest"](values, 0)
    with pytest.raises(TypeError, match="contiguous float64 or bool arrays"):
        COMPILED["mark_worth"](values, np.ones(40), 0, 1.0, 1.0)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 127, 128, 129, 136, 1000, 5031])
def test_sums_are_numpys_whatever_the_size(size):
    values = np.random.default_rng(size).normal(0.0, 1.0, size)
    assert pairwise_sum(values) == values.sum()
    distances, falls = pairwise_squares(values, 0.1)
    assert distances == ((values - 0.1) ** 2).sum()
    assert falls == (np.minimum(values, 0.0) ** 2).sum()
    assert lowest(values) == (values.min() if size else math.inf)
    assert LANES == 8
