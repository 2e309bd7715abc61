"""Returns and drawdowns of an equity curve, and when a movement is only rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Curve = TypeVar("Curve", Floats, "pd.Series[float]")

DAYS_PER_YEAR = 365.25

SHORT_RANGE_DAYS = 90
"""A run of fewer calendar days says little of a year."""

DEEPEST = 5
"""How many drawdowns a report lists."""

ROUNDING = 16 * float(np.finfo(np.float64).eps)
"""Relative differences up to this (3.6e-15) are rounding, not money.

A bar's return is a quotient near 1, less 1. Rounding in that quotient (at most 1.5 units in the
last place), in cash plus position (a few more), makes a curve that only rounds look as if it moved.
On $100,000 the bound is less than a billionth of a dollar.
"""


def bar_returns(equity: Floats, initial_capital: float) -> Floats:
    """Return the bar-to-bar returns of an equity curve.

    Parameters
    ----------
    equity : ndarray, shape (n_bars,)
        Account value in $ at each bar's close.
    initial_capital
        Account value in $ before the first bar.

    Returns
    -------
    ndarray, shape (n_bars,)
        Fractions; the first is from the initial capital to the first bar's equity. After a bar
        that ended with nothing or with debt the return is 0: there is no capital left that could
        earn, and a quotient with a negative base would show a deepening debt as a gain.
    """
    previous = np.empty_like(equity)
    previous[:1] = initial_capital
    previous[1:] = equity[:-1]
    alive = previous > 0
    if alive.all():
        return equity / previous - 1.0
    returns = np.zeros_like(equity)
    np.divide(equity, previous, out=returns, where=alive)
    returns[alive] -= 1.0
    return returns


def period_returns(
    equity: Floats, initial_capital: float, period_ends: NDArray[np.int64] | None
) -> Floats:
    """Return the returns of an equity curve that its metrics are taken of.

    Parameters
    ----------
    equity : ndarray, shape (n_bars,)
        Account value in $ at each bar's close.
    initial_capital
        Account value in $ before the first bar.
    period_ends : ndarray of int64, shape (n_periods,), or None
        The last bar of each period that a return spans, ascending; None where each bar is one.

    Returns
    -------
    ndarray, shape (n_periods,)
        As `bar_returns` of the equity at the ends.
    """
    return bar_returns(equity if period_ends is None else equity[period_ends], initial_capital)


def risk_free_returns(
    risk_free: Floats | None, period_ends: NDArray[np.int64] | None, periods_per_year: float
) -> Floats:
    """Return what of each return is free of risk (SEMANTICS 5): the rate over A.

    Parameters
    ----------
    risk_free : ndarray, shape (n_bars,), or None
        The rate a year that was known before each bar, as a fraction; None for 0.
    period_ends
        As for `period_returns`. A return over several bars takes the rate known before the first.
    periods_per_year
        A: how many returns make a year.

    Returns
    -------
    ndarray, shape (n_periods,)
        Fractions; empty for None.

    Examples
    --------
    >>> risk_free_returns(np.array([0.0, 0.0252]), None, 252.0)
    array([0.    , 0.0001])
    """
    if risk_free is None:
        return np.empty(0)
    known = risk_free
    if period_ends is not None:
        known = risk_free[np.append(0, period_ends[:-1] + 1)]
    return known / periods_per_year


def running_peak(equity: Floats, initial_capital: float) -> Floats:
    """Return the highest account value so far, the initial capital being the first.

    Parameters
    ----------
    equity : ndarray, shape (n_bars,)
        Account value in $ at each bar's close.
    initial_capital
        Account value in $ before the first bar.

    Returns
    -------
    ndarray, shape (n_bars,)
        In $, never falling.
    """
    peak = np.maximum.accumulate(equity, dtype=np.float64)
    return np.maximum(peak, initial_capital, out=peak)


def drawdown_series(equity: Curve, initial_capital: float) -> Curve:
    """Return how far each bar closed below the highest account value before it.

    Parameters
    ----------
    equity : ndarray or Series, shape (n_bars,)
        Account value in $ at each bar's close.
    initial_capital
        Account value in $ before the first bar; the first peak.

    Returns
    -------
    ndarray or Series, shape (n_bars,), as `equity`
        Fractions of the peak, at most 0; below -1 where the account is in debt. A distance that
        is only rounding counts as 0.
    """
    values = np.asarray(equity, dtype=np.float64)
    drawdown = running_peak(values, initial_capital)
    np.divide(values, drawdown, out=drawdown)
    drawdown -= 1.0
    drawdown[drawdown >= -ROUNDING] = 0.0
    if isinstance(equity, pd.Series):
        return pd.Series(drawdown, index=equity.index, name="drawdown")
    return drawdown


@dataclass(frozen=True)
class Drawdown:
    """One fall from a peak.

    Parameters
    ----------
    peak
        The last bar at the peak; the first bar where the initial capital is the peak.
    trough
        The bar with the lowest close of the account.
    recovery
        The first bar back at the peak, or None if the run ended below it.
    depth
        Fraction of the peak, below 0.
    days
        Calendar days from the peak to the recovery, or to the last bar.
    """

    peak: pd.Timestamp
    trough: pd.Timestamp
    recovery: pd.Timestamp | None
    depth: float
    days: int


def worst_drawdown(equity: pd.Series[float], initial_capital: float) -> Drawdown | None:
    """Return the deepest fall of an equity curve.

    Parameters
    ----------
    equity : Series, shape (n_bars,)
        Account value in $ at each bar's close, by bar time.
    initial_capital
        Account value in $ before the first bar; the first peak, dated at the first bar.

    Returns
    -------
    Drawdown or None
        The earliest of equally deep ones; None where the account never closed below a peak.
    """
    found = deepest_drawdowns(equity, initial_capital, count=1)
    return found[0] if found else None


def deepest_drawdowns(
    equity: pd.Series[float], initial_capital: float, *, count: int = DEEPEST
) -> list[Drawdown]:
    """Return the deepest falls of an equity curve, each from a peak until it is reached again.

    Parameters
    ----------
    equity, initial_capital
        As for `worst_drawdown`.
    count
        How many at most.

    Returns
    -------
    list of Drawdown
        The deepest first, of equally deep ones the earlier; they do not overlap.

    Examples
    --------
    >>> equity = pd.Series([90.0, 100.0, 80.0], pd.date_range("2024-01-01", periods=3))
    >>> [round(fall.depth, 12) for fall in deepest_drawdowns(equity, 100.0)]
    [-0.2, -0.1]
    """
    drawdown = drawdown_series(np.asarray(equity, dtype=np.float64), initial_capital)
    times = pd.DatetimeIndex(equity.index)
    days = calendar_days(times)
    below = np.concatenate([[False], drawdown < 0.0, [False]])
    edges = np.flatnonzero(below[1:] != below[:-1])
    begins, ends = edges[::2], edges[1::2]
    if not begins.size:
        return []
    depths = np.minimum.reduceat(drawdown, edges[edges < len(drawdown)])[::2]
    found = []
    for place in np.argsort(depths, kind="stable")[:count].tolist():
        begin, end = int(begins[place]), int(ends[place])
        peak, last = max(begin - 1, 0), min(end, len(times) - 1)
        found.append(
            Drawdown(
                peak=times[peak],
                trough=times[begin + int(drawdown[begin:end].argmin())],
                recovery=times[end] if end < len(times) else None,
                depth=float(depths[place]),
                days=int(days[last] - days[peak]),
            )
        )
    return found


def spanned_days(times: pd.DatetimeIndex) -> int:
    """Return the calendar days from the first bar to the last.

    Parameters
    ----------
    times : DatetimeIndex, shape (n_bars,)
        Bar times, rising, naive dates or timezone-aware.
    """
    first, last = calendar_days(times[[0, -1]])
    return int(last - first)


def calendar_days(times: pd.DatetimeIndex) -> NDArray[np.int64]:
    """Return the calendar day of each bar as a number.

    Parameters
    ----------
    times : DatetimeIndex, shape (n_bars,)
        Bar times, naive dates or timezone-aware.

    Returns
    -------
    ndarray of int64, shape (n_bars,)
        Days since 1970-01-01 (UTC for aware times). Intraday bars of a day share its number, so
        a span measured in days does not depend on the bars' interval.
    """
    return times.to_numpy(dtype="datetime64[D]").astype(np.int64)
