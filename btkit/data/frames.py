"""Tables from files and libraries, in any usual spelling, turned into btkit's form."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.info import Finding, finding, format_time, format_times
from btkit.data.quality import OPTIONAL_COLUMNS, PRICE_COLUMNS, REQUIRED_COLUMNS
from btkit.data.times import read_times
from btkit.errors import DataError, UsageError
from btkit.markets import Interval, infer_interval

TIME: Final = "time"
DATE: Final = "date"

# Column names stripped to lower-case letters and digits.
SPELLINGS: Final = {
    "o": "open", "open": "open", "openprice": "open", "priceopen": "open",
    "h": "high", "high": "high", "highprice": "high", "max": "high",
    "l": "low", "low": "low", "lowprice": "low", "min": "low",
    "c": "close", "close": "close", "closeprice": "close", "closelast": "close",
    "v": "volume", "vol": "volume", "volume": "volume", "sharevolume": "volume",
    "adjclose": "adj_close", "adjustedclose": "adj_close", "closeadj": "adj_close",
    "adjcloseprice": "adj_close",
    "ivrank": "iv_rank", "ivpercentile": "iv_percentile", "currentiv": "current_iv",
    "vix": "vix", "vixclose": "vix",
    "date": DATE, "day": DATE, "tradedate": DATE, "tradingday": DATE, "session": DATE,
    "datetime": TIME, "timestamp": TIME, "time": TIME, "ts": TIME, "dateandtime": TIME,
    "t": TIME, "dt": TIME,
}  # fmt: skip
# These mean the close only where no column is called that.
CLOSE_SPELLINGS: Final = ("price", "last", "lastprice")
LEADING_NUMBER: Final = re.compile(r"^\s*\d+\.\s*")
UNNAMED: Final = re.compile(r"(unnamed0?|index|levels?0)?")
MISSING_MARKS: Final = (".", "-", "", "null", "None", "NaN", "nan", "N/A", "NA")


def tidy_columns(table: pd.DataFrame, *, origin: str) -> pd.DataFrame:
    """Rename columns from their usual spellings, and drop those that mean nothing to btkit.

    Parameters
    ----------
    table
        As a file or library gives it; an index of times or of texts counts as its time column,
        and a level of its columns that names one symbol is left out.
    origin
        The file or library, for messages.

    Returns
    -------
    DataFrame
        Columns of btkit's names and one column ``time``.

    Raises
    ------
    DataError
        There is no time column, two columns mean the same, or there are several symbols.
    """
    table = _one_symbol(table, origin)
    names = _meanings(table)
    if _is_time_index(table.index, named=DATE in names or TIME in names):
        table = table.reset_index(names=table.index.name or "timestamp")
        names = _meanings(table)
    if DATE not in names and TIME not in names:
        first = _plain(table.columns[0]) if len(table.columns) else "-"
        if not UNNAMED.fullmatch(first):
            raise DataError(
                f"{origin} has no column of dates",
                hint="name it date, datetime, timestamp or time",
                details={"columns": [str(column) for column in table.columns]},
            )
        names[TIME] = [table.columns[0]]
    for meaning, columns in names.items():
        if len(columns) > 1:
            raise DataError(
                f"{origin} has more than one column that means {meaning}: "
                f"{', '.join(map(str, columns))}",
                hint="keep one of them",
            )
    result = pd.DataFrame({name: table[columns[0]] for name, columns in names.items()})
    if DATE in result and TIME in result:
        result[TIME] = result[DATE].astype(str) + " " + _clock(result[TIME])
        result = result.drop(columns=DATE)
    return result.rename(columns={DATE: TIME})


def _plain(column: object) -> str:
    return re.sub(r"[^a-z0-9]", "", LEADING_NUMBER.sub("", str(column)).lower())


def _meanings(table: pd.DataFrame) -> dict[str, list[object]]:
    names: dict[str, list[object]] = {}
    for column in table.columns:
        meaning = SPELLINGS.get(_plain(column))
        if meaning is not None:
            names.setdefault(meaning, []).append(column)
    if "close" not in names:
        closes: list[object] = [name for name in table.columns if _plain(name) in CLOSE_SPELLINGS]
        if closes:
            names["close"] = closes
    return names


def _one_symbol(table: pd.DataFrame, origin: str) -> pd.DataFrame:
    if not isinstance(table.columns, pd.MultiIndex):
        return table
    # Levels are counted; a name that is a number would be taken for a level.
    columns = table.columns.set_names([None] * table.columns.nlevels)
    several = [
        level
        for level in range(columns.nlevels)
        if len(columns.get_level_values(level).unique()) > 1
    ]
    if len(several) > 1:
        raise DataError(
            f"{origin} has several levels of columns, so more than one symbol",
            hint="keep one symbol in a file",
            details={"columns": [str(column) for column in columns]},
        )
    level = several[0] if several else 0
    return table.set_axis(columns.get_level_values(level), axis="columns")


def _is_time_index(index: pd.Index[Any], *, named: bool) -> bool:
    if isinstance(index, pd.RangeIndex | pd.MultiIndex):
        return False
    meaning = SPELLINGS.get(_plain(index.name)) if index.name is not None else None
    if isinstance(index, pd.DatetimeIndex) or meaning in {DATE, TIME}:
        return True
    return not named and not pd.api.types.is_numeric_dtype(index.dtype)


def _clock(times: pd.Series[Any]) -> pd.Series[Any]:
    texts = times.astype(str).str.strip()
    if texts.str.fullmatch(r"\d{6}").all():
        return texts.str.replace(r"(..)(..)(..)", r"\1:\2:\3", regex=True)
    if texts.str.fullmatch(r"\d{4}").all():
        return texts.str.replace(r"(..)(..)", r"\1:\2", regex=True)
    return texts


def bars_from_table(
    table: pd.DataFrame, *, interval: str, origin: str
) -> tuple[pd.DataFrame, list[Finding], list[str]]:
    """Turn a table of bars into btkit's form; its values are not judged here.

    Indices have no volume: without such a column it is 0, which is told.

    Parameters
    ----------
    table
        Anything `tidy_columns` understands.
    interval
        A label, such as ``30m`` or ``1w``.
    origin
        The file or library, for messages.

    Returns
    -------
    tuple of DataFrame, list of Finding and list of str
        Float64 columns on naive dates or UTC times, rows in the table's order, findings and
        notes.

    Raises
    ------
    DataError
        A needed column is missing, or a value is no number or no time.
    """
    tidy = tidy_columns(table, origin=origin)
    missing = [name for name in PRICE_COLUMNS if name not in tidy]
    if missing:
        raise DataError(
            f"{origin} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            hint="bars need open, high, low and close, and volume where there is any",
            details={"missing": missing, "columns": [str(column) for column in table.columns]},
        )
    times, notes = read_times(tidy[TIME], interval=interval, origin=origin)
    names = [name for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if name in tidy]
    columns = {name: numbers(tidy[name], times, origin=origin) for name in names}
    frame = pd.DataFrame(columns, index=times)
    if "volume" in frame:
        return frame, [], notes
    frame.insert(len(PRICE_COLUMNS), "volume", 0.0)
    message = f"{origin} has no column volume; the volume was taken as 0."
    return frame, [finding("no_volume_column", message, times)], notes


def numbers(
    values: pd.Series[Any], times: pd.DatetimeIndex, *, origin: str
) -> npt.NDArray[np.float64]:
    """Return a column as float64, with NaN where it is empty or holds a mark for missing.

    Parameters
    ----------
    values
        One column of a table.
    times
        Its rows' times, for messages.
    origin
        The file or library, for messages.

    Raises
    ------
    DataError
        A value is neither a number nor a usual mark for a missing one.
    """
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    texts = values.astype(object).where(values.notna(), "nan")
    try:
        # Python's own conversion is exact to the last bit.
        return np.asarray(texts.to_numpy(dtype=object).astype(np.float64))
    except (TypeError, ValueError):
        pass  # marks for missing values, or something wrong: look at each
    converted = np.full(len(values), np.nan)
    for row, text in enumerate(texts):
        plain = str(text).strip().removeprefix("$")
        if plain in MISSING_MARKS:
            continue
        try:
            converted[row] = float(plain)
        except ValueError:
            raise DataError(
                f"{origin} has {plain!r} where a number belongs, in column {values.name} on "
                f"{format_time(times[row])}",
                hint="write plain numbers with a decimal point, without thousands separators",
                details={"column": str(values.name), "date": format_time(times[row])},
            ) from None
    return converted


def one_row_a_day(frame: pd.DataFrame, *, origin: str) -> tuple[pd.DataFrame, list[Finding]]:
    """Sort daily observations and drop exact duplicates.

    Parameters
    ----------
    frame
        Rows on naive dates, in any order.
    origin
        The file or command, for messages.

    Returns
    -------
    tuple of DataFrame and list of Finding
        One row a date, and what had to be dropped.

    Raises
    ------
    DataError
        A date has two different rows.
    """
    unique = frame.reset_index(names="date").drop_duplicates().set_index("date").sort_index()
    again = pd.DatetimeIndex(unique.index[unique.index.duplicated()]).unique()
    if len(again):
        dates = format_times(again)
        raise DataError(
            f"{origin} has different rows for {len(again)} dates, the first {dates[0]}",
            hint="decide in the source which row is right; btkit does not guess",
            details={"dates": dates},
        )
    if len(unique) == len(frame):
        return unique, []
    message = f"Repeated identical rows of {origin} were dropped."
    return unique, [finding("duplicates_dropped", message, frame.index[frame.index.duplicated()])]


def check_interval(index: pd.DatetimeIndex, *, interval: str, origin: str) -> None:
    """Refuse bars that are plainly of another interval than was asked for.

    Parameters
    ----------
    index
        Sorted bar times.
    interval
        What was asked for.
    origin
        The file or command, for messages.

    Raises
    ------
    DataError
        The most common distance between bars does not fit the interval.
    """
    least_rows = 10
    if len(index) < least_rows:
        return
    asked = Interval.parse(interval)
    try:
        found = infer_interval(index, told=asked).label
    except UsageError as error:
        found = f"none: {error.message}"
    if found != asked.label:
        distances, counts = np.unique(np.diff(index.asi8), return_counts=True)
        usual = pd.Timedelta(int(distances[counts.argmax()]), unit="ns")
        raise DataError(
            f"{origin} has bars {usual} apart, which is not the interval {asked}",
            hint="ask for the interval that it holds, with --interval",
            details={
                "interval": asked.label,
                "found": found,
                "usual_distance_s": usual.total_seconds(),
            },
        )
