"""An option spec over bars: spreads that are sold, followed and bought back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from btkit.decisions import parse_clauses, plan_decisions
from btkit.engine import ChunkedRun, Outcome, Reason
from btkit.engine.books.spread_records import (
    EXPIRY,
    MAX_LOSS,
    OPTION_POSITION_NAMES,
    SHARES_PER_CONTRACT,
    OptionMarket,
    SpreadRules,
)
from btkit.engine.books.spread_valuations import Valuations, closes_at_close, follow
from btkit.engine.inputs import (
    BARS_HELD,
    CAPITAL,
    CREDIT_KEPT,
    IN_POSITION,
    PNL,
    SHORT_DELTA,
    Floats,
    Integers,
)
from btkit.errors import UsageError
from btkit.indicators import OPTION_POSITION_DEFAULTS, FeatureSet
from btkit.pricing.spreads import Spread
from btkit.simulation.account import AccountHistory
from btkit.simulation.inputs import Inputs, conclude
from btkit.simulation.option_inputs import option_market, spread_rules
from btkit.simulation.result import Result
from btkit.simulation.simulated import Closed
from btkit.simulation.spreads import list_spreads, value_spreads
from btkit.simulation.warnings import TELLING_SHARE
from btkit.spec import OptionsSpec

# Open interest is the one name of the option position that no run knows.
_CONSTANTS = {
    name: value
    for name, value in OPTION_POSITION_DEFAULTS.items()
    if name not in OPTION_POSITION_NAMES
}

_OVERSTATED = (
    "It errs in favour of whoever sells: over 2002-2025 on SPY it overstated a seller's yearly "
    "income by 5 to 6 points against Cboe's BXM and PUT indices. 0.85 times the VIX came within 1 "
    "point: set iv_source: vix and iv_scale: 0.85."
)
_TWENTY = "It errs in favour of whoever sells while markets are calm, and against them in a panic."
ESTIMATES = {
    "iv_atm": ("an estimate, hv_30 * 1.20, instead of implied volatility", _OVERSTATED),
    "vix": ("a VIX of 20, which stands in where it is not known,", _TWENTY),
}
"""For each iv_source what stands in where it is not known, and which way that errs."""


@dataclass(frozen=True, eq=False)
class SpreadPositions:
    """The spreads of a run; see `btkit.simulation.simulated.Positions`.

    Parameters
    ----------
    spec, market, rules
        The strategy, and what the loop read.
    outcome
        What it gave.
    index
        The times of all bars.
    features
        The columns of all bars.
    """

    noun: ClassVar[str] = "spread"
    reasons: ClassVar[type[IntEnum]] = Reason

    spec: OptionsSpec
    market: OptionMarket
    rules: SpreadRules
    outcome: Outcome
    index: pd.DatetimeIndex
    features: FeatureSet

    @property
    def directed(self) -> bool:
        """Never: every spread is sold."""
        return False

    @cached_property
    def closed(self) -> Closed:
        """One trade a spread: prices in $ a share, return over the max loss."""
        trades = self.outcome.trades
        made = value_spreads(self.market, self.rules, trades)
        return Closed(
            entry_bar=trades.entry_bar,
            exit_bar=trades.exit_bar,
            entry_price=trades.entry_price,
            exit_price=trades.exit_price,
            shares=trades.quantity * SHARES_PER_CONTRACT,
            pnl=made.pnl,
            return_pct=made.return_pct,
            reason=trades.reason,
            bars_held=made.bars_held,
            commission=made.commission,
            slippage_cost=made.slippage_cost,
        )

    @property
    def whole(self) -> Closed:
        """The same: a spread leaves as a whole."""
        return self.closed

    def excursions(self, bars: pd.DataFrame) -> tuple[Floats, Floats]:
        """Return the worst and the best profit of each spread at closes, over its max loss."""
        del bars
        trades, valuations = self.outcome.trades, self._followed
        credit, per_loss = trades.entry_price, SHARES_PER_CONTRACT / trades.lots[:, MAX_LOSS]
        gained = (credit - trades.exit_price) * per_loss
        worst, best = np.minimum(gained, 0.0), np.maximum(gained, 0.0)
        # At the exit's own close it is the exit that counts, which may be free of slippage.
        before = valuations.bar < trades.exit_bar[valuations.spread]
        spread = valuations.spread[before]
        shown = (credit[spread] - valuations.to_close[before]) * per_loss[spread]
        np.minimum.at(worst, spread, shown)
        np.maximum.at(best, spread, shown)
        return worst, best

    @cached_property
    def spreads(self) -> list[Spread]:
        """Closed spreads in order of exit, with their legs and their greeks at entry."""
        return list_spreads(
            self.market,
            self.rules,
            self.outcome.trades,
            index=self.index,
            iv_rank=self.features.column("iv_rank"),
            valuations=self._followed,
        )

    @cached_property
    def valuations(self) -> pd.DataFrame:
        """Every spread at every close at which it was open."""
        valuations = self._followed
        expiry = self.outcome.trades.marks[valuations.spread, EXPIRY]
        return pd.DataFrame(
            {
                "spread": valuations.spread,
                "time": self.index[valuations.bar],
                "spot": self.market.close[0, valuations.bar],
                "mid": valuations.mid,
                "to_close": valuations.to_close,
                "short_delta": valuations.short_delta,
                "days_to_expiry": np.maximum(expiry - self.market.day[valuations.bar], 0),
            }
        )

    @property
    def fills(self) -> dict[str, Any]:
        """None: spreads leave at opens and closes alone, as their reason says."""
        return {}

    def decided_upon(self) -> tuple[Integers, Integers]:
        """Return of each spread the first bar that could decide upon it, and the one after."""
        trades = self.outcome.trades
        # A spread that fills at a close is decided upon from the next bar, a settled one no more.
        settled = trades.reason == Reason.EXPIRATION
        stays = closes_at_close(trades) & ~settled
        return trades.entry_bar + self.rules.at_close, trades.exit_bar + stays

    def known(self, bars: Integers, trades: Integers) -> dict[str, Callable[[], Floats]]:
        """Return what gives the position's names; `trades` has -1 for none."""
        closed, valuations = self.outcome.trades, self._followed
        held = trades >= 0
        spread = trades[held]
        age = bars[held] - closed.entry_bar[spread]
        row = valuations.spread.searchsorted(spread) + age
        credit = closed.entry_price[spread]
        kept = credit - valuations.to_close[row]
        per_loss = kept * SHARES_PER_CONTRACT / closed.lots[spread, MAX_LOSS]

        def column(when_held: Floats | Integers, when_flat: float = 0.0) -> Floats:
            seen = np.full(len(bars), when_flat)
            seen[held] = when_held
            return seen

        slots: dict[int, Callable[[], Floats]] = {
            IN_POSITION: lambda: held.astype(np.float64),
            CAPITAL: lambda: self.outcome.decision_cash[bars],
            BARS_HELD: lambda: column(age),
            PNL: lambda: column(per_loss),
            CREDIT_KEPT: lambda: column(kept / credit),
            SHORT_DELTA: lambda: column(valuations.short_delta[row], self.rules.short_delta),
        }
        account = self._account.names(bars)
        return account | {
            name: slots[slot] for name, slot in OPTION_POSITION_NAMES.items() if slot in slots
        }

    def warnings(self, fallbacks: Mapping[str, int], bars: int) -> list[dict[str, str]]:
        """Warn where too often an estimate stood in for implied volatility."""
        estimated = fallbacks.get(self.spec.iv_source, 0)
        if estimated <= TELLING_SHARE * bars:
            return []
        stand_in, error = ESTIMATES[self.spec.iv_source]
        return [
            {
                "code": "estimated_volatility",
                "message": f"Spreads were priced with {stand_in} on {estimated:,} of {bars:,} "
                f"bars ({estimated / bars:.0%}). {error}",
            }
        ]

    @cached_property
    def _account(self) -> AccountHistory:
        first, after = self.decided_upon()
        return AccountHistory(
            self.outcome, self.closed, first, after, self.outcome.trades.exit_bar, after
        )

    @cached_property
    def _followed(self) -> Valuations:
        return follow(self.market, self.rules, self.outcome.trades)


def simulate_spreads(inputs: Inputs) -> Result:
    """Simulate an option spec; pure.

    Parameters
    ----------
    inputs
        What `simulate` checked.

    Raises
    ------
    UsageError
        If the bars are weekly or longer, inside which spreads would expire unseen.
    """
    interval = inputs.annualisation.interval
    if interval.is_longer:
        raise UsageError(
            f"option spreads cannot be simulated on {interval.adjective} bars, which do "
            "not show the close of an expiry session nor the days left to it",
            hint="use daily bars: --interval 1d",
            details={"interval": interval.label},
        )
    spec, features = inputs.spec, inputs.features
    assert isinstance(spec, OptionsSpec)
    # A spread's size follows from its max loss, so there is no formula to read.
    clauses = parse_clauses(
        spec.filled_conditions,
        "1",
        risk_pct=spec.per_trade_risk_pct,
        constants=_CONSTANTS,
        declared=spec.declared,
    )
    decisions = plan_decisions(
        clauses,
        inputs.evaluator(),
        len(inputs.bars),
        filter_all=spec.filter_scope == "all",
        positions=OPTION_POSITION_NAMES,
    )
    market = option_market(spec, inputs.bars, features, inputs.carry, inputs.start)
    rules = spread_rules(spec, commission=inputs.commission, slippage=inputs.slippage)
    outcome = inputs.loop(
        ChunkedRun(market, decisions, rules, capital=inputs.capital, start=inputs.start)
    )
    positions = SpreadPositions(
        spec=spec,
        market=market,
        rules=rules,
        outcome=outcome,
        index=pd.DatetimeIndex(inputs.bars.index),
        features=features,
    )
    return conclude(inputs, clauses, outcome, positions)


def sold_spreads(result: Result) -> SpreadPositions:
    """Return what a run of an option spec sold.

    Parameters
    ----------
    result
        Of an option spec.
    """
    positions = result.positions
    assert isinstance(positions, SpreadPositions)
    return positions
