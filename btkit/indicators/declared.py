"""Columns of the bars that a spec declares as names: numbers, truth values or texts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from btkit.indicators.arrays import Array
from btkit.indicators.base import Definition, Indicator

ColumnKind = Literal["float", "bool", "text"]


def kind_of_column(column: pd.Series[float]) -> ColumnKind:
    """Return what a column holds, by its type: categories are texts."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return "text"
    return "bool" if pd.api.types.is_bool_dtype(column.dtype) else "float"


@dataclass(frozen=True)
class DeclaredColumns:
    """What the declared columns of some bars hold.

    Texts travel as numbers in their order, the same for all of them, so that what Python says of
    two texts is true of their numbers: equal, before, after, and false for the empty one.

    Parameters
    ----------
    kinds
        By name.
    texts
        Every text of any of them, once, in Python's order.
    can_be
        The texts that each column of texts may have, whether or not a bar has it.

    Examples
    --------
    >>> bars = pd.DataFrame({"regime": pd.Categorical(["UP", None, "DOWN"])})
    >>> declared = DeclaredColumns.of(bars, ["regime"])
    >>> declared.values(bars["regime"]), declared.code("FLAT")
    (array([ 2., nan,  1.]), 1.5)
    """

    kinds: Mapping[str, ColumnKind]
    texts: tuple[str, ...]
    can_be: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, bars: pd.DataFrame, names: Iterable[str], *, texts: Iterable[str] = ()
    ) -> DeclaredColumns:
        """Return what some columns of bars hold that were checked.

        Parameters
        ----------
        bars
            Checked.
        names
            Of the columns.
        texts
            Those of other bars, that texts of both have numbers in one order.
        """
        kinds = {name: kind_of_column(bars[name]) for name in names}
        can_be = {
            name: tuple(map(str, bars[name].dtype.categories))  # type: ignore[union-attr]  # its kind says so
            for name, kind in kinds.items()
            if kind == "text"
        }
        known = {text for column in can_be.values() for text in column}.union(texts)
        return cls(kinds, tuple(sorted(known)), can_be)

    @cached_property
    def _first(self) -> int:
        # Whatever is 0 is false, which of texts the empty one is.
        return 0 if self.texts[:1] == ("",) else 1

    def code(self, text: str) -> float:
        """Return the number that a text travels as; of one that is in no column it lies between."""
        place = bisect_left(self.texts, text)
        known = place < len(self.texts) and self.texts[place] == text
        if not text:
            return 0.0
        return place + self._first - (0.0 if known else 0.5)

    def has(self, code: float) -> bool:
        """Return whether a number is that of a text of these columns."""
        return 0 <= code - self._first < len(self.texts) and code == int(code)

    def text(self, code: float) -> str:
        """Return the text of a column that travels as a number."""
        return self.texts[int(code) - self._first]

    def categories(self, codes: Array) -> pd.Categorical[str]:
        """Return a text column that travels as numbers as texts again, missing where NaN."""
        places = np.where(np.isnan(codes), -1, codes - self._first).astype(np.int64)
        return pd.Categorical.from_codes(places, pd.Index(self.texts, dtype=object))

    def values(self, column: pd.Series[float]) -> Array:
        """Return a column as float64, NaN where missing: 1.0 and 0.0, or the numbers of texts."""
        if isinstance(column.dtype, pd.CategoricalDtype):
            codes = [self.code(str(text)) for text in column.dtype.categories]
            # -1 is a missing one.
            return np.array([*codes, np.nan])[column.cat.codes.to_numpy()]
        if column.dtype == np.float64:
            return np.asarray(column, dtype=np.float64)
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


NO_COLUMNS = DeclaredColumns({}, ())


def plain_values(column: pd.Series[float]) -> Array:
    """Return a column of checked bars as float64 by itself, NaN where missing."""
    return DeclaredColumns.of(column.to_frame("x"), ["x"]).values(column)


def define_declared(name: str) -> Definition:
    """Return the definition of a declared column: it is in the bars as it is."""
    return Definition(
        Indicator(
            name=name,
            group="declared",
            kind="float",
            lookback=0,
            meaning="A column of the bars that the spec declares.",
            formula=name,
            source="bars",
        ),
        lambda features: features.raw(name),
    )
