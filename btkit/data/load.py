"""Loading bars for a run: the one way in from every source."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.choose import open_source
from btkit.data.coverage import Completeness, Span, judge_coverage
from btkit.data.frames import check_interval
from btkit.data.gaps import gap_documents
from btkit.data.info import DataInfo, Finding, LoadedBars, finding, format_time
from btkit.data.observe import join_observations
from btkit.data.quality import (
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    check_bars,
    order_bars,
)
from btkit.data.source import Answer, Request, Source
from btkit.data.symbols import check_symbol
from btkit.data.times import ONE_DAY, parse_range
from btkit.errors import NoDataError, UsageError
from btkit.markets import Interval, last_days, still_forming
from btkit.settings import Settings

# Days of history per bar, generously: short sessions, holidays, and a margin in days.
DAYS_PER_SESSION: Final = 365.25 / 252 * 1.05
SHORTEST_SESSION_MINUTES: Final = 240
MARGIN_DAYS: Final = 30
MOST_WIDENINGS: Final = 3


def load_bars(  # noqa: PLR0913 - the question itself, and where to put it
    symbol: str,
    start: str | dt.date | pd.Timestamp,
    end: str | dt.date | pd.Timestamp,
    *,
    interval: Interval | str = "1d",
    settings: Settings,
    source: str | Source | None = None,
    warmup: int = 2000,
    needs_iv: bool = False,
    needs_vix: bool = True,
    calendar: str = "XNYS",
    now: dt.datetime | None = None,
) -> LoadedBars:
    """Load, check and join the bars of one instrument.

    Parameters
    ----------
    symbol
        The instrument, such as ``SPY``.
    start, end
        The range, both included: YYYY-MM-DD text, dates or timestamps; for intraday bars also
        ISO 8601 times, in UTC unless they name an offset.
    interval
        Any regular length: ``<n>m``, ``<n>h``, ``1d``, ``<n>w`` or ``<n>mo``.
    settings
        Where sources are, and which one when `source` is None.
    source
        ``auto``, ``market-data``, ``files``, ``yahoo``, ``sample``, or a source of one's own.
    warmup
        Bars before `start` to hand over with the range, or all there are if fewer.
    needs_iv
        Whether to ask for the history of implied volatility.
    needs_vix
        Whether to ask for the VIX.
    calendar
        The exchange calendar that says which sessions are missing and how old a value is.
    now
        The present time, with its zone; None asks the clock.

    Returns
    -------
    LoadedBars
        Bars that passed `check_bars`, with columns vix, iv_rank, iv_percentile and current_iv
        where there are any values (SEMANTICS 1.5), and what is known about them.

    Raises
    ------
    UsageError
        A symbol, date, interval, source or calendar makes no sense, or start is after end.
    SourceError
        The source could not answer.
    NoDataError
        The source has no bars inside the range; the message says what it has.
    DataError
        Its bars are broken beyond harmless repair.
    """
    symbol = check_symbol(symbol)
    if warmup < 0:
        raise UsageError(
            f"warmup must be 0 or more bars, not {warmup}",
            hint="0 loads the range alone; 2,000 is what a run takes",
        )
    asked = Interval.parse(interval)
    first, last = parse_range(start, end, interval=asked.label)
    span = Span(first, last, asked, calendar, now or dt.datetime.now(dt.UTC))
    if source is None or isinstance(source, str):
        name = source or settings.data_source
        source = open_source(name, settings=settings, now=span.now)
    fetched = _fetch(source, symbol, span, warmup)
    bars, quality = check_bars(fetched.bars)
    check_interval(pd.DatetimeIndex(bars.index), interval=asked.label, origin=source.name)
    joined = join_observations(
        bars, source, symbol=symbol, span=span, needs_iv=needs_iv, needs_vix=needs_vix
    )
    index = pd.DatetimeIndex(bars.index)
    inside = index[index >= first]
    completeness = judge_coverage(fetched.answer, inside, span)
    info = _describe(source, symbol, fetched, completeness, span)
    info = info.model_copy(
        update={
            "quality": [*info.quality, *fetched.findings, *quality, *joined.findings],
            "notes": [*info.notes, *joined.notes],
        }
    )
    result = joined.frame
    result.index.name = "time" if asked.is_intraday else "date"
    result.attrs["btkit"] = info.model_dump()
    return LoadedBars(result, info, inside[0])


@dataclass(frozen=True)
class _Fetched:
    answer: Answer
    bars: pd.DataFrame
    findings: list[Finding]


def _fetch(source: Source, symbol: str, span: Span, warmup: int) -> _Fetched:
    days = _warmup_days(span.interval, warmup)
    for _ in range(MOST_WIDENINGS):
        request = Request(symbol, span.interval.label, _days_before(span.first, days), span.last)
        answer = source.bars(request)
        ordered, findings = order_bars(_known_columns(answer.frame))
        index = pd.DatetimeIndex(ordered.index)
        before = int(index.searchsorted(span.first))
        # Fewer bars than wanted although the history reaches back all the way asked for: a
        # market with fewer sessions, or holes. Only then is more asked for.
        reaches = len(index) > 0 and index[0] <= request.first + MARGIN_DAYS * ONE_DAY
        if before >= warmup or not reaches:
            break
        days = 2 * days + MARGIN_DAYS
    available = ordered
    ordered = ordered[index <= span.last]
    bars, forming = _without_forming(ordered, answer, span)
    if not (pd.DatetimeIndex(bars.index) >= span.first).any():
        raise _no_data(source, request, span, pd.DatetimeIndex(available.index))
    return _Fetched(answer, bars.iloc[max(0, before - warmup) :], findings + forming)


def _warmup_days(interval: Interval, warmup: int) -> int:
    if warmup == 0:
        return 0
    if interval.is_longer:
        return interval.length.days * warmup + MARGIN_DAYS
    sessions = float(warmup)
    if interval.minutes is not None:
        sessions = warmup / max(1, SHORTEST_SESSION_MINUTES // interval.minutes)
    return math.ceil(sessions * DAYS_PER_SESSION) + MARGIN_DAYS


def _days_before(time: pd.Timestamp, days: int) -> pd.Timestamp:
    earliest = pd.Timestamp("1800-01-01", tz=time.tz)
    if not days:
        return time
    # A timestamp reaches less far back than 2,000 quarters.
    return time.normalize() - min(days, max(0, (time - earliest).days)) * ONE_DAY


def _known_columns(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[[name for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if name in frame]]


def _without_forming(
    bars: pd.DataFrame, answer: Answer, span: Span
) -> tuple[pd.DataFrame, list[Finding]]:
    index = pd.DatetimeIndex(bars.index)
    forming = still_forming(index, span.interval, calendar=span.calendar, now=span.now)
    if not answer.live:
        forming &= ~_later(index, span)
    if not forming.any():
        return bars, []
    message = "Bars that had not closed yet when they were loaded were dropped."
    return bars[~forming], [finding("not_closed", message, index[forming])]


def _later(index: pd.DatetimeIndex, span: Span) -> npt.NDArray[np.bool_]:
    now = pd.Timestamp(span.now).tz_convert("UTC")
    if span.interval.is_intraday:
        return np.asarray(index > now)
    # A key may be the last day of its period, and that lie ahead.
    first = last_days(index, span.interval) - np.timedelta64(span.interval.length.days - 1, "D")
    return np.asarray(first > np.datetime64(now.date(), "D"))


def _no_data(
    source: Source, request: Request, span: Span, available: pd.DatetimeIndex
) -> NoDataError:
    asked = f"{format_time(span.first)} to {format_time(span.last)}"
    if not len(available):
        return NoDataError(
            f"{source.name} has no {span.interval} bars of {request.symbol} from {asked}",
            hint="check the symbol, the range and the interval",
            details={"symbol": request.symbol, "interval": span.interval.label},
        )
    has = [format_time(available[0]), format_time(available[-1])]
    return NoDataError(
        f"{source.name} has no {span.interval} bars of {request.symbol} from {asked}; "
        f"it has {len(available)} bars from {has[0]} to {has[1]}",
        hint="ask for a range inside what the source has",
        details={"symbol": request.symbol, "interval": span.interval.label, "first": has[0],
                 "last": has[1], "rows": len(available)},
    )  # fmt: skip


def _describe(
    source: Source, symbol: str, fetched: _Fetched, completeness: Completeness, span: Span
) -> DataInfo:
    index = pd.DatetimeIndex(fetched.bars.index)
    inside = index[index >= span.first]
    return DataInfo(
        source=source.name,
        symbol=symbol,
        interval=span.interval.label,
        description=fetched.answer.description,
        rows=len(inside),
        first=format_time(inside[0]),
        last=format_time(inside[-1]),
        coverage=completeness.coverage,
        gaps=gap_documents(completeness.gaps),
        quality=[*fetched.answer.findings, *completeness.findings],
        notes=[*fetched.answer.notes, *completeness.notes],
        warmup_rows=len(index) - len(inside),
    )
