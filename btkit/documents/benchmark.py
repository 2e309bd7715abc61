"""Buy-and-hold: what every strategy is compared with."""

from __future__ import annotations

import numpy as np
import pandas as pd

from btkit.documents.models import Benchmark
from btkit.markets import Annualisation
from btkit.metrics import TradeColumns, compute_metrics

DEFINITION = (
    "Capital x close / first close: all capital in the instrument from the first bar's close to "
    "the last bar's, fractions of a share allowed, without commission or slippage, at the same "
    "prices as the strategy (dividends count only if those prices are adjusted for them)."
)


def buy_and_hold_equity(bars: pd.DataFrame, *, capital: float) -> pd.Series[float]:
    """Return the account of someone who buys at the first close and holds.

    Parameters
    ----------
    bars : DataFrame, shape (n_bars, n_columns)
        With a column ``close``; the bars of the run, warm-up not included.
    capital
        In $ at the first close.

    Returns
    -------
    Series, shape (n_bars,)
        In $, by bar time: capital x close / first close.
    """
    close = np.asarray(bars["close"], dtype=np.float64)
    return pd.Series(capital * (close / close[0]), index=bars.index, name="buy_and_hold")


def buy_and_hold(bars: pd.DataFrame, *, capital: float, annualisation: Annualisation) -> Benchmark:
    """Measure buy-and-hold as a strategy is measured.

    Parameters
    ----------
    bars : DataFrame, shape (n_bars, n_columns)
        With a column ``close`` and a DatetimeIndex; warm-up not included.
    capital
        In $ at the first close.
    annualisation
        How the strategy's returns are taken and annualised.

    Returns
    -------
    Benchmark
        Values as JSON carries them; its `definition` says what was measured.
    """
    index = pd.DatetimeIndex(bars.index)
    values = compute_metrics(
        buy_and_hold_equity(bars, capital=capital).to_numpy(),
        index,
        initial_capital=capital,
        periods_per_year=annualisation.periods_per_year,
        period_ends=annualisation.period_ends(index),
        trades=TradeColumns.empty(),
    ).to_json_values()
    names = Benchmark.model_fields.keys() & values.keys() - {"undefined"}
    return Benchmark(
        name="buy_and_hold",
        definition=DEFINITION,
        undefined=[name for name in values["undefined"] if name in names],
        **{name: values[name] for name in names},
    )
