"""From an equity curve and closed trades to metrics: arrays in, a record out."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from btkit.errors import UsageError
from btkit.metrics.arrays import OF_BENCHMARK, RunArrays
from btkit.metrics.curves import Floats, calendar_days, period_returns, risk_free_returns
from btkit.metrics.further import MEASURED, Metrics, metrics_of
from btkit.metrics.model import TradeColumns
from btkit.metrics.registering import further_metrics, work_out

_EVERY_BAR = np.empty(0, dtype=np.int64)


def compute_metrics(  # noqa: PLR0913 - the curve, its clock, and what it is measured against
    equity: ArrayLike,
    times: pd.DatetimeIndex,
    *,
    initial_capital: float,
    periods_per_year: float,
    trades: TradeColumns,
    period_ends: NDArray[np.int64] | None = None,
    ruined: bool = False,
    risk_free: Floats | None = None,
    benchmark: Floats | None = None,
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
    risk_free : ndarray of float64, shape (n_bars,), or None
        The rate a year that was known before each bar, as a fraction; None for 0.
    benchmark : ndarray of float64, shape (n_bars,), or None
        Closes of what the run is measured against, held from the first on; None for nothing.

    Returns
    -------
    Metrics
        True values, with NaN where a metric is undefined and inf where it is infinite. Without a
        benchmark those that read one are None.

    Raises
    ------
    UsageError
        If the curve is empty, not finite or not as long as `times`, if `times` do not rise, or
        if `initial_capital` or `periods_per_year` is not a number above 0.

    Notes
    -----
    With r the n returns, from bar to bar or from session to session, the first from the initial
    capital, and e = r - risk-free rate / A: Sharpe is mean(e) / std(e, ddof=1) x sqrt(A) (Sharpe
    1994), Sortino is mean(e) / sqrt(mean(min(e, 0)^2)) x sqrt(A) over all n (Sortino & Price
    1994); volatility is std(r, ddof=1) x sqrt(A), and beta and alpha are of r, too. CAGR is
    growth^(365.25 / days) - 1, and Calmar is CAGR / deepest drawdown. A deviation that rounding
    explains (`curves.ROUNDING`) is 0, so a flat curve has no Sharpe ratio rather than one of 1e16;
    of a flat curve below a risk-free rate it is infinite, below 0. One bar has no standard
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
    from btkit.metrics.measure import measure, new_meter  # noqa: PLC0415 - brings numba

    curve = np.ascontiguousarray(equity, dtype=np.float64)
    _check(curve, times, initial_capital=initial_capital, periods_per_year=periods_per_year)
    row = np.empty(len(MEASURED) + 1)
    pnl = np.ascontiguousarray(trades.pnl, np.float64)
    share = np.ascontiguousarray(trades.return_pct, np.float64)
    hours = (trades.exit_time - trades.entry_time) / np.timedelta64(1, "h")
    ends = _EVERY_BAR if period_ends is None else np.ascontiguousarray(period_ends, np.int64)
    measure(
        np.concatenate([[float(initial_capital)], curve]),
        math.sqrt(periods_per_year),
        risk_free_returns(risk_free, period_ends, periods_per_year),
        ends,
        calendar_days(times),
        bool(ruined),
        pnl,
        share,
        hours,
        new_meter(),
        np.empty(len(ends) + 1),
        row,
    )
    arrays = RunArrays(
        curve,
        times.tz_localize(None).to_numpy(),
        period_returns(curve, initial_capital, period_ends),
        None if benchmark is None else period_returns(benchmark, float(benchmark[0]), period_ends),
        pnl,
        share,
        np.ascontiguousarray(trades.fill_value, np.float64),
        hours,
        trades.entry_time,
        trades.exit_time,
        float(initial_capital),
        float(periods_per_year),
    )
    further = {
        name: work_out(name, entry, arrays)
        for name, entry in further_metrics().items()
        if benchmark is not None or OF_BENCHMARK.isdisjoint(entry.reads)
    }
    return metrics_of(row, further)


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
