"""Columns that a spec names, whatever they hold: numbers, truth values or texts."""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from typing import Any, Final

import numpy as np
import pandas as pd

from btkit.arguments import shown
from btkit.data.numerals import MISSING_MARKS, NUMBER
from btkit.errors import DataError

_TRUTH: Final = {"true": True, "false": False}
_HINT: Final = (
    "let every value of it be a number, a truth value or a text; an unknown one is None or NaN"
)


def is_ready(column: pd.Series[Any]) -> bool:
    """Return whether a column has the type that checked bars have: float64, boolean, category."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _has_texts_in_order(dtype)
    return dtype == np.float64 or isinstance(dtype, pd.BooleanDtype)


def ready_column(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Return a column with the type of what it holds.

    Texts that are all numbers are numbers, and texts that all say true or false truth values, so
    that a column is the same from a file, where everything is text, and from a frame.

    Parameters
    ----------
    column
        Any values; None and NaN are missing.
    name
        What it is called, for messages.

    Returns
    -------
    Series
        float64 with NaN, ``boolean`` with NA, or ``category`` with texts in order.

    Raises
    ------
    DataError
        It holds what is none of these, or several kinds of them.

    Examples
    --------
    >>> ready_column(pd.Series(["UP", None, "DOWN"]), "regime").cat.categories.tolist()
    ['DOWN', 'UP']
    """
    if is_ready(column):
        return column
    if column.dtype.kind in "fiu":
        return column.astype(np.float64)
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.astype("boolean")
    plain = column.astype(object).where(column.notna(), None)
    given = plain.dropna()
    distinct = pd.unique(given)
    if all(isinstance(value, str) for value in distinct):
        return _from_texts(plain, [str(value) for value in distinct])
    if all(isinstance(value, bool | np.bool_) for value in given):
        return plain.astype("boolean")
    odd = [value for value in given if isinstance(value, bool | np.bool_ | str)]
    odd += [value for value in distinct if not isinstance(value, Real | Decimal | str)]
    if odd:
        raise DataError(
            f"the column {name}, which the spec names, holds {shown(odd[0])} among other values",
            hint=_HINT,
            details={"column": name},
        )
    return plain.astype(np.float64)


def is_of_numbers(column: pd.Series[Any]) -> bool:
    """Return whether a table's column is one of numbers, be they written as texts."""
    if not (column.dtype == object or isinstance(column.dtype, pd.StringDtype)):
        return column.dtype.kind in "fiu"
    distinct = pd.unique(column.dropna())
    return not any(isinstance(value, bool | np.bool_) for value in distinct) and all(
        not isinstance(value, str) or _is_number(value) for value in distinct
    )


def _is_number(text: str) -> bool:
    plain = text.strip()
    return plain.lower() in MISSING_MARKS or NUMBER.fullmatch(plain) is not None


def _from_texts(column: pd.Series[Any], distinct: list[str]) -> pd.Series[Any]:
    words = {text.strip().lower() for text in distinct}
    if words and words <= _TRUTH.keys():
        said = {text: _TRUTH[text.strip().lower()] for text in distinct}
        return column.map(said, na_action="ignore").astype("boolean")
    try:
        numbers = {text: float(text) for text in distinct}
    except ValueError:
        kind = pd.CategoricalDtype(pd.Index(sorted(distinct), dtype=object))
        return column.astype(kind)
    return column.map(numbers, na_action="ignore").astype(np.float64)


def _has_texts_in_order(dtype: pd.CategoricalDtype) -> bool:
    texts = list(dtype.categories)
    return all(isinstance(text, str) for text in texts) and texts == sorted(texts)
