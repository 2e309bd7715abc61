"""CSV and Parquet files in a folder as a source."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from btkit.data.columns import choose_columns
from btkit.data.encoding import decode
from btkit.data.formats import (
    FOLDER_FILES,
    NO_FORMAT,
    SIDE_ENDINGS,
    BarFormat,
    read_format,
)
from btkit.data.frames import bars_from_table, one_row_a_day
from btkit.data.headings import TIME
from btkit.data.info import Remark
from btkit.data.layout import lay_out
from btkit.data.numerals import read_numbers
from btkit.data.placing import read_times
from btkit.data.quality import IV_COLUMNS
from btkit.data.source import (
    Answer,
    Observations,
    Request,
    backfill_advice,
    no_observations,
)
from btkit.errors import DataError, NoDataError, SourceError
from btkit.markets import Interval

SUFFIXES: Final = (".csv", ".csv.gz", ".parquet", ".pq", ".txt", ".tsv")
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
    bar_format
        How the files of bars are written, where somebody says; None looks for a format beside
        each file: ``SPY.format.yaml``, or ``format.yaml`` for the whole folder.
    """

    folder: Path
    bar_format: BarFormat | None = None
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
        bar_format, stated_by = self.format_of(file, request.interval)
        table, remarks = _read_table(file, bar_format)
        frame, findings = bars_from_table(
            table, interval=request.interval, origin=file.name, bar_format=bar_format,
            symbol=request.symbol, calendar=request.calendar, wanted=request.columns,
        )  # fmt: skip
        notes = []
        if len(found) > 1:
            others = ", ".join(other.name for other in found[1:])
            notes.append(f"{file.name} was read; {others} would fit the name as well.")
        return Answer(
            frame,
            description=f"The file {file.name} in BT_DATA_DIR{stated_by}.",
            findings=[*(remark.about(frame.index) for remark in remarks), *findings],
            notes=notes,
            bar_format=bar_format.stated() or None,
        )

    def vix(self, request: Request) -> Observations:
        """Return closes from a daily VIX file beside the bars, if there is one."""
        found = self._find("VIX", "1d") or self._find("^VIX", "1d")
        if not found:
            return no_observations("vix", note=f"VIX: BT_DATA_DIR has no file for it beside "
                                   f"{request.symbol}.")  # fmt: skip
        # What is stated for the bars is not said of the VIX beside them.
        beside = Files(self.folder)
        return _closes(found[0], beside.format_of(found[0], "1d")[0])

    def implied_volatility(self, request: Request) -> Observations:
        """Return nothing: IV columns, where a file has them, come with its bars."""
        return no_observations(
            *IV_COLUMNS,
            note=f"The file of {request.symbol} has no column iv_rank, iv_percentile or "
            "current_iv, so these names are unknown. With the market-data source: "
            + backfill_advice(request),
        )

    def format_of(self, file: Path, interval: str) -> tuple[BarFormat, str]:
        """Return what is stated about a file of the folder, and words on who says so."""
        if self.bar_format is not None:
            return self.bar_format, ", by a stated format"
        stem = _stem(file.name).lower()
        mark = next((mark for mark in _marks(interval) if mark and stem.endswith(mark)), "")
        stems = dict.fromkeys((stem, stem.removesuffix(mark)))
        wanted = [*(name + ending for name in stems for ending in SIDE_ENDINGS), *FOLDER_FILES]
        beside = {entry.name.lower(): entry for entry in self._entries((".yaml", ".yml"))}
        for name in wanted:
            if name in beside:
                origin = beside[name].name
                return read_format(beside[name], origin=origin), f", by the format in {origin}"
        return NO_FORMAT, ""

    def _data_files(self) -> list[Path]:
        return self._entries(SUFFIXES)

    def _entries(self, endings: tuple[str, ...]) -> list[Path]:
        try:
            entries = sorted(self.folder.iterdir())
            return [
                entry
                for entry in entries
                if entry.name.lower().endswith(endings) and entry.is_file()
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


def _read_table(
    file: Path, bar_format: BarFormat = NO_FORMAT
) -> tuple[pd.DataFrame, Sequence[Remark]]:
    name = file.name.lower()
    try:
        if name.endswith((".parquet", ".pq")):
            # Read ahead, it would be there compressed as well.
            return pd.read_parquet(file, pre_buffer=False), []
        content = gzip.decompress(file.read_bytes()) if name.endswith(".gz") else file.read_bytes()
        text, remarks = decode(content, origin=file.name)
        table, more = lay_out(text, origin=file.name, bar_format=bar_format)
    # pyarrow's own errors are ValueErrors or OSErrors; a damaged gzip raises the next two.
    except (ValueError, OSError, EOFError, zlib.error, csv.Error) as error:
        # Reports travel; the folders of the machine that made them do not belong into them.
        cause = str(error).replace(f"{file}", file.name).partition("\n")[0] or type(error).__name__
        raise DataError(
            f"{file.name} cannot be read: {cause}",
            hint="the file may be damaged or cut short; fetch or export it again",
            details={"file": file.name},
        ) from error
    return table, [*remarks, *more]


def _closes(file: Path, bar_format: BarFormat) -> Observations:
    origin = file.name
    table, remarks = _read_table(file, bar_format)
    chosen = choose_columns(table, origin=origin, bar_format=bar_format, symbol="VIX")
    column = "close" if "close" in chosen.columns else "vix"
    if column not in chosen.columns:
        raise DataError(
            f"{origin} has neither a column close nor a column vix",
            hint="name the column of daily closes close",
        )
    times, found = read_times(
        chosen.columns[TIME], interval="1d", origin=origin, bar_format=chosen.bar_format,
        calendar="XNYS",
    )  # fmt: skip
    values = read_numbers(
        {"vix": chosen.columns[column]}, times, origin=origin, bar_format=chosen.bar_format
    )
    unique, findings = one_row_a_day(pd.DataFrame(values, index=times), origin=origin)
    reported = [remark.about(unique.index) for remark in (*remarks, *chosen.remarks)]
    return Observations(unique, findings=[*reported, *found, *findings])
