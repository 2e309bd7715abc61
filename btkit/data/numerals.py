"""Numbers as vendors write them: decimal commas, thousands, K and M, currency signs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.formats import NO_FORMAT, BarFormat
from btkit.data.headings import PRICES
from btkit.data.info import format_time
from btkit.errors import DataError

Floats = npt.NDArray[np.float64]

MISSING_MARKS: Final = frozenset(
    {
        ".", "-", "--", "\u2013", "\u2014", "", "null", "none", "nan", "n/a", "#n/a", "na", "\\n",
        "<na>",
    }
)  # fmt: skip
SCALES: Final = {"K": 3, "M": 6, "B": 9, "BN": 9, "T": 12}
# Blanks and apostrophes stand between thousands only, whatever the decimal sign.
BLANK: Final = r"[\s\u00a0\u202f'\u2019]"
NUMBER: Final = re.compile(
    rf"([-+\u2212]?)[$€£¥₹]?\s*(\d{{1,3}}(?:{BLANK}\d{{3}})+(?:[.,]\d*)?|[\d.,_]*\d[\d.,_]*"
    rf"(?:[eE][-+]?\d+)?)\s*[€%]?\s*(BN|[KMBT])?",
    re.IGNORECASE,
)
COMMA_IS_DECIMAL: Final = re.compile(
    r"\d+,(?:\d{1,2}|\d{4,})|\d{4,},\d+|0,\d+|\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}"
)
POINT_IS_DECIMAL: Final = re.compile(
    r"\d+\.(?:\d{1,2}|\d{4,})|\d{4,}\.\d+|0\.\d+|\d{1,3}(?:,\d{2,3})*,\d{3}\.\d+"
    r"|\d{1,3}(?:,\d{2,3})+,\d{3}"
)
# 110'165 is 110 and 16.5 of 32 parts, as bond futures are quoted; 110'900 is none.
THIRTY_SECONDS: Final = re.compile(r"\d{2,3}['\u2019](?:[0-2]\d|3[01])[0257]")
SAMPLE_ROWS: Final = 2_000
HINT: Final = "write plain numbers, or state decimal and thousands in a format"


@dataclass(frozen=True)
class Convention:
    """What stands before decimals and between thousands.

    Parameters
    ----------
    decimal, thousands
        One character each.
    """

    decimal: str = "."
    thousands: str = ","

    def read(self, text: str, *, whole_percent: bool = True) -> float:
        """Return the number that a text is, NaN for a usual mark for a missing one."""
        text = text.strip()
        if text.lower() in MISSING_MARKS:
            return np.nan
        parts = NUMBER.fullmatch(text)
        if parts is None:
            raise ValueError(text)
        bare = re.sub(BLANK, "", parts.group(2))
        if any(mark in bare and mark not in {self.decimal, self.thousands} for mark in ".,"):
            raise ValueError(text)
        if self.thousands in bare:
            mark, point = re.escape(self.thousands), re.escape(self.decimal)
            # Groups of two are India's.
            if not re.fullmatch(
                rf"\d{{1,3}}(?:{mark}\d{{2,3}})*{mark}\d{{3}}(?:{point}\d*)?", bare
            ):
                raise ValueError(text)
            bare = bare.replace(self.thousands, "")
        sign = "-" if parts.group(1) in {"-", "\u2212"} else ""
        # Python's own conversion is exact to the last bit.
        number = sign + bare.replace(self.decimal, ".")
        value = float(number)
        power = SCALES.get((parts.group(3) or "").upper(), 0)
        power -= 2 if "%" in text and not whole_percent else 0
        return float(Decimal(number).scaleb(power)) if power and np.isfinite(value) else value


def infer_convention(
    columns: Iterable[pd.Series[Any]], *, origin: str, bar_format: BarFormat = NO_FORMAT
) -> Convention:
    """Tell from all numbers of a table together how they are written; two ways are refused."""
    decimal, thousands = bar_format.decimal, bar_format.thousands
    if decimal is None and thousands in {",", "."}:
        decimal = "," if thousands == "." else "."
    if decimal is not None:
        return Convention(decimal, thousands or ("." if decimal == "," else ","))
    known = list(columns)
    # A few rows prove it nearly always; whatever contradicts them is refused when it is read.
    for whole in (False, True):
        seen = _evidence(known, whole=whole)
        if {",", "."} <= seen.keys():
            raise DataError(
                f"{origin} writes numbers in two ways, such as {seen[',']!r} and {seen['.']!r}",
                hint=HINT,
                details={"texts": [seen[","], seen["."]]},
            )
        if "," in seen:
            return Convention(",", ".")
        if "." in seen:
            break
    if "?" in seen and "." not in seen:
        text = seen["?"]
        raise DataError(
            f"{origin} has {text!r}, which may be {text.replace(',', '')} or "
            f"{text.replace(',', '.')}",
            hint="state decimal: ',' or thousands: ',' in a format",
            details={"text": text},
        )
    return Convention(".", thousands or ",")


def _evidence(columns: list[pd.Series[Any]], *, whole: bool) -> dict[str, str]:
    seen: dict[str, str] = {}
    for column in columns:
        step = 1 if whole else len(column) // SAMPLE_ROWS + 1
        for text in _present(column.iloc[::step]):
            parts = NUMBER.fullmatch(text)
            if parts is None:
                continue
            bare = re.sub(BLANK, "", parts.group(2))
            if COMMA_IS_DECIMAL.fullmatch(bare):
                seen.setdefault(",", text)
            elif POINT_IS_DECIMAL.fullmatch(bare):
                seen.setdefault(".", text)
            elif "," in bare:
                seen.setdefault("?", text)
    return seen


def _present(column: pd.Series[Any]) -> Iterator[str]:
    return (str(text).strip() for text in column.dropna())


def read_numbers(
    columns: Mapping[str, pd.Series[Any]],
    times: pd.DatetimeIndex,
    *,
    origin: str,
    bar_format: BarFormat = NO_FORMAT,
) -> dict[str, Floats]:
    """Return columns as float64, with NaN where one is empty or holds a mark for missing.

    A percentage is 0.25 in ``current_iv`` and 25 elsewhere.
    """
    texts = {
        name: column.astype(object).where(column.notna(), None)
        for name, column in columns.items()
        if not pd.api.types.is_numeric_dtype(column.dtype)
    }
    result = {
        name: column.to_numpy(dtype=np.float64, na_value=np.nan)
        for name, column in columns.items()
        if name not in texts
    }
    plain = None if bar_format.decimal == "," or bar_format.thousands == "." else _plain(texts)
    if plain is not None:
        return {name: (result | plain)[name] for name in columns}
    if bar_format.thousands != "'":
        _refuse_thirty_seconds(texts, origin)
    convention = infer_convention(texts.values(), origin=origin, bar_format=bar_format)
    for name, column in texts.items():
        values, wrong = to_floats(column, convention, whole_percent=name != "current_iv")
        if wrong is not None:
            when = format_time(times[wrong])
            raise DataError(
                f"{origin} has {str(column.iloc[wrong]).strip()!r} where a number belongs, in "
                f"column {name} on {when}",
                hint=HINT,
                details={"column": name, "date": when},
            )
        result[name] = values
    return {name: result[name] for name in columns}


def _refuse_thirty_seconds(texts: Mapping[str, pd.Series[Any]], origin: str) -> None:
    prices = [column for name, column in texts.items() if name in PRICES]
    if not prices or not all(
        THIRTY_SECONDS.fullmatch(text) for column in prices for text in _present(column)
    ):
        return
    text = next((text for column in prices for text in _present(column)), None)
    if text is None:
        return
    whole, part = re.split(r"['\u2019]", text)
    raise DataError(
        f"{origin} has the price {text!r}, which may be {whole}{part}, or {whole} and "
        f"{int(part[:2])} of 32 parts and more as bonds are quoted",
        hint='write decimal prices; or state thousands: "\'" in a format if these are thousands',
        details={"text": text},
    )


def to_floats(
    column: pd.Series[Any], convention: Convention, *, whole_percent: bool = True
) -> tuple[Floats, int | None]:
    """Convert texts, NaN where missing or wrong, and say which is the first that is no number."""
    decimal, thousands = convention.decimal, convention.thousands
    values = np.full(len(column), np.nan)
    first = None
    for row, value in enumerate(column):
        if value is None or value != value:  # noqa: PLR0124 - NaN alone differs from itself
            continue
        text = str(value)
        if thousands not in text and (decimal == "." or "." not in text):
            try:
                values[row] = float(text.replace(decimal, "."))
            except ValueError:
                pass  # a mark, a unit, or something wrong
            else:
                continue
        try:
            values[row] = convention.read(text, whole_percent=whole_percent)
        except ValueError:
            first = row if first is None else first
    return values, first


def _plain(texts: Mapping[str, pd.Series[Any]]) -> dict[str, Floats] | None:
    result = {}
    for name, column in texts.items():
        filled = column.where(column.notna(), "nan").to_numpy(dtype=object)
        try:
            result[name] = filled.astype(np.float64)
        except (TypeError, ValueError):
            return None
    return result
