"""What was known of the account when each bar's orders were decided (SEMANTICS 2.12)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

import numpy as np

from btkit.engine import Outcome
from btkit.engine.inputs import Floats, Integers
from btkit.simulation.simulated import Closed


class _Known(NamedTuple):
    """What closed trades came to, from each of some bars on, in order of bars."""

    bar: Integers
    trade: Integers
    streak: Integers


@dataclass(frozen=True, eq=False)
class AccountHistory:
    """The account of a finished run, as conditions saw it.

    Parameters
    ----------
    outcome
        What the loop gave.
    closed
        Its trades, whole lots, in the order of the list.
    first, after
        int64 (n_trades,): the first bar that could decide upon each, and the one after the last.
    exits, seen
        int64 (n_exits,): the bar of each exit fill, of a part of a lot too, and the first bar that
        was decided upon after it.
    """

    outcome: Outcome
    closed: Closed
    first: Integers
    after: Integers
    exits: Integers
    seen: Integers

    def names(self, bars: Integers) -> dict[str, Callable[[], Floats]]:
        """Return what gives the account's names at some bars, NaN for None."""
        return {
            "equity": lambda: self.outcome.decision_equity[bars],
            "open_lots": lambda: self._open_lots[bars],
            "bars_since_exit": lambda: bars - self._last_exit[bars],
            "last_return_pct": lambda: self._of_last(self.closed.return_pct, bars),
            "last_pnl": lambda: self._of_last(self.closed.pnl, bars),
            "losing_streak": lambda: self._told(self._known.streak, bars, before_any=0.0),
        }

    @cached_property
    def _open_lots(self) -> Floats:
        size = len(self.outcome.curve.equity)
        change = np.zeros(size + 2)
        np.add.at(change, self.first, 1.0)
        np.add.at(change, self.after, -1.0)
        return np.cumsum(change)

    @cached_property
    def _last_exit(self) -> Floats:
        last = np.full(len(self.outcome.curve.equity) + 1, -np.inf)
        np.maximum.at(last, self.seen, self.exits.astype(np.float64))
        last = np.maximum.accumulate(last)
        return np.where(np.isfinite(last), last, np.nan)

    @cached_property
    def _known(self) -> _Known:
        # Of the trades of one bar, those that filled at its close are not known at it yet.
        exits, lost = self.closed.exit_bar.tolist(), (self.closed.pnl < 0.0).tolist()
        at_once = (self.after <= self.closed.exit_bar).tolist()
        found: list[tuple[int, int, int]] = []
        streak = 0
        for bar, group in groupby(range(len(exits)), key=exits.__getitem__):
            trades = list(group)
            for seen, known in ((bar, [one for one in trades if at_once[one]]), (bar + 1, trades)):
                if known:
                    count = streak
                    for one in known:
                        count = count + 1 if lost[one] else 0
                    found.append((seen, known[-1], count))
            streak = count
        return _Known(*np.array(found, np.int64).reshape(-1, 3).T)

    def _told(self, values: Integers, bars: Integers, *, before_any: float = np.nan) -> Floats:
        row = self._known.bar.searchsorted(bars, side="right") - 1
        told = np.full(len(bars), before_any)
        told[row >= 0] = values[row[row >= 0]]
        return told

    def _of_last(self, values: Floats, bars: Integers) -> Floats:
        trade = self._told(self._known.trade, bars)
        told = np.full(len(bars), np.nan)
        known = np.isfinite(trade)
        told[known] = values[trade[known].astype(np.int64)]
        return told
