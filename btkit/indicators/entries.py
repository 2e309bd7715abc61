"""Entries of the namespace, made from functions of columns."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from btkit.indicators.arrays import Array
from btkit.indicators.base import (
    LARGEST,
    SMALLEST,
    Columns,
    Definition,
    Family,
    Indicator,
    Kind,
)

BARS_PER_YEAR = "bars_per_year"
"""A parameter of a function of columns that is no column."""
COLUMNS = "columns"
"""Another, of btkit's own functions: all of the `Columns`, for what depends on the bars' times."""

Length: TypeAlias = int | Callable[[int], int]
Decay: TypeAlias = float | Callable[[int], float] | None


def single(  # noqa: PLR0913 - an entry's parts, each by its name
    name: str,
    function: Callable[..., Array],
    *,
    group: str,
    lookback: int,
    meaning: str,
    formula: str,
    source: str,
    kind: Kind = "float",
    decay: float | None = None,
    intraday: bool = False,
) -> Definition:
    """Return the indicator that a function of columns computes.

    Parameters
    ----------
    name, group, lookback, meaning, formula, source, kind, decay, intraday
        As of `Indicator`.
    function
        Its parameters are names of the namespace, and it is handed their columns;
        ``bars_per_year`` is that of the bars, ``columns`` all that a computation may ask for.
        Parameters with a default keep it.

    Examples
    --------
    >>> single("range", lambda high, low: high - low, group="price", lookback=0,
    ...        meaning="High less low.", formula="high - low", source="bars").indicator.needs
    ('high', 'low')
    """
    needs, compute = _reading(function, {})
    return Definition(
        Indicator(
            name,
            group,
            kind,
            lookback,
            meaning,
            formula,
            source,
            decay=decay,
            needs=needs,
            intraday=intraday,
        ),
        compute,
    )


def family(  # noqa: PLR0913 - an entry's parts, each by its name
    name: str,
    function: Callable[..., Array],
    *,
    group: str,
    lookback: Length,
    meaning: str,
    formula: str,
    source: str,
    kind: Kind = "float",
    decay: Decay = None,
    varies: str = "",
    usual: int = 20,
    words: tuple[str, ...] = (),
    intraday: bool = False,
) -> Family:
    """Return the indicators that a function of columns and a number of bars computes.

    Parameters
    ----------
    name
        Ends in ``_<n>``.
    function
        As for `single`; its parameter ``n`` is the number of bars.
    group, source, kind, intraday
        As of `Indicator`.
    meaning, formula
        With ``<n>``, ``<n-1>`` and the like where the number stands.
    lookback, decay
        As of `Indicator`, or functions of n.
    varies
        How lookback and decay depend on n, in words.
    usual, words
        As of `Family`.
    """
    stem = name.removesuffix("_<n>")

    def documented(n: int) -> Indicator:
        return Indicator(
            f"{stem}_{n}",
            group,
            kind,
            lookback(n) if callable(lookback) else lookback,
            _with_number(meaning, n),
            _with_number(formula, n),
            source,
            decay=decay(n) if callable(decay) else decay,
            needs=needs,
            intraday=intraday,
        )

    def make(n: int) -> Definition:
        return Definition(documented(n), _reading(function, {"n": n})[1])

    needs, _ = _reading(function, {"n": SMALLEST})
    entry = replace(
        documented(SMALLEST),
        name=name,
        meaning=_with_number(meaning, None),
        formula=_with_number(formula, None),
        decay=None,
        varies=f"{varies or _ends(documented)}; n from {SMALLEST} to {LARGEST}",
    )
    return Family(stem, make, entry, usual, words)


def _ends(documented: Callable[[int], Indicator]) -> str:
    least, most = documented(SMALLEST).lookback, documented(LARGEST).lookback
    return f"lookback {least}" if least == most else f"lookback {least} to {most}"


_NUMBER = re.compile(r"(?P<after>_?)<n(?P<plus>[+-][0-9]+)?>")


def _with_number(text: str, n: int | None) -> str:
    def put(match: re.Match[str]) -> str:
        after, plus = match["after"], match["plus"]
        if n is not None:
            return f"{after}{n + int(plus or 0)}"
        return f"{after}<n>" if after else f"(n{plus})" if plus else "n"

    return _NUMBER.sub(put, text)


def _reading(
    function: Callable[..., Array], known: Mapping[str, int]
) -> tuple[tuple[str, ...], Callable[[Columns], Array]]:
    wanted = [
        (name, parameter.kind is parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is parameter.empty
    ]

    def value(columns: Columns, name: str) -> Array | Columns | float:
        if name in known:
            return known[name]
        if name == COLUMNS:
            return columns
        return columns.bars_per_year if name == BARS_PER_YEAR else columns.column(name)

    def compute(columns: Columns) -> Array:
        return function(
            *(value(columns, name) for name, by_name in wanted if not by_name),
            **{name: value(columns, name) for name, by_name in wanted if by_name},
        )

    no_columns = {*known, BARS_PER_YEAR, COLUMNS}
    return tuple(name for name, _ in wanted if name not in no_columns), compute


def alias(name: str, group: str, target: Definition, *, meaning: str) -> Definition:
    """Return a definition that is another one under a second name.

    Parameters
    ----------
    name
        The second name.
    group
        The group that the second name is listed in.
    target
        The definition that is meant.
    meaning
        What the second name says.

    Returns
    -------
    Definition
        With the target's lookback, kind and decay.
    """
    meant = target.indicator.name
    return Definition(
        Indicator(
            name=name,
            group=group,
            kind=target.indicator.kind,
            lookback=target.indicator.lookback,
            meaning=meaning,
            formula=meant,
            source=f"alias of {meant}",
            decay=target.indicator.decay,
            needs=(meant,),
        ),
        lambda columns: columns.column(meant),
    )


def talib_column(function: Callable[..., Any], *inputs: Array, **options: float) -> Array:
    """Call a TA-Lib function of one output on float64 columns.

    Parameters
    ----------
    function
        A function of the `talib` module.
    inputs
        Columns of equal length, without NaN: TA-Lib answers NaN with a plausible number.
    options
        TA-Lib's parameters, such as ``timeperiod=14``.

    Returns
    -------
    Array
        Same length as the inputs; NaN before the lookback.
    """
    values: Array = function(*inputs, **options)
    return values
