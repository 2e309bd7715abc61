"""Rules of option spreads broken on purpose, in the oracle: the check must notice every one."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from oracle.harness_options import differences, engine, oracle
from oracle.plain_options import Leg, Simulator, Spread
from oracle.strategies import Case

BASE: dict[str, Any] = {
    "name": "battery",
    "spread_type": "short_put_spread",
    "entry_conditions": ["close > 0"],
    "max_concurrent_positions": 2,
    "max_holding_bars": 30,
    "per_trade_risk_pct": 0.02,
}


def bars() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    gaps, bodies = rng.normal(0.0, 0.008, (2, 120))
    gaps[[30, 61, 90]] = 0.09, -0.11, 0.07
    closes = 1000.0 * np.cumprod((1 + gaps) * (1 + bodies))
    opens = closes / (1 + bodies)
    return pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, closes),
            "low": np.minimum(opens, closes),
            "close": closes,
            "volume": 1000.0,
            "current_iv": 0.2 * np.exp(np.cumsum(rng.normal(0.0, 0.06, 120))),
            "vix": rng.uniform(12.0, 30.0, 120),
        },
        index=pd.bdate_range("2018-01-02", periods=120),
    )


@cache
def battery() -> list[Case]:
    changes = [
        {},
        {"spread_type": "iron_condor", "skew": 0.1, "filter_conditions": ["close > open"]},
        {"spread_type": "short_call_spread", "dividend_yield": 0.03, "strike_step": 5.0},
        {
            "stop_conditions": ["short_leg_delta > 0.35"],
            "exit_conditions": ["pnl_pct_of_max_credit > 0.1 or position_pnl_pct < -0.1"],
            "filter_conditions": ["close > open"],
            "filter_scope": "all",
        },
        {"fill": "close", "max_holding_bars": 4, "profit_target_pct": 1.0},
        {"entry_conditions": ["not in_position"], "target_dte": 5, "stop_loss_pct": 90.0},
        {"entry_conditions": ["not in_position and capital > 995000"]},
        {"stop_conditions": ["bars_held >= 2"], "profit_target_pct": 0.1},
        {"iv_source": "vix", "iv_scale": 0.85, "skew": 0.1},
    ]
    # Far in the money under a negative rate, where the model leaves what a spread can be worth.
    crash = bars()
    crash.loc[crash.index[60] :, ["open", "high", "low", "close"]] *= 0.4
    beyond = {"risk_free_rate": -0.4, "target_dte": 200, "stop_loss_pct": 900.0}
    cases = [(change, bars()) for change in changes] + [(beyond, crash)]
    return [Case(BASE | change, frame, 1e6, 1.3, 0.01, start_index=3) for change, frame in cases]


@cache
def sound() -> list[Any]:
    return [engine(case) for case in battery()]


class VixIsNotAsked(Simulator):
    def source_iv(self, i: int) -> float | None:
        return self.columns["iv_atm"][i]


class ScaleIsIgnored(Simulator):
    def scaled(self, iv: float) -> float:
        return iv


class SkewIsScaled(Simulator):
    def premium(self, side: str) -> float:
        return super().premium(side) * float(self.spec["iv_scale"])


class VolatilityOfTheFillBar(Simulator):
    def fill_iv(self, i: int) -> float:
        return self.iv(i)


class TradingDays(Simulator):
    def years(self, expiry: int, i: int) -> float:
        return max(expiry - self.days[i], 0) / 252.0


class NoRate(Simulator):
    def drift(self, years: float, volatility: float) -> float:
        return 0.5 * volatility * volatility * years


class FlatVolatility(Simulator):
    def premium(self, side: str) -> float:
        return 0.0 * super().premium(side)


class FreeStrikes(Simulator):
    def strike(self, side: str, right: str, spot: float, years: float, iv: float) -> float:
        self.spec = self.spec | {"strike_step": None}
        return super().strike(side, right, spot, years, iv)


class BothWings(Simulator):
    def wing(self, legs: list[Leg]) -> float:
        pairs = zip(legs[::2], legs[1::2], strict=True)
        return sum(abs(short.strike - long.strike) for short, long in pairs)


class NoReserve(Simulator):
    def free(self) -> float:
        return self.cash


class NoClamp(Simulator):
    def clamped(self, value: float, wing: float) -> float:
        return super().clamped(value, wing) if value < 0 else value


class CostsAtExpiration(Simulator):
    def settle(self, i: int) -> None:
        for spread in list(self.held):
            if self.days[i] >= spread.expiry:
                self.buy_back(spread, i, self.close[i], self.iv(i), "expiration ")
                spread.reason = "expiration"


class MarkedWithSlippage(Simulator):
    def mid(self, spread: Spread, i: int) -> float:
        return self.value(spread, i)


class OwnStopBeforeTheTarget(Simulator):
    def reason(self, spread: Spread, i: int, *, stop: bool, leave: bool) -> str | None:
        return "stop" if stop else super().reason(spread, i, stop=stop, leave=leave)


class StopAtMid(Simulator):
    def value(self, spread: Spread, i: int) -> float:
        return self.mid(spread, i)


class FiltersNeverGateExits(Simulator):
    def decide(self, i: int) -> None:
        self.spec = self.spec | {"filter_scope": "entries"}
        super().decide(i)


class RiskOnEverything(Simulator):
    def size(self, spread: Spread) -> float:
        reserved, self.held = self.held, []
        size = super().size(spread)
        self.held = reserved
        return size


class CommissionOnEntryOnly(Simulator):
    def buy_back(self, spread: Spread, i: int, spot: float, iv: float, reason: str) -> None:
        rate, self.rate = self.rate, 0.0
        super().buy_back(spread, i, spot, iv, reason)
        self.rate = rate


class EntryBeforeExit(Simulator):
    def fill_exits(self, i: int) -> None:
        if not self.at_close:
            self.fill_entry(i)
        super().fill_exits(i)


class ExpiryAfterTheDecisions(Simulator):
    def settle(self, i: int) -> None:
        pass

    def step(self, i: int) -> None:
        super().step(i)
        if i < self.last:
            super().settle(i)
            self.exits = [(spread, why) for spread, why in self.exits if spread in self.held]


MUTANTS = [mutant for mutant in Simulator.__subclasses__() if mutant.__module__ == __name__]


def test_the_battery_agrees_and_has_every_reason() -> None:
    for case, result in zip(battery(), sound(), strict=True):
        assert differences(result, oracle(case), case.bars.index) == []
    reasons = {spread.exit_reason for result in sound() for spread in result.spreads}
    assert reasons >= {"expiration", "stop", "profit_target", "exit", "max_holding", "end_of_data"}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_rule_is_noticed(mutant: type[Simulator]) -> None:
    assert any(
        differences(result, oracle(case, mutant), case.bars.index)
        for case, result in zip(battery(), sound(), strict=True)
    )
