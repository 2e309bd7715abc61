"""A sweep of a strategy with both sides, part exits, or rates that vary: set by set.

Such sets are planned one by one, as single runs are, so a thousand take seconds where those of a
plain strategy take milliseconds. They are simulated and measured by the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from btkit.decisions.records import NO_FINER, FinerBars
from btkit.engine.inputs import Floats, Integers, Market, Rules
from btkit.engine.loop import run_bars
from btkit.engine.loop_decisions import AnyDecisions, loop_decisions
from btkit.engine.sweep_loop import Account, Scratch, measure_run, new_scratch, restart
from btkit.metrics import MEASURED

MOST_TOGETHER = 64
"""Sets in a chunk, so that there is progress to show and to keep."""

_NO_PERIODS = np.zeros(0, np.int64)


@dataclass(frozen=True)
class SetBySetEngine:
    """Everything that simulating any set of such a sweep needs; see `SweepEngine`.

    Parameters
    ----------
    decide, trade_on
        Return what a set decides, and the market with what it is paid between bars.
    sets
        How many there are.
    market, rules, account
        What is the same for all sets.
    parts
        In how many parts a lot may leave before its rest does.
    rests
        Whether entries may wait for more than the next fill.
    finer
        What says what came first inside a bar.
    """

    decide: Callable[[int], AnyDecisions]
    trade_on: Callable[[int], Market]
    sets: int
    market: Market
    rules: Rules
    account: Account
    parts: int
    rests: bool
    finer: FinerBars = NO_FINER

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Yield the first set of each chunk, and the one after its last."""
        for first in range(0, self.sets, MOST_TOGETHER):
            yield first, min(first + MOST_TOGETHER, self.sets)

    def metrics(self, first: int, last: int) -> Floats:
        """Simulate and measure some sets; see `SweepEngine.metrics`."""
        return self._run(first, last, _NO_PERIODS)[0]

    def runs(self, first: int, last: int) -> Iterator[tuple[Floats, Scratch]]:
        """Simulate some sets one by one; see `SweepEngine.runs`."""
        for index in range(first, last):
            row = np.empty(len(MEASURED) + 1)
            self._simulate(index, row, _NO_PERIODS, np.empty(0))
            yield row, self._scratch

    def returns(self, first: int, last: int, ends: Integers) -> Floats:
        """Return what some sets earned period by period; see `SweepEngine.returns`."""
        return self._run(first, last, ends)[1]

    def _run(self, first: int, last: int, ends: Integers) -> tuple[Floats, Floats]:
        out = np.empty((last - first, len(MEASURED) + 1))
        returns = np.empty((last - first, len(ends)))
        for place, index in enumerate(range(first, last)):
            self._simulate(index, out[place], ends, returns[place])
        return out, returns

    def _simulate(self, index: int, out: Floats, ends: Integers, returns: Floats) -> None:
        scratch, account = self._scratch, self.account
        restart(scratch.state, account.capital)
        taken = loop_decisions(self.rules, self.decide(index), self.finer)
        run_bars(
            account.start, self._bars, self.trade_on(index), *taken, self.rules, scratch.state,
            scratch.trades, scratch.curve, scratch.room,
        )  # fmt: skip
        measure_run(account, self.rules, scratch, out, ends, returns)

    @property
    def _bars(self) -> int:
        bars: int = self.market.close.shape[1]
        return bars

    @cached_property
    def _scratch(self) -> Scratch:
        lots = min(self.rules.max_positions, self._bars)
        orders, periods = lots if self.rests else 1, len(self.account.ends)
        return new_scratch(self._bars, lots, periods, self.parts, orders)


__all__ = ["SetBySetEngine"]
