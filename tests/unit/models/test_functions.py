"""The compiled functions against the C library's, in units of the last place."""

import math

import numpy as np
import pytest

from btkit.conditions.compiled import compiled
from btkit.models.kernels import functions

RNG = np.random.default_rng(0)
VALUES = np.concatenate(
    [
        RNG.uniform(-5, 5, 30_000),
        RNG.uniform(-40, 40, 10_000),
        RNG.uniform(-700, 700, 10_000),
        RNG.choice([-1, 1], 20_000) * 10.0 ** RNG.uniform(-300, 0, 20_000),
        # Where the reduction turns over.
        (np.arange(-60, 60) + 0.5) * math.log(2),
        np.nextafter((np.arange(-60, 60) + 0.5) * math.log(2), np.inf),
        [0.0, -0.0, 5e-324, -5e-324, 1e-17, 20.0, np.nextafter(20, 0), -708.0, 708.0],
    ]
)


@compiled
def exp(x):
    scale, part = functions.parts_of_exp(x)
    return scale + scale * part


def errors(function, reference):
    """Return the largest error in units of the last place, where results are normal numbers."""
    worst = 0.0
    for value in VALUES.tolist():
        expected = reference(value)
        if abs(expected) > 1e-307:
            worst = max(worst, abs(function(value) - expected) / math.ulp(expected))
    return worst


def logistic(x):
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


@pytest.mark.parametrize(
    ("function", "reference", "units"),
    [
        (exp, math.exp, 1.5),
        (functions.tanh, math.tanh, 3),
        (functions.sigmoid, logistic, 4),
        (functions.elu, lambda x: x if x > 0 else math.expm1(x), 3),
    ],
)
def test_functions_are_as_near_as_their_docstrings_say(function, reference, units):
    assert errors(function, reference) <= units


@pytest.mark.parametrize("size", [1e-320, 1e-310, 709.0, 1e4, 1e300, np.inf])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_ends_are_those_of_the_functions(sign, size):
    value = sign * size
    assert functions.tanh(value) == pytest.approx(math.tanh(value), rel=0, abs=1e-300)
    assert functions.elu(value) == pytest.approx(value if sign > 0 else math.expm1(value))
    expected = 0.5 if size < 1 else (1.0 if sign > 0 else 0.0)
    assert functions.sigmoid(value) == pytest.approx(expected, rel=0, abs=1e-300)


@pytest.mark.parametrize("function", [functions.tanh, functions.sigmoid, functions.elu])
def test_what_is_no_number_stays_so(function):
    assert math.isnan(function(math.nan))


def test_the_sign_of_nothing_is_kept():
    assert math.copysign(1, functions.tanh(-0.0)) == -1


def test_a_lane_does_not_know_its_place():
    sums = RNG.normal(size=4 * functions.LANES) * 3
    for function in range(len(functions.ACTIVATIONS)):
        whole = sums.copy()
        functions.activate(function, whole)
        turned = np.roll(sums, 5)
        functions.activate(function, turned)
        assert np.roll(turned, -5).tobytes() == whole.tobytes()
