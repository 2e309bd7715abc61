"""Missing sessions, as ranges of dates."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd


def stretches(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return where a mask holds without a break: shape (n, 2), the first place and one behind."""
    edges = np.diff(np.concatenate(([False], mask, [False])).astype(np.int8))
    return np.flatnonzero(edges).reshape(-1, 2)


def missing_ranges(
    sessions: pd.DatetimeIndex, present: pd.DatetimeIndex
) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Group the sessions without a bar into ranges of neighbours, both ends included."""
    missing = stretches(~np.asarray(sessions.isin(present)))
    return [(sessions[first], sessions[stop - 1]) for first, stop in missing]


def gap_documents(gaps: Iterable[tuple[pd.Timestamp, pd.Timestamp]]) -> list[dict[str, str]]:
    """Return gaps as plain JSON: ``{"start", "end"}``, dates, both included."""
    return [
        {"start": first.date().isoformat(), "end": last.date().isoformat()}
        for first, last in sorted(gaps)
    ]
