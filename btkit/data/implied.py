"""IV rank and percentile from a history of implied volatility."""

from __future__ import annotations

import numpy as np
import pandas as pd

WINDOW_SESSIONS = 252


def rank_history(volatility: pd.Series[float], *, window: int = WINDOW_SESSIONS) -> pd.DataFrame:
    """Return implied volatility with its place among those of the last year.

    Parameters
    ----------
    volatility
        A fraction a year by date, one value a session, without gaps; shape (n,).
    window
        Sessions that a rank looks back on, the present one included.

    Returns
    -------
    DataFrame, shape (n, 3)
        ``iv_rank`` = (iv - low) / (high - low) * 100 over the window, ``iv_percentile`` = share
        of the window's sessions whose IV was below the present one, in percent, and
        ``current_iv``. Rank and percentile are NaN before there is a whole window; the rank also
        where high and low are the same.
    """
    values = volatility.to_numpy(dtype=np.float64)
    rank = np.full(len(values), np.nan)
    percentile = np.full(len(values), np.nan)
    if len(values) >= window:
        past = np.lib.stride_tricks.sliding_window_view(values, window)
        low, high, present = past.min(axis=1), past.max(axis=1), past[:, -1]
        spread = high - low
        moved = spread > 0.0
        rank[window - 1 :][moved] = (present - low)[moved] / spread[moved] * 100.0
        percentile[window - 1 :] = (past < present[:, None]).mean(axis=1) * 100.0
    return pd.DataFrame(
        {"iv_rank": rank, "iv_percentile": percentile, "current_iv": values},
        index=volatility.index,
    )
