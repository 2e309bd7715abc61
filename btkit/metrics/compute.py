"""From an equity curve and closed trades to metrics. Pure numpy: arrays in, a record out."""

from __future__ import annotations

import math
from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from btkit.errors import UsageError
from btkit.metrics.curves import (
    ROUNDING,
    Floats,
    calendar_days,
    drawdown_series,
    period_returns,
    running_peak,
)
from btkit.metrics.model import Metrics, TradeColumns

DAYS_PER_YEAR = 365.25


def compute_metrics(
    equity: ArrayLike,
    times: pd.DatetimeIndex,
    *,
    initial_capital: float,
    periods_per_year: float,
    trades: TradeColumns,
    period_ends: NDArray[np.int64] | None = None,
    ruined: bool = False,
) -> Metrics:
    """Measure one run.

    Parameters
    ----------
    equity : array of float64, shape (n_bars,)
        Account value in $ at each bar's close, at least one bar.
    times : DatetimeIndex, shape (n_bars,)
        The bars' times, rising.
    initial_capital
        Account value in $ before the first bar, above 0.
    periods_per_year
        A: how many returns make a year, such as 252 for daily and for intraday bars.
    trades
        The closed trades in the order of exit.
    period_ends : ndarray of int64, shape (n_periods,), or None
        The last bar of each period that a return spans, as
        `btkit.markets.Annualisation.period_ends` gives them; None where each bar is one.
    ruined
        Whether the run ended because nothing was left; then `cagr` is -1.

    Returns
    -------
    Metrics
        True values, with NaN where a metric is undefined and inf where it is infinite.

    Raises
    ------
    UsageError
        If the curve is empty, not finite or not as long as `times`, if `times` do not rise, or
        if `initial_capital` or `periods_per_year` is not a number above 0.

    Notes
    -----
    With r the n returns, from bar to bar or from session to session, the first from the initial
    capital: Sharpe is mean(r) / std(r,
    ddof=1) x sqrt(A) (Sharpe 1994, rate of reference 0), Sortino is mean(r) / sqrt(mean(min(r,
    0)^2)) x sqrt(A) over all n (Sortino & Price 1994), CAGR is growth^(365.25 / days) - 1, and
    Calmar is CAGR / deepest drawdown. A deviation that rounding explains (`curves.ROUNDING`) is
    0, so a flat curve has no Sharpe ratio rather than one of 1e16. One bar has no standard
    deviation, and a span of no calendar days has no CAGR.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.DatetimeIndex(["2024-01-02", "2024-01-03"])
    >>> measured = compute_metrics([90.0, 99.0], days, initial_capital=100.0, periods_per_year=252,
    ...                            trades=TradeColumns.empty())
    >>> round(measured.max_drawdown_pct, 12)
    -0.1
    """
    curve = np.asarray(equity, dtype=np.float64)
    _check(curve, times, initial_capital=initial_capital, periods_per_year=periods_per_year)
    days = calendar_days(times)
    total_return = float(curve[-1] - initial_capital)
    drawdown = drawdown_series(curve, initial_capital)
    deepest = float(drawdown.min())
    # In money the deepest fall may be another one than in percent, so it has its own search.
    money = float((curve - running_peak(curve, initial_capital))[drawdown < 0.0].min(initial=0.0))
    growth = _cagr(float(curve[-1]) / initial_capital, int(days[-1] - days[0]), ruined=ruined)
    return Metrics(
        **_trade_metrics(trades),
        **_return_metrics(period_returns(curve, initial_capital, period_ends), periods_per_year),
        cagr=growth,
        annualized_return=growth,
        max_drawdown_pct=deepest,
        max_drawdown=money,
        max_drawdown_duration_days=_longest_drawdown(drawdown, days),
        calmar_ratio=_quotient(growth, -deepest),
        recovery_factor=_quotient(total_return, -money),
        total_return=total_return,
        total_return_pct=total_return / initial_capital,
    )


def _check(
    curve: Floats, times: pd.DatetimeIndex, *, initial_capital: float, periods_per_year: float
) -> None:
    if curve.ndim != 1 or len(curve) == 0 or len(curve) != len(times):
        raise UsageError(
            f"An equity curve of shape {curve.shape} does not fit {len(times)} bar times.",
            hint="Pass one equity value per bar, and at least one bar.",
        )
    if not np.isfinite(curve).all():
        where = int(np.flatnonzero(~np.isfinite(curve))[0])
        raise UsageError(
            f"The equity curve is not a finite number at {times[where].isoformat()}.",
            hint="Mend the prices or the position value at that bar.",
        )
    if not times.is_monotonic_increasing:
        raise UsageError(
            "The bar times of the equity curve do not rise.", hint="Sort the bars by time."
        )
    for name, value in (
        ("initial_capital", initial_capital),
        ("periods_per_year", periods_per_year),
    ):
        if not 0.0 < value < math.inf:
            raise UsageError(f"{name} is {value}.", hint="Pass a finite number above 0.")


def _quotient(numerator: float, denominator: float) -> float:
    if denominator != 0.0:
        return numerator / denominator
    return math.copysign(math.inf, numerator) if abs(numerator) > 0.0 else math.nan


def _cagr(growth: float, days: int, *, ruined: bool) -> float:
    # A root of what is not above 0 has no meaning; who lost everything lost it at any pace.
    if ruined or growth <= 0.0:
        return -1.0
    if days == 0:
        return math.nan
    with np.errstate(over="ignore"):  # tenfold in a day is beyond a double per year: infinite
        return float(np.float64(growth) ** (DAYS_PER_YEAR / days) - 1.0)


def _longest_drawdown(drawdown: Floats, days: NDArray[np.int64]) -> int:
    # The initial capital is a peak on the first bar's day, whatever that bar did.
    at_peak = np.concatenate(([days[0]], days[drawdown == 0.0]))
    positions = np.concatenate(([-1], np.flatnonzero(drawdown == 0.0)))
    fell = np.diff(positions) > 1
    longest = int(np.diff(at_peak)[fell].max(initial=0))
    if positions[-1] != len(drawdown) - 1:
        longest = max(longest, int(days[-1] - at_peak[-1]))
    return longest


class _ReturnMetrics(TypedDict):
    sharpe_ratio: float
    sortino_ratio: float
    volatility: float


def _return_metrics(returns: Floats, periods_per_year: float) -> _ReturnMetrics:
    annual = math.sqrt(periods_per_year)
    mean = float(returns.mean())
    deviation = _settled(float(returns.std(ddof=1))) if len(returns) > 1 else math.nan
    downside = _settled(math.sqrt(float(np.square(np.minimum(returns, 0.0)).mean())))
    return {
        "sharpe_ratio": _quotient(_settled_with(mean, deviation), deviation) * annual,
        "sortino_ratio": _quotient(_settled_with(mean, downside), downside) * annual,
        "volatility": deviation * annual,
    }


def _settled(deviation: float) -> float:
    return 0.0 if deviation <= ROUNDING else deviation


def _settled_with(mean: float, deviation: float) -> float:
    # Only beside a deviation of 0 does it matter whether a tiny mean is rounding.
    return 0.0 if deviation == 0.0 and abs(mean) <= ROUNDING else mean


class _TradeMetrics(TypedDict):
    total_trades: int
    winning_trades: int
    losing_trades: int
    win_rate: float
    profit_factor: float
    expectancy_per_trade: float
    avg_win: float
    avg_loss: float
    avg_win_pct: float
    avg_loss_pct: float
    largest_win: float
    largest_loss: float
    consecutive_losses_max: int
    avg_holding_period: float
    avg_win_holding_period: float
    avg_loss_holding_period: float


def _trade_metrics(trades: TradeColumns) -> _TradeMetrics:
    pnl = trades.pnl
    won, lost = pnl > 0.0, pnl < 0.0
    wins, losses = pnl[won], pnl[lost]
    hours = (trades.exit_time - trades.entry_time) / np.timedelta64(1, "h")
    return {
        "total_trades": len(pnl),
        "winning_trades": len(wins),
        "losing_trades": len(losses),
        "win_rate": _quotient(len(wins), len(pnl)),
        "profit_factor": _quotient(float(wins.sum()), -float(losses.sum())),
        "expectancy_per_trade": _mean(pnl),
        "avg_win": _mean(wins),
        "avg_loss": _mean(losses),
        "avg_win_pct": _mean(trades.return_pct[won]),
        "avg_loss_pct": _mean(trades.return_pct[lost]),
        "largest_win": float(wins.max(initial=0.0)),
        "largest_loss": float(losses.min(initial=0.0)),
        "consecutive_losses_max": _longest_run(lost),
        "avg_holding_period": _mean(hours),
        "avg_win_holding_period": _mean(hours[won]),
        "avg_loss_holding_period": _mean(hours[lost]),
    }


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan


def _longest_run(flags: NDArray[np.bool_]) -> int:
    others = np.flatnonzero(np.concatenate(([True], ~flags, [True])))
    return int(np.diff(others).max() - 1)
