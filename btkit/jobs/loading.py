"""The bars of a job: loaded from a source, or handed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from btkit.data import (
    WARMUP_BARS,
    LoadedBars,
    Source,
    describe_bars,
    load_from_source,
    take_bars,
)
from btkit.data.formats import NO_FORMAT
from btkit.errors import DataError, NoDataError, SourceError, UsageError
from btkit.indicators import OTHER_WARMUP
from btkit.jobs.execution import Execution
from btkit.jobs.job import SpecJob
from btkit.jobs.progress import ProgressListener
from btkit.markets import Interval, bar_spans, check_symbol, infer_interval, read_days
from btkit.settings import Settings
from btkit.spec import BaseSpec, reads_iv, reads_vix
from btkit.spelling import listed


def bars_of(job: SpecJob, given: Execution) -> LoadedBars:
    """Return the bars that a prepared job is executed on: those handed over, or loaded."""
    if isinstance(given.bars, LoadedBars):
        return given.bars
    if given.bars is not None:
        if job.benchmark is not None:
            raise UsageError(
                f"the benchmark is {job.benchmark}, and bars that were handed over are compared "
                "with bars",
                hint=f'hand them over, too: benchmark=bt.load_bars("{job.benchmark}", start, end)',
                details={"argument": "benchmark"},
            )
        own, others = split_frames(given.bars, job.strategy)
        return replace(
            take(own, job), benchmark=given.benchmark, others=others, detail=given.detail
        )
    if given.no_bars is not None:
        raise given.no_bars
    loaded = load(job, settings=given.settings, progress=given.progress)
    others = {
        symbol: load_other(job, symbol, settings=given.settings, progress=given.progress).bars
        for symbol in job.strategy.others_read
    }
    detail = load_detail(job, loaded, settings=given.settings, progress=given.progress)
    loaded = replace(loaded, others=others, detail=detail)
    if job.benchmark is None:
        return loaded
    return replace(
        loaded,
        benchmark=_load_benchmark(job, settings=given.settings, progress=given.progress),
    )


def split_frames(
    frames: pd.DataFrame | Mapping[str, pd.DataFrame], spec: BaseSpec
) -> tuple[pd.DataFrame, Mapping[str, pd.DataFrame]]:
    """Return the bars that are traded of those that were handed over, and all by symbol.

    Parameters
    ----------
    frames
        A frame, or frames by symbol.
    spec
        Of these the one is traded that no condition of it reads.

    Raises
    ------
    UsageError
        If there is none such, or several.
    """
    if not isinstance(frames, Mapping):
        return frames, {}
    read = spec.others_read
    traded = [symbol for symbol in frames if symbol not in read]
    if len(traded) == 1:
        return frames[traded[0]], frames
    named = listed(list(map(str, traded))) if traded else "none of them"
    raise UsageError(
        f"there are bars of {listed(list(map(str, frames))) or 'nothing'}, and {named} could be "
        "what is traded: what no condition reads with of()",
        hint="hand over the bars that are traded, and those that conditions read; "
        "bt.simulate takes symbol=, too",
        details={"argument": "symbol"},
    )


def load_other(
    job: SpecJob,
    symbol: str,
    *,
    settings: Settings,
    progress: ProgressListener,
    source: Source | None = None,
    warmup: int = OTHER_WARMUP,
    end: pd.Timestamp | None = None,
    needs_vix: bool = True,
) -> LoadedBars:
    """Load the bars of another instrument that the conditions of a prepared job read.

    Parameters
    ----------
    job
        What is asked for: its source, range and interval hold for all.
    symbol
        The other's.
    settings, progress, source, warmup, end, needs_vix
        As for `load`.

    Raises
    ------
    NoDataError, DataError, SourceError, UsageError
        If bars cannot be had; the message says which condition reads them.
    """
    spec, (first, last) = job.strategy, read_days(job.start, job.end)
    read = spec.others_read[symbol]
    with progress.stage(f"load {symbol}") as note:
        try:
            loaded = load_from_source(
                symbol,
                first,
                last if end is None else end,
                interval=job.bars_interval,
                settings=settings,
                source=job.source if source is None else source,
                warmup=warmup,
                needs_iv=reads_iv(read),
                needs_vix=needs_vix and reads_vix(read),
                calendar=spec.calendars.get(symbol, spec.calendar),
                # A format that is stated is of the run's own file.
                columns=spec.columns_read_of(symbol),
            )
        except (DataError, SourceError, UsageError) as error:
            places = spec.places_of(symbol)
            raise type(error)(
                f"{symbol}, which {listed(places)} read{'s' if len(places) == 1 else ''}: "
                f"{error.message}",
                hint=error.hint,
                details={**error.details, "other": symbol, "places": places},
            ) from error
        info = loaded.info
        note(f"{info.rows:,} bars of {symbol}, {info.first} to {info.last}")
    return loaded


def load_detail(
    job: SpecJob, loaded: LoadedBars, *, settings: Settings, progress: ProgressListener
) -> pd.DataFrame | None:
    """Load the finer bars inside the bars of a prepared job, None where its spec goes by none.

    Parameters
    ----------
    job
        What is asked for: its symbol and source hold for them, too.
    loaded
        Its bars.
    settings, progress
        As for `load`.

    Raises
    ------
    NoDataError, DataError, SourceError, UsageError
        If bars cannot be had; the message says what asks for them.
    """
    finer, calendar = job.strategy.detail_interval, job.strategy.calendar
    if finer is None:
        return None
    index = pd.DatetimeIndex(loaded.bars.index)
    index = index[index.searchsorted(loaded.start) :]
    begins, ends = bar_spans(index, Interval.parse(job.bars_interval), calendar=calendar)
    first, last = (pd.Timestamp(int(time), tz="UTC") for time in (begins[0], ends[-1]))
    if not finer.is_intraday:
        first, last = (time.tz_localize(None).normalize() for time in (first, last))
    with progress.stage("load finer bars") as note:
        try:
            found = load_from_source(
                check_symbol(job.symbol),
                first,
                last,
                interval=finer.label,
                settings=settings,
                source=job.source,
                warmup=0,
                needs_vix=False,
                # A format that is stated is of the run's own file.
                calendar=calendar,
            )
        except (DataError, SourceError, UsageError) as error:
            raise type(error)(
                f"The bars of {finer}, which detail asks for: {error.message}",
                hint=error.hint,
                details={**error.details, "argument": "detail"},
            ) from error
        info = found.info
        note(f"{info.rows:,} bars of {finer}, {info.first} to {info.last}")
    return found.bars


def _load_benchmark(
    job: SpecJob, *, settings: Settings, progress: ProgressListener
) -> pd.DataFrame:
    """Load a benchmark as the run's own bars are, but for what only conditions read."""
    first, last = read_days(job.start, job.end)
    with progress.stage("load benchmark") as note:
        loaded = load_from_source(
            check_symbol(job.benchmark),
            first,
            last,
            interval=job.bars_interval,
            settings=settings,
            source=job.source,
            # A close is wanted at the first bar, also where the benchmark had none that day.
            warmup=WARMUP_BARS,
            needs_vix=False,
            # A format that is stated is of the run's own file.
            calendar=job.strategy.calendar,
        )
        info = loaded.info
        note(f"{info.rows:,} bars of {info.symbol}, {info.first} to {info.last}")
    return loaded.bars


def load(
    job: SpecJob,
    *,
    settings: Settings,
    progress: ProgressListener,
    source: Source | None = None,
    warmup: int = WARMUP_BARS,
    end: pd.Timestamp | None = None,
    needs_vix: bool = True,
) -> LoadedBars:
    """Load the bars of a prepared job, and those before them that warm indicators up.

    Parameters
    ----------
    job
        What is asked for.
    settings
        Where sources are.
    progress
        Notified of the stage.
    source
        Answers in place of the job's.
    warmup
        How many bars are wanted before the first day.
    end
        An earlier end than the job's.
    needs_vix
        Whether the VIX is asked for where the spec reads it.

    Raises
    ------
    UsageError
        If it says no symbol or no range; nothing is loaded then.
    NoDataError, DataError, SourceError
        If bars cannot be had.
    """
    symbol = check_symbol(job.symbol)
    first, last = read_days(job.start, job.end)
    with progress.stage("load bars") as note:
        loaded = load_from_source(
            symbol,
            first,
            last if end is None else end,
            interval=job.bars_interval,
            settings=settings,
            source=job.source if source is None else source,
            warmup=warmup,
            needs_iv=job.strategy.needs_iv,
            needs_vix=needs_vix and job.strategy.needs_vix,
            calendar=job.strategy.calendar,
            bar_format=job.bar_format if source is None else None,
            columns=job.strategy.own_columns,
            slower=slower_intervals_of(job.strategy, symbol=symbol, interval=job.bars_interval),
        )
        info = loaded.info
        note(
            f"{info.rows:,} bars of {info.symbol} from {info.source}, {info.first} to "
            f"{info.last}, {info.warmup_rows:,} before them"
        )
    return loaded


def slower_intervals_of(
    spec: BaseSpec, *, symbol: str | None, interval: str
) -> tuple[Interval, ...]:
    """Return the slower intervals of which a run sees 600 bars before its first day.

    Parameters
    ----------
    spec
        What its conditions read counts, and what the bundles that it names do.
    symbol, interval
        Of the bars.

    Raises
    ------
    BundleError, UsageError
        If nothing says where its bundles are.
    """
    if not spec.names_bundles:
        return spec.slower_intervals
    # Only who has bundles waits for what reads them.
    from btkit.models.slower_intervals import slower_intervals  # noqa: PLC0415

    return slower_intervals(spec, symbol=symbol, interval=Interval.parse(interval))


def take(bars: pd.DataFrame, job: SpecJob) -> LoadedBars:
    """Return bars that were handed over as if they had been loaded for a job.

    Parameters
    ----------
    bars
        As `simulate` takes them; every row before the job's `start` is warm-up.
    job
        Its calendar is what they are compared with, its range is what is wanted of them, None for
        all there are, and its format is what somebody states about the frame.

    Raises
    ------
    FormatError, UsageError
        If the format makes no sense.
    DataError
        If the bars are broken beyond harmless repair.
    NoDataError
        If the range holds no bar.
    """
    calendar = job.strategy.calendar
    given = take_bars(
        bars,
        calendar=calendar,
        bar_format=job.bar_format or NO_FORMAT,
        columns=job.strategy.own_columns,
    )
    index = pd.DatetimeIndex(given.bars.index)
    # Of intraday bars a day is one of UTC, as for a source.
    days = index.tz_localize(None).to_numpy().astype("datetime64[D]")
    begin, stop = 0, len(days)
    if job.start is not None:
        begin = int(days.searchsorted(np.datetime64(job.start)))
    if job.end is not None:
        stop = int(days.searchsorted(np.datetime64(job.end), side="right"))
    if begin >= stop:
        raise NoDataError(
            "The bars that were handed over have none in the range asked for.",
            hint=f"They reach from {days[0]} to {days[-1]}." if len(days) else "Hand over some.",
            details={"rows": len(days)},
        )
    within = given.bars.iloc[:stop].copy()
    describe = partial(
        describe_bars,
        index[:stop],
        start=begin,
        interval=infer_interval(index, stated=given.interval),
        calendar=calendar,
        findings=given.findings,
        stated=given.stated,
    )
    loaded = LoadedBars(within, describe, index[begin])
    # Of whole bars of which nothing was stated or found, a run says the same when it is asked.
    if given.stated is not None or given.findings or stop < len(days):
        within.attrs["btkit"] = loaded.info.model_dump()
    return loaded
