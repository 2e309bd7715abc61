"""Vectors as NumPy means them, and as compiled code has them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from btkit.conditions import vectors
from btkit.conditions.vectors import SCANNED, WIDTH, closed_run


@njit
def compiled(one, other, at):
    return closed_run(one, other, at)


@settings(deadline=None)
@given(st.sets(st.integers(0, 39)), st.sets(st.integers(0, 39)), st.integers(0, 8))
def test_closed_run(one, other, at):
    gates = np.zeros((2, 40), np.bool_)
    gates[0, list(one)] = gates[1, list(other)] = True
    opened = [place for place in sorted(one | other) if at <= place < at + SCANNED]
    expected = opened[0] - at if opened else SCANNED
    assert compiled(*gates, at) == expected
    assert closed_run(*gates, at) == expected


@pytest.mark.parametrize("gate", [np.ones(80, np.bool_)[::2], np.ones(40, np.int8)])
def test_gates_that_would_be_misread_are_refused(gate):
    with pytest.raises(TypeError, match="contiguous arrays of bool"):
        compiled(gate, gate, 0)


def worked_out(values, at, number, out):
    one, other = vectors.eight(values, at), vectors.eight(values, at + 1)
    many = vectors.each(number)
    for row, vector in enumerate(
        (
            one + other,
            one - other,
            one * many,
            one / many,
            vectors.least(one, other),
            vectors.greatest(one, many),
            vectors.where_positive(other, one),
        )
    ):
        vectors.put(out[row], at, vector)
    return (
        vectors.lowest_of(one),
        vectors.highest_of(one),
        vectors.any_reaches(one, number),
        vectors.any_reaches(other, 10.0),
    )


@pytest.mark.parametrize("at", [0, 3])
@pytest.mark.parametrize("seed", range(5))
def test_numbers(at, seed):
    values = np.random.default_rng(seed).normal(0.0, 1.0, WIDTH + 4)
    means, does = np.zeros((2, 7, WIDTH + 4))
    meant = worked_out(values, at, values[at], means)
    assert njit(worked_out)(values, at, values[at], does) == meant
    assert (means == does).all()
    assert (means[:, at : at + WIDTH] != 0.0).any(axis=1).all()


@pytest.mark.parametrize("values", [np.ones(40)[::2], np.ones(20, np.float32)])
def test_numbers_that_would_be_misread_are_refused(values):
    with pytest.raises(TypeError, match="contiguous arrays of float64"):
        njit(worked_out)(values, 0, 1.0, np.zeros((7, 20)))


@pytest.mark.parametrize("first", [True, False])
def test_either(first):
    assert njit(lambda first: vectors.either(first, 1.0, 2.0))(first) == vectors.either(
        first, 1.0, 2.0
    )
