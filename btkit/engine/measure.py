"""Every metric of SEMANTICS section 5 inside compiled code, to the last bit of `btkit.metrics`.

A sweep measures each set where it was simulated, so that no curve has to be kept. The sums are
NumPy's: pairwise, eight at a time, in blocks of at most 128 (Higham 1993), because a sum in any
other order differs in its last bits, and a sweep's row must be what a run of the same set
reports.
"""

from __future__ import annotations

import math

import numpy as np

from btkit.conditions.compiled import compiled_inline, compiled_lean
from btkit.engine.vectors import (
    LANES,
    SCANNED,
    greatest,
    lane_least,
    lane_squares,
    lane_sum,
)
from btkit.metrics import Metrics
from btkit.metrics.compute import DAYS_PER_YEAR
from btkit.metrics.curves import ROUNDING

METRIC_NAMES: tuple[str, ...] = (
    "total_trades",
    "winning_trades",
    "losing_trades",
    "win_rate",
    "profit_factor",
    "expectancy_per_trade",
    "avg_win_pct",
    "avg_loss_pct",
    "largest_win",
    "largest_loss",
    "consecutive_losses_max",
    "cagr",
    "max_drawdown_pct",
    "max_drawdown_duration_days",
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "recovery_factor",
    "total_return",
    "total_return_pct",
    "annualized_return",
    "volatility",
    "max_drawdown",
    "avg_win",
    "avg_loss",
    "avg_holding_period",
    "avg_win_holding_period",
    "avg_loss_holding_period",
)
"""What `measure` writes, in its order."""

WHOLE_METRICS: frozenset[str] = frozenset(
    name for name, field in Metrics.model_fields.items() if field.annotation is int
)
"""The metrics that are counts or days."""

FINITE = len(METRIC_NAMES)
"""Where `measure` says whether the equity curve was finite."""

# Places in a row; where a loss's metric follows its win's, only the win's is named.
TOTAL_TRADES = METRIC_NAMES.index("total_trades")
WINNING_TRADES = METRIC_NAMES.index("winning_trades")
LOSING_TRADES = METRIC_NAMES.index("losing_trades")
WIN_RATE = METRIC_NAMES.index("win_rate")
PROFIT_FACTOR = METRIC_NAMES.index("profit_factor")
EXPECTANCY_PER_TRADE = METRIC_NAMES.index("expectancy_per_trade")
AVG_WIN_PCT = METRIC_NAMES.index("avg_win_pct")
LARGEST_WIN = METRIC_NAMES.index("largest_win")
LARGEST_LOSS = METRIC_NAMES.index("largest_loss")
CONSECUTIVE_LOSSES_MAX = METRIC_NAMES.index("consecutive_losses_max")
CAGR = METRIC_NAMES.index("cagr")
MAX_DRAWDOWN_PCT = METRIC_NAMES.index("max_drawdown_pct")
MAX_DRAWDOWN_DURATION_DAYS = METRIC_NAMES.index("max_drawdown_duration_days")
SHARPE_RATIO = METRIC_NAMES.index("sharpe_ratio")
SORTINO_RATIO = METRIC_NAMES.index("sortino_ratio")
CALMAR_RATIO = METRIC_NAMES.index("calmar_ratio")
RECOVERY_FACTOR = METRIC_NAMES.index("recovery_factor")
TOTAL_RETURN = METRIC_NAMES.index("total_return")
TOTAL_RETURN_PCT = METRIC_NAMES.index("total_return_pct")
ANNUALIZED_RETURN = METRIC_NAMES.index("annualized_return")
VOLATILITY = METRIC_NAMES.index("volatility")
MAX_DRAWDOWN = METRIC_NAMES.index("max_drawdown")
AVG_WIN = METRIC_NAMES.index("avg_win")
AVG_HOLDING_PERIOD = METRIC_NAMES.index("avg_holding_period")
AVG_WIN_HOLDING_PERIOD = METRIC_NAMES.index("avg_win_holding_period")

SCRATCH_ROWS = 8
"""How many rows of numbers `measure_trades` writes on its way."""

_BLOCK = 128
# Below a peak by more than this, and no rounding explains it: spares a division at each bar.
_SURELY_BELOW = 1.0 - 2.0 * ROUNDING


@compiled_inline
def halved(count):
    """Return how many of so many values NumPy sums first when it sums them in halves."""
    half = count // 2
    return half - half % LANES


@compiled_inline
def block_sum(values):
    """Return the sum of at most `_BLOCK` values."""
    count = values.size
    total = lane_sum(values, count // LANES)
    for at in range(count - count % LANES, count):
        total += values[at]
    return total


@compiled_inline
def sum_of_two(values):
    """Return the sum of at most two blocks."""
    if values.size <= _BLOCK:
        return block_sum(values)
    half = halved(values.size)
    return block_sum(values[:half]) + block_sum(values[half:])


@compiled_lean
def pairwise_sum(values):
    """Return the sum of an array, rounded as ``np.sum`` rounds it.

    The last two halvings are written out: a call costs as much as a block.
    """
    count = values.size
    if count <= _BLOCK:
        return block_sum(values)
    half = halved(count)
    if count <= 3 * _BLOCK:
        return sum_of_two(values[:half]) + sum_of_two(values[half:])
    return pairwise_sum(values[:half]) + pairwise_sum(values[half:])


@compiled_lean
def pairwise_squares(values, mean):
    """Return two sums as ``np.sum`` rounds them: of squared distances, and of squared falls.

    Parameters
    ----------
    values
        float64 (n,).
    mean
        What the distances are from; a fall is the distance of a negative value from 0.
    """
    count = values.size
    if count > _BLOCK:
        half = halved(count)
        first, first_falls = pairwise_squares(values[:half], mean)
        second, second_falls = pairwise_squares(values[half:], mean)
        return first + second, first_falls + second_falls
    total, falls = lane_squares(values, count // LANES, mean)
    for at in range(count - count % LANES, count):
        distance, fall = values[at] - mean, min(values[at], 0.0)
        total += distance * distance
        falls += fall * fall
    return total, falls


@compiled_inline
def quotient(numerator, denominator):
    """Return a quotient under IEEE rules: a gain over nothing is infinite."""
    if denominator != 0.0:
        return numerator / denominator
    return math.copysign(math.inf, numerator) if abs(numerator) > 0.0 else math.nan


@compiled_inline
def mean_of(values, count):
    """Return the mean of the first `count` values, NaN for none."""
    return pairwise_sum(values[:count]) / count if count else math.nan


@compiled_inline
def settled(deviation):
    """Return a deviation, 0 where rounding explains it."""
    return 0.0 if deviation <= ROUNDING else deviation


@compiled_inline
def ratio_of(mean, deviation, annual):
    """Return an annualised ratio of a mean to a deviation."""
    if deviation == 0.0 and abs(mean) <= ROUNDING:
        mean = 0.0
    return quotient(mean, deviation) * annual


@compiled_inline
def bar_returns_into(curve, capital, returns):
    """Write the bar-to-bar returns of a curve; see `btkit.metrics.bar_returns`."""
    returns[0] = curve[0] / capital - 1.0
    for bar in range(1, curve.size):
        previous = curve[bar - 1]
        change = curve[bar] / previous - 1.0
        returns[bar] = change if previous > 0.0 else 0.0


@compiled_inline
def period_returns_into(curve, ends, capital, returns):
    """Write a curve's returns from one period's end to the next."""
    before = capital
    for period in range(ends.size):
        value = curve[ends[period]]
        returns[period] = value / before - 1.0 if before > 0.0 else 0.0
        before = value


@compiled_lean
def measure_returns(curve, ends, capital, annual, scratch, out):
    """Write Sharpe, Sortino and volatility, and the returns to the first row of `scratch`."""
    count = ends.size or curve.size
    returns = scratch[0, :count]
    if ends.size:
        period_returns_into(curve, ends, capital, returns)
    else:
        bar_returns_into(curve, capital, returns)
    mean = pairwise_sum(returns) / count
    distances, falls = pairwise_squares(returns, mean)
    deviation = settled(math.sqrt(distances / (count - 1))) if count > 1 else math.nan
    downside = settled(math.sqrt(falls / count))
    out[SHARPE_RATIO] = ratio_of(mean, deviation, annual)
    out[SORTINO_RATIO] = ratio_of(mean, downside, annual)
    out[VOLATILITY] = deviation * annual


@compiled_lean
def lowest(values):
    """Return the lowest of an array without NaN, inf for an empty one."""
    least = lane_least(values, values.size // LANES)
    for at in range(values.size - values.size % LANES, values.size):
        least = min(least, values[at])
    return least


@compiled_lean
def measure_drawdown(curve, capital, days, out):
    """Write drawdown in percent, in money and in days; return the deepest and the dearest."""
    peak, peak_day, peak_bar = capital, days[0], -1
    # The bar after the one that first reached the peak, and whether the curve has been below.
    since, fallen = 0, False
    deepest = dearest = 0.0
    longest = 0
    bar = 0
    while bar < curve.size:
        stop = curve.size
        if bar + SCANNED <= stop:
            stop = bar + SCANNED
            highest = greatest(curve, bar)
            if highest < peak * _SURELY_BELOW:
                # Most bars are far below the peak.
                fallen = True
                bar = stop
                continue
            if highest == peak and peak_bar == bar - 1 and lowest(curve[bar:stop]) == peak:
                # Without a position the account stays where it is.
                bar = stop
                peak_day, peak_bar = days[bar - 1], bar - 1
                continue
        for at in range(bar, stop):
            value = curve[at]
            if value < peak:
                if value < peak * _SURELY_BELOW or value / peak - 1.0 < -ROUNDING:
                    fallen = True
                    continue
            elif value > peak:
                if fallen:
                    # Within one peak the lowest close is the deepest fall.
                    low = lowest(curve[since:at])
                    deepest = min(deepest, low / peak - 1.0)
                    dearest = min(dearest, low - peak)
                peak, since, fallen = value, at + 1, False
            if at - peak_bar > 1:
                longest = max(longest, days[at] - peak_day)
            peak_day, peak_bar = days[at], at
        bar = stop
    if fallen:
        low = lowest(curve[since:])
        deepest = min(deepest, low / peak - 1.0)
        dearest = min(dearest, low - peak)
    if peak_bar != curve.size - 1:
        longest = max(longest, days[curve.size - 1] - peak_day)
    out[MAX_DRAWDOWN_PCT] = deepest
    out[MAX_DRAWDOWN_DURATION_DAYS] = longest
    out[MAX_DRAWDOWN] = dearest
    return deepest, dearest


@compiled_lean
def measure_trades(done, values, marks, short, clock, tick_hours, scratch, out):
    """Write what the closed trades say; `scratch` is float64 (`SCRATCH_ROWS`, n_bars).

    Parameters
    ----------
    done
        How many trades there are.
    values, marks
        As the loop wrote them, see `btkit.engine.state.TradeRows`.
    short
        Whether the trades gain when the price falls.
    clock
        int64 (n_bars,): the bars' times.
    tick_hours
        Units of `clock` in an hour.
    scratch
        Overwritten.
    out
        See `METRIC_NAMES`.
    """
    pnl, hours = scratch[0], scratch[1]
    won, won_pct, won_hours = scratch[2], scratch[3], scratch[4]
    lost, lost_pct, lost_hours = scratch[5], scratch[6], scratch[7]
    wins = losses = streak = longest = 0
    best = worst = 0.0
    for trade in range(done):
        gain = values[trade, 1] - values[trade, 0]
        gross = values[trade, 2] * (-gain if short else gain)
        made = gross - values[trade, 3] - values[trade, 4]
        share = made / (values[trade, 2] * values[trade, 0])
        held = float(clock[marks[trade, 1]] - clock[marks[trade, 0]]) / tick_hours
        pnl[trade], hours[trade] = made, held
        # Written whether it counts or not: who wins is not to be foreseen, and a wrong guess of
        # the processor's costs more than three numbers.
        won[wins], won_pct[wins], won_hours[wins] = made, share, held
        lost[losses], lost_pct[losses], lost_hours[losses] = made, share, held
        best, worst = max(best, made), min(worst, made)
        wins += made > 0.0
        losses += made < 0.0
        streak = (streak + 1) * (made < 0.0)
        longest = max(longest, streak)
    out[TOTAL_TRADES], out[WINNING_TRADES], out[LOSING_TRADES] = done, wins, losses
    out[WIN_RATE] = quotient(float(wins), float(done))
    out[EXPECTANCY_PER_TRADE] = mean_of(pnl, done)
    out[LARGEST_WIN], out[LARGEST_LOSS], out[CONSECUTIVE_LOSSES_MAX] = best, worst, longest
    out[AVG_HOLDING_PERIOD] = mean_of(hours, done)
    gained, given = pairwise_sum(won[:wins]), pairwise_sum(lost[:losses])
    out[AVG_WIN] = gained / wins if wins else math.nan
    out[AVG_WIN + 1] = given / losses if losses else math.nan
    out[AVG_WIN_PCT], out[AVG_WIN_PCT + 1] = mean_of(won_pct, wins), mean_of(lost_pct, losses)
    out[AVG_WIN_HOLDING_PERIOD] = mean_of(won_hours, wins)
    out[AVG_WIN_HOLDING_PERIOD + 1] = mean_of(lost_hours, losses)
    out[PROFIT_FACTOR] = quotient(gained, -given)


@compiled_lean
def measure(curve, capital, annual, ends, days, ruined, scratch, out):
    """Write the metrics of a curve; those of the trades come from `measure_trades`.

    Parameters
    ----------
    curve
        float64 (n_bars,): account value in $ at each close.
    capital
        $ before the first bar.
    annual
        The square root of the returns per year.
    ends
        int64 (n_periods,): the last bar of each period that a return spans; empty where each bar
        is one.
    days
        int64 (n_bars,): the calendar day of each bar.
    ruined
        Whether the run ended because nothing was left.
    scratch
        float64, one row or more of n_bars: overwritten; the first then has the returns.
    out
        See `METRIC_NAMES`; at `FINITE`, 1 or 0.
    """
    count = curve.size
    last = curve[count - 1]
    gain = last - capital
    growth = last / capital
    span = days[count - 1] - days[0]
    if ruined or growth <= 0.0:
        yearly = -1.0
    elif span == 0:
        yearly = math.nan
    else:
        yearly = growth ** (DAYS_PER_YEAR / span) - 1.0
    measure_returns(curve, ends, capital, annual, scratch, out)
    deepest, dearest = measure_drawdown(curve, capital, days, out)
    out[CAGR] = out[ANNUALIZED_RETURN] = yearly
    out[CALMAR_RATIO] = quotient(yearly, -deepest)
    out[RECOVERY_FACTOR] = quotient(gain, -dearest)
    out[TOTAL_RETURN] = gain
    out[TOTAL_RETURN_PCT] = gain / capital
    # A value that is no number spoils the volatility, so only then it is worth looking for one;
    # inside a period it may not.
    out[FINITE] = 1.0
    if ends.size or not math.isfinite(out[VOLATILITY]):
        for bar in range(count):
            if not math.isfinite(curve[bar]):
                out[FINITE] = 0.0


def metrics_of(row: np.ndarray) -> Metrics:
    """Return a row of `measure` as the record that a run reports.

    Parameters
    ----------
    row : ndarray of float64, shape (n_metrics,) or longer
        In the order of `METRIC_NAMES`.
    """
    values = dict(zip(METRIC_NAMES, row.tolist(), strict=False))
    return Metrics(
        **{name: int(value) if name in WHOLE_METRICS else value for name, value in values.items()}
    )


__all__ = [
    "FINITE",
    "METRIC_NAMES",
    "SCRATCH_ROWS",
    "WHOLE_METRICS",
    "bar_returns_into",
    "measure",
    "measure_trades",
    "metrics_of",
    "pairwise_sum",
    "period_returns_into",
]
