"""The bars at which a check for look-ahead cuts the future off."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.markets import Days
from btkit.markets.bar_sessions import MONDAY
from btkit.markets.interval import DAYS_PER_WEEK
from btkit.simulation import Inputs
from btkit.validation.futures import optional_columns

Places = NDArray[np.int64]


def sampled_bars(inputs: Inputs, *, first: int, count: int, rng: np.random.Generator) -> list[int]:
    """Return bars of a run, each with one after it, in order.

    Parameters
    ----------
    inputs
        What a run rests on.
    first
        The first bar that decides.
    count
        How many, if there are so many; three at least: the first deciding bar and the last but
        one, which no draw decides upon, and one between them.
    rng
        Draws the others.

    Returns
    -------
    list of int
        Up to a quarter of them end a session, a week or a month, or come after such an end; up to
        a quarter lack an optional value; the others are spread evenly over the run.
    """
    last = len(inputs.bars) - 2
    if count > last - first:
        return list(range(first, last + 1))
    chosen = {first, last}
    share = max(count // 4, 1)
    dates = inputs.features.dates
    for special in (_period_ends(dates), _with_missing(inputs.bars)):
        inside = special[(special >= first) & (special <= last)]
        size = min(share, len(inside), count - len(chosen))
        chosen.update(rng.choice(inside, size, replace=False).tolist())
    others = np.delete(np.arange(first, last + 1), np.array(sorted(chosen)) - first)
    edges = np.linspace(0, len(others), count - len(chosen) + 1).astype(np.int64).tolist()
    chosen.update(int(others[rng.integers(*pair)]) for pair in pairwise(edges))
    return sorted(chosen)


def _period_ends(dates: Days) -> Places:
    # The day of the session tells sessions apart where they hold several bars.
    days = dates.astype(np.int64)
    groups = [(days - MONDAY) // DAYS_PER_WEEK, dates.astype("datetime64[M]").astype(np.int64)]
    if (np.diff(days) == 0).any():
        groups.append(days)
    ends = [np.flatnonzero(group[1:] != group[:-1]) for group in groups]
    # The last bar of a period, the one before it and the first of the next.
    return np.unique(np.concatenate([end + step for end in ends for step in (-1, 0, 1)]))


def _with_missing(bars: pd.DataFrame) -> Places:
    lacking = np.zeros(len(bars), np.bool_)
    for name in optional_columns(bars):
        lacking |= bars[name].isna().to_numpy()
    return np.flatnonzero(lacking)
