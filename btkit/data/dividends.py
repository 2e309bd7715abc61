"""What bars tell of dividends that are paid in cash: SEMANTICS 3.14."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.adjust import adjusted_closes
from btkit.data.splits import STATED_RATIOS, STATED_TOLERANCE, split_ratios, told_column
from btkit.errors import DataError

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_MOST_DECIMALS = 8
# A number is written with some decimals if it is so near to what they say.
_AS_WRITTEN = 1e-12
# By how much of itself a number may be off that was once kept in single precision.
_SINGLE = 2.0**-24


def paid_dividends(bars: pd.DataFrame) -> Array:
    """Return what a share is paid at each bar, before its open.

    A column ``dividends`` says it; without one, what adj_close implies: with f = adj_close / close
    close[i-1] x (1 - f[i-1] / f[i]), unless a split explains the step, or the rounding of
    adj_close: to the fewest decimals, 8 at most, that all of its values have, and to single
    precision.

    Parameters
    ----------
    bars
        Checked bars, adjusted for splits or not at all.

    Returns
    -------
    ndarray of float64, shape (n_bars,)
        $ a share, 0 for none.

    Raises
    ------
    DataError
        If there is neither column, or it has values that mean nothing.

    Examples
    --------
    >>> bars = pd.DataFrame({"close": [100.0, 99.0], "adj_close": [99.0, 99.0]})
    >>> paid_dividends(bars).round(9).tolist()
    [0.0, 1.0]
    """
    if "dividends" in bars:
        return told_column(bars, "dividends", "write $ a share on the ex-date, and 0 for none")
    if "adj_close" not in bars:
        raise DataError(
            "the bars have neither a column dividends nor adj_close, so no dividend can be paid",
            hint="use dividends: none, or a source that has one of them",
        )
    adjusted = adjusted_closes(
        bars, so="so what dividends were paid is not known", hint="use dividends: none"
    )
    closes = bars["close"].to_numpy(dtype=np.float64)
    factors = adjusted / closes
    paid = np.zeros(len(bars))
    paid[1:] = closes[:-1] * (1.0 - factors[:-1] / factors[1:])
    none = _explained_by_split(bars, factors) | _explained_by_rounding(adjusted, closes)
    paid[1:][none | (paid[1:] <= 0.0)] = 0.0
    return paid


def _explained_by_split(bars: pd.DataFrame, factors: Array) -> Flags:
    steps = np.abs(np.log(factors[1:] / factors[:-1]))
    if "splits" in bars:
        ratios = np.abs(np.log(split_ratios(bars)[1:]))
        explained: Flags = (ratios != 0.0) & (np.abs(steps - ratios) <= STATED_TOLERANCE)
        return explained
    near: Flags = (np.abs(steps[:, None] - STATED_RATIOS) <= STATED_TOLERANCE).any(axis=1)
    return near


def _explained_by_rounding(adjusted: Array, closes: Array) -> Flags:
    """Return whether two numbers that round to these may have the same factor."""
    doubt = _doubt(adjusted)
    before = (adjusted[:-1] + doubt[:-1]) / closes[:-1]
    explained: Flags = before >= (adjusted[1:] - doubt[1:]) / closes[1:]
    return explained


def _doubt(adjusted: Array) -> Array:
    single = adjusted * _SINGLE
    for decimals in range(_MOST_DECIMALS + 1):
        if (np.abs(np.round(adjusted, decimals) - adjusted) <= _AS_WRITTEN * adjusted).all():
            return np.maximum(0.5 * 10.0**-decimals, single)
    return single
