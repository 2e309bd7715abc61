"""A run of the engine alone: prices and conditions in, what the loop did out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from btkit.conditions.columns import ColumnEvaluator
from btkit.decisions import Decisions, parse_clauses, plan_decisions
from btkit.engine import (
    POSITION_NAMES,
    Market,
    Outcome,
    Reason,
    Rules,
    TradeValues,
    commission_rules,
    run_decisions,
    value_trades,
)


@dataclass
class Run:
    market: Market
    decisions: Decisions
    rules: Rules
    outcome: Outcome
    values: TradeValues

    @property
    def rows(self):
        """Each trade's bars, prices, shares and reason."""
        trades = self.outcome.trades
        return [
            (*marks, *numbers, Reason(reason).name.lower())
            for *marks, reason, _, _, numbers in zip(
                trades.entry_bar.tolist(),
                trades.exit_bar.tolist(),
                trades.reason.tolist(),
                trades.entry_commission,
                trades.exit_commission,
                zip(
                    trades.entry_price.tolist(),
                    trades.exit_price.tolist(),
                    trades.quantity.tolist(),
                    strict=True,
                ),
                strict=True,
            )
        ]

    @property
    def equity(self):
        return self.outcome.curve.equity[self.outcome.start :].tolist()

    @property
    def cash(self):
        return self.outcome.curve.cash[self.outcome.start :].tolist()


def simulate(  # noqa: PLR0913 - each is one thing that a run can vary
    opens,
    closes=None,
    *,
    entry=("not in_position",),
    exit=(),  # noqa: A002 - the spec's own word
    stop=(),
    filters=(),
    size="10",
    capital=1000.0,
    commission=0.0,
    model="per_order",
    slippage=0.0,
    start=0,
    max_holding=99,
    lots=1,
    columns=None,
    short=False,
    at_close=False,
    fractional=False,
    filter_all=False,
    multiplier=1.0,
    margin=0.0,
):
    closes = opens if closes is None else closes
    # Nothing here reads highs and lows.
    prices = {"open": opens, "high": opens, "low": opens, "close": closes}
    market = Market.of(pd.DataFrame(prices))
    table = {"open": market.open[0], "close": market.close[0]}
    table["volume"] = np.arange(len(closes)) * 1.0
    table |= {name: np.array(cells, np.float64) for name, cells in (columns or {}).items()}
    clauses = parse_clauses(
        {
            "entry_conditions": entry,
            "exit_conditions": exit,
            "stop_conditions": stop,
            "filter_conditions": filters,
        },
        size,
        risk_pct=0.01,
    )
    evaluator = ColumnEvaluator(table.__getitem__, lambda name: name == "fomc_meeting_day")
    decisions = plan_decisions(
        clauses, evaluator, len(closes), filter_all=filter_all, positions=POSITION_NAMES
    )
    rules = Rules(
        short=short,
        at_close=at_close,
        fractional=fractional,
        filter_all=filter_all,
        max_holding=max_holding,
        max_positions=lots,
        slippage=float(slippage),
        **commission_rules(model, commission),
        multiplier=multiplier,
        margin=margin,
    )
    outcome = run_decisions(market, decisions, rules, capital=capital, start=start)
    return Run(market, decisions, rules, outcome, value_trades(outcome.trades, rules))


@pytest.fixture(scope="session")
def run():
    return simulate
