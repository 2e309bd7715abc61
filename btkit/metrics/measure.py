"""The metrics that every run and every set of a sweep has, compiled once for both.

Returns are summed in eight sums, each of every eighth return, over `PART` bars at a time; the parts
are added up sum by sum, and the eight at last. So the order is the same on every machine and for
every caller, whether it has the whole curve or sees it part by part. What is summed are distances
from the mean of the first returns: with it the sum of squares is as good as one around the mean
itself (Chan, Golub & LeVeque 1983). Sums over trades are taken in the order of exit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.compiled import also_compiled, compiled, compiled_inline, compiled_lean
from btkit.conditions.vectors import (
    WIDTH,
    any_reaches,
    each,
    eight,
    greatest,
    highest_of,
    least,
    lowest_of,
    put,
    where_positive,
)
from btkit.metrics.curves import DAYS_PER_YEAR, ROUNDING, Floats
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

PART = 2_048
"""Bars that are measured together: what they take fits into a core's own memory."""

# Returns whose mean all others are compared with.
_FIRST = 512
# Bars that are looked at together, to find out whether they are all below a peak.
_BLOCK = 64
# Below a peak by more than this, and no rounding explains it: spares a division at each bar.
_SURELY_BELOW = 1.0 - 2.0 * ROUNDING
# Meter.lanes
_RETURNS, _DISTANCES, _SQUARES, _FALLS, _LOWS = range(5)
# Meter.numbers
_SHIFT, _PEAK, _LOW, _DEEPEST, _DEAREST = range(5)
# Meter.marks
_PEAK_DAY, _PEAK_BAR, _LONGEST = range(3)


class Meter(NamedTuple):
    """What the bars that were measured come to.

    Parameters
    ----------
    lanes
        float64 (5, `WIDTH`): sums, and the lowest values since the last peak.
    numbers
        float64 (5,): the mean of the first returns, the peak, the lowest value since, and the
        deepest falls so far as a fraction and in $.
    marks
        int64 (3,): day and bar that the account was last at its peak, and the most days between
        two such bars.
    """

    lanes: Floats
    numbers: Floats
    marks: NDArray[np.int64]


@also_compiled
def new_meter() -> Meter:
    """Return room for measuring one run after the other."""
    return Meter(np.empty((5, WIDTH)), np.empty(5), np.empty(3, np.int64))


@compiled_inline
def _clear_sums(lanes):
    for row in range(_LOWS):
        for lane in range(WIDTH):
            lanes[row, lane] = 0.0


@compiled_lean
def restart_meter(meter, capital, day):
    """Begin a run with its capital in $ and its first bar's day."""
    for lane in range(WIDTH):
        meter.lanes[_LOWS, lane] = math.inf
    _clear_sums(meter.lanes)
    for index in range(meter.numbers.size):
        meter.numbers[index] = 0.0
    meter.numbers[_PEAK], meter.numbers[_LOW] = capital, math.inf
    meter.marks[_PEAK_DAY], meter.marks[_PEAK_BAR], meter.marks[_LONGEST] = day, -1, 0


@compiled_inline
def _sum_of(lanes):
    total = 0.0
    for lane in range(WIDTH):
        total += lanes[lane]
    return total


@compiled_lean
def _add_part(worth, shift, lanes):
    returns = distances = squares = falls = nothing = each(0.0)
    one, away = each(1.0), each(shift)
    count = worth.size - 1
    whole = count - count % WIDTH
    for at in range(0, whole, WIDTH):
        before = eight(worth, at)
        change = where_positive(before, eight(worth, at + 1) / before - one)
        distance = change - away
        fall = least(change, nothing)
        returns = returns + change
        distances = distances + distance
        squares = squares + distance * distance
        falls = falls + fall * fall
    put(lanes[_RETURNS], 0, eight(lanes[_RETURNS], 0) + returns)
    put(lanes[_DISTANCES], 0, eight(lanes[_DISTANCES], 0) + distances)
    put(lanes[_SQUARES], 0, eight(lanes[_SQUARES], 0) + squares)
    put(lanes[_FALLS], 0, eight(lanes[_FALLS], 0) + falls)
    for at in range(whole, count):
        change = worth[at + 1] / worth[at] - 1.0 if worth[at] > 0.0 else 0.0
        distance, fall = change - shift, min(change, 0.0)
        lanes[_RETURNS, at - whole] += change
        lanes[_DISTANCES, at - whole] += distance
        lanes[_SQUARES, at - whole] += distance * distance
        lanes[_FALLS, at - whole] += fall * fall


@compiled_lean
def add_returns(meter, worth, first, last):
    """Measure returns `first` to `last` - 1; `worth` has one value more than there are returns.

    A return after nothing, or debt, is 0; see `btkit.metrics.bar_returns`. All but the last call
    end at a multiple of `PART`.
    """
    lanes, numbers = meter.lanes, meter.numbers
    if first == 0:
        few = min(last, _FIRST)
        _add_part(worth[: few + 1], 0.0, lanes)
        numbers[_SHIFT] = _sum_of(lanes[_RETURNS]) / few
        _clear_sums(lanes)
    for part in range(first, last, PART):
        _add_part(worth[part : min(part + PART, last) + 1], numbers[_SHIFT], lanes)


@compiled_inline
def _take_lows(numbers, lanes):
    numbers[_LOW] = min(numbers[_LOW], lowest_of(eight(lanes, 0)))
    put(lanes, 0, each(math.inf))


@compiled_inline
def _note_fall(numbers):
    fall = numbers[_LOW] / numbers[_PEAK] - 1.0
    if fall < -ROUNDING:
        numbers[_DEEPEST] = min(numbers[_DEEPEST], fall)
        numbers[_DEAREST] = min(numbers[_DEAREST], numbers[_LOW] - numbers[_PEAK])
    numbers[_LOW] = math.inf


@compiled_inline
def _note_peak(marks, days, first, last):
    if first - marks[_PEAK_BAR] > 1:
        marks[_LONGEST] = max(marks[_LONGEST], days[first] - marks[_PEAK_DAY])
    marks[_PEAK_DAY], marks[_PEAK_BAR] = days[last], last


@compiled_lean
def _add_one_by_one(numbers, marks, worth, days, first, last):
    for bar in range(first, last):
        value, peak = worth[bar + 1], numbers[_PEAK]
        if value < peak:
            if value < peak * _SURELY_BELOW or value / peak - 1.0 < -ROUNDING:
                numbers[_LOW] = min(numbers[_LOW], value)
                continue
        elif value > peak:
            _note_fall(numbers)
            numbers[_PEAK] = value
        _note_peak(marks, days, bar, bar)


@compiled_lean
def _add_block(numbers, marks, worth, days, first, last, lowest, highest):
    """Measure bars of which some may be at a peak, or above it."""
    peak = numbers[_PEAK]
    _note_fall(numbers)
    top = max(peak, highest)
    # Most often no fall between these bars is a new extreme, whichever of them the peaks are: then
    # only the first and the last at a peak matter.
    if (
        lowest > 0.0
        and lowest / top - 1.0 >= numbers[_DEEPEST]
        and lowest - top >= numbers[_DEAREST]
        and days[last - 1] - days[first] <= marks[_LONGEST]
    ):
        begin, end = first, last - 1
        while worth[begin + 1] < peak * _SURELY_BELOW:
            begin += 1
        while worth[end + 1] < top * _SURELY_BELOW:
            end -= 1
        if worth[begin + 1] / peak - 1.0 >= -ROUNDING and worth[end + 1] / top - 1.0 >= -ROUNDING:
            numbers[_PEAK] = top
            _note_peak(marks, days, begin, end)
            return
    _add_one_by_one(numbers, marks, worth, days, first, last)


@compiled_lean
def add_drawdowns(meter, worth, days, first, last):
    """Measure drawdowns at bars `first` to `last` - 1; bar 0 is `worth[1]`."""
    numbers, marks, lanes = meter.numbers, meter.marks, meter.lanes[_LOWS]
    none, low = each(math.inf), eight(lanes, 0)
    whole = last - (last - first) % _BLOCK
    for bar in range(first, whole, _BLOCK):
        high, least_here = each(-math.inf), none
        for at in range(bar + 1, bar + _BLOCK + 1, WIDTH):
            values = eight(worth, at)
            high, least_here = greatest(high, values), least(least_here, values)
        # Most bars are far below the peak.
        if not any_reaches(high, numbers[_PEAK] * _SURELY_BELOW):
            low = least(low, least_here)
            continue
        put(lanes, 0, low)
        _take_lows(numbers, lanes)
        low = none
        lowest, highest = lowest_of(least_here), highest_of(high)
        _add_block(numbers, marks, worth, days, bar, bar + _BLOCK, lowest, highest)
    put(lanes, 0, low)
    if whole < last:
        _take_lows(numbers, lanes)
        _add_one_by_one(numbers, marks, worth, days, whole, last)


@compiled_inline
def _quotient(numerator, denominator):
    # Under IEEE rules: a gain over nothing is infinite.
    if denominator != 0.0:
        return numerator / denominator
    return math.copysign(math.inf, numerator) if abs(numerator) > 0.0 else math.nan


@compiled_inline
def _mean_of(total, count):
    return total / count if count else math.nan


@compiled_inline
def _settled(deviation):
    # 0 where rounding explains it.
    return 0.0 if deviation <= ROUNDING else deviation


@compiled_inline
def _ratio_of(mean, deviation, annual):
    # Only beside a deviation of 0 does it matter whether a tiny mean is rounding.
    if deviation == 0.0 and abs(mean) <= ROUNDING:
        mean = 0.0
    return _quotient(mean, deviation) * annual


@compiled_inline
def period_returns_into(curve, ends, capital, returns):
    """Write a curve's returns from one period's end to the next."""
    before = capital
    for period in range(ends.size):
        value = curve[ends[period]]
        returns[period] = value / before - 1.0 if before > 0.0 else 0.0
        before = value


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
    out[WIN_RATE] = _quotient(float(wins), float(done))
    out[PROFIT_FACTOR] = _quotient(gained, -given)
    out[LARGEST_WIN], out[LARGEST_LOSS], out[CONSECUTIVE_LOSSES_MAX] = best, worst, longest
    out[EXPECTANCY_PER_TRADE] = _mean_of(total, done)
    out[AVG_HOLDING_PERIOD] = _mean_of(held, done)
    out[AVG_WIN], out[AVG_WIN + 1] = _mean_of(gained, wins), _mean_of(given, losses)
    out[AVG_WIN_PCT], out[AVG_WIN_PCT + 1] = _mean_of(won_pct, wins), _mean_of(lost_pct, losses)
    out[AVG_WIN_HOLDING_PERIOD] = _mean_of(won_hours, wins)
    out[AVG_WIN_HOLDING_PERIOD + 1] = _mean_of(lost_hours, losses)


@compiled_lean
def conclude(meter, worth, annual, rates, ends, days, ruined, room, out):
    """Write the metrics of a curve all of whose bars were measured; see `measure_curve`."""
    count = worth.size - 1
    capital, last = worth[0], worth[count]
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
    if ends.size:
        room[0] = capital
        for period in range(ends.size):
            room[period + 1] = worth[ends[period] + 1]
        add_returns(meter, room, 0, ends.size)
    _conclude_returns(meter, ends.size or count, annual, out)
    if rates.size:
        _conclude_excess(room if ends.size else worth, rates, annual, out)
    _conclude_drawdowns(meter, days, count - 1, out)
    out[CAGR] = out[ANNUALIZED_RETURN] = yearly
    out[CALMAR_RATIO] = _quotient(yearly, -out[MAX_DRAWDOWN_PCT])
    out[RECOVERY_FACTOR] = _quotient(gain, -out[MAX_DRAWDOWN])
    out[TOTAL_RETURN] = gain
    out[TOTAL_RETURN_PCT] = gain / capital
    # A value that is no number spoils the volatility, so only then it is worth looking for one;
    # inside a period it may not.
    out[FINITE] = 1.0
    if ends.size or not math.isfinite(out[VOLATILITY]):
        for bar in range(count):
            if not math.isfinite(worth[bar + 1]):
                out[FINITE] = 0.0


@compiled_inline
def _conclude_returns(meter, count, annual, out):
    mean, distance = _sum_of(meter.lanes[_RETURNS]) / count, _sum_of(meter.lanes[_DISTANCES])
    squares = _sum_of(meter.lanes[_SQUARES]) - distance * (distance / count)
    # Rounding may leave a sum of squares a hair below 0.
    squares = max(squares, 0.0)
    deviation = _settled(math.sqrt(squares / (count - 1))) if count > 1 else math.nan
    downside = _settled(math.sqrt(_sum_of(meter.lanes[_FALLS]) / count))
    out[SHARPE_RATIO] = _ratio_of(mean, deviation, annual)
    out[SORTINO_RATIO] = _ratio_of(mean, downside, annual)
    out[VOLATILITY] = deviation * annual


@compiled_inline
def _excess_at(values, rates, at):
    before = values[at]
    return (values[at + 1] / before - 1.0 if before > 0.0 else 0.0) - rates[at]


@compiled_lean
def _conclude_excess(values, rates, annual, out):
    # What returns are above their rates, summed part by part as well.
    count = rates.size
    total = squares = falls = 0.0
    for part in range(0, count, PART):
        some = 0.0
        for at in range(part, min(part + PART, count)):
            some += _excess_at(values, rates, at)
        total += some
    mean = total / count
    for part in range(0, count, PART):
        some = fallen = 0.0
        for at in range(part, min(part + PART, count)):
            excess = _excess_at(values, rates, at)
            distance, fall = excess - mean, min(excess, 0.0)
            some += distance * distance
            fallen += fall * fall
        squares += some
        falls += fallen
    deviation = _settled(math.sqrt(squares / (count - 1))) if count > 1 else math.nan
    out[SHARPE_RATIO] = _ratio_of(mean, deviation, annual)
    out[SORTINO_RATIO] = _ratio_of(mean, _settled(math.sqrt(falls / count)), annual)


@compiled_inline
def _conclude_drawdowns(meter, days, last, out):
    numbers, marks, lows = meter.numbers, meter.marks, meter.lanes[_LOWS]
    _take_lows(numbers, lows)
    _note_fall(numbers)
    if marks[_PEAK_BAR] != last:
        marks[_LONGEST] = max(marks[_LONGEST], days[last] - marks[_PEAK_DAY])
    out[MAX_DRAWDOWN_PCT] = numbers[_DEEPEST]
    out[MAX_DRAWDOWN_DURATION_DAYS] = marks[_LONGEST]
    out[MAX_DRAWDOWN] = numbers[_DEAREST]


@compiled
def measure(worth, annual, rates, ends, days, ruined, pnl, return_pct, hours, meter, room, out):
    """Write the metrics of one run.

    Parameters
    ----------
    worth
        float64 (n_bars + 1,): $ before the first bar, and at each close.
    annual
        The square root of the returns per year.
    rates
        float64 (n_returns,): what of each return is free of risk, taken off before Sharpe and
        Sortino ratios; empty for nothing.
    ends
        int64 (n_periods,): the last bar of each period that a return spans; empty where each bar
        is one.
    days
        int64 (n_bars,): the calendar day of each bar.
    ruined
        Whether the run ended because nothing was left.
    pnl, return_pct, hours
        See `measure_trades`.
    meter
        `Meter`.
    room
        float64 (n_periods + 1,): overwritten.
    out
        See `MEASURED`; at `FINITE`, 1 or 0.
    """
    restart_meter(meter, worth[0], days[0])
    add_drawdowns(meter, worth, days, 0, days.size)
    if not ends.size:
        add_returns(meter, worth, 0, days.size)
    conclude(meter, worth, annual, rates, ends, days, ruined, room, out)
    measure_trades(pnl, return_pct, hours, out)
