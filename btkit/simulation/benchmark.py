"""What a run is measured against: its own instrument held, or another one's bars beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.arguments import shown
from btkit.data import Finding, format_time, sessions_old
from btkit.engine import Carry
from btkit.engine.inputs import Floats
from btkit.errors import NoDataError, UsageError
from btkit.markets import Annualisation, bar_dates
from btkit.simulation.beside import check_same_interval, take_beside
from btkit.spec import BaseSpec

MOST_SESSIONS_OLD = 10
"""A benchmark's last close stands in for so many sessions, more than any exchange's holidays."""


@dataclass(frozen=True, eq=False)
class BenchmarkCloses:
    """What is held to compare a run with, at the bars of the run.

    Parameters
    ----------
    closes : ndarray of float64, shape (n_bars,)
        The last close known at each bar of the run, warm-up included; NaN before the first. Of
        the run's own instrument, where dividends are paid, with those since the run's first bar.
    bars
        The benchmark's own bars, adjusted as the run's are; None where the run's own instrument
        is held.
    symbol
        Of those bars, None where they do not say it.
    carried
        Returns of the run at whose end the benchmark had no bar, so that an earlier close stood in.
    quality
        What checking those bars found and repaired.
    with_dividends
        Whether closes have dividends in them, kept in cash.
    due
        What a share is paid at the first bar of the run, if it was held before.
    """

    closes: Floats
    bars: pd.DataFrame | None = None
    symbol: str | None = None
    carried: int = 0
    quality: list[Finding] = field(default_factory=list)
    with_dividends: bool = False
    due: float = 0.0

    @property
    def name(self) -> str:
        """What it is called within a sentence."""
        if self.bars is None:
            return "buy-and-hold"
        return self.symbol or "the benchmark"


def own_benchmark(bars: pd.DataFrame, carry: Carry | None, first: int) -> BenchmarkCloses:
    """Return buy-and-hold of the run's own bars, paid dividends as the run is.

    Parameters
    ----------
    bars
        Checked and adjusted, warm-up included.
    carry
        What a share is paid.
    first
        The first bar of the run, at whose close it is bought.
    """
    closes = bars["close"].to_numpy(dtype=np.float64)
    if carry is None or not carry.dividends[first:].any():
        return BenchmarkCloses(closes)
    paid = carry.dividends.copy()
    paid[: first + 1] = 0.0
    return BenchmarkCloses(
        closes + np.cumsum(paid), with_dividends=True, due=float(carry.dividends[first])
    )


def take_benchmark(
    given: object, spec: BaseSpec, index: pd.DatetimeIndex, *, start: int, measured: Annualisation
) -> BenchmarkCloses:
    """Put the bars of a benchmark beside those of a run.

    At each bar of the run its last close counts that is keyed no later: daily bars by date, longer
    ones by the last session of their period, intraday ones by their opening. Where its market was
    closed an earlier close stands in, at most `MOST_SESSIONS_OLD` sessions of the run's calendar
    old. Its prices are adjusted as the spec says for the run's.

    Parameters
    ----------
    given
        Bars, as `simulate` takes them.
    spec
        Calendar and price adjustment.
    index
        The run's bars, warm-up included.
    start
        The first deciding bar.
    measured
        How the run's returns are taken.

    Raises
    ------
    UsageError
        If it is no table of bars, or one of another interval.
    DataError
        If its bars are broken, or cannot be adjusted.
    NoDataError
        If no close is known at the first bar of the run, or at the end of a return.
    """
    if not isinstance(given, pd.DataFrame):
        raise UsageError(
            f"the benchmark is {shown(given)}, and bars that were handed over are compared with "
            "bars",
            hint='load them first: benchmark=bt.load_bars("SPY", start, end)',
            details={"argument": "benchmark"},
        )
    taken = take_beside(given, spec, "the benchmark")
    symbol = None if taken.stated is None else taken.stated.symbol or None
    found = BenchmarkCloses(np.empty(0), taken.bars, symbol)
    own = pd.DatetimeIndex(taken.bars.index)
    check_same_interval(taken, index, measured, f"the bars of {found.name}", argument="benchmark")
    days, own_days = (
        bar_dates(times, measured.interval, calendar=measured.calendar) for times in (index, own)
    )
    keys, own_keys = (index.asi8, own.asi8) if measured.interval.is_intraday else (days, own_days)
    place = own_keys.searchsorted(keys, side="right") - 1
    _check_begin(place, index, own, start, found.name)
    ends = measured.period_ends(index[start:])
    ends = start + (np.arange(len(index) - start) if ends is None else ends)
    beside = place[ends]
    old = sessions_old(
        pd.DatetimeIndex(own_days[beside]), pd.DatetimeIndex(days[ends]), calendar=spec.calendar
    )
    _check_age(old, beside, ends, index, own, found.name)
    # Of intraday bars that every session ends with, whichever bar of the session is the last.
    missing = own_days[beside] != days[ends]
    if measured.interval.is_intraday and not measured.by_session:
        missing = own_keys[beside] != keys[ends]
    closes = np.full(len(index), np.nan)
    known = place >= 0
    closes[known] = taken.bars["close"].to_numpy(dtype=np.float64)[place[known]]
    return BenchmarkCloses(closes, taken.bars, symbol, int(missing.sum()), taken.findings)


def _check_begin(
    place: NDArray[Any], index: pd.DatetimeIndex, own: pd.DatetimeIndex, start: int, name: str
) -> None:
    if place[start] >= 0:
        return
    has = f"its bars begin on {format_time(own[0])}" if len(own) else "it has no bars"
    raise NoDataError(
        f"no close of {name} is known at {format_time(index[start])}, the first bar of the run; "
        f"{has}",
        hint="begin the run later, or measure it against another benchmark",
        details={"argument": "benchmark", "first": format_time(own[0]) if len(own) else None},
    )


def _check_age(
    old: NDArray[np.int64],
    beside: NDArray[Any],
    ends: NDArray[Any],
    index: pd.DatetimeIndex,
    own: pd.DatetimeIndex,
    name: str,
) -> None:
    too_old = np.flatnonzero(old > MOST_SESSIONS_OLD)
    if not too_old.size:
        return
    first = int(too_old[0])
    when, last = format_time(index[ends[first]]), format_time(own[beside[first]])
    raise NoDataError(
        f"{name} has no bar for {old[first]} sessions before {when}; its last one is of {last}, "
        f"and a close stands in for {MOST_SESSIONS_OLD} sessions at most",
        hint="end the run there, mend the benchmark's bars, or choose another benchmark",
        details={"argument": "benchmark", "last": last, "returns_without": len(too_old)},
    )
