"""What holding brings and costs between two bars: interest, borrow fees, dividends (3.14)."""

from __future__ import annotations

from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Carry(NamedTuple):
    """What is paid at each bar before its fills.

    Parameters
    ----------
    due
        int64: the bars at which something may be paid, in order. The loop looks at these alone.
    days
        float64 (n_bars,), as the others: calendar days from the session of the bar before to this
        bar's.
    cash_rate, borrow_rate
        What cash earns, and what shorts pay, a year, as it was known before the bar.
    dividends
        $ a share.
    """

    due: Integers
    days: Floats
    cash_rate: Floats
    borrow_rate: Floats
    dividends: Floats

    def cut(self, bars: slice) -> Self:
        """Return that of some bars, of which none is due yet."""
        _, *series = self
        return type(self)(NO_CARRY.due, *(values[bars] for values in series))

    def after(self, start: int) -> Self:
        """Return it for a run, at whose first bar nothing is paid."""
        rated = (self.cash_rate != 0.0) | (self.borrow_rate != 0.0)
        due = np.flatnonzero(((self.days != 0.0) & rated) | (self.dividends != 0.0))
        return self._replace(due=due[due > start].astype(np.int64))


NO_CARRY: Final = Carry(np.zeros(0, np.int64), *(np.zeros(0) for _ in range(4)))
