"""The measures of returns, in plain Python from the text of SEMANTICS 5, one session at a time.

It knows an exchange's sessions as a list of (opening, closing) moments, and nothing of btkit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime


def returns_by_bar(equity: Sequence[float], capital: float) -> list[float]:
    """From bar to bar, the initial capital first."""
    returns = []
    before = capital
    for value in equity:
        returns.append(value / before - 1.0 if before > 0.0 else 0.0)
        before = value
    return returns


def returns_by_session(
    times: Sequence[datetime],
    equity: Sequence[float],
    sessions: Sequence[tuple[datetime, datetime]],
    capital: float,
) -> list[float]:
    """From the last bar of one session to the last bar of the next; one without bars is skipped."""
    last_of_sessions = []
    for opening, closing in sessions:
        inside = [
            value
            for moment, value in zip(times, equity, strict=True)
            if opening <= moment < closing
        ]
        if inside:
            last_of_sessions.append(inside[-1])
    return returns_by_bar(last_of_sessions, capital)


def sharpe_ratio(returns: Sequence[float], a: float) -> float:
    """Return mean(r) / std(r, ddof=1) x sqrt(A)."""
    return math.fsum(returns) / len(returns) / deviation(returns) * math.sqrt(a)


def sortino_ratio(returns: Sequence[float], a: float) -> float:
    """Return mean(r) / sqrt(mean(min(r, 0)^2)) x sqrt(A)."""
    falls = math.fsum(min(r, 0.0) ** 2 for r in returns) / len(returns)
    return math.fsum(returns) / len(returns) / math.sqrt(falls) * math.sqrt(a)


def volatility(returns: Sequence[float], a: float) -> float:
    """Return std x sqrt(A)."""
    return deviation(returns) * math.sqrt(a)


def deviation(returns: Sequence[float]) -> float:
    """Return the standard deviation, ddof 1."""
    mean = math.fsum(returns) / len(returns)
    return math.sqrt(math.fsum((r - mean) ** 2 for r in returns) / (len(returns) - 1))
