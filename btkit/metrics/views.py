"""An equity curve seen by month, through a sliding window, and by what was in the market."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.metrics.curves import ROUNDING, Floats, bar_returns


def monthly_returns(equity: pd.Series[float], initial_capital: float) -> pd.DataFrame:
    """Return the returns of calendar months and years.

    Parameters
    ----------
    equity : Series, shape (n_bars,)
        Account value in $ at each bar's close, by bar time.
    initial_capital
        Account value in $ before the first bar.

    Returns
    -------
    DataFrame, shape (n_years, 13)
        Rows are years, columns the months 1 to 12 and ``"year"``; fractions, NaN for a month
        without bars. The first and last may be parts of a month. As in `bar_returns`, nothing is
        earned once nothing is left.
    """
    times = pd.DatetimeIndex(equity.index)
    values = np.asarray(equity, dtype=np.float64)
    years, months = np.asarray(times.year), np.asarray(times.month)
    table = pd.DataFrame(
        np.nan,
        index=pd.RangeIndex(int(years[0]), int(years[-1]) + 1, name="year"),
        columns=pd.Index([*range(1, 13), "year"], dtype=object),
    )
    cells = table.to_numpy(copy=True)
    month_ends = last_of_each(years * 12 + months)
    cells[years[month_ends] - years[0], months[month_ends] - 1] = bar_returns(
        values[month_ends], initial_capital
    )
    year_ends = last_of_each(years)
    cells[years[year_ends] - years[0], 12] = bar_returns(values[year_ends], initial_capital)
    return pd.DataFrame(cells, index=table.index, columns=table.columns)


def last_of_each(labels: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
    """Find where runs of equal labels end.

    Parameters
    ----------
    labels : ndarray of integers, shape (n_bars,)
        Labels in order, equal ones together.

    Returns
    -------
    ndarray of int, shape (n_runs,)
        Positions of the last bar of each run.
    """
    return np.append(np.flatnonzero(labels[1:] != labels[:-1]), len(labels) - 1)


def rolling_sharpe(
    equity: pd.Series[float],
    window: int,
    periods_per_year: float,
    *,
    rates: Floats | None = None,
) -> pd.Series[float]:
    """Return the annualised Sharpe ratio of the last `window` returns at each end.

    Parameters
    ----------
    equity : Series, shape (n_periods,)
        Account value in $ at the end of each period that a return spans.
    window
        Number of returns, at least 2.
    periods_per_year
        Returns in a year, for annualisation.
    rates
        What of each return is free of risk, as `risk_free_returns` gives it; None for nothing.

    Returns
    -------
    Series, shape (n_periods,)
        NaN before `window` returns are there, and where the account did not move in the window.
    """
    returns = _inner_returns(equity)
    if rates is not None and rates.size:
        returns = returns - rates
    rolling = pd.Series(returns, index=equity.index).rolling(window)
    deviation = rolling.std().to_numpy(copy=True)
    # A sliding sum keeps rounding of what has left the window; a still window is still.
    deviation[_still(returns, window) | (deviation <= ROUNDING)] = np.nan
    return pd.Series(
        rolling.mean().to_numpy() / deviation * np.sqrt(periods_per_year),
        index=equity.index,
        name="rolling_sharpe",
    )


def rolling_volatility(
    equity: pd.Series[float], window: int, periods_per_year: float
) -> pd.Series[float]:
    """Return the annualised standard deviation of the last `window` returns at each end.

    Parameters
    ----------
    equity : Series, shape (n_periods,)
        Account value in $ at the end of each period that a return spans.
    window
        Number of returns, at least 2.
    periods_per_year
        Returns in a year, for annualisation.

    Returns
    -------
    Series, shape (n_periods,)
        Fractions (ddof 1), NaN before `window` returns are there.
    """
    returns = _inner_returns(equity)
    deviation = pd.Series(returns, index=equity.index).rolling(window).std().to_numpy(copy=True)
    deviation[_still(returns, window)] = 0.0
    return pd.Series(
        deviation * np.sqrt(periods_per_year), index=equity.index, name="rolling_volatility"
    )


def _inner_returns(equity: pd.Series[float]) -> Floats:
    values = np.asarray(equity, dtype=np.float64)
    returns = bar_returns(values, values[0])
    returns[0] = np.nan
    return returns


def _still(returns: Floats, window: int) -> NDArray[np.bool_]:
    moved = np.concatenate([[0], np.cumsum(np.abs(np.nan_to_num(returns)) > ROUNDING)])
    still = np.zeros(len(returns), dtype=np.bool_)
    # Position 0 has no return, so the first whole window ends at position `window`.
    still[window:] = moved[window + 1 :] == moved[1:-window]
    return still


def exposure(equity: pd.Series[float], invested: pd.Series[float]) -> pd.Series[float]:
    """Return the share of the account that is in positions at each bar's close.

    Parameters
    ----------
    equity : Series, shape (n_bars,)
        Account value in $ at each bar's close.
    invested : Series, shape (n_bars,)
        Value in $ of the open positions at each bar's close.

    Returns
    -------
    Series, shape (n_bars,)
        Fractions: 0 without a position, NaN for a position of an account that is worth nothing.
    """
    values = np.asarray(equity, dtype=np.float64)
    held = np.asarray(invested, dtype=np.float64)
    share = np.where(held == 0.0, 0.0, np.nan)
    np.divide(held, values, out=share, where=(held != 0.0) & (values > 0.0))
    return pd.Series(share, index=equity.index, name="exposure")


def time_in_market(invested: pd.Series[float]) -> float:
    """Return the share of bars that closed with an open position.

    Parameters
    ----------
    invested : Series, shape (n_bars,)
        Value in $ of the open positions at each bar's close.

    Returns
    -------
    float
        A fraction from 0 to 1.
    """
    return float(np.count_nonzero(np.asarray(invested, dtype=np.float64)) / len(invested))
