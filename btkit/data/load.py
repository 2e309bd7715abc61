"""Loading bars for a run: the one way in from every source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.arguments import check_flag, check_text, check_whole, is_text, refusal
from btkit.data.choose import open_source
from btkit.data.coverage import Completeness, Span, judge_coverage
from btkit.data.formats import BarFormat, FormatSource, load_format
from btkit.data.frames import check_interval
from btkit.data.gaps import gap_documents
from btkit.data.history import MARGIN_DAYS, WARMUP_BARS, History
from btkit.data.info import DataInfo, Finding, LoadedBars, finding, format_time
from btkit.data.observe import join_observations
from btkit.data.quality import (
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    check_bars,
    order_bars,
)
from btkit.data.source import Answer, Request, Source
from btkit.errors import DataError, NoDataError, SourceError, UsageError
from btkit.markets import (
    ONE_DAY,
    Interval,
    check_symbol,
    last_days,
    read_range,
    still_forming,
)
from btkit.settings import Settings, read_settings

MOST_WIDENINGS: Final = 3
SURVEY_DAYS: Final = 3_652
ALL_DAYS: Final = 365 * 300


def load_bars(  # noqa: PLR0913 - the question itself, each part with its default
    symbol: str,
    start: str | dt.date | pd.Timestamp,
    end: str | dt.date | pd.Timestamp,
    *,
    interval: str = "1d",
    source: str | Source | None = None,
    warmup: int = 0,
    needs_iv: bool = False,
    calendar: str = "XNYS",
    columns: Sequence[str] = (),
    format: FormatSource | None = None,  # noqa: A002 - the word for it
    settings: Settings | None = None,
) -> pd.DataFrame:
    """Load bars as `btkit.run` does.

    Parameters
    ----------
    symbol
        The instrument, such as ``SPY``.
    start, end
        The range, both included: YYYY-MM-DD text, dates or timestamps; for intraday bars also
        ISO 8601 times, in UTC unless they name an offset.
    interval
        Any regular length: ``<n>m``, ``<n>h``, ``1d``, ``<n>w`` or ``<n>mo``.
    source
        Where bars come from; None takes BT_DATA_SOURCE.
    warmup
        Bars before `start` to put in front; hand the same `start` to `simulate` then, so that it
        does not trade on them. `run` takes 2,000.
    needs_iv
        Whether to ask for implied volatility: current_iv, iv_rank and iv_percentile. Option specs
        are priced with it.
    calendar
        The exchange calendar that says which sessions are missing, and which session a bar
        belongs to that is stamped the evening before.
    columns
        Further columns of the source that are kept: those that a spec declares, of numbers, truth
        values (``boolean``) or texts (``category``).
    format
        How the file is written, as far as it has to be said: a mapping, the path or the text of a
        YAML file; see `BarFormat`. None looks for ``SPY.format.yaml`` or ``format.yaml`` beside
        the file. Only for the source ``files``.
    settings
        None reads the BT_* environment.

    Returns
    -------
    DataFrame, shape (n_bars, n_columns)
        open, high, low, close, volume and what else the source has, by bar time;
        ``attrs["btkit"]`` says where they come from.

    Raises
    ------
    FormatError
        What is stated about the file makes no sense.
    UsageError, SourceError, NoDataError, DataError
        As `load_from_source`.

    Examples
    --------
    >>> bars = load_bars("SPX", "2018-12-03", "2018-12-31", source="sample")
    >>> len(bars)
    19
    """
    return load_from_source(
        symbol, start, end, interval=interval, source=source, warmup=warmup, needs_iv=needs_iv,
        calendar=calendar, columns=_named(columns),
        bar_format=None if format is None else load_format(format),
        settings=read_settings(settings),
    ).bars  # fmt: skip


def _named(columns: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(columns, list | tuple) or not all(map(is_text, columns)):
        raise refusal(
            columns, "columns", rule="a list of headings", hint='Write for example ["signal"].'
        )
    return tuple(columns)


def load_from_source(  # noqa: PLR0913 - the question itself, and where to put it
    symbol: str,
    start: str | dt.date | pd.Timestamp,
    end: str | dt.date | pd.Timestamp,
    *,
    interval: Interval | str = "1d",
    settings: Settings,
    source: str | Source | None = None,
    warmup: int = WARMUP_BARS,
    slower: Sequence[Interval] = (),
    lead: int = 0,
    needs_iv: bool = False,
    needs_vix: bool = True,
    calendar: str = "XNYS",
    bar_format: BarFormat | None = None,
    columns: tuple[str, ...] = (),
    now: dt.datetime | None = None,
) -> LoadedBars:
    """Load, check and join the bars of one instrument, and say what is known about them.

    Parameters
    ----------
    symbol, start, end, interval, calendar
        As for `load_bars`.
    settings
        Where sources are, and which one when `source` is None.
    source
        ``auto``, ``market-data``, ``files``, ``yahoo``, ``sample``, or a source of one's own.
    warmup
        Bars before `start` to hand over with the range, or all there are if fewer.
    slower
        Slower intervals of which 600 earlier bars are wanted, or all there are. What is handed
        over for them beyond `warmup` begins before ``seen_from`` of what is known of the bars.
    lead
        Bars just before `start` that are wanted with `warmup` and `slower` before them.
    needs_iv
        Whether to ask for the history of implied volatility.
    needs_vix
        Whether to ask for the VIX.
    bar_format
        How the file is written; None looks beside it.
    columns
        Further columns that are wanted, such as one that a spec names.
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
        A symbol, date, interval, source or calendar makes no sense, start is after end, or a
        format is given to a source that has no files.
    SourceError
        The source could not answer.
    NoDataError
        The source has no bars inside the range; the message says what it has.
    DataError
        Its bars are broken beyond harmless repair.
    """
    symbol = check_symbol(symbol)
    warmup = check_whole(
        warmup, "warmup", least=0, hint="0 loads the range alone; `run` takes 2,000."
    )
    check_flag(needs_iv, "needs_iv")
    check_text(calendar, "calendar", hint="XNYS is the New York Stock Exchange's.")
    asked = Interval.parse(interval)
    first, last = read_range(start, end, intraday=asked.is_intraday)
    span = Span(first, last, asked, calendar, now or dt.datetime.now(dt.UTC))
    if source is None or isinstance(source, str):
        name = source or settings.data_source
        source = open_source(name, settings=settings, now=span.now, bar_format=bar_format)
    elif not hasattr(source, "bars"):
        raise refusal(
            source,
            "source",
            rule="the name of a source, or a source of one's own",
            hint="Choose one of auto market-data files yahoo sample.",
        )
    elif bar_format is not None:
        raise UsageError(
            "a format is of files that btkit reads, and the bars come from a source of one's own",
            hint="leave format out, or use the source files",
        )
    fetched = _fetch(source, symbol, span, History(warmup, slower, lead), columns)
    bars, quality = check_bars(fetched.bars, columns=columns)
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
    result = joined.frame.rename_axis("time" if asked.is_intraday else "date")
    result.attrs["btkit"] = info.model_dump()
    return LoadedBars(result, lambda: info, inside[0])


@dataclass(frozen=True)
class _Fetched:
    answer: Answer
    bars: pd.DataFrame
    findings: list[Finding]
    seen_from: str | None


def _fetch(
    source: Source, symbol: str, span: Span, history: History, columns: tuple[str, ...]
) -> _Fetched:
    days = history.days(span.interval)
    for _ in range(MOST_WIDENINGS):
        request = Request(
            symbol,
            span.interval.label,
            _days_before(span.first, days),
            span.last,
            span.calendar,
            columns,
        )
        try:
            answer = source.bars(request)
        except NoDataError as error:
            held = _held(source, request, span)
            if held.empty:
                raise
            raise _no_data(source, request, span, held, error) from error
        wanted = [name for name in columns if name in answer.frame]
        ordered, findings = order_bars(_known_columns(answer.frame, wanted), columns=wanted)
        index = pd.DatetimeIndex(ordered.index)
        if index.empty:
            # Of no bars nobody can tell whether they are dates or times.
            index = index.tz_localize(None).tz_localize(span.first.tz)
            ordered = ordered.set_axis(index, axis="index")
        before = int(index.searchsorted(span.first))
        # Fewer bars than wanted although the history reaches back all the way asked for: a
        # market with fewer sessions, or holes. Only then is more asked for.
        reaches = len(index) > 0 and index[0] <= request.first + MARGIN_DAYS * ONE_DAY
        first, enough = history.first(index, before, interval=span.interval, calendar=span.calendar)
        if enough or not reaches:
            break
        days = 2 * days + MARGIN_DAYS
    available = ordered
    ordered = ordered[index <= span.last]
    bars, forming = _without_forming(ordered, answer, span)
    if not (pd.DatetimeIndex(bars.index) >= span.first).any():
        held = pd.DatetimeIndex(available.index)
        if held.empty:
            held = _held(source, request, span)
        raise _no_data(source, request, span, held)
    seen_from = history.seen_from(pd.DatetimeIndex(bars.index), before, first)
    return _Fetched(answer, bars.iloc[first:], findings + forming, seen_from)


def _held(source: Source, request: Request, span: Span) -> pd.DatetimeIndex:
    # What the source has on either side of the range, for the message alone.
    days = SURVEY_DAYS if span.interval.is_intraday else ALL_DAYS
    wide = replace(
        request, first=_days_before(span.first, days),
        last=max(span.last, _now_like(span.last, span.now)),
    )  # fmt: skip
    try:
        bars, _ = order_bars(_known_columns(source.bars(wide).frame))
    except (SourceError, DataError):
        return pd.DatetimeIndex([])
    return pd.DatetimeIndex(bars.index)


def _now_like(time: pd.Timestamp, now: dt.datetime) -> pd.Timestamp:
    present = pd.Timestamp(now).tz_convert("UTC")
    return present if time.tz is not None else present.tz_localize(None).normalize()


def _days_before(time: pd.Timestamp, days: int) -> pd.Timestamp:
    earliest = pd.Timestamp("1800-01-01", tz=time.tz)
    if not days:
        return time
    # A timestamp reaches less far back than 2,000 quarters.
    return time.normalize() - min(days, max(0, (time - earliest).days)) * ONE_DAY


def _known_columns(frame: pd.DataFrame, wanted: Sequence[str] = ()) -> pd.DataFrame:
    readable = dict.fromkeys((*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, *wanted))
    known = [name for name in readable if name in frame]
    # To choose columns copies them, be it all of them.
    return frame if known == list(frame.columns) else frame[known]


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
    source: Source,
    request: Request,
    span: Span,
    held: pd.DatetimeIndex,
    cause: NoDataError | None = None,
) -> NoDataError:
    asked = f"{format_time(span.first)} to {format_time(span.last)}"
    message = f"{source.name} has no {span.interval} bars of {request.symbol} from {asked}"
    details = {"symbol": request.symbol, "interval": span.interval.label}
    if held.empty:
        return NoDataError(
            message, hint="check the symbol, the range and the interval", details=details
        )
    has = [format_time(held[0]), format_time(held[-1])]
    return NoDataError(
        f"{message if cause is None else cause.message}; it has {len(held)} bars from {has[0]} to "
        f"{has[1]}",
        hint="ask for a range inside what the source has",
        details={**details, "first": has[0], "last": has[1], "rows": len(held)},
    )


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
        seen_from=fetched.seen_from,
        format=fetched.answer.bar_format,
        calendar=fetched.answer.exact_calendar,
    )
