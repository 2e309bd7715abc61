"""Trades of a run whose lots left in parts, lot by lot (SEMANTICS 3.12)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from btkit.metrics.curves import Floats

_LOT = "lot"
_ADDED = ("shares", "pnl", "commission", "slippage_cost")
_WEIGHTED = ("exit_price", "return_pct")


def whole_lots(trades: pd.DataFrame) -> pd.DataFrame:
    """Return a list of trades with the parts of each lot as one, at its last exit.

    Parameters
    ----------
    trades
        In order of exit, as a result or a stored run has them. Without a column ``lot`` each is a
        lot by itself.

    Returns
    -------
    DataFrame
        Of a lot that left in parts ``exit_price`` and ``return_pct`` are the means by shares, and
        the excursions the furthest ones; what ended it is what ended its last part.

    Examples
    --------
    >>> whole_lots(result.trades)["pnl"].sum()  # doctest: +SKIP
    """
    if _LOT not in trades or trades[_LOT].is_unique:
        return trades
    lot = trades[_LOT].to_numpy(np.int64)
    last = ~trades[_LOT].duplicated(keep="last").to_numpy()

    def total(values: Floats) -> Floats:
        totals: Floats = np.bincount(lot, weights=values).astype(np.float64)[lot[last]]
        return totals

    found, numbers = trades[last].reset_index(drop=True), trades.select_dtypes("number")
    shares = trades["shares"].to_numpy(np.float64)
    for name in _ADDED:
        found[name] = total(numbers[name].to_numpy(np.float64))
    for name in _WEIGHTED:
        found[name] = total(numbers[name].to_numpy(np.float64) * shares) / total(shares)
    by_lot = trades.groupby(_LOT)
    found["mae_pct"] = by_lot["mae_pct"].min().loc[lot[last]].to_numpy()
    found["mfe_pct"] = by_lot["mfe_pct"].max().loc[lot[last]].to_numpy()
    return found


__all__ = ["whole_lots"]
