"""What a strategy is compared with: its instrument or another one, bought and held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from btkit.documents.models import Benchmark
from btkit.markets import Annualisation
from btkit.metrics import TradeColumns, compute_metrics
from btkit.metrics.curves import Floats

if TYPE_CHECKING:
    from btkit.simulation import Result

DEFINITION = (
    "Capital x close / first close: all capital in the instrument from the first bar's close to "
    "the last bar's, fractions of a share allowed, without commission or slippage, at the same "
    "prices as the strategy (dividends count only if those prices are adjusted for them)."
)
_WITH_DIVIDENDS = (
    "Capital x (close + dividends so far) / first close: all capital in the instrument from the "
    "first bar's close to the last bar's, fractions of a share allowed, without commission or "
    "slippage, at the same prices as the strategy. Dividends are paid as the strategy's are, and "
    "stay in cash, which earns nothing here."
)
_OF_ANOTHER = (
    "Capital x close / first close of {name}: all capital in it from the first bar's close to the "
    "last bar's, fractions of a share allowed, without commission or slippage, at prices adjusted "
    "as the strategy's are. At each bar of the run its last known close counts, also where its own "
    "market was closed."
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


def buy_and_hold(
    bars: pd.DataFrame,
    *,
    capital: float,
    annualisation: Annualisation,
    risk_free: Floats | None = None,
) -> Benchmark:
    """Measure buy-and-hold as a strategy is measured.

    Parameters
    ----------
    bars : DataFrame, shape (n_bars, n_columns)
        With a column ``close`` and a DatetimeIndex; warm-up not included.
    capital
        In $ at the first close.
    annualisation
        How the strategy's returns are taken and annualised.
    risk_free : ndarray of float64, shape (n_bars,), or None
        The rate a year that was known before each bar; None for 0.

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
        risk_free=risk_free,
    ).to_json_values()
    names = Benchmark.model_fields.keys() & values.keys() - {"undefined"}
    return Benchmark(
        name="buy_and_hold",
        definition=DEFINITION,
        undefined=[name for name in values["undefined"] if name in names],
        **{name: values[name] for name in names},
    )


def benchmark_of(result: Result) -> Benchmark:
    """Measure what a run is compared with.

    Parameters
    ----------
    result
        Of a simulation.
    """
    closes = pd.Series(result.benchmark_closes, result.bars.index)
    return _measured([result], closes, result.risk_free)


def stitched_benchmark(
    parts: Sequence[Result], closes: pd.Series[float], risk_free: Floats | None
) -> Benchmark:
    """Measure what runs that were put together are compared with.

    Parameters
    ----------
    parts
        The runs, in order.
    closes
        By bar time: what is held through all of them, in $.
    risk_free
        The rate a year that was known before each bar; None for 0.
    """
    return _measured(parts, closes, risk_free)


def _measured(
    parts: Sequence[Result], closes: pd.Series[float], risk_free: Floats | None
) -> Benchmark:
    first = parts[0]
    held = buy_and_hold(
        closes.to_frame("close"),
        capital=first.initial_capital,
        annualisation=first.annualisation,
        risk_free=risk_free,
    )
    known = first.benchmark
    if known.bars is None:
        paid = any(part.benchmark.with_dividends for part in parts)
        return held.model_copy(update={"definition": _WITH_DIVIDENDS}) if paid else held
    changes = {
        "name": "benchmark",
        "definition": _OF_ANOTHER.format(name=known.name),
        "symbol": known.symbol,
        "carried": sum(part.benchmark.carried for part in parts),
        "quality": known.quality,
    }
    return held.model_copy(update=changes)
