"""What a tree is worth at every bar.

Missing values travel as masks. Where Python's evaluation of a bar would raise, `failed` is set
and the other arrays hold anything; where the value is None, `none` is set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = "NDArray[np.bool_] | None"
Data: TypeAlias = "NDArray[Any]"
Rows: TypeAlias = "slice | NDArray[np.int64]"


@dataclass(frozen=True)
class Value:
    """A value at every bar.

    Parameters
    ----------
    data
        bool or float64 (n_bars,), or 0-dimensional for a constant.
    none
        Where the value is None; None for nowhere.
    failed
        Where the evaluation raised; None for nowhere.
    is_bool, is_text
        Where the value is a Python bool, or a text: everywhere, nowhere, or by bar. Of a text the
        data are the number that it travels as.
    """

    data: Data
    none: Mask = None
    failed: Mask = None
    is_bool: bool | NDArray[np.bool_] = False
    is_text: bool | NDArray[np.bool_] = False

    def truth(self) -> NDArray[np.bool_]:
        """Return Python's truth, meaningless where `failed`."""
        truth = self.data if self.data.dtype == np.bool_ else self.data != 0.0
        return truth if self.none is None else truth & ~self.none

    def met(self) -> NDArray[np.bool_]:
        """Return where a condition with this value is met: true, and did not raise."""
        truth = self.truth()
        return truth if self.failed is None else truth & ~self.failed

    def missing(self) -> NDArray[np.bool_]:
        """Return where there is no value, of a constant as 0 dimensions."""
        found = np.zeros(np.shape(self.data), np.bool_)
        if self.data.dtype == np.float64:
            found = ~np.isfinite(self.data)
        for mask in (self.none, self.failed):
            if mask is not None:
                found = found | mask
        return found

    def floats(self) -> NDArray[np.float64]:
        """Return the value as numbers, NaN where there is none."""
        data = self.data.astype(np.float64, copy=False)
        missing = self.missing()
        return np.where(missing, np.nan, data) if missing.any() else data

    def each(self, make: Callable[[Data], Data]) -> Value:
        """Return the value whose arrays are made of these."""
        return Value(
            make(self.data),
            None if self.none is None else make(self.none),
            None if self.failed is None else make(self.failed),
            *(
                kind if isinstance(kind, bool) else make(kind)
                for kind in (self.is_bool, self.is_text)
            ),
        )

    def at(self, rows: Rows) -> Value:
        """Return the value at some of the bars."""
        return self.each(lambda part: part[rows] if np.ndim(part) else part)

    def spread(self, bars: int) -> Value:
        """Return the value with an entry for each bar in every array, of a constant, too."""
        return self.each(lambda part: np.broadcast_to(part, bars))

    def as_of(self, last: NDArray[np.int64]) -> Value:
        """Return a value over other bars at the bars that know them, None where `last` is -1."""
        before, known = last < 0, self.at(last)
        none = before if known.none is None else known.none | before
        return Value(
            known.data,
            none if none.any() else None,
            None if known.failed is None else known.failed & ~before,
            known.is_bool,
            known.is_text,
        )
