"""Ready signals through the loop: arrays in, metrics out."""

from __future__ import annotations

import numpy as np

from btkit.engine.inputs import Flags, Floats, Integers, as_the_loop_takes
from btkit.engine.signals_loop import measured_signals
from btkit.errors import UsageError


def measure_signals(
    closes: Floats,
    days: Integers,
    entries: Flags,
    exits: Flags,
    *,
    capital: float,
    rate: float,
    annual: float,
) -> Floats:
    """Buy with all cash at the close of an entry signal, sell at that of an exit signal.

    One set of a sweep, by the same loop and the same metrics, with nothing between the arrays and
    them: for who has signals already and asks for very many runs. `btkit.simulate` checks bars
    and keeps trades; this does neither.

    Parameters
    ----------
    closes : ndarray of float64, shape (n_bars,)
        Prices in $, finite and above 0.
    days : ndarray of int64, shape (n_bars,)
        The calendar day of each bar, counted from any one.
    entries, exits : ndarray of bool, shape (n_bars,)
        Where to buy if nothing is held, and where to sell what is held.
    capital
        $ at the start.
    rate
        Commission as a fraction of each fill.
    annual
        The square root of the bars per year; each bar has a return.

    Returns
    -------
    ndarray of float64, shape (n_metrics + 1,)
        In the order of `btkit.metrics.MEASURED`; at last 0 where the account was not finite.

    Raises
    ------
    UsageError
        If the arrays are empty, or not of one length.

    Examples
    --------
    >>> from btkit.metrics import MEASURED
    >>> closes, days = np.array([100.0, 110.0, 121.0]), np.arange(3)
    >>> enter, leave = np.array([True, False, False]), np.array([False, False, True])
    >>> row = measure_signals(closes, days, enter, leave, capital=1e3, rate=0.0, annual=252**0.5)
    >>> round(float(row[MEASURED.index("total_return_pct")]), 12)
    0.21
    """
    bars = len(closes)
    if not bars or not len(days) == len(entries) == len(exits) == bars:
        raise UsageError(
            f"closes, days, entries and exits have {bars}, {len(days)}, {len(entries)} and "
            f"{len(exits)} bars",
            hint="pass one value of each per bar, and at least one bar",
        )
    # Columns of a frame need not be contiguous, and compiled code reads several bars at once.
    row: Floats = measured_signals(
        as_the_loop_takes(closes),
        as_the_loop_takes(days, np.int64),
        as_the_loop_takes(entries, np.bool_),
        as_the_loop_takes(exits, np.bool_),
        float(capital),
        float(rate),
        float(annual),
    )
    return row


__all__ = ["measure_signals"]
