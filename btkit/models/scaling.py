"""Normalisation of network inputs by the numbers of their training, never by those of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np

from btkit.arguments import kind_of_value
from btkit.indicators.arrays import Array
from btkit.models.inputs import Normalization
from btkit.models.problems import Findings, Place

_NUMBERS: Final = {"minmax": ("min", "max"), "zscore": ("mean", "std"), "none": ()}
_LARGEST: Final = 1e100
"""Beyond it differences are no longer numbers."""


@dataclass(frozen=True)
class Scaling:
    """How a feature is normalised.

    Parameters
    ----------
    method
        ``"minmax"``: (value - low) / (high - low); ``"zscore"``: (value - mean) / std; ``"none"``.
    numbers
        min and max, or mean and std. A feature that was constant in training is 0.0.
    """

    method: Normalization
    numbers: tuple[float, ...] = ()

    @property
    def formula(self) -> str:
        """Method and numbers, the same text for the same normalisation."""
        return f"{self.method}({', '.join(map(repr, self.numbers))})"

    @property
    def width(self) -> float:
        """What differences are divided by; 0 where the training knew no difference."""
        if self.method == "none":
            return 1.0
        first, other = self.numbers
        return other - first if self.method == "minmax" else other

    def apply(self, values: Array) -> Array:
        """Return normalised values; NaN stays NaN.

        Parameters
        ----------
        values
            Shape (n,).

        Examples
        --------
        >>> Scaling("minmax", (20.0, 80.0)).apply(np.array([20.0, 50.0, 95.0]))
        array([0.  , 0.5 , 1.25])
        """
        if self.method == "none":
            return values
        if self.width == 0.0:
            return np.where(np.isnan(values), np.nan, 0.0)
        return (values - self.numbers[0]) / self.width


def read_scalings(value: object, findings: Findings) -> dict[str, Scaling]:
    """Read ``normalization_params``, by feature.

    Parameters
    ----------
    value
        Such as ``{"1h_rsi_14_raw": {"method": "minmax", "min": 20.0, "max": 80.0}}``; None is
        nothing.
    findings
        Gathers what is wrong.

    Returns
    -------
    dict of str to Scaling
        As many as could be read.
    """
    place: Place = ("normalization_params",)
    of = "a method and its numbers by feature"
    entries = {} if value is None else findings.mapping(value, place, most=10_000, of=of)
    read = {name: _scaling(entry, (*place, name), findings) for name, entry in entries.items()}
    return {name: found for name, found in read.items() if found is not None}


def _scaling(value: object, place: Place, findings: Findings) -> Scaling | None:
    entry: Mapping[str, Any] = findings.mapping(value, place, most=100, of="a method and numbers")
    if not isinstance(value, Mapping):
        return None
    method = entry.get("method", "none")
    if not isinstance(method, str) or method not in _NUMBERS:
        findings.refuse((*place, "method"), f"no normalisation is {kind_of_value(method)}",
                        f"methods are {', '.join(_NUMBERS)}")  # fmt: skip
        return None
    wrong = [
        name
        for name in _NUMBERS[method]
        if type(entry.get(name)) not in {int, float} or not abs(entry[name]) <= _LARGEST
    ]
    for name in wrong:
        found = "is missing" if name not in entry else f"is {kind_of_value(entry[name])}"
        findings.refuse((*place, name), f"{found}; {method} needs a finite number",
                        "take it from the training")  # fmt: skip
    if wrong:
        return None
    numbers = tuple(float(entry[name]) for name in _NUMBERS[method])
    narrow = {"minmax": lambda: numbers[1] < numbers[0], "zscore": lambda: numbers[1] < 0.0}
    if method in narrow and narrow[method]():
        last = _NUMBERS[method][1]
        rule = "lies below min" if method == "minmax" else "is below 0"
        findings.refuse((*place, last), f"{last} {rule}", "take it from the training")
        return None
    return Scaling(cast("Normalization", method), numbers)
