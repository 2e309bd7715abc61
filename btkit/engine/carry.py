"""What holding brings and costs between two bars: interest, borrow fees, dividends (3.14).

The loop runs from one bar at which something may be paid to the next, as it runs any bars in
parts. So it knows nothing of carry, and who has none pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np

from btkit.engine.inputs import Floats, Integers
from btkit.engine.state import CARRIED, RUINED

Loop = Callable[..., None]


class Carry(NamedTuple):
    """What is paid at each bar before its fills, float64 (n_bars,).

    Parameters
    ----------
    days
        Calendar days from the session of the bar before to this bar's.
    cash_rate, borrow_rate
        What cash earns, and what shorts pay, a year, as it was known before the bar.
    dividends
        $ a share.
    """

    days: Floats
    cash_rate: Floats
    borrow_rate: Floats
    dividends: Floats

    def cut(self, bars: slice) -> Self:
        """Return that of some bars."""
        return type(self)(*(series[bars] for series in self))

    def due_after(self, start: int) -> Integers:
        """Return the bars after the first one of a run at which something may be paid."""
        rated = (self.cash_rate != 0.0) | (self.borrow_rate != 0.0)
        due: Integers = np.flatnonzero(((self.days != 0.0) & rated) | (self.dividends != 0.0))
        return due[due > start]


class CarriedLoop:
    """A loop with carry: called as the loop itself is.

    Parameters
    ----------
    loop
        What runs bars.
    pay
        `pay_shares` or `pay_spreads`.
    carry
        What is paid.
    start
        The first bar of the run, at which nothing is.
    """

    def __init__(self, loop: Loop, pay: Loop, carry: Carry, start: int) -> None:
        self._loop, self._pay, self._carry = loop, pay, carry
        self._due = carry.due_after(start)

    def __call__(self, first: int, last: int, *others: Any) -> None:  # noqa: ANN401 - the loop's own
        """Simulate bars `first` to `last` - 1; see `btkit.engine.loop.run_bars`."""
        market, _, rules, state, _, curve, _ = others
        paid = curve.carry if curve.carry.size else np.empty((len(self._carry.days), CARRIED))
        begin = first
        for bar in self._due[slice(*self._due.searchsorted((first, last)))].tolist():
            if bar > begin:
                self._loop(begin, bar, *others)
                begin = bar
            if state.counts[RUINED]:
                return
            self._pay(self._carry, bar, market, rules, state, paid[bar])
        self._loop(begin, last, *others)
