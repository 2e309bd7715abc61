"""Missing sessions, as ranges of dates."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd


def missing_ranges(
    sessions: pd.DatetimeIndex, present: pd.DatetimeIndex
) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Group the sessions without a bar into ranges of neighbours.

    Parameters
    ----------
    sessions
        All sessions of a range, sorted.
    present
        Dates that have a bar.

    Returns
    -------
    list of tuple
        First and last missing session of each range.
    """
    missing = ~np.asarray(sessions.isin(present))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], missing, [False])).astype(np.int8)))
    return [
        (sessions[first], sessions[stop - 1])
        for first, stop in zip(edges[::2], edges[1::2], strict=True)
    ]


def gap_documents(gaps: Iterable[tuple[pd.Timestamp, pd.Timestamp]]) -> list[dict[str, str]]:
    """Return gaps as plain JSON: ``{"start", "end"}``, dates, both included.

    Parameters
    ----------
    gaps
        Pairs of naive dates.
    """
    return [
        {"start": first.date().isoformat(), "end": last.date().isoformat()}
        for first, last in sorted(gaps)
    ]
