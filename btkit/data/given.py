"""Bars that somebody hands over: any table that the file source takes, in btkit's form."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, Final

import numpy as np
import pandas as pd

from btkit.arguments import kind_of_value
from btkit.data.columns import choose_columns
from btkit.data.declared import is_ready
from btkit.data.formats import NO_FORMAT, BarFormat
from btkit.data.frames import bars_from_table
from btkit.data.headings import DATE, TIME, meaning_of
from btkit.data.info import DataInfo, Finding, read_info
from btkit.data.quality import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, check_bars
from btkit.data.stamps import read_stamps
from btkit.errors import DataError
from btkit.markets import Interval, infer_interval

ORIGIN: Final = "the DataFrame"
# One of so many neighbours shares its day with another, where bars are shorter than days.
FIRST_BARS: Final = 50
NEEDED: Final = frozenset(REQUIRED_COLUMNS)
CELLS: Final = (str, Real, Decimal, dt.date, dt.time, pd.Period, type(pd.NA), type(pd.NaT))
LARGEST: Final = 10**308
KNOWN: Final = frozenset((*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS))


@dataclass(frozen=True)
class GivenBars:
    """Bars that were handed over, checked.

    Parameters
    ----------
    bars
        Columns as `check_bars` returns them on a sorted, unique index, without ``attrs``. They
        share memory with the table wherever it was in this form already.
    findings
        What was inferred, found and repaired.
    stated, interval
        What a loader wrote into the table's ``attrs["btkit"]``, all of it, and of which interval
        the bars are; None for nothing.
    """

    bars: pd.DataFrame
    findings: list[Finding]
    stated: DataInfo | None
    interval: Interval | None


def take_bars(
    table: object,
    *,
    calendar: str = "XNYS",
    bar_format: BarFormat = NO_FORMAT,
    columns: Sequence[str] = (),
) -> GivenBars:
    """Take a table of bars as the file source takes a file.

    Headings in any usual spelling, two levels of them, times as the index or as a column, as
    text or as numbers, no volume: all that is read. Intraday times without a zone are taken as
    UTC, which is reported; bars with one time a day are keyed by its date. The table stays as it
    is.

    Parameters
    ----------
    table
        A pandas DataFrame of the bars of one symbol.
    calendar
        The exchange calendar by which a bar finds its session.
    bar_format
        What somebody states about the table; the rest is inferred from it.
    columns
        Further columns that are wanted, by their very headings.

    Raises
    ------
    DataError
        It is no DataFrame, or its bars are broken beyond harmless repair; no bars are not.

    Examples
    --------
    >>> table = pd.DataFrame({"Date": ["2024-01-04"], "Open": 1.0, "High": 2.0, "Low": 1.0,
    ...                       "Close": 2.0})
    >>> take_bars(table).bars.index[0]
    Timestamp('2024-01-04 00:00:00')
    """
    if not isinstance(table, pd.DataFrame):
        raise DataError(
            f"bars are a pandas DataFrame, not {kind_of_value(table)}",
            hint="pass what bt.load_bars returns, or a DataFrame: pd.DataFrame(...) makes one of "
            "a dict or a list, .to_pandas() of a polars or Arrow table",
        )
    stated, stated_interval = read_info(table.attrs)
    # Attributes may hold anything, also what pandas cannot copy along; a subclass may do anything.
    plain = table if type(table) is pd.DataFrame and not table.attrs else pd.DataFrame(table)
    findings: list[Finding] = []
    if bar_format is not NO_FORMAT or not _is_own_form(
        plain, stated_interval, KNOWN.union(columns)
    ):
        try:
            plain, findings = _tidied(plain, calendar, stated_interval, bar_format, columns)
        except pd.errors.OutOfBoundsDatetime as error:
            raise DataError(
                f"{ORIGIN} has times that are out of range",
                hint="dates must lie between 1678 and 2262",
            ) from error
    bars, found = check_bars(plain, columns=columns)
    return GivenBars(bars, [*findings, *found], stated, stated_interval)


def _is_own_form(table: pd.DataFrame, stated: Interval | None, known: frozenset[str]) -> bool:
    """Return whether nothing has to be renamed or read: the form of `bt.load_bars`."""
    index = table.index
    if isinstance(table.columns, pd.MultiIndex) or not isinstance(index, pd.DatetimeIndex):
        return False
    needed = 0
    for name, dtype in zip(table.columns, table.dtypes, strict=True):
        if isinstance(name, str) and name in known:
            needed += name in NEEDED
            is_number = isinstance(dtype, np.dtype) and dtype.kind in "fiu"
            if not (is_number or (name not in KNOWN and is_ready(table[name]))):
                return False
        # A column of times beside an index of times means nothing.
        elif isinstance(name, str) and meaning_of(name) not in {None, DATE, TIME}:
            return False
    if needed < len(NEEDED) or index.hasnans:
        return False
    if index.tz is None:
        return not (index.asi8 % (np.timedelta64(1, "D") // np.timedelta64(1, index.unit))).any()
    return _is_intraday(index, stated)


def _is_intraday(times: pd.DatetimeIndex, stated: Interval | None) -> bool:
    """Return whether bars are shorter than days: where some share theirs, or a loader says so."""
    if stated is not None:
        return stated.is_intraday
    for some in (times[:FIRST_BARS], times):
        days = some.tz_localize(None).normalize()
        if some.nunique() > days.nunique():
            return True
    return False


def _check_cells(table: pd.DataFrame) -> None:
    """Refuse what nobody writes into a table of bars, and what may have no text at all."""
    labels = [*_objects(table.columns), *table.columns.names, *table.index.names]
    if any(not _is_plain(label) for label in labels):
        raise DataError(
            f"{ORIGIN} has a heading that is {kind_of_value(_odd(labels))}",
            hint="headings are texts, such as Date, Open, High, Low, Close and Volume",
        )
    for at, name in enumerate(table.columns):
        column = table.iloc[:, at]
        if column.dtype.kind == "c" or not all(map(_is_plain, _objects(column))):
            odd = 0j if column.dtype.kind == "c" else _odd(column)
            raise DataError(
                f"{ORIGIN} has {kind_of_value(odd)} in column {name}",
                hint="every column must hold numbers, or texts of numbers; an unknown one is NaN",
                details={"column": str(name)},
            )
    if not all(map(_is_plain, _objects(table.index))):
        raise DataError(
            f"{ORIGIN} has {kind_of_value(_odd(table.index))} among its times",
            hint="make the index one of times, with pd.to_datetime",
        )


def _objects(values: pd.Index[Any] | pd.Series[Any]) -> Iterator[object]:
    """Yield the items that may be anything: those that are no numbers, texts or times by type."""
    if isinstance(values, pd.MultiIndex):
        for item in values:
            yield from item
    elif values.dtype == object:
        yield from values


def _is_plain(item: object) -> bool:
    if isinstance(item, int):
        return abs(item) < LARGEST
    return item is None or isinstance(item, CELLS)


def _odd(items: Iterable[object]) -> object:
    return next(item for item in items if not _is_plain(item))


def _tidied(
    table: pd.DataFrame,
    calendar: str,
    stated: Interval | None,
    bar_format: BarFormat,
    wanted: Sequence[str],
) -> tuple[pd.DataFrame, list[Finding]]:
    _check_cells(table)
    if isinstance(table.index, pd.DatetimeIndex) and bar_format is NO_FORMAT:
        table = table.loc[:, [meaning_of(name) not in {DATE, TIME} for name in table.columns]]
    chosen = choose_columns(table, origin=ORIGIN, bar_format=bar_format, symbol=None)
    stamps = read_stamps(chosen.columns[TIME], origin=ORIGIN, bar_format=chosen.bar_format)
    interval = stated
    if interval is None:
        intraday = _is_intraday(stamps.written, None)
        times = stamps.written.unique().sort_values()
        interval = infer_interval(times) if intraday else Interval.DAY
    return bars_from_table(
        table, interval=interval.label, origin=ORIGIN, bar_format=bar_format, calendar=calendar,
        wanted=wanted,
    )  # fmt: skip
