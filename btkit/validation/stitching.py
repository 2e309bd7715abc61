"""The out-of-sample parts of a walk-forward validation, put together into one account."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.metrics import Metrics, TradeColumns, compute_metrics
from btkit.simulation import Result


def stitch(parts: list[Result], *, capital: float) -> pd.DataFrame:
    """Return one curve over all parts, each going on with what the one before left.

    Parameters
    ----------
    parts
        Runs over stretches of bars, in order.
    capital
        $ before the first bar.

    Returns
    -------
    DataFrame
        By bar time: equity and benchmark in $, drawdown as a fraction, and the window from 0 on.
        The benchmark holds the instrument, or what the parts are measured against, from the first
        close on, without costs, through the cuts too; where parts do not follow each other, from
        the later one's first close on.
        After a ruin nothing trades any more.
    """
    frames = []
    equity, benchmark = capital, capital
    for index, part in enumerate(parts):
        own = part.equity.to_numpy() * _share(part, equity)
        if equity <= 0.0:
            own = np.full(len(own), equity)
        bought, due = _held_since(part, parts[index - 1] if index else None)
        held = (part.benchmark_closes + due) / bought * benchmark
        frames.append(
            pd.DataFrame({"equity": own, "benchmark": held, "window": index}, index=part.bars.index)
        )
        equity, benchmark = float(own[-1]), float(held[-1])
    curve = pd.concat(frames).rename_axis("time")
    peak = np.maximum(np.maximum.accumulate(curve["equity"].to_numpy()), capital)
    return curve.assign(drawdown=curve["equity"].to_numpy() / peak - 1.0)


def stitched_metrics(parts: list[Result], curve: pd.DataFrame, *, capital: float) -> Metrics:
    """Return the metrics of a stitched curve and of the trades behind it.

    Parameters
    ----------
    parts
        As for `stitch`.
    curve
        What it returned.
    capital
        $ before the first bar.

    Returns
    -------
    Metrics
        A trade's P&L is in proportion to the account that its part began with, so that all of
        them add up to what the curve gained.
    """
    before = [capital, *curve.groupby("window")["equity"].last().to_list()]
    # Once nothing is left there are no trades.
    traded = [
        (part, _share(part, equity))
        for part, equity in zip(parts, before, strict=False)
        if equity > 0.0
    ]

    def times(name: str) -> NDArray[Any]:
        found = [
            pd.DatetimeIndex(part.all_bars.index[getattr(part.positions.whole, name)])
            for part, _ in traded
        ]
        return np.concatenate(
            [index.tz_localize(None).to_numpy(dtype="datetime64[ns]") for index in found]
        )

    annualisation = parts[0].annualisation
    index = pd.DatetimeIndex(curve.index)
    return compute_metrics(
        curve["equity"].to_numpy(),
        index,
        initial_capital=capital,
        periods_per_year=annualisation.periods_per_year,
        period_ends=annualisation.period_ends(index),
        trades=TradeColumns(
            np.concatenate([part.positions.whole.pnl * share for part, share in traded]),
            np.concatenate([part.positions.whole.return_pct for part, _ in traded]),
            np.concatenate([part.positions.whole.fill_value * share for part, share in traded]),
            times("entry_bar"),
            times("exit_bar"),
        ),
        ruined=bool(curve["equity"].iloc[-1] <= 0.0),
        risk_free=stitched_rates(parts),
        benchmark=curve["benchmark"].to_numpy(),
    )


def stitched_rates(parts: list[Result]) -> NDArray[np.float64] | None:
    """Return the risk-free rate a year that was known before each bar of a stitched curve.

    Parameters
    ----------
    parts
        As for `stitch`.
    """
    rates = [part.risk_free for part in parts if part.risk_free is not None]
    return np.concatenate(rates) if rates else None


def _held_since(part: Result, before: Result | None) -> tuple[float, float]:
    """Return the close at which a part's benchmark was bought, and what it is paid at its start."""
    if before is not None:
        start = part.outcome.start
        if start and part.all_bars.index[start - 1] == before.bars.index[-1]:
            return float(part.benchmark.closes[start - 1]), part.benchmark.due
    return float(part.benchmark_closes[0]), 0.0


def _share(part: Result, equity: float) -> float:
    return equity / part.initial_capital
