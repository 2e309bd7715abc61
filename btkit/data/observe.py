"""VIX and implied volatility beside the bars: where they are asked for, and how they join."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from btkit.data import yahoo
from btkit.data.coverage import Span
from btkit.data.join import join_by_date
from btkit.data.quality import IV_COLUMNS
from btkit.data.source import Observations, Request, Source
from btkit.data.yahoo import Yahoo
from btkit.errors import DataError, SourceError
from btkit.markets import ONE_DAY, Interval, last_days

# A value this many days before the first bar may still be the last one known at it.
DAYS_BEFORE: Final = 15
# Markets that close with New York or later: the VIX of the same date is known at their close.
CLOSES_WITH_NEW_YORK: Final = frozenset(
    {
        "XNYS", "NYSE", "XNAS", "NASDAQ", "BATS", "ARCX", "XASE", "OOTC",
        "NYFE", "XTSE", "TSX", "XTSX", "CMES", "CME", "CBOT", "COMEX",
        "NYMEX", "XCBF", "CFE", "IEPA", "ICEUS", "us_futures", "24/7", "24/5",
    }
)  # fmt: skip


def join_observations(
    bars: pd.DataFrame, source: Source, *, symbol: str, span: Span, needs_iv: bool, needs_vix: bool
) -> Observations:
    """Add the columns vix, iv_rank, iv_percentile and current_iv to bars.

    A column without any value is left out. The VIX comes from the bars themselves, else from
    the source, else from Yahoo where yfinance is installed and the source is not the sample; one
    that cannot be had is only noted.
    """
    index = pd.DatetimeIndex(bars.index)
    days = index.tz_localize(None).normalize()
    until = days[-1]
    if span.interval.is_longer:
        until = pd.Timestamp(last_days(index, span.interval)[-1])
    request = Request(symbol, "1d", days[0], until)
    # Its columns are added and replaced, never written into.
    result = bars.copy(deep=False)
    # Own columns stand on the bars' own keys.
    own = _own_columns(bars)
    joined = list(own)
    if needs_vix and "vix" not in bars:
        joined.append(_vix(source, request, bars, span))
    if needs_iv and not any(name in bars for name in IV_COLUMNS):
        joined.append(source.implied_volatility(request))
    same_day = span.calendar in CLOSES_WITH_NEW_YORK
    notes = [note for part in joined for note in part.notes]
    for part in joined:
        for name in part.frame.columns:
            values = join_by_date(
                part.frame[name],
                index,
                calendar=span.calendar,
                interval=Interval.DAY if any(part is beside for beside in own) else span.interval,
                same_day=same_day or name != "vix" or _is_vix(symbol),
            )
            result[name] = values
            if np.isnan(values).all():
                result = result.drop(columns=name)
    if "vix" in result and not same_day and "vix" not in bars and not _is_vix(symbol):
        notes.append(
            f"VIX: {span.calendar} closes before New York, so each bar sees the day before's."
        )
    return Observations(
        result, findings=[found for part in joined for found in part.findings], notes=notes
    )


def _own_columns(bars: pd.DataFrame) -> list[Observations]:
    index = pd.DatetimeIndex(bars.index)
    if index.tz is not None:
        # Each stands beside its own bar, so it is known at that bar's close.
        return []
    names = [name for name in (*IV_COLUMNS, "vix") if name in bars]
    return [Observations(bars[[name]]) for name in names]


def _is_vix(symbol: str) -> bool:
    return symbol.upper() in {"VIX", "^VIX"}


def _vix(source: Source, request: Request, bars: pd.DataFrame, span: Span) -> Observations:
    if _is_vix(request.symbol) and pd.DatetimeIndex(bars.index).tz is None:
        own = bars[["close"]].set_axis(["vix"], axis="columns")
        return Observations(own, notes=["VIX: the bars' own closes."])
    earlier = Request(request.symbol, "1d", request.first - DAYS_BEFORE * ONE_DAY, request.last)
    candidates: list[Source] = [source]
    # The sample must answer alike on every machine, with a network or without.
    if source.name not in {"sample", "yahoo"} and yahoo.is_installed():
        candidates.append(Yahoo(span.now))
    notes: list[str] = []
    for candidate in candidates:
        try:
            found = candidate.vix(earlier)
        except (SourceError, DataError) as error:
            notes.append(f"VIX: {candidate.name} could not provide it: {error.message}.")
            continue
        notes += found.notes
        if found.frame["vix"].notna().any():
            notes.append(f"VIX: daily closes from {candidate.name}.")
            return Observations(found.frame, findings=found.findings, notes=notes)
    notes.append("VIX: unknown for every bar; conditions that read it use 20.0.")
    return Observations(pd.DataFrame(index=pd.DatetimeIndex([])), notes=notes)
