"""What each bar pays a share: SEMANTICS 3.14, from a column or from what adj_close implies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# 1.4: what adj_close / close changes by at a split, or an inverse, within half a percent.
_SPLITS = (5 / 4, 4 / 3, 3 / 2, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0)
_NEAR = 0.005
_MOST_DECIMALS = 8
_WRITTEN = 1e-12  # how near a number is to its decimals, of itself
_SINGLE = 2.0**-24  # what an adj_close kept in single precision may be off by, of itself


@dataclass(frozen=True)
class PaidColumns:
    """What bars tell of dividends, one value a bar; None where they have no such column.

    Parameters
    ----------
    close
        $ a share, after what `price_adjustment` did.
    adjusted
        The column ``adj_close``.
    stated
        The column ``dividends``, $ a share.
    splits
        The column ``splits``: how many shares one becomes.
    """

    close: Sequence[float]
    adjusted: Sequence[float] | None = None
    stated: Sequence[float] | None = None
    splits: Sequence[float] | None = None


class Dividends:
    """The rules by which bars tell dividends."""

    def __init__(self, columns: PaidColumns) -> None:
        self.columns = columns
        self.decimals = self.decimals_of(columns.adjusted or [])

    def paid(self) -> list[float]:
        """3.14: A `dividends` column, or what adj_close implies; $ a share at each bar."""
        bars = range(len(self.columns.close))
        if self.columns.stated is not None:
            return [self.told(value) for value in self.columns.stated]
        if self.columns.adjusted is None:
            return [0.0 for _ in bars]
        return [self.implied(i) if i > 0 else 0.0 for i in bars]

    def told(self, value: float) -> float:
        """3.14: What is missing in the column is no dividend."""
        return value if value > 0 else 0.0

    def implied(self, i: int) -> float:
        """3.14: d = close[i-1] x (1 - f[i-1] / f[i]); a negative one is none."""
        paid = self.columns.close[i - 1] * (1 - self.factor(i - 1) / self.factor(i))
        explained = self.is_split(i) or self.is_rounding(i)
        return paid if paid > 0 and not explained else 0.0

    def factor(self, i: int) -> float:
        """3.14: f = adj_close / close."""
        assert self.columns.adjusted is not None
        return self.columns.adjusted[i] / self.columns.close[i]

    def is_split(self, i: int) -> bool:
        """3.14: A step that a split explains is no dividend; 1.4 says which steps are a split's."""
        step = abs(math.log(self.factor(i) / self.factor(i - 1)))
        return any(abs(step - abs(math.log(ratio))) <= _NEAR for ratio in self.ratios(i))

    def ratios(self, i: int) -> tuple[float, ...]:
        """1.4: A column `splits` decides; without one, the steps that splits make."""
        if self.columns.splits is None:
            return _SPLITS
        ratio = self.columns.splits[i]
        return (ratio,) if ratio > 0 and ratio != 1.0 else ()

    def is_rounding(self, i: int) -> bool:
        """3.14: A step that rounding of adj_close can explain is none.

        It can where some two numbers that round to these have the same factor.
        """
        assert self.columns.adjusted is not None
        close, adjusted = self.columns.close, self.columns.adjusted
        before = (adjusted[i - 1] + self.doubt(adjusted[i - 1])) / close[i - 1]
        return before >= (adjusted[i] - self.doubt(adjusted[i])) / close[i]

    def doubt(self, value: float) -> float:
        """3.14: Half a unit of the last decimal, and at least what single precision leaves open."""
        written = 0.0 if self.decimals is None else 0.5 * 10.0**-self.decimals
        return max(written, value * _SINGLE)

    def decimals_of(self, adjusted: Sequence[float]) -> int | None:
        """3.14: The fewest decimals that adj_close is written with; None beyond eight."""
        for decimals in range(_MOST_DECIMALS + 1):
            if all(abs(round(v, decimals) - v) <= _WRITTEN * abs(v) for v in adjusted):
                return decimals
        return None
