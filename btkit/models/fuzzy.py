"""Membership functions: to what degree, from 0 to 1, a value belongs to a fuzzy set."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from btkit.indicators.arrays import Array

LARGEST_NUMBER: Final = 1e100
"""Beyond it differences and squares of a membership's numbers are no longer numbers."""


def triangular(values: Array, left: float, peak: float, right: float) -> Array:
    """Return the degrees of a triangle: 1 at its peak, 0 at its feet and beyond them.

    Parameters
    ----------
    values
        Shape (n,); NaN gives NaN.
    left, peak, right
        In ascending order. Where the peak is a foot, it is 1 there all the same.

    Returns
    -------
    Array
        Shape (n,), from 0 to 1.

    Examples
    --------
    >>> triangular(np.array([0.0, 20.0, 25.0, 40.0]), 0.0, 25.0, 40.0)
    array([0. , 0.8, 1. , 0. ])
    """
    degrees = _slopes(values, (left, peak), (peak, right))
    degrees[values == peak] = 1.0
    return degrees


def trapezoidal(
    values: Array, left: float, top_left: float, top_right: float, right: float
) -> Array:
    """Return the degrees of a trapezoid: 1 on its top, 0 at its feet and beyond them.

    A foot is 0 even where the top begins at it, so that ``0, 0, 25, 40`` is 0 at 0 and 1 right
    above. That is the rule of the system whose models these are, and a model was trained on it.

    Parameters
    ----------
    values
        Shape (n,); NaN gives NaN.
    left, top_left, top_right, right
        In ascending order.

    Returns
    -------
    Array
        Shape (n,), from 0 to 1.

    Examples
    --------
    >>> trapezoidal(np.array([0.0, 5.0, 15.0, 25.0, 30.0]), 0.0, 10.0, 20.0, 30.0)
    array([0. , 0.5, 1. , 0.5, 0. ])
    """
    degrees = _slopes(values, (left, top_left), (top_right, right))
    inside = (values > left) & (values < right)
    degrees[inside & (values >= top_left) & (values <= top_right)] = 1.0
    return degrees


def gaussian(values: Array, centre: float, sigma: float) -> Array:
    """Return the degrees of a bell: exp(-((value - centre) / sigma)² / 2).

    Parameters
    ----------
    values
        Shape (n,); NaN gives NaN.
    centre
        Where it is 1.
    sigma
        Its standard deviation, above 0.

    Returns
    -------
    Array
        Shape (n,), from 0 to 1.

    Examples
    --------
    >>> gaussian(np.array([50.0, 62.0]), 50.0, 12.0).round(6)
    array([1.      , 0.606531])
    """
    with np.errstate(over="ignore", under="ignore"):
        distance = (values - centre) / sigma
        return np.exp(-0.5 * distance * distance)


def _slopes(values: Array, rising: tuple[float, float], falling: tuple[float, float]) -> Array:
    degrees = np.where(np.isnan(values), np.nan, 0.0)
    (foot, top), (last, end) = rising, falling
    up = (values > foot) & (values < top)
    down = (values > last) & (values < end)
    degrees[up] = (values[up] - foot) / (top - foot)
    degrees[down] = (end - values[down]) / (end - last)
    return degrees


@dataclass(frozen=True)
class _Shape:
    degrees: Callable[..., Array]
    numbers: tuple[str, ...]


SHAPES: Final[Mapping[str, _Shape]] = {
    "triangular": _Shape(triangular, ("left", "peak", "right")),
    "trapezoidal": _Shape(trapezoidal, ("left", "top left", "top right", "right")),
    "gaussian": _Shape(gaussian, ("centre", "sigma")),
}
"""The kinds of membership functions, with the names of their numbers."""


@dataclass(frozen=True)
class Membership:
    """A membership function with its numbers.

    Parameters
    ----------
    shape
        A key of `SHAPES`.
    numbers
        In the order of the shape; `number_problems` says what they must be.

    Examples
    --------
    >>> Membership("triangular", (0.0, 25.0, 40.0)).formula
    'triangular(0.0, 25.0, 40.0)'
    """

    shape: str
    numbers: tuple[float, ...]

    @property
    def formula(self) -> str:
        """Its shape and numbers, the same text for the same function."""
        return f"{self.shape}({', '.join(map(repr, self.numbers))})"

    def degrees(self, values: Array) -> Array:
        """Return how far each value belongs, from 0 to 1; NaN where it is missing.

        Parameters
        ----------
        values
            Shape (n,).
        """
        return SHAPES[self.shape].degrees(values, *self.numbers)


def number_problems(shape: str, numbers: tuple[float, ...]) -> list[tuple[int | None, str, str]]:
    """Return what is wrong with the numbers of a membership function.

    Parameters
    ----------
    shape
        A key of `SHAPES`.
    numbers
        As they were given.

    Returns
    -------
    list of tuple
        Which number (None for all of them), what is wrong, and what to write instead.

    Examples
    --------
    >>> number_problems("gaussian", (50.0, 0.0))
    [(1, 'sigma must be above 0, not 0.0', 'write how wide the bell is: its standard deviation')]
    """
    names = SHAPES[shape].numbers
    if len(numbers) != len(names):
        rule = f"a {shape} membership has {len(names)} numbers ({', '.join(names)})"
        return [(None, f"{rule}, not {len(numbers)}", "write each of them, in this order")]
    wrong: list[tuple[int | None, str, str]] = [
        (at, f"must be a finite number up to {LARGEST_NUMBER:g}, not {value}", "write it out")
        for at, value in enumerate(numbers)
        if not (math.isfinite(value) and abs(value) <= LARGEST_NUMBER)
    ]
    if wrong:
        return wrong
    if shape == "gaussian":
        sigma = numbers[1]
        hint = "write how wide the bell is: its standard deviation"
        return [(1, f"sigma must be above 0, not {sigma}", hint)] if sigma <= 0.0 else []
    return [
        (at, f"{names[at]} ({after}) lies below {names[at - 1]} ({before})", "write them ascending")
        for at, (before, after) in enumerate(pairwise(numbers), start=1)
        if after < before
    ]
