"""What feeds a network: an indicator's line, read by fuzzy sets or for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from btkit.models.fuzzy import Membership
from btkit.models.indicator_parameters import IndicatorType, Parameters

Normalization: TypeAlias = Literal["minmax", "zscore", "none"]
NORMALIZATIONS: Final[tuple[Normalization, ...]] = ("minmax", "zscore", "none")
MAX_ENTRIES: Final = 500
"""Indicators, fuzzy sets, or inputs of a network; far more than anyone trains with."""
MAX_FEATURES: Final = 4_096


@dataclass(frozen=True)
class DefinedIndicator:
    """An indicator's type with its parameters, the defaults filled in."""

    kind: IndicatorType
    parameters: Parameters

    @property
    def formula(self) -> str:
        """Type and parameters, the same text for the same indicator however it is written."""
        stated = ", ".join(f"{name}={self.parameters[name]!r}" for name in sorted(self.parameters))
        return f"{self.kind.name}({stated})"


@dataclass(frozen=True)
class Line:
    """One output of an indicator."""

    indicator: DefinedIndicator
    output: int

    @property
    def formula(self) -> str:
        """The indicator's formula, and the output where it has several."""
        name = self.indicator.kind.outputs[self.output].name
        return f"{self.indicator.formula}.{name}" if name else self.indicator.formula

    @property
    def lookback(self) -> int:
        """Index of the first bar of its timeframe that has a value, on clean data."""
        return self.indicator.kind.lookback(self.indicator.parameters, self.output)

    @property
    def decay(self) -> float | None:
        """Share of its seed's weight that each bar leaves; None of a window, 1 of a sum."""
        return self.indicator.kind.decay(self.indicator.parameters, self.output)


@dataclass(frozen=True)
class FuzzySet:
    """A line with the membership functions that read it, in their order."""

    line: Line
    memberships: Mapping[str, Membership]


@dataclass(frozen=True)
class NetworkInput:
    """One entry of ``nn_inputs``.

    Parameters
    ----------
    name
        The fuzzy set's, or the indicator's as it is written (``bbands_20_2.upper``).
    line
        What is read.
    memberships
        Of a fuzzy set; None for the line's own value.
    timeframes
        As they are written; ``all`` is written out.
    normalization
        What the strategy says of the line's own value; None where it says nothing.
    """

    name: str
    line: Line
    memberships: Mapping[str, Membership] | None
    timeframes: tuple[str, ...]
    normalization: Normalization | None = None
