"""Yahoo Finance through the optional yfinance package."""

from __future__ import annotations

import datetime as dt
import importlib.util
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import pandas as pd

from btkit.data.frames import bars_from_table, one_row_a_day
from btkit.data.quality import IV_COLUMNS, PRICE_COLUMNS
from btkit.data.source import (
    Answer,
    Observations,
    Request,
    backfill_advice,
    check_offered,
    no_observations,
)
from btkit.errors import NoDataError, SourceError, SourceUnavailableError
from btkit.markets import ONE_DAY

# Yahoo's own names of what it has; it makes no other bars.
NAMES: Final = {
    "1m": "1m", "2m": "2m", "5m": "5m", "15m": "15m", "30m": "30m", "1h": "1h", "90m": "90m",
    "4h": "4h", "1d": "1d", "1w": "1wk", "1mo": "1mo", "3mo": "3mo",
}  # fmt: skip
# Indices carry a caret at Yahoo; these are the names btkit's other sources use.
SYMBOLS: Final = {"SPX": "^GSPC", "IXIC": "^IXIC", "VIX": "^VIX"}
# How far back Yahoo serves intraday bars, with a day to spare; 1m comes in weeks at most.
DAYS_BACK: Final = {
    "1m": 6, "2m": 58, "5m": 58, "15m": 58, "30m": 58, "90m": 58, "1h": 728, "4h": 728,
}  # fmt: skip
# yfinance's errors that mean "nothing there", as far back as the versions btkit accepts.
NOTHING_THERE: Final = {"YFTickerMissingError", "YFTzMissingError", "YFPricesMissingError"}


def is_installed() -> bool:
    """Return whether yfinance can be imported, without importing it."""
    return importlib.util.find_spec("yfinance") is not None


@dataclass(frozen=True)
class Yahoo:
    """Bars from Yahoo Finance: prices adjusted for splits, not for dividends.

    Parameters
    ----------
    now
        The present time, with its zone: intraday history reaches only so far back from it.
    """

    now: dt.datetime
    name: str = "yahoo"

    def bars(self, request: Request) -> Answer:
        """Return what Yahoo has of the request, as in `btkit.data.source.Source`."""
        check_offered(request.interval, NAMES, source="Yahoo")
        first, notes = self._earliest(request)
        symbol = SYMBOLS.get(request.symbol.upper(), request.symbol)
        last_day = request.last.tz_localize(None).normalize()
        if first.date() > last_day.date():
            raise NoDataError(
                f"Yahoo has no {request.interval} bars of {request.symbol} before {first.date()}",
                hint="ask for a later range, or a longer interval",
            )
        table = _history(
            symbol, first.date(), (last_day + ONE_DAY).date(), request.interval, request.symbol
        )
        frame, findings = bars_from_table(
            table, interval=request.interval, origin="Yahoo", calendar=request.calendar
        )
        empty = frame[list(PRICE_COLUMNS)].isna().all(axis=1)
        if empty.any():
            notes.append(f"{int(empty.sum())} rows that Yahoo sent without any price were dropped.")
            frame = frame[~empty]
        return Answer(
            frame,
            description=f"Yahoo Finance through yfinance, symbol {symbol}: prices and volume "
            "adjusted for splits, not for dividends.",
            live=True,
            findings=findings,
            notes=notes,
        )

    def vix(self, request: Request) -> Observations:
        """Return closes of ^VIX, as in `btkit.data.source.Source`."""
        frame = self.bars(Request("VIX", "1d", request.first, request.last)).frame
        closes = frame[["close"]].set_axis(["vix"], axis="columns")
        unique, findings = one_row_a_day(closes, origin="Yahoo's VIX")
        return Observations(unique, findings=findings)

    def implied_volatility(self, request: Request) -> Observations:
        """Return nothing: Yahoo has no history of implied volatility."""
        return no_observations(
            *IV_COLUMNS,
            note="Yahoo has no IV history; iv_rank, iv_percentile and current_iv are unknown. "
            f"With the market-data source: {backfill_advice(request)}",
        )  # fmt: skip

    def _earliest(self, request: Request) -> tuple[pd.Timestamp, list[str]]:
        first = request.first.tz_localize(None)
        if request.interval not in DAYS_BACK:
            return first, []
        days = DAYS_BACK[request.interval]
        limit = pd.Timestamp(self.now.astimezone(dt.UTC).date()) - days * ONE_DAY
        if first >= limit:
            return first, []
        note = f"Yahoo serves {request.interval} bars of the last {days} days only."
        return limit, [note]


def _import() -> ModuleType:
    try:
        import yfinance  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        raise SourceError(
            "the source yahoo needs the yfinance package, which is not installed",
            hint="run pip install yfinance, or choose another source with --source",
        ) from error
    module: ModuleType = yfinance
    return module


def _history(
    symbol: str, first: dt.date, after_last: dt.date, interval: str, asked: str
) -> pd.DataFrame:
    yfinance: Any = _import()
    try:
        table: pd.DataFrame = yfinance.Ticker(symbol).history(
            start=first.isoformat(),
            end=after_last.isoformat(),
            interval=NAMES[interval],
            # The default of these has changed between versions, and with it what Close means.
            auto_adjust=False,
            back_adjust=False,
            actions=False,
            repair=False,
            raise_errors=True,
        )
    except Exception as error:
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & NOTHING_THERE:
            raise NoDataError(
                f"Yahoo has no {interval} bars of {asked}: {error}",
                hint="check the symbol as Yahoo spells it, and the range",
            ) from error
        raise SourceUnavailableError(
            f"Yahoo did not answer for {asked}: {type(error).__name__}: {error}",
            hint="check the network, wait if Yahoo limits the rate, or choose another source",
        ) from error
    return table
