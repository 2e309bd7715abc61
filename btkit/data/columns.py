"""Which columns of a table hold what: as stated, by their headings, or by their values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import numpy as np
import pandas as pd

from btkit.data.formats import BarFormat
from btkit.data.headings import (
    ASSET_VOLUME,
    COUNTED_TIMES,
    DATE,
    OPENING_TIMES,
    PRICES,
    SAYS_UTC,
    SYMBOL,
    TIME,
    UNNAMED,
    meaning_of,
    meanings_of,
    plain,
)
from btkit.data.headless import CLOCK, is_numbered, name_columns
from btkit.data.info import Remark
from btkit.data.instruments import matches, rows_of_symbol
from btkit.data.looks import looks_like_clock
from btkit.errors import DataError
from btkit.spelling import did_you_mean

MOST_LOOKS: Final = 500
HINT: Final = "state columns in a format, such as columns: {time: Datum, close: Schlusskurs}"


@dataclass(frozen=True)
class Chosen:
    """The columns of a table that mean something.

    Parameters
    ----------
    columns
        By btkit's names, ``time`` among them, rows from 0.
    others
        The rest, by heading.
    bar_format
        What was stated, and what the headings say.
    remarks
        What was inferred.
    """

    columns: dict[str, pd.Series[Any]]
    others: dict[str, pd.Series[Any]]
    bar_format: BarFormat
    remarks: list[Remark]


def choose_columns(
    table: pd.DataFrame, *, origin: str, bar_format: BarFormat, symbol: str | None
) -> Chosen:
    """Find the columns of a table by what is stated, by their headings, or by their values.

    An index of times or of texts counts as the time column, and of a level of columns that names
    symbols the one asked for is taken. Columns that have numbers for names have no headings.
    """
    table, remarks = _one_symbol(table, origin, symbol)
    if _is_time_index(table):
        table = table.reset_index(names=table.index.name or "timestamp")
    headings = list(table.columns)
    stated = {
        meaning: _position(heading, headings, meaning, origin)
        for meaning, heading in bar_format.columns.stated().items()
    }
    if is_numbered(table) and not set(PRICES) <= stated.keys():
        found, inferred = name_columns(table, origin=origin, bar_format=bar_format)
        remarks += inferred
    else:
        found = _by_headings(table, headings, stated, origin, symbol, remarks)
    found = {**{name: at for name, at in found.items() if at not in stated.values()}, **stated}
    symbols = [found.pop(SYMBOL)] if SYMBOL in found else meanings_of(headings).get(SYMBOL, [])
    if bar_format.symbol_column is not None:
        symbols = [_position(bar_format.symbol_column, headings, "symbol_column", origin)]
    rows, inferred = rows_of_symbol(
        {_named(headings[at]): table.iloc[:, at] for at in symbols}, len(table),
        symbol=symbol, origin=origin, stated=bar_format.symbol_column is not None,
    )  # fmt: skip
    table = table.iloc[rows].reset_index(drop=True)
    columns = {name: table.iloc[:, at] for name, at in found.items()}
    others = {
        _named(heading): table.iloc[:, at]
        for at, heading in enumerate(headings)
        if at not in found.values() and at not in symbols
    }
    said = found.get(TIME, found.get(DATE))
    if said is not None and bar_format.time_zone is None and SAYS_UTC.search(str(headings[said])):
        bar_format = bar_format.model_copy(update={"time_zone": "UTC"})
    return Chosen(_with_one_time(columns, origin), others, bar_format, [*remarks, *inferred])


def _named(heading: object) -> str:
    return f"column {heading}" if isinstance(heading, int | np.integer) else str(heading)


def _position(heading: str | int, headings: list[Any], meaning: str, origin: str) -> int:
    if isinstance(heading, int):
        if heading <= len(headings):
            return heading - 1
        raise DataError(
            f"{origin} has {len(headings)} columns, and its format takes number {heading} for "
            f"{meaning}",
            hint="positions are counted from 1",
        )
    texts = [str(name).strip() for name in headings]
    for same in (str.strip, lambda text: plain(text) or text.strip().casefold()):
        wanted = same(heading)
        spots = [at for at, text in enumerate(texts) if same(text) == wanted]
        if len(spots) == 1:
            return spots[0]
    raise DataError(
        f"{origin} has no column {heading!r}, which its format names for {meaning}",
        hint=did_you_mean(heading, texts) or f"it has {', '.join(texts)[:200]}",
        details={"columns": texts},
    )


def _one_symbol(
    table: pd.DataFrame, origin: str, symbol: str | None
) -> tuple[pd.DataFrame, list[Remark]]:
    if not isinstance(table.columns, pd.MultiIndex):
        return table, []
    levels = [list(table.columns.get_level_values(at)) for at in range(table.columns.nlevels)]
    fields = max(range(len(levels)), key=lambda at: sum(map(_is_field, levels[at])))
    keep = np.ones(len(table.columns), dtype=bool)
    remarks = []
    for at, level in enumerate(levels):
        names = list(dict.fromkeys(str(name) for name in level if str(name)))
        if at == fields or len(names) < 2:  # noqa: PLR2004 - one name names nothing else
            continue
        asked = [name for name in names if symbol is not None and matches(name, symbol)]
        if len(asked) != 1:
            raise DataError(
                f"{origin} has columns of more than one symbol ({', '.join(names[:5])}), and "
                f"{'nobody said which is meant' if symbol is None else f'none is {symbol}'}",
                hint="keep the columns of one symbol, or name the file after it",
                details={"symbols": names[:20]},
            )
        keep &= np.array([str(name) in {asked[0], ""} for name in level])
        remarks.append(
            Remark("other_symbols", f"{origin} has {len(names)} symbols; those columns of "
                   f"{asked[0]} were read.")
        )  # fmt: skip
    chosen = table.loc[:, keep]
    return chosen.set_axis(chosen.columns.get_level_values(fields), axis="columns"), remarks


def _is_field(name: object) -> bool:
    return meaning_of(name) is not None


def _is_time_index(table: pd.DataFrame) -> bool:
    index = table.index
    if isinstance(index, pd.RangeIndex | pd.MultiIndex):
        return False
    meaning = None if index.name is None else meaning_of(index.name)
    if isinstance(index, pd.DatetimeIndex) or meaning in {DATE, TIME}:
        return True
    named = not {DATE, TIME}.isdisjoint(meanings_of(list(table.columns)))
    return not named and not pd.api.types.is_numeric_dtype(index.dtype)


def _by_headings(
    table: pd.DataFrame,
    headings: list[Any],
    stated: dict[str, int],
    origin: str,
    symbol: str | None,
    remarks: list[Remark],
) -> dict[str, int]:
    free = [None if at in stated.values() else name for at, name in enumerate(headings)]
    meanings = meanings_of(free)
    meanings.pop(SYMBOL, None)
    if "volume" not in {*meanings, *stated}:
        meanings |= _volume_of_asset(headings, origin, symbol, remarks)
    times: dict[str, list[int]] = {
        name: meanings.pop(name) for name in (DATE, TIME) if name in meanings
    }
    found: dict[str, int] = {}
    if not {TIME, DATE} & stated.keys():
        found |= _time_columns(table, headings, times, origin)
    for meaning, positions in meanings.items():
        if meaning in stated:
            continue
        if len(positions) > 1:
            _refuse_several(meaning, [headings[at] for at in positions], origin)
        found[meaning] = positions[0]
    return found


def _refuse_several(meaning: str, headings: Sequence[object], origin: str) -> NoReturn:
    listed = ", ".join(map(str, headings))
    raise DataError(
        f"{origin} has more than one column that means {meaning}: {listed}",
        hint=f"say which in a format, such as columns: {{{meaning}: {headings[0]}}}",
        details={"columns": [str(heading) for heading in headings]},
    )


def _volume_of_asset(
    headings: list[Any], origin: str, symbol: str | None, remarks: list[Remark]
) -> dict[str, list[int]]:
    # Such as Volume BTC and Volume USDT: that of what is traded, not of what it is paid in.
    assets = {
        at: match.group(1).lower()
        for at, heading in enumerate(headings)
        if (match := ASSET_VOLUME.fullmatch(str(heading).strip()))
    }
    if not assets:
        return {}
    wanted = plain(symbol or "")
    base = [at for at, asset in assets.items() if wanted.startswith(asset)]
    if len(base) != 1:
        listed = ", ".join(str(headings[at]) for at in assets)
        raise DataError(
            f"{origin} has {listed}, and which of them is the volume of {symbol} is not clear",
            hint=f"say it in a format, such as columns: {{volume: {headings[next(iter(assets))]}}}",
        )
    remarks.append(
        Remark("volume_of_asset", f"{origin}: the volume was taken from {headings[base[0]]}.")
    )
    return {"volume": base}


def _time_columns(
    table: pd.DataFrame, headings: list[Any], times: dict[str, list[int]], origin: str
) -> dict[str, int]:
    dates, stamps = times.get(DATE, []), times.get(TIME, [])
    clocks = [at for at in stamps if _all_clocks(table.iloc[:, at])]
    if len(dates) == 1 and len(clocks) == 1:
        return {DATE: dates[0], CLOCK: clocks[0]}
    whole = [at for at in stamps if at not in clocks]
    # <DATE> and <TIME> may both be called a time, one of them a time of day.
    if not dates and len(whole) == 1 and len(clocks) == 1:
        return {DATE: whole[0], CLOCK: clocks[0]}
    for names in (OPENING_TIMES, COUNTED_TIMES):
        preferred = [at for name in names for at in whole if plain(headings[at]) == name]
        if preferred and len(whole) + len(dates) > 1:
            return {TIME: preferred[0]}
    several = whole or dates
    if len(several) > 1:
        _refuse_several("time", [headings[at] for at in several], origin)
    if several:
        return {TIME: several[0]}
    if clocks:
        raise DataError(
            f"{origin} has times of day in {headings[clocks[0]]} and no column of dates",
            hint="name it date",
        )
    if not headings or not UNNAMED.fullmatch(plain(headings[0])):
        raise DataError(
            f"{origin} has no column of dates",
            hint=f"name it date, datetime, timestamp or time; or {HINT}",
            details={"columns": [str(heading) for heading in headings]},
        )
    return {TIME: 0}


def _all_clocks(column: pd.Series[Any]) -> bool:
    given = column.dropna()
    looked_at = given.iloc[:: len(given) // MOST_LOOKS + 1]
    return len(given) > 0 and all(
        looks_like_clock(text) for text in _clock(looked_at, longest=_longest(given))
    )


def _clock(column: pd.Series[Any], *, longest: int) -> pd.Series[Any]:
    texts = column.astype(str)
    # 93000 is half past nine, and 930 is where no number has more digits.
    return texts.str.zfill(4 if longest <= 4 else 6) if longest else texts.str.strip()  # noqa: PLR2004 - HHMM


def _longest(column: pd.Series[Any]) -> int:
    """Return the most characters of a column of whole numbers, 0 for any other."""
    if column.empty or not pd.api.types.is_integer_dtype(column.dtype):
        return 0
    return max(len(str(column.min())), len(str(column.max())))


def _with_one_time(columns: dict[str, pd.Series[Any]], origin: str) -> dict[str, pd.Series[Any]]:
    date = columns.pop(DATE, None)
    clock = columns.pop(CLOCK, None)
    time = columns.get(TIME, date)
    if time is None:
        raise DataError(f"{origin} has no column of dates", hint=HINT)
    if clock is not None:
        texts = _clock(clock, longest=_longest(clock)).str.replace(
            r"^(\d\d)(\d\d)(\d\d)?$", _with_colons, regex=True
        )
        dates = time.dt.strftime("%Y-%m-%d") if time.dtype.kind == "M" else time.astype(str)
        time = dates.str.strip() + " " + texts
    return {**columns, TIME: time}


def _with_colons(match: re.Match[str]) -> str:
    return ":".join(part for part in match.groups() if part)
