"""Tables from files and libraries, in any usual spelling, turned into btkit's form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from btkit.data.columns import choose_columns
from btkit.data.declared import is_of_numbers, ready_column
from btkit.data.formats import NO_FORMAT, BarFormat
from btkit.data.headings import TICKS, TIME
from btkit.data.info import Finding, Remark, finding, format_times
from btkit.data.instruments import rows_by_repetition
from btkit.data.numerals import read_numbers
from btkit.data.placing import read_times
from btkit.data.quality import OPTIONAL_COLUMNS, PRICE_COLUMNS, REQUIRED_COLUMNS
from btkit.errors import DataError, UsageError
from btkit.markets import Interval, infer_interval

FIXED_POINT = 1e-9
LEAST_FIXED_POINT = 1e6


def bars_from_table(
    table: pd.DataFrame,
    *,
    interval: str,
    origin: str,
    bar_format: BarFormat = NO_FORMAT,
    symbol: str | None = None,
    calendar: str | None = None,
    wanted: Sequence[str] = (),
) -> tuple[pd.DataFrame, list[Finding]]:
    """Turn a table of bars into btkit's form; its values are not judged here.

    The one door for tables, wherever they come from. Indices have no volume: without such a
    column it is 0, which is reported.

    Parameters
    ----------
    table
        Anything `choose_columns` understands.
    interval
        A label, such as ``30m`` or ``1w``.
    origin
        The file or library, for messages.
    bar_format
        What somebody states about the table; the rest is inferred from it.
    symbol
        Whose rows are wanted, where a table holds several; None where nobody said.
    calendar
        The exchange calendar by which a bar stamped the evening before finds its session.
    wanted
        Headings of further columns that are read where they are there.

    Returns
    -------
    tuple of DataFrame and list of Finding
        Float64 columns, further ones as `ready_column` returns them, on naive dates or UTC
        times, rows in the table's order; and what was inferred.

    Raises
    ------
    DataError
        A needed column is missing, a value is no number or no time, or the table can be read in
        two ways.
    """
    chosen = choose_columns(table, origin=origin, bar_format=bar_format, symbol=symbol)
    missing = [name for name in PRICE_COLUMNS if name not in chosen.columns]
    if missing:
        raise DataError(
            f"{origin} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            hint="bars need open, high, low and close; if they have other headings, state columns "
            "in a format",
            details={"missing": missing, "columns": [str(column) for column in table.columns]},
        )
    times, findings = read_times(
        chosen.columns[TIME], interval=interval, origin=origin, bar_format=chosen.bar_format,
        calendar=calendar,
    )  # fmt: skip
    kept, others = rows_by_repetition(
        chosen.others, chosen.columns, times, origin=origin, symbol=symbol
    )
    times = times[kept]
    names = [
        name for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, TICKS) if name in chosen.columns
    ]
    columns: dict[str, pd.Series[Any]] = {name: chosen.columns[name].iloc[kept] for name in names}
    further = {name: chosen.others[name].iloc[kept] for name in wanted if name in chosen.others}
    numbers = {name: column for name, column in further.items() if is_of_numbers(column)}
    values = read_numbers(columns | numbers, times, origin=origin, bar_format=chosen.bar_format)
    frame = pd.DataFrame(values, index=times)
    for name in further.keys() - numbers.keys():
        frame[name] = ready_column(further[name], name).set_axis(times, axis="index")
    frame, remarks = _with_volume(frame, origin)
    frame, scaled = _without_fixed_point(frame, table, origin)
    reported = [*chosen.remarks, *others, *remarks, *scaled]
    return frame, [*findings, *(remark.about(times) for remark in reported)]


def _with_volume(frame: pd.DataFrame, origin: str) -> tuple[pd.DataFrame, list[Remark]]:
    ticks = frame.pop(TICKS) if TICKS in frame else None
    known = "volume" in frame and bool(frame["volume"].notna().any())
    if ticks is not None and not (known and (frame["volume"] != 0.0).any()):
        kind = "is 0 throughout" if known else "is missing"
        message = f"{origin} counts ticks, and its volume {kind}; the ticks were taken as volume."
        return _placed(frame, ticks), [Remark("tick_volume", message)]
    if known:
        return frame, []
    has = "a volume on no row" if "volume" in frame else "no column volume"
    message = f"{origin} has {has}; the volume was taken as 0."
    return _placed(frame, 0.0), [Remark("no_volume_column", message)]


def _placed(frame: pd.DataFrame, volume: pd.Series[Any] | float) -> pd.DataFrame:
    frame = frame.drop(columns="volume", errors="ignore")
    frame.insert(len(PRICE_COLUMNS), "volume", volume)
    return frame


def _without_fixed_point(
    frame: pd.DataFrame, table: pd.DataFrame, origin: str
) -> tuple[pd.DataFrame, list[Remark]]:
    # Databento's prices are whole billionths unless somebody asks for others.
    if not {"ts_event", "rtype"} <= {str(name) for name in table.columns}:
        return frame, []
    prices = frame[list(PRICE_COLUMNS)]
    if not ((prices == prices.round()) & (prices >= LEAST_FIXED_POINT)).to_numpy().all():
        return frame, []
    message = f"{origin} gives prices as whole billionths, as Databento does; they were divided."
    scaled = frame.assign(**{name: frame[name] / (1 / FIXED_POINT) for name in PRICE_COLUMNS})
    return scaled, [Remark("fixed_point_prices", message)]


def one_row_a_day(frame: pd.DataFrame, *, origin: str) -> tuple[pd.DataFrame, list[Finding]]:
    """Sort daily observations and drop exact duplicates; two other rows of a date are refused."""
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
    """Refuse bars that are plainly of another interval than was asked for."""
    least_rows = 10
    if len(index) < least_rows:
        return
    asked = Interval.parse(interval)
    try:
        found = infer_interval(index, stated=asked).label
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
