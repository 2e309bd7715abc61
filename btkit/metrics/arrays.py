"""The arrays of one run that metrics are functions of, by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from btkit.metrics.curves import Floats, drawdown_series
from btkit.metrics.relative import CoMoments, comoments_of

ARRAYS = MappingProxyType(
    {
        "equity": "float64 (n_bars,): account value in $ at each bar's close",
        "times": "datetime64 (n_bars,): the bars' times, of intraday bars in UTC",
        "returns": "float64 (n_periods,): fractions, from bar to bar or from session to session",
        "sorted_returns": "float64 (n_periods,): the same, lowest first",
        "benchmark_returns": "float64 (n_periods,): of the benchmark, over the same periods",
        "comoments": "means, variances and covariance of returns and benchmark_returns",
        "drawdown": "float64 (n_bars,): fractions below the highest value so far, at most 0",
        "held": "bool (n_bars,): whether a position was open at the close",
        "pnl": "float64 (n_trades,): $ made by each trade, in order of exit",
        "return_pct": "float64 (n_trades,): the same over what was paid, fractions",
        "fill_value": "float64 (n_trades,): $ of entry fill and exit fill of each trade, added",
        "hours": "float64 (n_trades,): calendar time held",
        "initial_capital": "float: $ before the first bar",
        "periods_per_year": "float: how many returns make a year",
    }
)
"""What a metric's function may name as a parameter, and what it is given."""

OF_BENCHMARK = frozenset({"benchmark_returns", "comoments"})
"""Those that there are only where a run is measured against a benchmark."""


@dataclass(frozen=True)
class RunArrays:
    """One run as arrays; see `ARRAYS`, whose names these are.

    Parameters
    ----------
    benchmark_returns
        None where nothing is measured against a benchmark.
    entry_time, exit_time
        datetime64 (n_trades,): the bars at which each trade began and ended.
    """

    equity: Floats
    times: NDArray[np.datetime64]
    returns: Floats
    benchmark_returns: Floats | None
    pnl: Floats
    return_pct: Floats
    fill_value: Floats
    hours: Floats
    entry_time: NDArray[np.datetime64]
    exit_time: NDArray[np.datetime64]
    initial_capital: float
    periods_per_year: float

    @cached_property
    def sorted_returns(self) -> Floats:
        """The returns, lowest first."""
        return np.sort(self.returns)

    @cached_property
    def comoments(self) -> CoMoments:
        """What the returns and the benchmark's have in common."""
        assert self.benchmark_returns is not None
        return comoments_of(self.returns, self.benchmark_returns)

    @cached_property
    def drawdown(self) -> Floats:
        """Fractions below the highest account value so far."""
        return drawdown_series(self.equity, self.initial_capital)

    @cached_property
    def held(self) -> NDArray[np.bool_]:
        """Whether a position was open at each close: from the bar of its fill, not at its exit."""
        change = np.zeros(len(self.times) + 1, np.int64)
        np.add.at(change, np.searchsorted(self.times, self.entry_time), 1)
        np.add.at(change, np.searchsorted(self.times, self.exit_time), -1)
        return np.cumsum(change)[:-1] > 0
