"""Run the loop over all bars and cut what it wrote to size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from btkit.decisions.records import Decisions
from btkit.engine.inputs import Floats, Integers, Market, Rules
from btkit.engine.loop import run_bars
from btkit.engine.orders import Reason, Skip
from btkit.engine.state import (
    FINAL,
    LAST_DECIDED,
    RUINED,
    SKIPPED,
    TRADES,
    UNFILLED,
    Curve,
    State,
    TradeRows,
    Trades,
    new_curve,
    new_state,
    new_trades,
)


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Parameters
    ----------
    start
        The first bar at which orders were decided.
    capital
        $ at the start.
    final_decision_cash
        $ in cash when the last bar's orders were decided, before the books closed.
    trades
        Closed lots in order of exit; bars count from the first bar given, warm-up included.
    curve
        The account from bar 0 on; meaningless before `start`.
    skipped
        Entries not made, by reason, where there were any.
    unfilled
        Orders that the end of the data left unfilled.
    ruined
        Whether equity fell to zero or below.
    last_decided
        The last bar at which orders were decided, -1 for none.
    """

    start: int
    capital: float
    final_decision_cash: float
    trades: Trades
    curve: Curve
    skipped: dict[str, int]
    unfilled: int
    ruined: bool
    last_decided: int


def commission_rules(model: str, commission: float) -> dict[str, float]:
    """Return the commission's three parts (SEMANTICS 3.7); the parts not in use are 0.

    Parameters
    ----------
    model
        ``per_order``, ``per_share``, ``rate`` or ``per_contract``.
    commission
        $ an order, a share or a contract, or a fraction of the amount.
    """
    part = {"per_order": "per_order", "rate": "rate"}.get(model, "per_share")
    return {"per_order": 0.0, "per_share": 0.0, "rate": 0.0, part: float(commission)}


def run_decisions(
    market: Market, decisions: Decisions, rules: Rules, *, capital: float, start: int = 0
) -> Outcome:
    """Simulate from bar `start` to the last bar.

    Parameters
    ----------
    market, decisions, rules
        See `btkit.engine.inputs`.
    capital
        $ at the start.
    start
        The first bar at which orders are decided; bars before it are warm-up.
    """
    bars = market.close.size
    state = new_state(float(capital), min(rules.max_positions, bars))
    trades, curve = new_trades(bars), new_curve(bars)
    run_bars(start, bars, market, decisions, rules, state, trades, curve)
    return gather_outcome(state, trades, curve, capital=float(capital), start=start)


def gather_outcome(
    state: State, trades: TradeRows, curve: Curve, *, capital: float, start: int
) -> Outcome:
    """Cut what the loop wrote to size, once it has come to the last bar.

    Parameters
    ----------
    state, trades, curve
        As the loop left them.
    capital
        $ at the start.
    start
        The first bar at which orders were decided.
    """
    done = int(state.counts[TRADES])
    return Outcome(
        start=start,
        capital=capital,
        final_decision_cash=float(state.money[FINAL]),
        trades=Trades(*trades.marks[:done].T.copy(), *trades.values[:done].T.copy()),
        curve=curve,
        skipped={
            reason.name.lower(): int(state.counts[SKIPPED + reason])
            for reason in Skip
            if state.counts[SKIPPED + reason]
        },
        unfilled=int(state.counts[UNFILLED]),
        ruined=bool(state.counts[RUINED]),
        last_decided=int(state.counts[LAST_DECIDED]),
    )


@dataclass(frozen=True)
class TradeValues:
    """Money made and costs paid by each trade in $, (n_trades,)."""

    pnl: Floats
    return_pct: Floats
    commission: Floats
    slippage_cost: Floats
    bars_held: Integers


def value_trades(trades: Trades, market: Market, rules: Rules) -> TradeValues:
    """Work out each trade's profit and costs (SEMANTICS 3.9, 3.10).

    Parameters
    ----------
    trades
        Closed lots.
    market
        Prices, to tell slippage apart from the price.
    rules
        Direction, fill rule and slippage.
    """
    gain = trades.exit_price - trades.entry_price
    gross = trades.shares * (-gain if rules.short else gain)
    pnl = gross - trades.entry_commission - trades.exit_commission
    at_open = market.close if rules.at_close else market.open
    leaves_at_close = rules.at_close | (trades.reason >= Reason.END_OF_DATA)
    exit_raw = np.where(
        leaves_at_close, market.close[trades.exit_bar], market.open[trades.exit_bar]
    )
    entry_raw = at_open[trades.entry_bar]
    slippage = trades.shares * np.abs(trades.entry_price - entry_raw) + trades.shares * np.abs(
        trades.exit_price - exit_raw
    )
    return TradeValues(
        pnl=pnl,
        return_pct=pnl / (trades.shares * trades.entry_price),
        commission=trades.entry_commission + trades.exit_commission,
        slippage_cost=slippage,
        bars_held=trades.exit_bar - trades.entry_bar,
    )
