"""Timeframes as strategies write them."""

from __future__ import annotations

from collections.abc import Sequence

from btkit.markets import Interval


def timeframe_interval(text: str) -> Interval:
    """Return the length of bars that a strategy's timeframe means.

    Parameters
    ----------
    text
        As `Interval.parse` takes it; ``1M`` is a month there.

    Raises
    ------
    UsageError
        If it means none.

    Examples
    --------
    >>> timeframe_interval("1M")
    Interval(count=1, unit='mo')
    """
    return Interval.parse("1mo" if text == "1M" else text)


def fastest(timeframes: Sequence[str]) -> str:
    """Return the timeframe of the shortest bars.

    Parameters
    ----------
    timeframes
        At least one; `timeframe_interval` knows them all.

    Examples
    --------
    >>> fastest(["1d", "1h", "4h"])
    '1h'
    """
    return min(timeframes, key=lambda text: timeframe_interval(text).length)
