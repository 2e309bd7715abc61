"""The market-data command as a source: bars, VIX and implied volatility as JSON."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final, NoReturn, cast, get_args

import numpy as np
import pandas as pd

from btkit.data.command import run_json, split_command
from btkit.data.declared import ready_column
from btkit.data.frames import one_row_a_day
from btkit.data.info import Coverage, Finding, finding
from btkit.data.placing import read_times
from btkit.data.quality import IV_COLUMNS, REQUIRED_COLUMNS
from btkit.data.source import (
    Answer,
    Observations,
    Request,
    backfill_advice,
    check_offered,
    no_observations,
)
from btkit.errors import SourceError, UsageError
from btkit.markets import Interval, read_moment

INTERVALS: Final = ("1m", "5m", "15m", "1h", "4h", "1d", "1w")
"""What the command's own documentation lists; it makes no other bars."""
SENTINEL: Final = 50.0
HIGHEST_RANK: Final = 100.0
# IV a few sessions before the first bar may still be the last one known at it.
IV_DAYS_BEFORE: Final = 10


@dataclass(frozen=True)
class MarketData:
    """Bars from the command in BT_MARKET_DATA_CMD.

    Parameters
    ----------
    command
        Program and, if need be, leading arguments; split as a shell would, run without one.
    timeout_s
        Seconds each call may take.
    now
        The present time, with its zone: IV history is asked for in days back from it.
    """

    command: str
    timeout_s: float
    now: dt.datetime
    name: str = "market-data"

    def bars(self, request: Request) -> Answer:
        """Return the bars of ``market-data get``, as in `btkit.data.source.Source`."""
        check_offered(request.interval, INTERVALS, source="the market-data command")
        intraday = Interval.parse(request.interval).is_intraday
        document = self._call(
            "get",
            symbol=request.symbol,
            type="ohlcv_intraday" if intraday else "ohlcv",
            start=request.first.date(),
            end=request.last.date(),
            interval=request.interval,
        )
        rows = _rows(document, request.symbol)
        stated = document.get("interval", request.interval)
        if stated != request.interval:
            _malformed(f"answered with interval {stated!r} instead of {request.interval!r}")
        frame, findings, notes = _bars_frame(rows, request)
        provider = document.get("source")
        return Answer(
            frame,
            description="The market-data command"
            + (f", which read from {provider}." if isinstance(provider, str) else "."),
            gaps=_gaps(document),
            coverage=_coverage(document),
            live=True,
            findings=findings,
            notes=notes,
        )

    def vix(self, request: Request) -> Observations:
        """Return daily closes of the symbol ``VIX``, as in `btkit.data.source.Source`."""
        answer = self.bars(Request("VIX", "1d", request.first, request.last))
        closes = answer.frame[["close"]].set_axis(["vix"], axis="columns")
        unique, findings = one_row_a_day(closes, origin="the market-data command's VIX")
        return Observations(unique, findings=findings)

    def implied_volatility(self, request: Request) -> Observations:
        """Return the history of ``market-data iv-rank``, as in `btkit.data.source.Source`."""
        today = pd.Timestamp(self.now.date())
        days = max(1, (today - request.first).days + IV_DAYS_BEFORE)
        document = self._call("iv-rank", symbol=request.symbol, days=days)
        rows = _rows(document, request.symbol)
        if not rows:
            note = (
                f"There is no IV history of {request.symbol}; iv_rank, iv_percentile and "
                f"current_iv are unknown. {backfill_advice(request)}"
            )
            return no_observations(*IV_COLUMNS, note=note)
        return _iv_observations(rows, request)

    def _call(self, verb: str, **options: str | int | dt.date) -> dict[str, Any]:
        command = [*split_command(self.command), verb]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        return run_json(
            [*command, "--format", "json"],
            title=f"market-data {verb} {options['symbol']}",
            timeout_s=self.timeout_s,
        )


def _malformed(what: str, **details: object) -> NoReturn:
    raise SourceError(
        f"the market-data command {what}",
        hint="its answer breaks its own contract, so nothing in it is trusted",
        details=details,
    )


def _rows(document: dict[str, Any], symbol: str) -> list[dict[str, Any]]:
    stated = document.get("symbol")
    if not isinstance(stated, str) or stated.upper() != symbol.upper():
        _malformed(f"answered for symbol {stated!r} instead of {symbol!r}")
    rows, count = document.get("data"), document.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        _malformed("answered without a list of rows in 'data'")
    if isinstance(count, bool) or count != len(rows):
        _malformed(f"announced {count!r} rows but sent {len(rows)}", rows=count, sent=len(rows))
    for position, row in enumerate(rows):
        stated = row.get("symbol", symbol)
        if not isinstance(stated, str) or stated.upper() != symbol.upper():
            _malformed(f"sent a row of symbol {stated!r} for {symbol!r}", row=position)
    return rows


def _bars_frame(
    rows: list[dict[str, Any]], request: Request
) -> tuple[pd.DataFrame, list[Finding], list[str]]:
    names = list(REQUIRED_COLUMNS)
    _need_columns(rows, ["timestamp", *names])
    if any("adj_close" in row for row in rows):
        names.append("adj_close")
    times, findings = _times([row["timestamp"] for row in rows], request.interval, request.calendar)
    notes = []
    frame = pd.DataFrame({name: _column(rows, name, times) for name in names}, index=times)
    for name in request.columns:
        if name not in frame and any(name in row for row in rows):
            values = pd.Series([row.get(name) for row in rows], index=times, dtype=object)
            frame[name] = ready_column(values, name)
    if "adj_close" in frame:
        absent = np.count_nonzero(frame["adj_close"].isna())
        if absent == len(frame):
            frame = frame.drop(columns="adj_close")
        elif absent:
            notes.append(f"adj_close is missing on {absent} of the {len(frame)} rows received.")
    return frame, findings, notes


def _need_columns(rows: list[dict[str, Any]], names: list[str]) -> None:
    for position, row in enumerate(rows):
        missing = [name for name in names if name not in row]
        if missing:
            _malformed(f"sent a row without {', '.join(missing)}", row=position, missing=missing)


def _times(
    texts: list[Any], interval: str, calendar: str | None = None
) -> tuple[pd.DatetimeIndex, list[Finding]]:
    if not all(isinstance(text, str) for text in texts):
        _malformed("sent a row whose time is no text")
    column = pd.Series(texts, dtype="str")
    return read_times(
        column, interval=interval, origin="the market-data command", calendar=calendar
    )


def _column(rows: list[dict[str, Any]], name: str, times: pd.DatetimeIndex) -> pd.Series[float]:
    values = [row.get(name) for row in rows]
    for value, time in zip(values, times, strict=True):
        if value is not None and type(value) is not float and type(value) is not int:
            _malformed(
                f"sent {value!r} where a number belongs, in {name} on {time.isoformat()}",
                column=name,
                date=time.isoformat(),
            )
    return pd.Series(values, index=times, dtype="float64")


def _coverage(document: dict[str, Any]) -> Coverage | None:
    stated = document.get("coverage")
    if stated is None:
        return None
    if stated not in get_args(Coverage):
        _malformed(f"answered with an unknown coverage {stated!r}")
    return cast("Coverage", stated)


def _gaps(document: dict[str, Any]) -> list[tuple[pd.Timestamp, pd.Timestamp]] | None:
    stated = document.get("gaps")
    if stated is None:
        return None
    try:
        gaps = [(_date(gap["start"]), _date(gap["end"])) for gap in stated]
    except (KeyError, TypeError, UsageError):
        _malformed("answered with gaps that cannot be read", gaps=stated)
    if any(first > last for first, last in gaps):
        _malformed("answered with a gap that ends before it starts", gaps=stated)
    return gaps


def _date(text: object) -> pd.Timestamp:
    return read_moment(text, name="gap").tz_localize(None).normalize()


def _iv_observations(rows: list[dict[str, Any]], request: Request) -> Observations:
    _need_columns(rows, ["recorded_at", *IV_COLUMNS])
    times, _ = _times([row["recorded_at"] for row in rows], "1d")
    bounds = ("iv_52w_high", "iv_52w_low")
    frame = pd.DataFrame(
        {name: _column(rows, name, times) for name in (*IV_COLUMNS, *bounds)}, index=times
    )
    frame, findings = one_row_a_day(frame, origin="the market-data command's IV history")
    findings += _blank_sentinels(frame)
    findings += _blank_impossible(frame)
    notes = []
    if not frame[list(IV_COLUMNS)].notna().to_numpy().any():
        notes.append(
            f"The IV history of {request.symbol} holds no measurement; iv_rank, iv_percentile "
            f"and current_iv are unknown. {backfill_advice(request)}"
        )
    elif frame.index[0] > request.first + pd.Timedelta(days=IV_DAYS_BEFORE):
        notes.append(
            f"The IV history of {request.symbol} starts on {frame.index[0].date()}; before that "
            f"iv_rank, iv_percentile and current_iv are unknown. {backfill_advice(request)}"
        )
    return Observations(frame[list(IV_COLUMNS)], findings=findings, notes=notes)


def _blank_sentinels(frame: pd.DataFrame) -> list[Finding]:
    high, low = frame["iv_52w_high"], frame["iv_52w_low"]
    # Without a range the rank is 0/0, whatever number stands there.
    no_range = (high == low) | (
        high.isna() & low.isna() & (frame["iv_rank"] == SENTINEL)
        & (frame["iv_percentile"] == SENTINEL)
    )  # fmt: skip
    if not no_range.any():
        return []
    frame.loc[no_range, list(IV_COLUMNS)] = np.nan
    return [
        finding(
            "iv_sentinel",
            "The source's stand-in for IV without a 52-week range (rank 50, percentile 50) was "
            "taken as missing.",
            frame.index[no_range.to_numpy()],
        )
    ]


def _blank_impossible(frame: pd.DataFrame) -> list[Finding]:
    percent = frame[["iv_rank", "iv_percentile"]]
    impossible = ((percent < 0.0) | (percent > HIGHEST_RANK)).any(axis=1) | (
        frame["current_iv"] <= 0.0
    )
    if not impossible.any():
        return []
    frame.loc[impossible, list(IV_COLUMNS)] = np.nan
    return [
        finding(
            "iv_impossible",
            "IV rows with a rank or percentile outside 0 to 100, or an IV of 0 or less, were "
            "taken as missing.",
            frame.index[impossible.to_numpy()],
        )
    ]
