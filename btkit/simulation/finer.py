"""Bars of a finer interval that say what came first inside each bar of a run (SEMANTICS 9.8)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from btkit.data import DataInfo, Finding, format_time, take_bars
from btkit.data.quality import PRICE_COLUMNS
from btkit.decisions.records import FinerBars
from btkit.engine.inputs import Flags, Floats, Integers, as_the_loop_takes
from btkit.errors import DataError, NoDataError, UsageError
from btkit.markets import Annualisation, Interval, bars_inside, infer_interval
from btkit.spec import BaseSpec

AGREES_TO = 1e-6
"""How far finer bars may be from what they make up, relative to it."""


@dataclass(frozen=True, eq=False)
class Detail:
    """The finer bars of a run, as they were handed over or loaded.

    Parameters
    ----------
    bars
        Checked, not adjusted.
    interval
        Theirs.
    factors
        By the time of each of the run's bars: what its prices were multiplied by.
    quality, stated
        What was found in them, and what a loader said of them.
    """

    bars: pd.DataFrame
    interval: Interval
    factors: pd.Series[float]
    quality: list[Finding] = field(default_factory=list)
    stated: DataInfo | None = None

    def matched(self, bars: pd.DataFrame, measured: Annualisation) -> MatchedDetail:
        """Return which of them lie inside each of a run's bars, and where they agree with it.

        Parameters
        ----------
        bars
            All of the run's or some, adjusted.
        measured
            Their interval and calendar.
        """
        index = pd.DatetimeIndex(bars.index)
        first, after = bars_inside(
            index,
            measured.interval,
            pd.DatetimeIndex(self.bars.index),
            self.interval,
            calendar=measured.calendar,
        )
        opened, high, low, close = self._adjusted(index, first, after)
        there = after > first
        coarse = [as_the_loop_takes(bars[name]) for name in PRICE_COLUMNS]
        begins, ends = first[there], after[there]
        made = (
            opened[begins],
            _reduced(np.maximum, high, begins, ends),
            _reduced(np.minimum, low, begins, ends),
            close[ends - 1],
        )
        agrees = there.copy()
        for theirs, own in zip(made, coarse, strict=True):
            agrees[there] &= np.abs(theirs - own[there]) <= AGREES_TO * own[there]
        # Opens count, too: they may lie beyond the extremes by as little as checks let pass.
        highest, lowest = coarse[1].copy(), coarse[2].copy()
        for extreme in (made[1], _reduced(np.maximum, opened, begins, ends)):
            highest[there] = np.maximum(highest[there], extreme)
        for extreme in (made[2], _reduced(np.minimum, opened, begins, ends)):
            lowest[there] = np.minimum(lowest[there], extreme)
        finer = FinerBars(
            np.where(agrees, first, 0)[None],
            np.where(agrees, after, 0)[None],
            lowest[None],
            highest[None],
            opened,
            high,
            low,
            close,
        )
        return MatchedDetail(finer, first, after, agrees)

    def _adjusted(self, index: pd.DatetimeIndex, first: Integers, after: Integers) -> list[Floats]:
        prices = [as_the_loop_takes(self.bars[name]) for name in PRICE_COLUMNS]
        if (self.factors == 1.0).all():
            return prices
        known = self.factors.to_numpy()[self.factors.index.searchsorted(index)]
        counts = after - first
        # The place of each finer bar that lies inside of one, in their order.
        places = np.arange(counts.sum()) + np.repeat(first - (np.cumsum(counts) - counts), counts)
        change = np.ones(len(self.bars))
        change[places] = np.repeat(known, counts)
        return [price * change for price in prices]


@dataclass(frozen=True, eq=False)
class MatchedDetail:
    """Finer bars beside the bars of a run.

    Parameters
    ----------
    finer
        As the loop takes them.
    first, after
        int64 (n_bars,): the first one inside each bar, and the one after the last.
    agrees
        bool (n_bars,): where they are there, and make up the bar.
    """

    finer: FinerBars
    first: Integers
    after: Integers
    agrees: Flags


def _reduced(function: np.ufunc, values: Floats, begins: Integers, ends: Integers) -> Floats:
    # `reduceat` takes from each place to the next; every second stretch lies between two bars.
    stretches = np.column_stack([begins, ends]).ravel()
    if stretches.size and stretches[-1] == len(values):
        stretches = stretches[:-1]
    return np.asarray(function.reduceat(values, stretches)[::2]) if stretches.size else values[:0]


def take_detail(
    given: object, spec: BaseSpec, index: pd.DatetimeIndex, factors: Floats, *, copy: bool
) -> Detail | None:
    """Check the finer bars that a spec's `detail` asks for.

    Parameters
    ----------
    given
        Bars as `simulate` takes them; None where none were handed over.
    spec
        Says which interval.
    index
        Of the run's bars.
    factors
        What each of these had its prices multiplied by, float64 (n_bars,).
    copy
        Whether they may change while a result is in use, so that it needs its own.

    Raises
    ------
    UsageError
        If they are missing, not asked for, or of another interval.
    DataError
        If they are broken.
    """
    wanted = spec.detail_interval
    if wanted is None:
        if given is None:
            return None
        raise UsageError(
            "finer bars were handed over, and the spec's detail names no interval",
            hint="write for example detail: 1m into the spec, or leave them out",
            details={"argument": "detail"},
        )
    if given is None:
        raise UsageError(
            f"the spec's detail is {wanted}, and bars of that interval were not handed over",
            hint=f'hand them over: detail=bt.load_bars(symbol, start, end, interval="{wanted}"), '
            "or leave detail out of the spec",
            details={"argument": "detail", "interval": str(wanted)},
        )
    whose = f"the finer bars, of {wanted}, that detail names,"
    try:
        taken = take_bars(given, calendar=spec.calendar)
    except DataError as error:
        raise DataError(
            f"{whose} cannot be used: {error.message}", hint=error.hint, details=error.details
        ) from error
    own = pd.DatetimeIndex(taken.bars.index)
    found = infer_interval(own, stated=taken.interval) if len(own) else wanted
    if found != wanted:
        raise UsageError(
            f"{whose} are of {found}",
            hint=f"hand over bars of {wanted}, or write detail: {found}",
            details={"argument": "detail", "interval": str(found)},
        )
    return Detail(
        taken.bars[list(PRICE_COLUMNS)].copy(deep=copy),
        wanted,
        pd.Series(factors, index),
        taken.findings,
        taken.stated,
    )


def check_there(matched: MatchedDetail | None, index: pd.DatetimeIndex, start: int) -> None:
    """Refuse finer bars of which none lies inside any of a run's bars.

    Parameters
    ----------
    matched
        Those; None without any.
    index
        Of the run's bars.
    start
        The first deciding one.

    Raises
    ------
    NoDataError
        If so.
    """
    if matched is None or (matched.after > matched.first)[start:].any():
        return
    first, last = format_time(index[start]), format_time(index[-1])
    raise NoDataError(
        f"no finer bar, as detail names them, lies inside the bars from {first} to {last}",
        hint="hand over or load finer bars of the same days, or leave detail out",
        details={"argument": "detail", "first": first, "last": last},
    )
