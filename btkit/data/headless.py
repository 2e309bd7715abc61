"""Tables without headings: what their columns are, by count, order and plausibility."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import permutations
from typing import Any, Final, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.formats import BarFormat
from btkit.data.headings import DATE, SYMBOL, TIME
from btkit.data.info import Remark
from btkit.data.looks import looks_like_clock, looks_like_time
from btkit.data.numerals import infer_convention, read_numbers, to_floats
from btkit.data.stamps import read_stamps
from btkit.errors import DataError

Floats = npt.NDArray[np.float64]

CLOCK: Final = "clock"
ORDER: Final = ("open", "high", "low", "close")
PRICE_COUNT: Final = 4
TOLERANCE: Final = 1e-6
# Fewer neighbours prove nothing about which of two columns is the open.
FEWEST_ROWS: Final = 10
MOST_LOOKS: Final = 2_000
NEAR: Final = (0.75, 1.35)
HINT: Final = (
    "state the columns in a format, such as columns: {time: 1, open: 2, high: 3, low: 4, close: 5, "
    "volume: 6}"
)


def name_columns(
    table: pd.DataFrame, *, origin: str, bar_format: BarFormat
) -> tuple[dict[str, int], list[Remark]]:
    """Tell the positions, from 0, of what the columns of a table without headings mean."""
    found: dict[str, int] = {}
    at = 0
    columns = [table.iloc[:, position] for position in range(len(table.columns))]
    while at < len(columns) and not _all(columns[at], looks_like_time):
        if _is_text(columns[at]):
            found.setdefault(SYMBOL, at)
        at += 1
    if at == len(columns):
        _refuse(origin, "has no heading, and no column of times")
    found[TIME] = at
    if at + 1 < len(columns) and _all(columns[at + 1], looks_like_clock):
        found = {**found, DATE: at, CLOCK: at + 1}
        del found[TIME]
        at += 1
    # Such as Stooq's <PER>: a column of texts between time and prices means nothing.
    rest = [position for position in range(at + 1, len(columns)) if not _is_text(columns[position])]
    if len(rest) < PRICE_COUNT:
        _refuse(origin, f"has no heading, and {len(rest)} columns of numbers behind its times")
    values = _numbers([columns[position] for position in rest[: PRICE_COUNT + 1]], origin,
                      bar_format)  # fmt: skip
    order = np.argsort(_instants(table, found, origin, bar_format), kind="stable")
    _check_order([column[order] for column in values[:PRICE_COUNT]], rest, origin)
    found |= dict(zip(ORDER, rest, strict=False))
    if len(values) > PRICE_COUNT:
        _check_volume(values[PRICE_COUNT][order], values[PRICE_COUNT - 1][order], rest[-1], origin,
                      at=rest[PRICE_COUNT])  # fmt: skip
        found["volume"] = rest[PRICE_COUNT]
    return found, [_inferred(found, len(columns), origin)]


def _inferred(found: dict[str, int], count: int, origin: str) -> Remark:
    names = [name for name, _ in sorted(found.items(), key=lambda entry: entry[1])]
    unused = count - len(found)
    more = f"; {unused} more columns are not used" if unused else ""
    return Remark(
        "no_heading",
        f"{origin} has no heading; by their order and values its columns were taken as "
        f"{', '.join(names)}{more}.",
    )


def _all(column: pd.Series[Any], looks: Callable[[str], bool]) -> bool:
    texts = _sample(column)
    return len(texts) > 0 and all(looks(text) for text in texts)


def _sample(column: pd.Series[Any]) -> pd.Series[Any]:
    present = column.dropna()
    return present.iloc[:: len(present) // MOST_LOOKS + 1].astype(str).str.strip()


def _is_text(column: pd.Series[Any]) -> bool:
    texts = _sample(column)
    return bool(texts.str.contains(r"[^\W\d_]", regex=True).any()) and not bool(
        texts.str.fullmatch(r"[-+]?[\d.,]+([eE][-+]?\d+|\s*[KkMmBb%])?").any()
    )


def _numbers(columns: list[pd.Series[Any]], origin: str, bar_format: BarFormat) -> list[Floats]:
    rows = pd.DatetimeIndex(np.zeros(len(columns[0]), dtype="datetime64[ns]"))
    named = {f"{position + 1}": column for position, column in enumerate(columns)}
    try:
        return list(read_numbers(named, rows, origin=origin, bar_format=bar_format).values())
    except DataError:
        convention = infer_convention(columns, origin=origin, bar_format=bar_format)
    for column in columns[:PRICE_COUNT]:
        _, wrong = to_floats(column, convention)
        if wrong is not None:
            text = column.iloc[wrong]
            _refuse(origin, f"has no heading, and {text!r} where a price belongs")
    return [to_floats(column, convention)[0] for column in columns]


def _instants(
    table: pd.DataFrame, found: dict[str, int], origin: str, bar_format: BarFormat
) -> npt.NDArray[np.int64]:
    column = table.iloc[:, found.get(TIME, found.get(DATE, 0))]
    return read_stamps(column, origin=origin, bar_format=bar_format).written.asi8


def _check_order(prices: list[Floats], rest: list[int], origin: str) -> None:
    stack = np.array(prices)
    tolerance = TOLERANCE * np.abs(stack).max(axis=0)
    fits = [
        names
        for names in permutations(ORDER)
        if (stack[names.index("high")] >= stack.max(axis=0) - tolerance).all()
        and (stack[names.index("low")] <= stack.min(axis=0) + tolerance).all()
    ]
    if not fits:
        _refuse(
            origin,
            f"has no heading, and columns {rest[0] + 1} to {rest[PRICE_COUNT - 1] + 1} are not "
            "open, high, low and close in any order",
        )
    if ORDER not in fits or _is_reversed(stack[0], stack[PRICE_COUNT - 1]):
        first, second = (", ".join(names) for names in sorted(fits, reverse=True)[:2])
        _refuse(
            origin,
            f"has no heading, and its columns from {rest[0] + 1} on may be {first} or {second}",
        )


def _is_reversed(opens: Floats, closes: Floats) -> bool:
    # A bar opens near the close before it, whichever of the two columns is which.
    if len(opens) < FEWEST_ROWS:
        return False
    gaps = np.abs(opens[1:] - closes[:-1]).sum()
    others = np.abs(closes[1:] - opens[:-1]).sum()
    return bool(others < gaps)


def _check_volume(column: Floats, close: Floats, last: int, origin: str, *, at: int) -> None:
    known = np.isfinite(column)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = column / close
        steps = np.abs(np.diff(np.log(ratios)))
        moves = np.abs(np.diff(np.log(close)))
    usable = np.isfinite(steps) & np.isfinite(moves)
    near = known.any() and np.mean((ratios[known] > NEAR[0]) & (ratios[known] < NEAR[1])) > NEAR[0]
    follows = (
        usable.sum() >= FEWEST_ROWS
        and len(np.unique(column[known])) > 1
        and np.median(steps[usable]) < np.median(moves[usable]) / 2
    )
    if (column[known] < 0).any() or near or follows:
        more = " and more columns follow" if last > at else ""
        _refuse(
            origin,
            f"has no heading, and its column {at + 1} may be the volume or another price{more}",
        )


def _refuse(origin: str, what: str) -> NoReturn:
    raise DataError(f"{origin} {what}", hint=HINT)


def is_numbered(table: pd.DataFrame) -> bool:
    """Return whether the columns of a table have numbers for names."""
    return len(table.columns) > 0 and all(re.fullmatch(r"\d+", str(name)) for name in table.columns)
