"""The trades of a run at random times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from btkit.documents.evidence.sections import ChanceSection
from btkit.models.evidence import Trips, random_returns
from btkit.simulation.shares import SharePositions

if TYPE_CHECKING:
    from btkit.simulation.trained import ModelResult

FIGURES = 6
"""Digits of the draws' returns that a document keeps."""


def trips_of(run: ModelResult) -> Trips:
    """Return the trades of a run, in order of entry, as fractions of the account.

    Parameters
    ----------
    run
        Of a model spec, which holds one lot at most.
    """
    positions = run.positions
    assert isinstance(positions, SharePositions)
    closed, rules = positions.whole, positions.rules
    order = np.argsort(closed.entry_bar, kind="stable")
    gains = np.asarray(closed.pnl, np.float64)[order]
    before = run.initial_capital + np.concatenate([[0.0], np.cumsum(gains)[:-1]])
    paid = (closed.shares * closed.multiplier * closed.entry_price)[order]
    return Trips(
        held=(closed.exit_bar - closed.entry_bar)[order],
        fraction=paid / before,
        side=run.outcome.trades.side[run.outcome.trades.ends_lot][order].astype(np.float64),
        slippage=rules.slippage,
        per_order=rules.per_order,
        per_share=rules.per_share / rules.multiplier,
        rate=rules.rate,
    )


def chance_of(run: ModelResult, *, seed: int) -> ChanceSection | None:
    """Put the trades of a run elsewhere; None without a trade.

    Parameters
    ----------
    run
        Of a model spec.
    seed
        Of the draws.
    """
    count = len(run.positions.whole.entry_bar)
    if not count:
        return None
    at_close = run.spec.fill == "close"
    returns = np.sort(
        random_returns(
            trips_of(run),
            run.all_bars["close" if at_close else "open"].to_numpy(np.float64),
            # What is decided at the first bar fills at its close, or at the next one's open.
            first=run.outcome.start + (0 if at_close else 1),
            capital=run.initial_capital,
            seed=seed,
        )
    )
    # What cash and shares were paid meanwhile is not of the trades.
    carried = run.interest.sum() - run.borrow_fees.sum() + run.dividends.sum()
    own = float(run.equity.iloc[-1] - carried) / run.initial_capital - 1.0
    below, equal = np.mean(returns < own), np.mean(returns == own)
    return ChanceSection(
        trades=count,
        draws=len(returns),
        total_return_pct=own,
        percentile=float(below + equal / 2.0),
        returns=returns.round(FIGURES).tolist(),
    )
