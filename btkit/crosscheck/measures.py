"""The metrics of a run in plain Python, from the text of SEMANTICS 5.

Sums are exact (`math.fsum`). A quotient follows IEEE arithmetic: something over nothing is
infinite, nothing over nothing is undefined, which is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime

from btkit.crosscheck.records import Instrument, PlainTrade

_DAYS_PER_YEAR = 365.25
_ROUNDING = 16 * 2.0**-52
"""What is no further from 0 than this, as a fraction of the account, is rounding, not money."""

MONEY = frozenset(
    {
        "avg_loss",
        "avg_win",
        "expectancy_per_trade",
        "largest_loss",
        "largest_win",
        "max_drawdown",
        "total_return",
    }
)
"""Metrics in $."""


def returns_of(equity: Sequence[float], capital: float) -> list[float]:
    """5: From one value to the next, the initial capital first; 0 where nothing is left to earn."""
    returns, before = [], capital
    for value in equity:
        returns.append(value / before - 1.0 if before > 0.0 else 0.0)
        before = value
    return returns


def session_values(
    times: Sequence[datetime],
    equity: Sequence[float],
    sessions: Sequence[tuple[datetime, datetime]],
) -> list[float]:
    """5: Equity at the last bar of each session; one without bars is skipped.

    Parameters
    ----------
    times, equity
        One each a bar, at least one, ascending.
    sessions
        Opening and closing moments, ascending. A bar between two sessions counts for the later
        one if that has opened by the last bar, else for the earlier; one after them all for the
        last.
    """
    opened = [session for session in sessions if session[0] <= times[-1]]
    values: dict[int, float] = {}
    place = 0
    for moment, value in zip(times, equity, strict=True):
        while place < len(opened) - 1 and moment >= opened[place][1]:
            place += 1
        values[place] = value
    return list(values.values())


def held_values(instrument: Instrument, start: int) -> list[float]:
    """5: What a share is worth that is bought and held, with the dividends paid since the start."""
    paid, values = 0.0, []
    for i, close in enumerate(instrument.close):
        paid += instrument.dividends[i] if i > start else 0.0
        values.append(close + paid)
    return values


def quotient(numerator: float, denominator: float) -> float:
    """Return a quotient as IEEE arithmetic has it."""
    if denominator != 0.0:
        return numerator / denominator
    return math.copysign(math.inf, numerator) if abs(numerator) > 0.0 else math.nan


def mean(values: Sequence[float]) -> float:
    """Return the mean, NaN of nothing."""
    return math.fsum(values) / len(values) if values else math.nan


def deviation(values: Sequence[float]) -> float:
    """Return the standard deviation, ddof 1; 0 where rounding explains it."""
    if len(values) <= 1:
        return math.nan
    middle = mean(values)
    found = math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))
    return 0.0 if found <= _ROUNDING else found


def downside(returns: Sequence[float]) -> float:
    """5: sqrt(mean(min(e, 0)^2)); 0 where rounding explains it."""
    found = math.sqrt(mean([min(value, 0.0) ** 2 for value in returns]))
    return 0.0 if found <= _ROUNDING else found


def ratio(returns: Sequence[float], risk: float, a: float) -> float:
    """5: mean(e) / risk x sqrt(A)."""
    middle = mean(returns)
    if risk == 0.0 and abs(middle) <= _ROUNDING:
        middle = 0.0
    return quotient(middle, risk) * math.sqrt(a)


def drawdowns(equity: Sequence[float], capital: float) -> tuple[list[float], list[float]]:
    """5: How far each bar is below the highest value so far, the initial capital being the first.

    Returns
    -------
    tuple of list of float
        As fractions of the peak, and in $; at most 0.
    """
    fractions, money, peak = [], [], capital
    for value in equity:
        peak = max(peak, value)
        depth = value / peak - 1.0
        fell = depth < -_ROUNDING
        fractions.append(depth if fell else 0.0)
        money.append(value - peak if fell else 0.0)
    return fractions, money


def longest_drawdown(depths: Sequence[float], days: Sequence[date]) -> int:
    """5: Calendar days from a peak to its recovery, or to the end, at longest."""
    peak, longest, below = days[0], 0, False
    for depth, day in zip(depths, days, strict=True):
        if depth < 0.0 or below:
            longest = max(longest, (day - peak).days)
        below = depth < 0.0
        if not below:
            peak = day
    return longest


def growth_a_year(growth: float, days: int, *, ruined: bool) -> float:
    """5: `cagr` is growth^(365.25 / days) - 1, or -1 if ruined."""
    if ruined or growth <= 0.0:
        return -1.0
    if days == 0:
        return math.nan
    try:
        return math.pow(growth, _DAYS_PER_YEAR / days) - 1.0
    except OverflowError:
        return math.inf


def longest_streak(losses: Iterable[bool]) -> int:
    """5: The most losing trades in a row, in the order of the list."""
    longest = streak = 0
    for lost in losses:
        streak = streak + 1 if lost else 0
        longest = max(longest, streak)
    return longest


def standard_moment(returns: Sequence[float], power: int) -> float:
    """5: `skew` and `kurtosis` are raw: mean((r - mean)^k) / std(r, ddof 0)^k."""
    middle = mean(returns)
    width = math.sqrt(mean([(value - middle) ** 2 for value in returns]))
    if width <= _ROUNDING:
        return math.nan
    return mean([(value - middle) ** power for value in returns]) / width**power


def quantile(returns: Sequence[float], share: float) -> float:
    """5: The linear quantile."""
    ordered = sorted(returns)
    place = share * (len(ordered) - 1)
    low = ordered[math.floor(place)]
    return low + (place - math.floor(place)) * (ordered[math.ceil(place)] - low)


def expected_shortfall(returns: Sequence[float]) -> float:
    """5: The mean of what is at or below the 5 % quantile, as a positive loss."""
    bound = max(quantile(returns, 0.05), min(returns))
    return -mean([value for value in returns if value <= bound])


def positive_months(equity: Sequence[float], days: Sequence[date], capital: float) -> float:
    """5: The share of the calendar months with bars that ended higher than they began."""
    ends = {(day.year, day.month): value for day, value in zip(days, equity, strict=True)}
    gains = returns_of(list(ends.values()), capital)
    return mean([float(gain > _ROUNDING) for gain in gains])


def measure_returns(returns: Sequence[float]) -> dict[str, float]:
    """Return the metrics of the distribution of returns by name."""
    gained = math.fsum(value for value in returns if value > 0.0)
    lost = -math.fsum(value for value in returns if value < 0.0)
    return {
        "skew": standard_moment(returns, 3),
        "kurtosis": standard_moment(returns, 4),
        "value_at_risk_95": -quantile(returns, 0.05),
        "expected_shortfall_95": expected_shortfall(returns),
        "tail_ratio": quotient(quantile(returns, 0.95), abs(quantile(returns, 0.05))),
        "omega_ratio": quotient(gained, lost),
        "best_day": max(returns),
        "worst_day": min(returns),
    }


def measure_against(
    returns: Sequence[float], benchmark: Sequence[float], a: float
) -> dict[str, float]:
    """5: beta, alpha, correlation, information ratio and tracking error, by name.

    Parameters
    ----------
    returns, benchmark
        Over the same periods.
    a
        How many returns make a year.
    """
    middle, base = mean(returns), mean(benchmark)
    width, base_width = deviation(returns), deviation(benchmark)
    products = [
        (value - middle) * (other - base) for value, other in zip(returns, benchmark, strict=True)
    ]
    covariance = quotient(math.fsum(products), float(len(returns) - 1))
    beta = covariance / base_width**2 if base_width else math.nan
    ahead = [value - other for value, other in zip(returns, benchmark, strict=True)]
    error = deviation(ahead)
    return {
        "beta": beta,
        "alpha": (middle - beta * base) * a,
        "correlation": covariance / (width * base_width) if width * base_width else math.nan,
        "information_ratio": ratio(ahead, error, a),
        "tracking_error": error * math.sqrt(a),
    }


def measure_curve(
    equity: Sequence[float],
    days: Sequence[date],
    returns: Sequence[float],
    *,
    capital: float,
    a: float,
    ruined: bool,
    rates: Sequence[float],
) -> dict[str, float]:
    """Return the metrics of the curve by name.

    Parameters
    ----------
    equity, days
        One each a bar.
    returns
        From bar to bar, or from session to session.
    capital
        $ before the first bar.
    a
        How many returns make a year.
    ruined
        Whether the account was lost.
    rates
        The risk-free rate a year that was known before each return.
    """
    excess = [value - rate / a for value, rate in zip(returns, rates, strict=True)]
    depths, money = drawdowns(equity, capital)
    gained = equity[-1] - capital
    growth = growth_a_year(equity[-1] / capital, (days[-1] - days[0]).days, ruined=ruined)
    spread = deviation(returns)
    return {
        **measure_returns(returns),
        "ulcer_index": math.sqrt(mean([depth**2 for depth in depths])),
        "positive_months": positive_months(equity, days, capital),
        "sharpe_ratio": ratio(excess, deviation(excess), a),
        "sortino_ratio": ratio(excess, downside(excess), a),
        "volatility": spread * math.sqrt(a),
        "cagr": growth,
        "annualized_return": growth,
        "calmar_ratio": quotient(growth, -min(depths)),
        "max_drawdown_pct": min(depths),
        "max_drawdown": min(money),
        "max_drawdown_duration_days": longest_drawdown(depths, days),
        "recovery_factor": quotient(gained, -min(money)),
        "total_return": gained,
        "total_return_pct": gained / capital,
    }


def system_quality(gains: Sequence[float]) -> float:
    """5: `sqn` is sqrt(n) x mean / std of the trades' P&L; equal ones have no deviation."""
    if len(gains) <= 1:
        return math.nan
    middle = mean(gains)
    width = math.sqrt(math.fsum((gain - middle) ** 2 for gain in gains) / (len(gains) - 1))
    if width <= _ROUNDING * abs(middle):
        width = 0.0
    return quotient(math.sqrt(len(gains)) * middle, width)


def kelly(gains: Sequence[float], wins: Sequence[float], losses: Sequence[float]) -> float:
    """5: Win rate - (1 - win rate) / (mean win / |mean loss|); the win rate without a loss."""
    share = quotient(len(wins), len(gains))
    if not losses:
        return share
    payoff = mean(wins) / -mean(losses) if wins else 0.0
    return share - quotient(1.0 - share, payoff)


def exposure(trades: Sequence[PlainTrade], bars: int) -> float:
    """5: The share of bars with an open position at the close."""
    held = {bar for trade in trades for bar in range(trade.entry_bar, trade.exit_bar)}
    return len(held) / bars


def turnover(trades: Sequence[PlainTrade], equity: Sequence[float], days: Sequence[date]) -> float:
    """5: The sum of |fill value| / 2 / mean equity, a year; none within one day.

    3.13: A fill's value is units x multiplier x price.
    """
    span = (days[-1] - days[0]).days
    if span == 0:
        return math.nan
    filled = math.fsum(
        trade.shares * trade.multiplier * (abs(trade.entry_price) + abs(trade.exit_price))
        for trade in trades
    )
    return quotient(filled / 2.0, mean(equity)) * 365.25 / span


def whole_lots(trades: Sequence[PlainTrade]) -> list[PlainTrade]:
    """3.12: A lot's parts are one trade, at its last exit; its return is of all its shares."""
    parts: dict[int, list[PlainTrade]] = {}
    for trade in trades:
        # Taken out and put in again, the lot that left last is the last one.
        parts[trade.lot] = [*parts.pop(trade.lot, []), trade]
    return [_together(listed) for listed in parts.values()]


def _together(parts: Sequence[PlainTrade]) -> PlainTrade:
    if len(parts) == 1:
        return parts[0]
    last, pnl = parts[-1], 0.0
    for part in parts:
        pnl += part.pnl
    return replace(
        last,
        shares=last.entered,
        pnl=pnl,
        return_pct=pnl / (last.entered * last.multiplier * last.entry_price),
        commission=math.fsum(part.commission for part in parts),
        slippage_cost=math.fsum(part.slippage_cost for part in parts),
    )


def measure_trades(
    rows: Sequence[PlainTrade], times: Sequence[datetime], *, start: int
) -> dict[str, float]:
    """Return the metrics of the list of trades by name.

    Parameters
    ----------
    rows
        In the order of exit, one for each part of a lot.
    times
        Of all bars, warm-up included.
    start
        The first bar at which orders were decided.
    """
    trades = whole_lots(rows)
    won = [trade for trade in trades if trade.pnl > 0.0]
    lost = [trade for trade in trades if trade.pnl < 0.0]
    wins, losses = [trade.pnl for trade in won], [trade.pnl for trade in lost]

    def hours(some: Sequence[PlainTrade]) -> float:
        spans = [times[trade.exit_bar] - times[trade.entry_bar] for trade in some]
        return mean([span.total_seconds() / 3600.0 for span in spans])

    return {
        "total_trades": len(trades),
        "winning_trades": len(won),
        "losing_trades": len(lost),
        "exposure": exposure(trades, len(times) - start),
        "sqn": system_quality([trade.pnl for trade in trades]),
        "kelly": kelly([trade.pnl for trade in trades], wins, losses),
        "win_rate": quotient(len(won), len(trades)),
        "profit_factor": quotient(math.fsum(wins), -math.fsum(losses)),
        "expectancy_per_trade": mean([trade.pnl for trade in trades]),
        "avg_win": mean(wins),
        "avg_loss": mean(losses),
        "avg_win_pct": mean([trade.return_pct for trade in won]),
        "avg_loss_pct": mean([trade.return_pct for trade in lost]),
        "largest_win": max(wins, default=0.0),
        "largest_loss": min(losses, default=0.0),
        "consecutive_losses_max": longest_streak(trade.pnl < 0.0 for trade in trades),
        "avg_holding_period": hours(trades),
        "avg_win_holding_period": hours(won),
        "avg_loss_holding_period": hours(lost),
    }
