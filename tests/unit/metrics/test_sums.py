"""The compiled sums: in their stated order, and right to the last digits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from btkit.metrics.measure import folded_sum, lowest, squared_distances, squared_falls

SIZES = [1, 2, 3, 15, 16, 17, 31, 32, 33, 34, 127, 1000, 5031]


def folded(values):
    """The order of the module's docstring, in plain Python."""
    values = list(values)
    half = (len(values) + 1) // 2
    values = [a + b for a, b in zip(values, values[half:], strict=False)] + values[
        len(values) - half : half
    ]
    while len(values) > 16:
        half = (len(values) + 1) // 2
        values = [a + b for a, b in zip(values, values[half:], strict=False)] + values[
            len(values) - half : half
        ]
    return sum(values[1:], values[0])


@pytest.fixture(params=SIZES)
def values(request):
    return np.random.default_rng(request.param).normal(0.0, 0.01, request.param)


def test_order(values):
    room = np.full(values.size, math.nan)
    assert folded_sum(values, room) == folded(values)
    assert squared_distances(values, 0.1, room) == folded((values - 0.1) ** 2)
    assert squared_falls(values, room) == folded(np.minimum(values, 0.0) ** 2)


def test_against_exact_sums(values):
    room = np.full(values.size, math.nan)
    assert folded_sum(values, room) == pytest.approx(math.fsum(values), abs=1e-15)
    distances = math.fsum((value - 0.1) ** 2 for value in values.tolist())
    assert squared_distances(values, 0.1, room) == pytest.approx(distances, rel=1e-15)


def test_lowest(values):
    assert lowest(values, np.full(values.size, math.nan)) == values.min()


def test_the_values_stay_as_they_are(values):
    before = values.copy()
    folded_sum(values, np.empty(values.size))
    lowest(values, np.empty(values.size))
    assert (values == before).all()


def test_lowest_of_none():
    assert lowest(np.empty(0), np.empty(0)) == math.inf
