"""How far each lot went against its owner, and for them, between its fills (SEMANTICS 5)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from btkit.engine.inputs import Floats, Integers
from btkit.engine.orders import Side
from btkit.simulation.simulated import Closed


def lot_excursions(
    closed: Closed, bars: pd.DataFrame, *, side: Integers, at_close: bool
) -> tuple[Floats, Floats]:
    """Return the worst and the best price of each lot against its entry fill.

    Parameters
    ----------
    closed
        The lots; their bars count in `bars`.
    bars
        Every bar, with open, high, low and close.
    side : ndarray of int64, shape (n_trades,)
        Which way each entry went: a `Side`.
    at_close
        Whether they were entered at a bar's close, whose high and low then came before.

    Returns
    -------
    worst, best : ndarray of float64, shape (n_trades,)
        Fractions of the entry fill: at most 0, and at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> bars = pd.DataFrame({"open": [10.0, 10.0], "high": [12.0, 11.0], "low": [9.0, 8.0],
    ...                      "close": [10.0, 11.0]})
    >>> one, row = np.ones(1), np.zeros(1, np.int64)
    >>> lot = Closed(row, row + 1, one * 10, one * 11, *[one] * 7)
    >>> worst, best = lot_excursions(lot, bars, side=row + Side.BUY, at_close=False)
    >>> [round(float(part[0]), 12) for part in (worst, best)]
    [-0.1, 0.2]
    """
    entry, leaves = closed.entry_bar, closed.exit_bar
    first = entry + at_close
    held = np.where(first <= leaves, bars["open"].to_numpy(np.float64)[leaves], closed.exit_price)
    inside = bars["close"].to_numpy(np.float64)[entry] if at_close else closed.entry_price
    seen = np.vstack([closed.entry_price, closed.exit_price, held, inside])
    whole = first < leaves
    low, high = seen.min(axis=0), seen.max(axis=0)
    if whole.any():
        stretches = np.column_stack([first[whole], leaves[whole]]).ravel()
        low[whole] = np.minimum(low[whole], _reduced(np.minimum, bars["low"], stretches))
        high[whole] = np.maximum(high[whole], _reduced(np.maximum, bars["high"], stretches))
    lowest, highest = low / closed.entry_price, high / closed.entry_price
    short = side == Side.SELL
    worst = np.where(short, 1.0 - highest, lowest - 1.0)
    return worst, np.where(short, 1.0 - lowest, highest - 1.0)


def _reduced(function: np.ufunc, column: pd.Series[float], stretches: Integers) -> Floats:
    # `reduceat` takes from each place to the next; every second stretch lies between two lots.
    return np.asarray(function.reduceat(column.to_numpy(np.float64), stretches)[::2])
