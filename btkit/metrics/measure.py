"""The metrics that every run and every set of a sweep has, compiled once for both.

A sum of returns is folded: the second half of the numbers is added to the first, element by
element, until `_FEW` or fewer are left, and those are added in order. That is pairwise summation
(Higham 1993, its error grows with the logarithm of the count), and it is the same on every machine
and for every caller; the compiler adds many at once without changing the order. Sums over trades
are taken in the order of exit.
"""

from __future__ import annotations

import math

from btkit.conditions.compiled import compiled, compiled_inline, compiled_lean
from btkit.metrics.curves import DAYS_PER_YEAR, ROUNDING
from btkit.metrics.further import MEASURED

FINITE = len(MEASURED)
"""Where `measure` says whether the equity curve was finite."""

# Places in a row; where a loss's metric follows its win's, only the win's is named.
TOTAL_TRADES = MEASURED.index("total_trades")
WINNING_TRADES = MEASURED.index("winning_trades")
LOSING_TRADES = MEASURED.index("losing_trades")
WIN_RATE = MEASURED.index("win_rate")
PROFIT_FACTOR = MEASURED.index("profit_factor")
EXPECTANCY_PER_TRADE = MEASURED.index("expectancy_per_trade")
AVG_WIN_PCT = MEASURED.index("avg_win_pct")
LARGEST_WIN = MEASURED.index("largest_win")
LARGEST_LOSS = MEASURED.index("largest_loss")
CONSECUTIVE_LOSSES_MAX = MEASURED.index("consecutive_losses_max")
CAGR = MEASURED.index("cagr")
MAX_DRAWDOWN_PCT = MEASURED.index("max_drawdown_pct")
MAX_DRAWDOWN_DURATION_DAYS = MEASURED.index("max_drawdown_duration_days")
SHARPE_RATIO = MEASURED.index("sharpe_ratio")
SORTINO_RATIO = MEASURED.index("sortino_ratio")
CALMAR_RATIO = MEASURED.index("calmar_ratio")
RECOVERY_FACTOR = MEASURED.index("recovery_factor")
TOTAL_RETURN = MEASURED.index("total_return")
TOTAL_RETURN_PCT = MEASURED.index("total_return_pct")
ANNUALIZED_RETURN = MEASURED.index("annualized_return")
VOLATILITY = MEASURED.index("volatility")
MAX_DRAWDOWN = MEASURED.index("max_drawdown")
AVG_WIN = MEASURED.index("avg_win")
AVG_HOLDING_PERIOD = MEASURED.index("avg_holding_period")
AVG_WIN_HOLDING_PERIOD = MEASURED.index("avg_win_holding_period")

SCRATCH_ROWS = 2
"""How many rows of numbers `measure` writes on its way."""

_FEW = 16
# Bars that are looked at together, to find out whether they are all below a peak.
_SCANNED = 32
# Below a peak by more than this, and no rounding explains it: spares a division at each bar.
_SURELY_BELOW = 1.0 - 2.0 * ROUNDING


@compiled_inline
def fold(room, count):
    """Return the sum of the first `count` numbers of `room`, which is overwritten."""
    while count > _FEW:
        half = (count + 1) // 2
        first, second = room[: count - half], room[half:count]
        for at in range(first.size):
            first[at] += second[at]
        count = half
    total = 0.0
    for at in range(count):
        total += room[at]
    return total


@compiled_lean
def folded_sum(values, room):
    """Return the sum of an array; `room` is as long, and overwritten."""
    half = (values.size + 1) // 2
    first, second, sums = values[: values.size - half], values[half:], room[:half]
    for at in range(first.size):
        sums[at] = first[at] + second[at]
    if first.size < half:
        sums[half - 1] = values[half - 1]
    return fold(room, half)


@compiled_lean
def squared_distances(values, mean, room):
    """Return the sum of squared distances from `mean`; `room` is as long, and overwritten."""
    half = (values.size + 1) // 2
    first, second, sums = values[: values.size - half], values[half:], room[:half]
    for at in range(first.size):
        one, other = first[at] - mean, second[at] - mean
        sums[at] = one * one + other * other
    if first.size < half:
        sums[half - 1] = (values[half - 1] - mean) ** 2
    return fold(room, half)


@compiled_lean
def squared_falls(values, room):
    """Return the sum of the squares of what is below 0; `room` is as long, and overwritten."""
    half = (values.size + 1) // 2
    first, second, sums = values[: values.size - half], values[half:], room[:half]
    for at in range(first.size):
        one = min(0.0, first[at])
        other = min(0.0, second[at])
        sums[at] = one * one + other * other
    if first.size < half:
        sums[half - 1] = min(values[half - 1], 0.0) ** 2
    return fold(room, half)


@compiled_inline
def quotient(numerator, denominator):
    """Return a quotient under IEEE rules: a gain over nothing is infinite."""
    if denominator != 0.0:
        return numerator / denominator
    return math.copysign(math.inf, numerator) if abs(numerator) > 0.0 else math.nan


@compiled_inline
def mean_of(total, count):
    """Return the mean behind a sum, NaN of nothing."""
    return total / count if count else math.nan


@compiled_inline
def settled(deviation):
    """Return a deviation, 0 where rounding explains it."""
    return 0.0 if deviation <= ROUNDING else deviation


@compiled_inline
def ratio_of(mean, deviation, annual):
    """Return an annualised ratio of a mean to a deviation."""
    # Only beside a deviation of 0 does it matter whether a tiny mean is rounding.
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
    returns, room = scratch[0, :count], scratch[1]
    if ends.size:
        period_returns_into(curve, ends, capital, returns)
    else:
        bar_returns_into(curve, capital, returns)
    mean = folded_sum(returns, room) / count
    distances = squared_distances(returns, mean, room)
    deviation = settled(math.sqrt(distances / (count - 1))) if count > 1 else math.nan
    downside = settled(math.sqrt(squared_falls(returns, room) / count))
    out[SHARPE_RATIO] = ratio_of(mean, deviation, annual)
    out[SORTINO_RATIO] = ratio_of(mean, downside, annual)
    out[VOLATILITY] = deviation * annual


@compiled_inline
def all_below(values, bound):
    """Return whether no value reaches a bound."""
    reached = False
    for at in range(values.size):
        reached |= values[at] >= bound
    return not reached


@compiled_inline
def all_equal(values, value):
    """Return whether every value is the same as another one."""
    other = False
    for at in range(values.size):
        other |= values[at] != value
    return not other


@compiled_lean
def lowest(values, room):
    """Return the lowest of an array without NaN, inf for an empty one; `room` is overwritten."""
    found, count = math.inf, values.size
    if count > _SCANNED:
        half = (count + 1) // 2
        first, second, least = values[: count - half], values[half:], room[:half]
        for at in range(first.size):
            least[at] = min(second[at], first[at])
        if first.size < half:
            least[half - 1] = values[half - 1]
        while half > _FEW:
            count, half = half, (half + 1) // 2
            first, second = room[: count - half], room[half:count]
            for at in range(first.size):
                first[at] = min(second[at], first[at])
        for at in range(half):
            found = min(found, room[at])
        return found
    for at in range(count):
        found = min(found, values[at])
    return found


@compiled_lean
def measure_drawdown(curve, capital, days, room, out):
    """Write drawdown in percent, in money and in days; return the deepest and the dearest."""
    peak, peak_day, peak_bar = capital, days[0], -1
    # The bar after the one that first reached the peak, and whether the curve has been below.
    since, fallen = 0, False
    deepest = dearest = 0.0
    longest = 0
    bar = 0
    while bar < curve.size:
        stop = min(bar + _SCANNED, curve.size)
        # Most bars are far below the peak.
        if all_below(curve[bar:stop], peak * _SURELY_BELOW):
            fallen = True
            bar = stop
            continue
        if peak_bar == bar - 1 and all_equal(curve[bar:stop], peak):
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
                    low = lowest(curve[since:at], room)
                    deepest = min(deepest, low / peak - 1.0)
                    dearest = min(dearest, low - peak)
                peak, since, fallen = value, at + 1, False
            if at - peak_bar > 1:
                longest = max(longest, days[at] - peak_day)
            peak_day, peak_bar = days[at], at
        bar = stop
    if fallen:
        low = lowest(curve[since:], room)
        deepest = min(deepest, low / peak - 1.0)
        dearest = min(dearest, low - peak)
    if peak_bar != curve.size - 1:
        longest = max(longest, days[curve.size - 1] - peak_day)
    out[MAX_DRAWDOWN_PCT] = deepest
    out[MAX_DRAWDOWN_DURATION_DAYS] = longest
    out[MAX_DRAWDOWN] = dearest
    return deepest, dearest


@compiled_lean
def measure_trades(pnl, return_pct, hours, out):
    """Write what the closed trades say.

    Parameters
    ----------
    pnl, return_pct, hours
        float64 (n_trades,), in order of exit: $, a fraction, calendar time held.
    out
        See `MEASURED`.
    """
    done = pnl.size
    wins = losses = streak = longest = 0
    best = worst = 0.0
    total = gained = given = held = 0.0
    won_pct = lost_pct = won_hours = lost_hours = 0.0
    for trade in range(done):
        made, share, spent = pnl[trade], return_pct[trade], hours[trade]
        # Chosen, not skipped: who wins is not to be foreseen, and a wrong guess of the
        # processor's costs more than six sums.
        won, lost = made > 0.0, made < 0.0
        total += made
        held += spent
        gained += made if won else 0.0
        given += made if lost else 0.0
        won_pct += share if won else 0.0
        lost_pct += share if lost else 0.0
        won_hours += spent if won else 0.0
        lost_hours += spent if lost else 0.0
        best, worst = max(best, made), min(worst, made)
        wins += won
        losses += lost
        streak = (streak + 1) * lost
        longest = max(longest, streak)
    out[TOTAL_TRADES], out[WINNING_TRADES], out[LOSING_TRADES] = done, wins, losses
    out[WIN_RATE] = quotient(float(wins), float(done))
    out[PROFIT_FACTOR] = quotient(gained, -given)
    out[LARGEST_WIN], out[LARGEST_LOSS], out[CONSECUTIVE_LOSSES_MAX] = best, worst, longest
    out[EXPECTANCY_PER_TRADE] = mean_of(total, done)
    out[AVG_HOLDING_PERIOD] = mean_of(held, done)
    out[AVG_WIN], out[AVG_WIN + 1] = mean_of(gained, wins), mean_of(given, losses)
    out[AVG_WIN_PCT], out[AVG_WIN_PCT + 1] = mean_of(won_pct, wins), mean_of(lost_pct, losses)
    out[AVG_WIN_HOLDING_PERIOD] = mean_of(won_hours, wins)
    out[AVG_WIN_HOLDING_PERIOD + 1] = mean_of(lost_hours, losses)


@compiled_lean
def measure_curve(curve, capital, annual, ends, days, ruined, scratch, out):
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
        float64 (`SCRATCH_ROWS`, n_bars): overwritten; the first row then has the returns.
    out
        See `MEASURED`; at `FINITE`, 1 or 0.
    """
    count = curve.size
    last = curve[count - 1]
    gain = last - capital
    growth = last / capital
    span = days[count - 1] - days[0]
    # A root of what is not above 0 has no meaning; who lost everything lost it at any pace.
    if ruined or growth <= 0.0:
        yearly = -1.0
    elif span == 0:
        yearly = math.nan
    else:
        yearly = growth ** (DAYS_PER_YEAR / span) - 1.0
    measure_returns(curve, ends, capital, annual, scratch, out)
    deepest, dearest = measure_drawdown(curve, capital, days, scratch[1], out)
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


@compiled
def measure(curve, capital, annual, ends, days, ruined, pnl, return_pct, hours, scratch, out):
    """Write the metrics of one run; see `measure_curve` and `measure_trades`."""
    measure_curve(curve, capital, annual, ends, days, ruined, scratch, out)
    measure_trades(pnl, return_pct, hours, out)
