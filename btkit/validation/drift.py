"""How far what a run reads at its start still hangs on where its history begins."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.data.info import format_time
from btkit.decisions import Clauses
from btkit.indicators import lookup
from btkit.simulation import Inputs
from btkit.validation.futures import window, with_half_of_others, with_history
from btkit.validation.traces import Series, trace

SETTLED = 1e-6
"""The relative difference below which a value no longer hangs on where history begins."""
_WATCHED = frozenset({"feature", "output"})
# By so much sums that go on from bar to bar differ once they begin elsewhere.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Drift:
    """One value with history from two bars on.

    Parameters
    ----------
    name
        Of the indicator or the output.
    at_start, otherwise
        Its value at the first deciding bar, with the run's history and with the other; None where
        it is missing.
    difference
        Between them, over the larger one; None where one is missing and the other is not.
    settled
        The first bar from which on the difference stays at or below 1e-6; None for never.
    """

    name: str
    at_start: float | bool | None
    otherwise: float | bool | None
    difference: float | None
    settled: str | None


@dataclass(frozen=True)
class DriftCheck:
    """Values with history from two bars on.

    Parameters
    ----------
    begins
        The first bar of the run's history.
    compared_with
        The first bar of the other history: an earlier one where there is any, else a later one.
    drift
        Of each indicator that is known to be recursive, and of each value that is not the same
        at every deciding bar; those furthest apart first.
    """

    begins: str
    compared_with: str
    drift: tuple[Drift, ...]


def check_drift(wide: Inputs, clauses: Clauses, *, begins: int) -> DriftCheck:
    """Work values out once more with history that begins elsewhere.

    Where history reaches further back than the run's, it is taken from its beginning; else half of
    the bars before the start are left out. Of slower intervals a run sees the last 600 earlier bars
    and no more, so that where one is read half of what there is, of its bars and of the run's own,
    is always left out. So it is of another instrument's bars.

    Parameters
    ----------
    wide
        What the run rests on, with earlier bars where there are any.
    clauses
        The conditions of the spec.
    begins
        The place among its bars of the first one that the run's indicators see.
    """
    end, start = len(wide.bars), wide.start
    slower = bool(wide.slower_intervals)
    reaches = begins > wide.begin and not slower
    other = wide.begin if reaches else begins + (start - begins) // 2
    first = start // 2 if slower else 0
    shifted = replace(window(wide, first, end), begin=max(other - first, 0), warmup=end)
    shifted = with_half_of_others(shifted)
    index = pd.DatetimeIndex(wide.bars.index)
    bars = index[start:]
    found = [
        _drift(ours, theirs, bars)
        for ours, theirs in zip(
            trace(with_history(wide, begins), clauses), trace(shifted, clauses), strict=True
        )
        if ours.kind in _WATCHED
    ]
    return DriftCheck(
        format_time(index[begins]),
        format_time(index[max(other, first)]),
        tuple(sorted((one for one in found if one is not None), key=_by_size)),
    )


def _drift(ours: Series, theirs: Series, bars: pd.DatetimeIndex) -> Drift | None:
    count = len(bars)
    mine, other = ours.column[-count:], theirs.column[-count:]
    apart = relative_differences(mine.astype(np.float64), other.astype(np.float64))
    entry = lookup(ours.own_name) if ours.kind == "feature" else None
    is_recursive = entry is not None and entry.decay is not None
    if not is_recursive and not (apart > _ROUNDING).any():
        return None
    late = np.flatnonzero(apart > SETTLED)
    settled = int(late[-1]) + 1 if late.size else 0
    return Drift(
        name=ours.name,
        at_start=ours.shown(len(ours.column) - count),
        otherwise=theirs.shown(len(theirs.column) - count),
        difference=float(apart[0]) if np.isfinite(apart[0]) else None,
        settled=format_time(bars[settled]) if settled < count else None,
    )


def relative_differences(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far apart two values are at each bar, over the larger one.

    Parameters
    ----------
    first, second
        Shape (n_bars,); NaN or infinite where missing.

    Returns
    -------
    ndarray of float64, shape (n_bars,)
        0 where both are missing, infinite where one is.

    Examples
    --------
    >>> relative_differences(np.array([1.0, np.nan]), np.array([2.0, np.nan])).tolist()
    [0.5, 0.0]
    """
    larger = np.maximum(np.abs(first), np.abs(second))
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.where(larger > 0.0, np.abs(first - second) / larger, 0.0)
    known = np.isfinite(first), np.isfinite(second)
    apart[known[0] != known[1]] = np.inf
    apart[~(known[0] | known[1])] = 0.0
    return apart


def _by_size(one: Drift) -> tuple[float, str]:
    return (-np.inf if one.difference is None else -one.difference, one.name)
