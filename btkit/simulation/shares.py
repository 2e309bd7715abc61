"""Lots of the instrument itself over bars: what a rule spec trades."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from btkit.conditions.over_time import KeptCalls
from btkit.decisions import BothSides, Clauses, parse_clauses, plan_sides
from btkit.engine import (
    POSITION_NAMES,
    AnyDecisions,
    ChunkedRun,
    Market,
    Outcome,
    Reason,
    Rules,
    commission_rules,
    value_lots,
    value_trades,
)
from btkit.engine.inputs import Flags, Floats, Integers
from btkit.engine.orders import FillKind, Side
from btkit.engine.standing import decided_upon
from btkit.pricing.spreads import Spread
from btkit.simulation.account import AccountHistory
from btkit.simulation.excursions import lot_excursions
from btkit.simulation.inputs import Inputs, conclude
from btkit.simulation.intrabar import ambiguity_of
from btkit.simulation.levels import levels_of_sides
from btkit.simulation.result import Result
from btkit.simulation.simulated import Closed
from btkit.spec import BaseSpec, StrategySpec


@dataclass(frozen=True, eq=False)
class SharePositions:
    """The lots of a run; see `btkit.simulation.simulated.Positions`.

    Parameters
    ----------
    market, rules
        What the loop read.
    outcome
        What it gave.
    directed
        Whether it might hold either side.
    """

    noun: ClassVar[str] = "trade"
    reasons: ClassVar[type[IntEnum]] = Reason

    market: Market
    rules: Rules
    outcome: Outcome
    directed: bool

    @cached_property
    def closed(self) -> Closed:
        """Closed lots: prices per share, return over what the lot was bought for."""
        trades = self.outcome.trades
        made = value_trades(trades, self.rules)
        return Closed(
            entry_bar=trades.entry_bar,
            exit_bar=trades.exit_bar,
            entry_price=trades.entry_price,
            exit_price=trades.exit_price,
            shares=trades.quantity,
            pnl=made.pnl,
            return_pct=made.return_pct,
            reason=trades.reason,
            bars_held=made.bars_held,
            commission=made.commission,
            slippage_cost=made.slippage_cost,
            multiplier=self.rules.multiplier,
        )

    @cached_property
    def whole(self) -> Closed:
        """Whole lots: what their parts made, and the mean price at which these left."""
        trades, rows = self.outcome.trades, self.closed
        ends = trades.ends_lot
        if ends.all():
            return rows
        made = value_lots(trades, rows.pnl, self.rules)
        return Closed(
            entry_bar=rows.entry_bar[ends],
            exit_bar=rows.exit_bar[ends],
            entry_price=rows.entry_price[ends],
            exit_price=trades.by_lot(rows.shares * rows.exit_price) / trades.entered[ends],
            shares=trades.entered[ends],
            pnl=made.pnl,
            return_pct=made.return_pct,
            reason=rows.reason[ends],
            bars_held=rows.bars_held[ends],
            commission=trades.by_lot(rows.commission),
            slippage_cost=trades.by_lot(rows.slippage_cost),
            multiplier=rows.multiplier,
        )

    @property
    def fills(self) -> dict[str, Any]:
        """At which price of its bar each lot left, and whether all that came before was known."""
        trades = self.outcome.trades
        words = [FillKind(kind).name.lower() for kind in trades.fill_kind.tolist()]
        return {"fill_kind": pd.array(words, dtype="str"), "certain": trades.certain}

    @property
    def spreads(self) -> list[Spread]:
        """None: lots have no legs."""
        return []

    @property
    def valuations(self) -> pd.DataFrame:
        """None: what a lot is worth is the price."""
        return pd.DataFrame()

    def excursions(self, bars: pd.DataFrame) -> tuple[Floats, Floats]:
        """Return the worst and the best price of each lot against its entry fill."""
        return lot_excursions(self.outcome.trades, bars)

    def decided_upon(self) -> tuple[Integers, Integers]:
        """Return of each lot the first bar that could decide upon it, and the one after.

        Of one that left in parts at its last; the bars of the others begin and end at once.
        """
        first, after = decided_upon(self.outcome.trades)
        return first, np.where(self.outcome.trades.ends_lot, after, first)

    def known(self, bars: Integers, trades: Integers) -> dict[str, Callable[[], Floats]]:
        """Return what gives the position's names; `trades` has -1 for none."""
        held, lots = trades >= 0, self.outcome.trades

        def age() -> Floats:
            return _where(held, bars[held] - lots.entry_bar[trades[held]])

        def gain() -> Floats:
            side = lots.side[trades[held]]
            ratio = self.market.close[0, bars[held]] / lots.entry_price[trades[held]]
            return _where(held, np.where(side == Side.SELL, 1.0 - ratio, ratio - 1.0))

        def extreme(prices: Floats, choose: np.ufunc) -> Callable[[], Floats]:
            return lambda: self._since_entry(bars, trades, prices[0], choose)

        return {
            "in_position": lambda: held.astype(np.float64),
            "capital": lambda: self.outcome.decision_cash[bars],
            "bars_held": age,
            "days_held": age,
            "position_pnl_pct": gain,
            "entry_price": lambda: _where(held, lots.entry_price[trades[held]], np.nan),
            "highest_since_entry": extreme(self.market.high, np.maximum),
            "lowest_since_entry": extreme(self.market.low, np.minimum),
            **self._account.names(bars),
        }

    @cached_property
    def _account(self) -> AccountHistory:
        trades = self.outcome.trades
        first, after = decided_upon(trades)
        ends = trades.ends_lot
        return AccountHistory(
            self.outcome, self.whole, first[ends], after[ends], trades.exit_bar, after
        )

    def _since_entry(
        self, bars: Integers, trades: Integers, prices: Floats, choose: np.ufunc
    ) -> Floats:
        # Rows are in order of bars.
        lots, seen = self.outcome.trades, np.full(len(bars), np.nan)
        rows = np.flatnonzero(trades >= 0)
        rows = rows[np.argsort(trades[rows], kind="stable")]
        for row in np.split(rows, np.flatnonzero(np.diff(trades[rows])) + 1):
            if len(row):
                trade = trades[row[0]]
                first = lots.entry_bar[trade]
                path = prices[first : bars[row[-1]] + 1].copy()
                if lots.entry_kind[trade] in (FillKind.CLOSE, FillKind.LEVEL):
                    # A bar entered inside it, or at its close, counts by its fill and close.
                    path[0] = choose(lots.entry_price[trade], self.market.close[0, first])
                seen[row] = choose.accumulate(path)[bars[row] - first]
        return seen

    def warnings(self, fallbacks: Mapping[str, int], bars: int) -> list[dict[str, str]]:
        """Return none: what a lot is worth is known."""
        del fallbacks, bars
        return []


def _where(held: Flags, values: Floats | Integers, flat: float = 0.0) -> Floats:
    seen = np.full(len(held), flat)
    seen[held] = values
    return seen


def simulate_rules(inputs: Inputs) -> Result:
    """Simulate a rule spec; pure.

    Parameters
    ----------
    inputs
        What `simulate` checked.
    """
    spec = inputs.spec
    assert isinstance(spec, StrategySpec)
    clauses, decisions = plan_rules(spec, inputs)
    rules = rules_of(spec, commission=inputs.commission, slippage=inputs.slippage)
    return trade_shares(inputs, clauses, decisions, rules)


def plan_rules(
    spec: StrategySpec, inputs: Inputs, *, kept: KeptCalls | None = None
) -> tuple[Clauses, AnyDecisions]:
    """Return the conditions of a rule spec, and when to act by them.

    Parameters
    ----------
    spec
        That of `inputs`, or one that differs in its parameters alone.
    inputs
        What `simulate` checked.
    kept
        Where calls over time are kept for other sets of parameters.
    """
    clauses = _clauses_of(spec)
    return clauses, plan_sides(
        clauses,
        inputs.evaluator(kept=kept),
        len(inputs.bars),
        filter_all=spec.filter_scope == "all",
        positions=POSITION_NAMES,
        levels=levels_of_sides(spec),
    )


def _clauses_of(spec: StrategySpec) -> Clauses:
    clauses = parse_clauses(
        spec.filled_conditions,
        spec.filled_sizing,
        risk_pct=spec.per_trade_risk_pct,
        further={"multiplier": spec.point_value},
        declared=spec.declared,
        parts=spec.filled_parts,
        prices=spec.filled_prices,
    )
    if not spec.takes_both_sides:
        return clauses
    opposite = spec.opposite
    short = parse_clauses(
        opposite.filled_conditions,
        opposite.filled_sizing,
        risk_pct=opposite.per_trade_risk_pct,
        further={"multiplier": spec.point_value},
        within="short.",
        declared=spec.declared,
        parts=opposite.filled_parts,
        prices=opposite.filled_prices,
    )
    return replace(clauses, short=replace(short, filters=clauses.filters))


def trade_shares(inputs: Inputs, clauses: Clauses, decisions: AnyDecisions, rules: Rules) -> Result:
    """Trade the instrument as was decided; pure.

    Parameters
    ----------
    inputs
        What `simulate` checked.
    clauses
        The conditions of the spec.
    decisions
        When to act, wherever that comes from.
    rules
        The numbers of spec and account.
    """
    market = Market.of(inputs.bars, inputs.carry, inputs.start)
    outcome = inputs.loop(
        ChunkedRun(
            market,
            decisions,
            rules,
            capital=inputs.capital,
            start=inputs.start,
            finer=inputs.finer,
        )
    )
    directed = inputs.spec.takes_both_sides or (
        isinstance(decisions, BothSides) and bool(decisions.short.entry_gate.any())
    )
    positions = SharePositions(market, rules, outcome, directed)
    result = conclude(inputs, clauses, outcome, positions)
    found = ambiguity_of(inputs, decisions, positions, result.metrics)
    return result if found is None else replace(result, ambiguity=found)


def rules_of(spec: BaseSpec, *, commission: float, slippage: float) -> Rules:
    """Return the numbers of a spec and an account as the loop reads them.

    Parameters
    ----------
    spec
        Of a kind that trades the instrument itself.
    commission, slippage
        See `simulate`.
    """
    return Rules(
        short=spec.is_short,
        at_close=spec.fill == "close",
        fractional=spec.is_fractional,
        filter_all=spec.filter_scope == "all",
        max_holding=spec.max_holding_bars,
        max_positions=spec.max_concurrent_positions,
        slippage=slippage,
        **commission_rules(spec.commission_kind, commission),
        multiplier=spec.point_value,
        margin=spec.margin,
    )
