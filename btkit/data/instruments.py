"""Whose rows a table holds: the symbol that was asked for, among others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.headings import plain
from btkit.data.info import Remark
from btkit.errors import DataError

Rows = npt.NDArray[np.int64]

MOST_NAMES: Final = 20
# More different values in a column than this are no instruments.
MOST_INSTRUMENTS: Final = 5_000


def matches(written: str, symbol: str) -> bool:
    """Return whether a table's name for an instrument is the symbol: BTC/USDT is BTCUSDT."""
    return _letters(written) == _letters(symbol) and bool(_letters(symbol))


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _is_listing_of(written: str, symbol: str) -> bool:
    # Such as SPY.US, SPY US Equity and BTCUSDT-PERP, but not ES for ESH4.
    rest = written.strip().casefold().removeprefix(symbol.casefold())
    return rest != written.strip().casefold() and rest[:1] in {".", " ", ":", "-", "_"}


def rows_of_symbol(
    columns: Mapping[str, pd.Series[Any]],
    count: int,
    *,
    symbol: str | None,
    origin: str,
    stated: bool,
) -> tuple[Rows, list[Remark]]:
    """Choose the rows of one instrument by the columns that name it; a stated one decides."""
    texts = {heading: column.astype("str").str.strip() for heading, column in columns.items()}
    named = {heading: list(text.dropna().unique()) for heading, text in texts.items()}
    for heading, names in named.items():
        for same in (matches, _is_listing_of):
            asked = [name for name in names if symbol is not None and same(name, symbol)]
            if len(asked) == 1:
                return _only(texts[heading], asked[0], names, heading, origin)
    for heading, names in named.items():
        if len(names) > 1 or (stated and symbol is not None):
            _refuse(heading, names, symbol, origin)
    remarks = []
    for heading, names in list(named.items())[:1]:
        if symbol is not None and names and plain(heading) not in {"name", "code"}:
            message = (
                f"{origin} names {names[0]} in its column {heading}, and {symbol} was asked for."
            )
            remarks.append(Remark("other_symbol", message))
    return np.arange(count), remarks


def _only(
    text: pd.Series[Any], name: str, names: list[str], heading: str, origin: str
) -> tuple[Rows, list[Remark]]:
    rows = np.flatnonzero((text == name).to_numpy(dtype=bool))
    if len(names) == 1:
        return rows, []
    message = (
        f"{origin} has rows of {len(names)} symbols in its column {heading}; those of {name} were "
        "read."
    )
    return rows, [Remark("other_symbols", message)]


def _refuse(heading: str, names: list[str], symbol: str | None, origin: str) -> NoReturn:
    listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")  # noqa: PLR2004 - a few
    who = "nobody said which is meant" if symbol is None else f"none of them is {symbol}"
    raise DataError(
        f"{origin} holds rows of {len(names)} instruments by its column {heading} ({listed}), and "
        f"{who}",
        hint=f"ask for one of them, or state symbol_column; or keep the rows of one {heading} in "
        "the file",
        details={"column": heading, "symbols": names[:MOST_NAMES]},
    )


def rows_by_repetition(
    others: Mapping[str, pd.Series[Any]],
    columns: Mapping[str, pd.Series[Any]],
    times: pd.DatetimeIndex,
    *,
    origin: str,
    symbol: str | None,
) -> tuple[Rows, list[Remark]]:
    """Look for a column that tells instruments apart where times repeat; else every row is kept."""
    everything = np.arange(len(times))
    if not times.has_duplicates or _repeats_rows(columns, times):
        return everything, []
    for heading, column in others.items():
        texts = column.astype("str").str.strip()
        names = list(texts.dropna().unique())
        if not 1 < len(names) <= MOST_INSTRUMENTS or _is_number(texts):
            continue
        pairs = pd.MultiIndex.from_arrays([times, texts.fillna("")])
        if pairs.has_duplicates:
            continue
        asked = [name for name in names if symbol is not None and matches(name, symbol)]
        if len(asked) != 1:
            _refuse(heading, names, symbol, origin)
        return _only(texts, asked[0], names, heading, origin)
    return everything, []


def _repeats_rows(columns: Mapping[str, pd.Series[Any]], times: pd.DatetimeIndex) -> bool:
    rows = pd.DataFrame({name: column.to_numpy() for name, column in columns.items()})
    rows["key"] = times
    return len(rows.drop_duplicates()) == times.nunique()


def _is_number(texts: pd.Series[Any]) -> bool:
    return bool(texts.dropna().str.fullmatch(r"[-+]?\d[\d.,]*(e[-+]?\d+)?%?").all())
