"""Bars that were handed over instead of a symbol, cut to the range that was asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from btkit.data import FormatSource, LoadedBars, describe_bars, load_stated, take_bars
from btkit.data.formats import NO_FORMAT
from btkit.errors import NoDataError
from btkit.jobs.requests import check_range, parse_day
from btkit.markets import infer_interval
from btkit.spec import BaseSpec


def take_range(
    bars: pd.DataFrame,
    spec: BaseSpec,
    start: object,
    end: object,
    *,
    bar_format: FormatSource | None = None,
) -> LoadedBars:
    """Return bars that were handed over as if they had been loaded for a range.

    Parameters
    ----------
    bars
        As `simulate` takes them; every row before `start` is warm-up.
    spec
        Says which calendar they are compared with.
    start, end
        The first and the last day, both included; None for all there are.
    bar_format
        What somebody states about the frame.

    Raises
    ------
    FormatError, UsageError
        If the format or the range makes no sense.
    DataError
        If the bars are broken beyond harmless repair.
    NoDataError
        If the range holds no bar.
    """
    first = None if start is None else parse_day(start, name="start")
    last = None if end is None else parse_day(end, name="end")
    if first is not None and last is not None:
        check_range(first, last)
    given = take_bars(bars, calendar=spec.calendar, bar_format=load_stated(bar_format) or NO_FORMAT)
    index = pd.DatetimeIndex(given.bars.index)
    # Of intraday bars a day is one of UTC, as for a source.
    days = index.tz_localize(None).to_numpy().astype("datetime64[D]")
    begin = 0 if first is None else int(days.searchsorted(np.datetime64(first)))
    stop = len(days) if last is None else int(days.searchsorted(np.datetime64(last), side="right"))
    if begin >= stop:
        raise NoDataError(
            "The bars that were handed over have none in the range asked for.",
            hint=f"They reach from {days[0]} to {days[-1]}." if len(days) else "Hand over some.",
            details={"rows": len(days)},
        )
    within = given.bars.iloc[:stop].copy()
    info = describe_bars(
        index[:stop],
        start=begin,
        interval=infer_interval(index, told=given.interval),
        calendar=spec.calendar,
        findings=given.findings,
        told=given.told,
    )
    within.attrs["btkit"] = info.model_dump()
    return LoadedBars(within, info, index[begin])
