"""Real daily history that the arch package ships, for a first run without network or account."""

from __future__ import annotations

import importlib.util
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from btkit.data.implied import WINDOW_SESSIONS, rank_history
from btkit.data.quality import IV_COLUMNS
from btkit.data.source import (
    Answer,
    Observations,
    Request,
    backfill_advice,
    no_observations,
)
from btkit.errors import DataError, NoDataError, SourceError
from btkit.markets import ONE_DAY

FILES: Final = {
    "SPX": ("sp500", "the S&P 500 index"),
    "IXIC": ("nasdaq", "the Nasdaq Composite index"),
    "VIX": ("vix", "the VIX index"),
}
CALENDAR: Final = "XNYS"
# Between these dates the files hold every session of it; a test holds them to it.
COMPLETE: Final = {
    "SPX": ("1999-01-01", "2019-01-01"),
    "IXIC": ("1999-01-01", "2019-01-01"),
    "VIX": ("2014-01-03", "2019-01-03"),
}
NAMES: Final = {
    "Open": "open", "High": "high", "Low": "low", "Close": "close", "Adj Close": "adj_close",
    "Volume": "volume",
}  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """Daily bars of SPX and IXIC, 1999 to 2018, and VIX, 2014 to 2018."""

    name: str = "sample"

    def bars(self, request: Request) -> Answer:
        """Return all the history there is, as in `btkit.data.source.Source`."""
        symbol = request.symbol.upper()
        if symbol not in FILES:
            raise NoDataError(
                f"the sample data has no symbol {request.symbol}",
                hint=f"it has {', '.join(FILES)}; choose another source with --source",
                details={"symbols": list(FILES)},
            )
        if request.interval != "1d":
            raise NoDataError(
                f"the sample data has daily bars only, not {request.interval}",
                hint="use the interval 1d, or choose another source with --source",
            )
        folder, title = FILES[symbol]
        table = _read(folder)
        notes = []
        if symbol == "VIX":
            closes = table["vix"].dropna()
            frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), closes))
            frame["volume"] = 0.0
            notes.append("VIX has closes only: open, high and low equal the close, volume is 0.")
        else:
            frame = table.rename(columns=NAMES)
        return Answer(
            frame,
            description=f"Sample data: real daily history of {title}, "
            f"{frame.index[0].date()} to {frame.index[-1].date()}, one of the data sets used in "
            "the examples of the arch package (University of Illinois/NCSA licence), which ships "
            "it.",
            gaps=_gaps(symbol, request),
            exact_calendar=CALENDAR,
            notes=notes,
        )

    def vix(self, request: Request) -> Observations:
        """Return the shipped VIX closes, as in `btkit.data.source.Source`."""
        frame = _read("vix").dropna()
        notes = []
        if request.first < frame.index[0]:
            notes.append(f"VIX: the sample data starts on {frame.index[0].date()}.")
        return Observations(frame, notes=notes)

    def implied_volatility(self, request: Request) -> Observations:
        """Return VIX/100 for the S&P 500, as in `btkit.data.source.Source`; else nothing."""
        if request.symbol.upper() == "SPX":
            volatility = _read("vix")["vix"].dropna() / 100.0
            note = (
                f"Implied volatility of SPX: VIX/100, known from {volatility.index[0].date()}; "
                f"rank and percentile over {WINDOW_SESSIONS} sessions, so from "
                f"{volatility.index[WINDOW_SESSIONS - 1].date()}."
            )
            return Observations(rank_history(volatility), notes=[note])
        return no_observations(
            *IV_COLUMNS,
            note=f"The sample data has no IV history of {request.symbol}; iv_rank, iv_percentile "
            f"and current_iv are unknown. With the market-data source: {backfill_advice(request)}",
        )  # fmt: skip


def _gaps(symbol: str, request: Request) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    since, until = (pd.Timestamp(day) for day in COMPLETE[symbol])
    gaps = []
    if request.first < since:
        gaps.append((request.first, since - ONE_DAY))
    if request.last > until:
        gaps.append((until + ONE_DAY, request.last))
    return gaps


def _read(folder: str) -> pd.DataFrame:
    # Importing arch would pull in statsmodels, so its files are found without it.
    spec = importlib.util.find_spec("arch")
    places = [] if spec is None else spec.submodule_search_locations or []
    files = [Path(place) / "data" / folder / f"{folder}.csv.gz" for place in places]
    found = [file for file in files if file.is_file()]
    if not found:
        raise SourceError(
            "the sample data was not found: the arch package is missing or incomplete",
            hint="install it again with pip install --force-reinstall arch",
        )
    try:
        table = pd.read_csv(found[0], na_values=["."], index_col="Date", dtype=str)
        dates = pd.to_datetime(table.index, format="%m/%d/%Y")
        # Through Python's own conversion, which is exact to the last bit on every version.
        numbers = {name: table[name].to_numpy(dtype=object).astype(np.float64) for name in table}
        return pd.DataFrame(numbers, index=pd.DatetimeIndex(dates).as_unit("ns"))
    except (ValueError, KeyError, EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"the sample file {found[0].name} cannot be read: {error}",
            hint="install the arch package again",
        ) from error
