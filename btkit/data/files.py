"""CSV and Parquet files in a folder as a source."""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from btkit.data.frames import TIME, bars_from_table, numbers, one_row_a_day, tidy_columns
from btkit.data.quality import IV_COLUMNS
from btkit.data.source import (
    Answer,
    Observations,
    Request,
    backfill_advice,
    no_observations,
)
from btkit.data.times import read_times
from btkit.errors import DataError, NoDataError, SourceError
from btkit.markets import Interval

SUFFIXES: Final = (".csv", ".csv.gz", ".parquet", ".pq")
SEPARATORS: Final = (",", ";", "\t", "|")
MOST_NAMES: Final = 20


@dataclass(frozen=True)
class Files:
    """Bars from ``SYMBOL.csv``, ``SYMBOL.parquet``, ``SYMBOL_30m.csv`` and the like.

    Names are compared without regard to case. The plain name holds daily bars; other intervals
    stand behind an underscore or a hyphen.

    Parameters
    ----------
    folder
        BT_DATA_DIR; only files directly inside it are ever read.
    """

    folder: Path
    name: str = "files"

    def bars(self, request: Request) -> Answer:
        """Return all rows of the symbol's file, as in `btkit.data.source.Source`."""
        found = self._find(request.symbol, request.interval)
        if not found:
            symbols = sorted({_stem(file.name) for file in self._data_files()})
            raise NoDataError(
                f"BT_DATA_DIR has no file of {request.interval} bars for {request.symbol}",
                hint=f"name it {_safe(request.symbol)}{_marks(request.interval)[0]}.csv or "
                ".parquet",
                details={"folder": str(self.folder), "files": symbols[:MOST_NAMES]},
            )
        file = found[0]
        table = read_table(file)
        frame, findings, notes = bars_from_table(table, interval=request.interval, origin=file.name)
        if len(found) > 1:
            others = ", ".join(other.name for other in found[1:])
            notes = [*notes, f"{file.name} was read; {others} would fit the name as well."]
        return Answer(
            frame,
            description=f"The file {file.name} in BT_DATA_DIR.",
            findings=findings,
            notes=notes,
        )

    def vix(self, request: Request) -> Observations:
        """Return closes from a daily VIX file beside the bars, if there is one."""
        found = self._find("VIX", "1d") or self._find("^VIX", "1d")
        if not found:
            return no_observations("vix", note=f"VIX: BT_DATA_DIR has no file for it beside "
                                   f"{request.symbol}.")  # fmt: skip
        return _closes(found[0])

    def implied_volatility(self, request: Request) -> Observations:
        """Return nothing: IV columns, where a file has them, come with its bars."""
        return no_observations(
            *IV_COLUMNS,
            note=f"The file of {request.symbol} has no column iv_rank, iv_percentile or "
            "current_iv, so these names are unknown. With the market-data source: "
            + backfill_advice(request),
        )

    def _data_files(self) -> list[Path]:
        try:
            entries = sorted(self.folder.iterdir())
            return [
                entry
                for entry in entries
                if entry.name.lower().endswith(SUFFIXES) and entry.is_file()
            ]
        except OSError as error:
            raise SourceError(
                f"BT_DATA_DIR {str(self.folder)!r} cannot be read: {error.strerror}",
                hint="set BT_DATA_DIR to a folder of CSV or Parquet files",
            ) from error

    def _find(self, symbol: str, interval: str) -> list[Path]:
        # Matching names that the folder lists, instead of building a path, cannot leave it.
        stem = _safe(symbol)
        wanted = [
            (name + mark + suffix)
            for name in dict.fromkeys((stem, re.sub(r"[$&+]", "_", stem)))
            for mark in _marks(interval)
            for suffix in SUFFIXES
        ]
        ranks = {name.lower(): rank for rank, name in reversed(list(enumerate(wanted)))}
        matches = [file for file in self._data_files() if file.name.lower() in ranks]
        return sorted(
            matches,
            key=lambda file: (
                ranks[file.name.lower()], not file.name.startswith(stem), file.name,
            ),
        )  # fmt: skip


def _safe(symbol: str) -> str:
    return re.sub(r"[^A-Za-z0-9.^=_$&+-]", "_", symbol)


def _marks(interval: str) -> tuple[str, ...]:
    asked = Interval.parse(interval)
    named = tuple(f"{sign}{label}" for label in asked.spellings for sign in ("_", "-", "."))
    return ("", *named) if asked.is_daily else named


def _stem(name: str) -> str:
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def read_table(file: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file whole.

    Parameters
    ----------
    file
        Its ending says which of the two it is.

    Raises
    ------
    DataError
        It is empty, corrupt or cut short.
    """
    try:
        if file.name.lower().endswith((".parquet", ".pq")):
            return pd.read_parquet(file)
        return _read_csv(file)
    # pyarrow's own errors are ValueErrors or OSErrors; a damaged gzip raises the other two.
    except (ValueError, OSError, EOFError, zlib.error) as error:
        # Reports travel; the folders of the machine that made them do not belong into them.
        cause = str(error).replace(f"{file}", file.name).partition("\n")[0] or type(error).__name__
        raise DataError(
            f"{file.name} cannot be read: {cause}",
            hint="the file may be damaged or cut short; fetch or export it again",
            details={"file": file.name},
        ) from error


def _read_csv(file: Path) -> pd.DataFrame:
    opened = gzip.open if file.name.lower().endswith(".gz") else open
    with opened(file, "rt", encoding="utf-8-sig") as lines:
        header = lines.readline()
    separator = max(SEPARATORS, key=header.count)
    # All as text: dates such as 20240131 and marks for missing values are told apart later.
    table = pd.read_csv(
        file, sep=separator, dtype=str, skipinitialspace=True, encoding="utf-8-sig",
        compression="gzip" if opened is gzip.open else None,
    )  # fmt: skip
    if not isinstance(table.index, pd.RangeIndex):
        raise DataError(
            f"{file.name} has rows with more fields than its header",
            hint="name every column, or remove the surplus separators",
            details={"file": file.name},
        )
    return _without_symbol_rows(table)


def _without_symbol_rows(table: pd.DataFrame) -> pd.DataFrame:
    # yfinance's two levels of columns, as pandas writes them: Price,Close,High / Ticker,SPY,SPY
    # / Date,,
    heads = table.iloc[:2, 0].tolist() if len(table.columns) else []
    if heads not in (["Ticker", "Date"], ["Ticker", "Datetime"]) or table.columns[0] != "Price":
        return table
    columns = pd.MultiIndex.from_arrays([table.columns[1:], table.iloc[0, 1:].tolist()])
    index = pd.Index(table.iloc[2:, 0], name=heads[1])
    return table.iloc[2:, 1:].set_axis(columns, axis="columns").set_axis(index, axis="index")


def _closes(file: Path) -> Observations:
    tidy = tidy_columns(read_table(file), origin=file.name)
    column = "close" if "close" in tidy else "vix"
    if column not in tidy:
        raise DataError(
            f"{file.name} has neither a column close nor a column vix",
            hint="name the column of daily closes close",
        )
    times, _ = read_times(tidy[TIME], interval="1d", origin=file.name)
    closes = pd.DataFrame({"vix": numbers(tidy[column], times, origin=file.name)}, index=times)
    unique, findings = one_row_a_day(closes, origin=file.name)
    return Observations(unique, findings=findings)
