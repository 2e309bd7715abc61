"""Prices adjusted for splits and dividends: SEMANTICS 1.4."""

from __future__ import annotations

import numpy as np
import pandas as pd

from btkit.data.info import format_times
from btkit.data.quality import PRICE_COLUMNS
from btkit.errors import DataError


def adjust_prices(bars: pd.DataFrame) -> pd.DataFrame:
    """Scale open, high, low and close by adj_close / close.

    Volume stays as it is: the factor holds dividends as well as splits, and dividends do not
    change the number of shares. adj_close then equals close, so adjusting twice changes nothing.

    Parameters
    ----------
    bars
        Checked bars with a column adj_close > 0 on every row.

    Returns
    -------
    DataFrame
        A new frame of the same shape; ``attrs`` are kept.

    Raises
    ------
    DataError
        adj_close is absent, or missing or not positive on some bars.
    """
    hint = 'use price_adjustment "none", or a source that has adjusted closes'
    if "adj_close" not in bars.columns:
        raise DataError("the bars have no adj_close, so prices cannot be adjusted", hint=hint)
    adjusted = bars["adj_close"].to_numpy(dtype=np.float64)
    broken = ~(np.isfinite(adjusted) & (adjusted > 0.0))
    if broken.any():
        dates = format_times(pd.DatetimeIndex(bars.index[broken]))
        raise DataError(
            f"adj_close is missing or not positive on {int(broken.sum())} of {len(bars)} bars, "
            f"the first {dates[0]}, so prices cannot be adjusted",
            hint=hint,
            details={"dates": dates, "count": int(broken.sum())},
        )
    factor = adjusted / bars["close"].to_numpy(dtype=np.float64)
    result = bars.copy()
    for name in PRICE_COLUMNS:
        result[name] = bars[name].to_numpy(dtype=np.float64) * factor
    # Not close * factor, which may differ from adj_close in the last bit.
    result["close"] = adjusted
    return result
