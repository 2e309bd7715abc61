"""What a model is to learn: labels of bars, and the bar at whose close each is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype

from btkit.arguments import kind_of_value
from btkit.data import take_bars
from btkit.errors import UsageError
from btkit.models.labelling import Places, read_label

__all__ = ["forward_class", "forward_return", "read_label", "triple_barrier", "uniqueness"]

ENDS_HINT = 'Hand over the end of the rows at hand, such as labels.loc[X.index, "end"].'
"""What to do about ends that are not those of the rows."""


def forward_return(bars: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Label each bar by the return of the close over the next bars.

    Parameters
    ----------
    bars
        As `simulate` takes them.
    horizon
        h, in bars, at least 1.

    Returns
    -------
    DataFrame, shape (n_bars, 2)
        By bar time: ``label``, close[i + h] / close[i] - 1, a fraction, and ``end``, the time of
        bar i + h, at whose close it is known. NaN and NaT for the last h bars.

    Raises
    ------
    UsageError
        If the horizon is no whole number from 1 to 10,000.
    DataError
        If the bars are broken beyond harmless repair.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=3)
    >>> bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), [4.0, 5.0, 2.5]), days)
    >>> forward_return(bars, 1)["label"].tolist()
    [0.25, -0.5, nan]
    """
    return read_label({"kind": "forward_return", "horizon": horizon}).compute(bars)


def forward_class(
    bars: pd.DataFrame, horizon: int, *, buy_above: float, sell_below: float
) -> pd.DataFrame:
    """Label each bar BUY, SELL or HOLD by the return of the close over the next bars.

    Parameters
    ----------
    bars
        As `simulate` takes them.
    horizon
        h, in bars, at least 1.
    buy_above, sell_below
        A return above the one is a BUY, below the other a SELL, else a HOLD; fractions.

    Returns
    -------
    DataFrame, shape (n_bars, 2)
        By bar time: ``label``, a categorical of `CLASSES`, so that ``label.cat.codes`` are 0, 1
        and 2, and -1 where it is missing; and ``end``, as of `forward_return`. Both are missing
        for the last h bars.

    Raises
    ------
    UsageError
        If a number makes no sense, or a return would be both.
    DataError
        If the bars are broken beyond harmless repair.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=3)
    >>> bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), [4.0, 5.0, 4.0]), days)
    >>> forward_class(bars, 1, buy_above=0.01, sell_below=-0.01)["label"].tolist()
    ['BUY', 'SELL', nan]
    """
    own = {"buy_above": buy_above, "sell_below": sell_below}
    return read_label({"kind": "forward_class", "horizon": horizon, **own}).compute(bars)


def triple_barrier(  # noqa: PLR0913 - the barriers, and what to do where a bar leaves a doubt
    bars: pd.DataFrame,
    take_profit: float | None,
    stop_loss: float | None,
    horizon: int,
    *,
    unit: str = "fraction",
    volatility_bars: int = 20,
    prices: str = "high_low",
    both: str = "stop_loss",
    expired: str = "hold",
) -> pd.DataFrame:
    """Label each bar by which barrier the price meets first: above, below, or the last bar.

    Parameters
    ----------
    bars
        As `simulate` takes them.
    take_profit, stop_loss
        Widths p and s, above 0: the barriers of bar i are close[i] x (1 + p w) and
        close[i] x (1 - s w). None for no such barrier.
    horizon
        h, in bars, at least 1: the last that is looked at is bar i + h.
    unit
        ``"fraction"``: w = 1. ``"volatility"``: w = the standard deviation (ddof 1) of the last
        log returns from bar to bar, that of bar i included; where it is missing or 0, so is the
        label.
    volatility_bars
        How many returns that is of, at least 2.
    prices
        What meets a barrier, from bar i + 1 on: ``"high_low"`` a high at or above the upper one,
        a low at or below the lower one; ``"close"`` the close alone.
    both
        What is taken to be met where one bar meets both: that beyond which it opens; if it opens
        between them ``"stop_loss"`` (SELL), ``"take_profit"`` (BUY) or ``"hold"`` (HOLD).
    expired
        The label where neither is met: ``"hold"``, or ``"sign"`` that of close[i + h] - close[i].

    Returns
    -------
    DataFrame, shape (n_bars, 2)
        By bar time: ``label``, BUY for the upper and SELL for the lower barrier, as of
        `forward_class`; and ``end``, the time of the bar that met one, or of bar i + h. Both are
        missing where none is met by the last bar and the horizon is not over.

    Raises
    ------
    UsageError
        If a number makes no sense, or there is neither barrier.
    DataError
        If the bars are broken beyond harmless repair.

    Notes
    -----
    Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 3, there of closes alone.

    Of the last h bars only those have a label that met a barrier, which is no fair sample of them:
    train on bars whose horizon is over, as `backtest retrain` does.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=3)
    >>> bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), [4.0, 5.0, 4.0]), days)
    >>> triple_barrier(bars, 0.1, 0.1, 2)["label"].tolist()
    ['BUY', 'SELL', nan]
    """
    return read_label(
        {
            "kind": "triple_barrier",
            "take_profit": take_profit,
            "stop_loss": stop_loss,
            "horizon": horizon,
            "unit": unit,
            "volatility_bars": volatility_bars,
            "prices": prices,
            "both": both,
            "expired": expired,
        }
    ).compute(bars)


def uniqueness(ends: pd.Series, bars: pd.DataFrame | pd.DatetimeIndex) -> pd.Series:
    """Weigh labels by how little they share their bars with others.

    Parameters
    ----------
    ends : Series, shape (n_labels,)
        The ``end`` of labels by bar time; some of them, in any order.
    bars
        All bars, or their times: a label's are those from its own to that of its end.

    Returns
    -------
    Series, shape (n_labels,)
        As `ends` is: the mean, over a label's bars, of 1 / (number of labels that have the bar);
        1 shares none. NaN where the end is missing.

    Raises
    ------
    UsageError
        If a label begins or ends where there is no bar, or ends before it begins.
    DataError
        If the bars are none.

    Notes
    -----
    Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 4.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=4)
    >>> uniqueness(pd.Series([days[1], days[2]], index=days[:2]), days).tolist()
    [0.75, 0.75]
    """
    ends = check_ends(ends)
    if isinstance(bars, pd.DatetimeIndex) and bars.is_unique:
        times = bars
    else:
        times = pd.DatetimeIndex(take_bars(bars).bars.index)
    known = ends.notna().to_numpy()
    first: Places = times.get_indexer(ends.index[known])
    last: Places = times.get_indexer(pd.DatetimeIndex(ends[known]))
    wrong = (first < 0) | (last < first)
    if wrong.any():
        at = int(np.flatnonzero(known)[wrong.argmax()])
        raise UsageError(
            f"The label of {ends.index[at]} ends at {ends.iloc[at]}: one is no bar, or it ends "
            "before it begins.",
            hint=ENDS_HINT,
            details={"argument": "ends", "row": at},
        )
    steps = np.zeros(len(times) + 1)
    np.add.at(steps, first, 1.0)
    np.add.at(steps, last + 1, -1.0)
    labels = steps[:-1].cumsum()
    shares = np.zeros(len(times) + 1)
    np.divide(1.0, labels, out=shares[1:], where=labels > 0.0)
    sums = shares.cumsum()
    weights = np.full(len(ends), np.nan)
    weights[known] = (sums[last + 1] - sums[first]) / (last + 1 - first)
    return pd.Series(weights, index=ends.index)


def check_ends(ends: object) -> pd.Series:
    """Return ends that are times by time, in one zone.

    Parameters
    ----------
    ends
        The ``end`` of a label's frame, or of some of its rows.

    Raises
    ------
    UsageError
        If they are none.
    """
    found = kind_of_value(ends)
    if isinstance(ends, pd.Series):
        dtypes = ends.index.dtype, ends.dtype
        zones = {getattr(dtype, "tz", None) for dtype in dtypes}
        if all(map(is_datetime64_any_dtype, dtypes)) and len(zones) == 1:
            return ends
        found = f"a Series of {dtypes[1]} by {dtypes[0]}"
    raise UsageError(
        f"ends is {found}; it must be a Series of times by time, both in one zone.",
        hint=ENDS_HINT,
        details={"argument": "ends"},
    )
