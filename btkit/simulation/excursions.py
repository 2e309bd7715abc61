"""How far each lot went against its owner, and for them, between its fills (SEMANTICS 5)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from btkit.engine.inputs import Floats, Integers
from btkit.engine.orders import FillKind, Side
from btkit.engine.state import Trades


def lot_excursions(trades: Trades, bars: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return the worst and the best price of each lot against its entry fill.

    Parameters
    ----------
    trades
        The lots; their bars count in `bars`.
    bars
        Every bar, with open, high, low and close.

    Returns
    -------
    worst, best : ndarray of float64, shape (n_trades,)
        Fractions of the entry fill: at most 0, and at least 0.
    """
    entry, leaves = trades.entry_bar, trades.exit_bar
    # What a bar was before a fill inside it, or at its close, the lot has not seen.
    late = np.isin(trades.entry_kind, (FillKind.CLOSE, FillKind.LEVEL))
    first = entry + late
    opens, closes = (bars[name].to_numpy(np.float64) for name in ("open", "close"))
    held = np.where(first <= leaves, opens[leaves], trades.exit_price)
    inside = np.where(late & (entry < leaves), closes[entry], trades.entry_price)
    seen = np.vstack([trades.entry_price, trades.exit_price, held, inside])
    whole = first < leaves
    low, high = seen.min(axis=0), seen.max(axis=0)
    if whole.any():
        stretches = np.column_stack([first[whole], leaves[whole]]).ravel()
        low[whole] = np.minimum(low[whole], _reduced(np.minimum, bars["low"], stretches))
        high[whole] = np.maximum(high[whole], _reduced(np.maximum, bars["high"], stretches))
    lowest, highest = low / trades.entry_price, high / trades.entry_price
    short = trades.side == Side.SELL
    worst = np.where(short, 1.0 - highest, lowest - 1.0)
    return worst, np.where(short, 1.0 - lowest, highest - 1.0)


def _reduced(function: np.ufunc, column: pd.Series[float], stretches: Integers) -> Floats:
    # `reduceat` takes from each place to the next; every second stretch lies between two lots.
    return np.asarray(function.reduceat(column.to_numpy(np.float64), stretches)[::2])
