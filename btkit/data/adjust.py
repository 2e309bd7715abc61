"""Prices adjusted for splits and dividends: SEMANTICS 1.4."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.info import format_times
from btkit.data.quality import PRICE_COLUMNS
from btkit.data.splits import split_ratios
from btkit.errors import DataError

Array = npt.NDArray[np.float64]
Adjustment = Literal["none", "splits", "splits_dividends"]
_SO = "so prices cannot be adjusted"
_NOT_ADJUSTED = 'use price_adjustment "none", or a source that has adjusted closes'


def adjust_prices(bars: pd.DataFrame, adjustment: Adjustment = "splits_dividends") -> pd.DataFrame:
    """Scale prices so that no split, or neither split nor dividend, makes them jump.

    ``splits_dividends`` scales open, high, low and close by adj_close / close; adj_close then
    equals close. ``splits`` divides these and the dividends of all bars before a split by its
    ratio in the column ``splits``, which then has no splits left. So adjusting twice changes
    nothing. Volume stays as it is: the factor of the first holds dividends as well, and those do
    not change the number of shares.

    Parameters
    ----------
    bars
        Checked bars with a column adj_close > 0 on every row, or a column splits.
    adjustment
        What for; ``none`` returns the bars given.

    Returns
    -------
    DataFrame
        A new frame of the same shape; ``attrs`` are kept.

    Raises
    ------
    DataError
        The column is absent, or adj_close missing or not positive on some bars.
    """
    if adjustment == "none":
        return bars
    result = bars.copy()
    factor = adjustment_factors(bars, adjustment)
    for name in PRICE_COLUMNS:
        result[name] = bars[name].to_numpy(dtype=np.float64) * factor
    if adjustment == "splits":
        result["splits"] = 1.0
        if "dividends" in bars.columns:
            result["dividends"] = bars["dividends"].to_numpy(dtype=np.float64) * factor
    else:
        # Not close * factor, which may differ from adj_close in the last bit.
        result["close"] = adjusted_closes(bars, so=_SO, hint=_NOT_ADJUSTED)
    return result


def adjustment_factors(bars: pd.DataFrame, adjustment: Adjustment) -> Array:
    """Return what `adjust_prices` multiplies the prices of each bar by, float64 (n_bars,).

    Parameters
    ----------
    bars, adjustment
        As it takes them; of ``none`` all are 1.

    Raises
    ------
    DataError
        As it does.
    """
    if adjustment == "none":
        return np.ones(len(bars))
    if adjustment == "splits":
        return _split_factor(bars)
    factor: Array = adjusted_closes(bars, so=_SO, hint=_NOT_ADJUSTED) / bars["close"].to_numpy(
        dtype=np.float64
    )
    return factor


def _split_factor(bars: pd.DataFrame) -> Array:
    """Return what the shares of each bar have become one of, as of the last bar."""
    if "splits" not in bars.columns:
        raise DataError(
            "the bars have no column splits, so prices cannot be adjusted for them",
            hint='use price_adjustment "none" or "splits_dividends", or bars with a column splits',
        )
    ratios = split_ratios(bars)
    # The split of a bar is in its own prices already.
    later = np.append(ratios[1:], 1.0)
    factor: Array = 1.0 / np.cumprod(later[::-1])[::-1]
    return factor


def adjusted_closes(bars: pd.DataFrame, *, so: str, hint: str) -> Array:
    """Return the column adj_close.

    Parameters
    ----------
    bars
        Checked bars.
    so, hint
        What its lack comes to, and what to do then.

    Raises
    ------
    DataError
        It is absent, or missing or not positive on some bars.
    """
    if "adj_close" not in bars.columns:
        raise DataError(f"the bars have no adj_close, {so}", hint=hint)
    adjusted: Array = bars["adj_close"].to_numpy(dtype=np.float64)
    broken = ~(np.isfinite(adjusted) & (adjusted > 0.0))
    if broken.any():
        dates = format_times(pd.DatetimeIndex(bars.index[broken]))
        raise DataError(
            f"adj_close is missing or not positive on {int(broken.sum())} of {len(bars)} bars, "
            f"the first {dates[0]}, {so}",
            hint=hint,
            details={"dates": dates, "count": int(broken.sum())},
        )
    return adjusted
