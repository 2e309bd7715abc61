"""Columns that stand ready in the bars, and know what comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.data.info import format_time
from btkit.decisions import Clauses
from btkit.indicators import lookup, plain_values, split_previous
from btkit.simulation import Inputs
from btkit.simulation.lookahead import Leak
from btkit.validation.futures import optional_columns

Floats = NDArray[np.float64]

HORIZONS = (1, 2, 3, 5, 10, 20, 21, 50, 63, 100)
"""Bars ahead over which a column is compared with what the price did."""
FORESEEN = 0.5
"""The rank correlation with a later return from which on a column is taken to know it.

Predictions that earn money have a few hundredths.
"""
_OVER_PAST = 0.25
_LEAST_BARS = 60
_MOST_TEXTS = 20


def foreseeing_columns(inputs: Inputs, clauses: Clauses) -> list[Leak]:
    """Return the columns that go along with later returns more than any prediction could.

    A column that comes ready cannot be worked out again without the future. But a label, a mean
    that is centred, or a value that was filled backwards goes along with the returns after its bar.

    Parameters
    ----------
    inputs
        What a run rests on; columns besides prices and volume that it reads are looked at.
    clauses
        Its conditions.

    Notes
    -----
    The correlation is Spearman's, over the bars of the run. Where earlier returns foretell later
    ones as well, as in made-up prices, it says nothing.
    """
    own = {*clauses.names(), *inputs.spec.always_read, *inputs.spec.own_columns}
    found = _foreseeing(inputs.bars, inputs.start, own)
    for symbol, other in inputs.others.items():
        read = inputs.spec.others_read[symbol]
        start = max(int(inputs.known(symbol)[inputs.start]), 0)
        found += [
            replace(leak, name=f'of("{symbol}", {leak.name})')
            for leak in _foreseeing(other.bars, start, read)
        ]
    return found


def _foreseeing(bars: pd.DataFrame, start: int, names: Iterable[str]) -> list[Leak]:
    closes = np.log(bars["close"].to_numpy(np.float64))
    found = []
    for name in _ready_columns(bars, names):
        known = (
            _leak(label, bars, start, closes, values)
            for label, values in _numbers(name, bars[name])
        )
        found += [leak for leak in known if leak is not None][:1]
    return found


def _numbers(name: str, column: pd.Series[float]) -> Iterator[tuple[str, Floats]]:
    """Yield a column as numbers; of texts, whether it is each of those that it has most often."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        yield name, plain_values(column)
        return
    for text in column.value_counts().index[:_MOST_TEXTS]:
        yield f"{name} == {text!r}", np.where(column.isna(), np.nan, column == text)


def _ready_columns(bars: pd.DataFrame, names: Iterable[str]) -> Iterator[str]:
    waiting = {split_previous(name)[1] for name in names} | set(names)
    read: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in read:
            read.add(name)
            entry = lookup(name)
            waiting |= set() if entry is None else set(entry.needs)
    for name in optional_columns(bars):
        if name in read:
            yield name


def _returns(closes: Floats, horizon: int) -> tuple[Floats, Floats]:
    ahead, behind = np.full(len(closes), np.nan), np.full(len(closes), np.nan)
    moved = closes[horizon:] - closes[:-horizon]
    ahead[:-horizon] = behind[horizon:] = moved
    return ahead, behind


def _correlation(first: Floats, second: Floats) -> float:
    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < _LEAST_BARS:
        return 0.0
    ranks, others = (pd.Series(values[both]).rank().to_numpy() for values in (first, second))
    if ranks.min() == ranks.max() or others.min() == others.max():
        return 0.0
    return float(np.corrcoef(ranks, others)[0, 1])


def _leak(name: str, bars: pd.DataFrame, start: int, closes: Floats, values: Floats) -> Leak | None:
    for horizon in HORIZONS:
        ahead, behind = _returns(closes, horizon)
        known = _correlation(values[start:], ahead[start:])
        usual = _correlation(behind[start:], ahead[start:])
        if abs(known) >= FORESEEN and abs(known) >= abs(usual) + _OVER_PAST:
            return _told(name, bars, start, horizon, known)
    return None


def _told(name: str, bars: pd.DataFrame, start: int, horizon: int, known: float) -> Leak:
    index = pd.DatetimeIndex(bars.index)
    return Leak(
        name=name,
        kind="column",
        bar=format_time(index[start]),
        known_until=format_time(index[start]),
        altered=f"compared with the return over the next {horizon} bars, whose rank correlation "
        "is given beside the 0 of a column that knows nothing of it",
        was=0.0,
        became=known,
    )
