"""A deliberately plain simulator of option spreads: a second opinion on every number.

It walks bar by bar, imports nothing of btkit, prices with Python's own math, and is written for
reading, not for speed. Every rule is a small method, so that a test can break one on purpose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from oracle.evaluation import RAISED, evaluate
from scipy.special import ndtri

Column = list[float | bool | None]

DEFAULTS: dict[str, Any] = {
    "spread_type": "short_put_spread",
    "exit_conditions": [],
    "stop_conditions": [],
    "filter_conditions": [],
    "filter_scope": "entries",
    "target_dte": 21,
    "short_delta": 0.30,
    "long_delta": 0.15,
    "profit_target_pct": 0.50,
    "stop_loss_pct": 2.00,
    "max_holding_bars": 10,
    "max_concurrent_positions": 1,
    "per_trade_risk_pct": 0.01,
    "risk_free_rate": 0.05,
    "dividend_yield": 0.0,
    "skew": 0.0,
    "iv_scale": 1.0,
    "iv_source": "iv_atm",
    "strike_step": None,
    "fill": "next_open",
    "parameters": {},
}
LISTS = ("entry", "exit", "stop", "filter")


def normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


@dataclass
class Leg:
    side: str
    right: str
    strike: float
    premium: float  # what the skew adds to its volatility


@dataclass(eq=False)
class Spread:
    """One spread, open or closed; prices in $ a share, days as numbers."""

    bar: int
    expiry: int
    legs: list[Leg]
    credit: float
    wing: float
    max_loss: float  # $ a contract
    contracts: float
    commission: float
    close_bar: int = -1
    close_value: float = math.nan
    reason: str = ""

    @property
    def pnl(self) -> float:
        return 100.0 * self.contracts * (self.credit - self.close_value) - self.commission


@dataclass
class Outcome:
    spreads: list[Spread] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    cash: list[float] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    unfilled: int = 0
    ruined: bool = False
    condition_counts: dict[tuple[str, int], list[int]] = field(default_factory=dict)


class Simulator:
    """One run, one rule per method."""

    def __init__(
        self,
        spec: dict[str, Any],
        bars: dict[str, list[float]],
        columns: dict[str, Column],
        calendar: tuple[list[int], list[int]],
        *,
        capital: float,
        commission: float,
        slippage: float,
        start_index: int,
    ) -> None:
        self.spec = DEFAULTS | spec
        self.open, self.close = bars["open"], bars["close"]
        self.columns = columns
        # By bar: its date, and the expiry of a spread that fills there.
        self.days, self.expiries = calendar
        self.cash = float(capital)
        self.rate = float(commission)
        self.slippage = float(slippage)
        self.start = start_index
        self.last = len(self.close) - 1
        self.at_close = self.spec["fill"] == "close"
        self.texts = {
            name: [self.filled_in(text) for text in self.spec[f"{name}_conditions"]]
            for name in LISTS
        }
        self.held: list[Spread] = []
        self.exits: list[tuple[Spread, str]] = []
        self.entry = False
        self.outcome = Outcome()
        self.outcome.condition_counts = {
            (name, index): [0, 0] for name in LISTS for index in range(len(self.texts[name]))
        }

    # Prices

    def price(self, leg: Leg, spot: float, years: float, volatility: float) -> float:
        r, q = float(self.spec["risk_free_rate"]), float(self.spec["dividend_yield"])
        spot_now, strike_now = spot * math.exp(-q * years), leg.strike * math.exp(-r * years)
        deviation = volatility * math.sqrt(years)
        call = leg.right == "call"
        if deviation <= 0:
            return max(spot_now - strike_now if call else strike_now - spot_now, 0.0)
        d1 = self.d1(leg, spot, years, volatility)
        d2 = d1 - deviation
        if call:
            return max(spot_now * normal(d1) - strike_now * normal(d2), 0.0)
        return max(strike_now * normal(-d2) - spot_now * normal(-d1), 0.0)

    def d1(self, leg: Leg, spot: float, years: float, volatility: float) -> float:
        drift = self.drift(years, volatility)
        return (math.log(spot / leg.strike) + drift) / (volatility * math.sqrt(years))

    def drift(self, years: float, volatility: float) -> float:
        r, q = float(self.spec["risk_free_rate"]), float(self.spec["dividend_yield"])
        return (r - q + 0.5 * volatility * volatility) * years

    def delta(self, leg: Leg, spot: float, years: float, volatility: float) -> float:
        r, q = float(self.spec["risk_free_rate"]), float(self.spec["dividend_yield"])
        discount = math.exp(-q * years)
        if volatility * math.sqrt(years) <= 0:
            gap = spot * discount - leg.strike * math.exp(-r * years)
            inside = gap > 0 if leg.right == "call" else gap < 0
            return 0.5 * discount if gap == 0 else discount if inside else 0.0
        d1 = self.d1(leg, spot, years, volatility)
        return discount * normal(d1 if leg.right == "call" else -d1)

    def years(self, expiry: int, i: int) -> float:
        return max(expiry - self.days[i], 0) / 365.0

    def source_iv(self, i: int) -> float | None:
        """Return what volatilities are taken from at the close of bar i."""
        if self.spec["iv_source"] == "vix":
            index_points = self.columns["vix"][i]
            return None if index_points is None else index_points / 100
        return self.columns["iv_atm"][i]

    def scaled(self, iv: float) -> float:
        return float(self.spec["iv_scale"]) * iv

    def iv(self, i: int) -> float:
        """Return the last volatility known at the close of bar i."""
        for back in range(i, -1, -1):
            known = self.source_iv(back)
            if known is not None:
                return self.scaled(float(known))
        return math.nan

    def fill_iv(self, i: int) -> float:
        return self.iv(i if self.at_close else i - 1)

    def leg_iv(self, iv: float, premium: float) -> float:
        return max(iv + premium, 0.0)

    def sums(self, spread: Spread, spot: float, years: float, iv: float) -> tuple[float, float]:
        totals = {"short": 0.0, "long": 0.0}
        for leg in spread.legs:
            totals[leg.side] += self.price(leg, spot, years, self.leg_iv(iv, leg.premium))
        return totals["short"], totals["long"]

    def clamped(self, value: float, wing: float) -> float:
        return min(max(value, 0.0), wing)

    def mid(self, spread: Spread, i: int) -> float:
        years = self.years(spread.expiry, i)
        short, long = self.sums(spread, self.close[i], years, self.iv(i))
        return self.clamped(short - long, spread.wing)

    def to_close(
        self, spread: Spread, spot: float, years: float, iv: float, slippage: float
    ) -> float:
        short, long = self.sums(spread, spot, years, iv)
        beyond = self.clamped(short - long, spread.wing) - (short - long)
        return short * (1 + slippage) - long * (1 - slippage) + beyond

    def value(self, spread: Spread, i: int) -> float:
        years = self.years(spread.expiry, i)
        return self.to_close(spread, self.close[i], years, self.iv(i), self.slippage)

    # Conditions

    def filled_in(self, text: str) -> str:
        for name, value in self.spec["parameters"].items():
            text = text.replace("{" + name + "}", repr(value))
        return text

    def scope(self, i: int, spread: Spread | None) -> dict[str, object]:
        names: dict[str, object] = {name: column[i] for name, column in self.columns.items()}
        kept = 0.0 if spread is None else spread.credit - self.value(spread, i)
        share = 0.0 if spread is None else kept / spread.credit
        delta = float(self.spec["short_delta"]) if spread is None else self.short_delta(spread, i)
        held = 0.0 if spread is None else float(i - spread.bar)
        return names | {
            "in_position": bool(self.held),
            "capital": self.free(),
            "bars_held": held,
            "days_held": held,
            "position_pnl_pct": 0.0 if spread is None else kept * 100.0 / spread.max_loss,
            "pnl_pct_of_max_credit": share,
            "premium_collected_pct": share,
            "short_leg_delta": delta,
            "short_strike_delta": delta,
            "open_interest_short_strike": 2000.0,
        }

    def short_delta(self, spread: Spread, i: int) -> float:
        leg = spread.legs[0]
        years = self.years(spread.expiry, i)
        return self.delta(leg, self.close[i], years, self.leg_iv(self.iv(i), leg.premium))

    def judge(self, name: str, i: int, spreads: list[Spread | None]) -> list[bool]:
        verdicts = [True] * len(spreads)
        for index, text in enumerate(self.texts[name]):
            held = raised = False
            for place, spread in enumerate(spreads):
                try:
                    met = bool(evaluate(text, self.scope(i, spread)))
                except RAISED:
                    met, raised = False, True
                held = held or met
                verdicts[place] = verdicts[place] and met
            counts = self.outcome.condition_counts[name, index]
            counts[0] += held
            counts[1] += raised
        return verdicts

    # Money

    def free(self) -> float:
        reserved = 0.0
        for spread in self.held:
            reserved += spread.wing * 100.0 * spread.contracts
        return self.cash - reserved

    def equity(self, i: int) -> float:
        total = self.cash
        for spread in self.held:
            total -= self.mid(spread, i) * 100.0 * spread.contracts
        return total

    def strike(self, side: str, right: str, spot: float, years: float, iv: float) -> float:
        q = float(self.spec["dividend_yield"])
        reached = float(self.spec[f"{side}_delta"]) * math.exp(q * years)
        if reached >= 1:
            return math.nan
        quantile = float(ndtri(reached))
        drift, shift = self.drift(years, iv), quantile * (iv * math.sqrt(years))
        strike = spot * math.exp(drift - shift if right == "call" else drift + shift)
        step = self.spec["strike_step"]
        return math.floor(strike / step + 0.5) * step if step else strike

    def legs(self, spot: float, years: float, iv: float) -> list[Leg] | str:
        kind = self.spec["spread_type"]
        rights = {"short_put_spread": ["put"], "short_call_spread": ["call"]}
        legs = []
        for right in rights.get(kind, ["put", "call"]):
            pair = []
            for side in ("short", "long"):
                premium = self.premium(side)
                volatility = self.leg_iv(iv, premium)
                if volatility <= 0 or self.leg_iv(iv, self.premium("long")) <= 0:
                    return "no_volatility"
                strike = self.strike(side, right, spot, years, volatility)
                if math.isnan(strike):
                    return "no_strike"
                pair.append(Leg(side, right, strike, premium))
            short, long = pair
            if min(short.strike, long.strike) <= 0:
                return "no_strike"
            wide = short.strike - long.strike if right == "put" else long.strike - short.strike
            if wide <= 0:
                return "strikes_coincide"
            legs += pair
        if len(legs) > 2 and legs[0].strike > legs[2].strike:
            return "strikes_cross"
        return legs

    def premium(self, side: str) -> float:
        return float(self.spec["skew"]) * abs(0.5 - float(self.spec[f"{side}_delta"]))

    def wing(self, legs: list[Leg]) -> float:
        pairs = zip(legs[::2], legs[1::2], strict=True)
        return max(abs(short.strike - long.strike) for short, long in pairs)

    def sell(self, i: int, spot: float) -> str | None:
        """Sell the spread that was decided, or say why not."""
        iv_bar = i if self.at_close else i - 1
        if self.source_iv(iv_bar) is None:
            return "no_volatility"
        iv, expiry = self.fill_iv(i), self.expiries[i]
        if expiry <= self.days[i]:
            return "no_time_to_expiry"
        years = self.years(expiry, i)
        legs = self.legs(spot, years, iv)
        if isinstance(legs, str):
            return legs
        wing = self.wing(legs)
        spread = Spread(i, expiry, legs, 0.0, wing, 0.0, 0.0, 0.0)
        short, long = self.sums(spread, spot, years, iv)
        spread.credit = short * (1 - self.slippage) - long * (1 + self.slippage)
        if not 0 < spread.credit < wing:
            return "credit_above_width" if spread.credit > 0 else "no_credit"
        fee = self.rate * len(legs)
        spread.max_loss = (wing - spread.credit) * 100.0 + fee * 2
        spread.contracts = self.size(spread)
        if spread.contracts >= 1:
            spread.commission = fee * spread.contracts
            self.cash += spread.credit * 100.0 * spread.contracts - spread.commission
            self.held.append(spread)
        return None if spread.contracts >= 1 else "size_below_one_contract"

    def size(self, spread: Spread) -> float:
        free = self.free()
        contracts = math.floor(float(self.spec["per_trade_risk_pct"]) * free / spread.max_loss)
        if contracts * (spread.wing * 100.0) > free:
            contracts = math.floor(free / (spread.wing * 100.0))
        return float(contracts)

    def buy_back(self, spread: Spread, i: int, spot: float, iv: float, reason: str) -> None:
        settled = reason == "expiration"
        years = 0.0 if settled else self.years(spread.expiry, i)
        spread.close_value = self.to_close(
            spread, spot, years, iv, 0.0 if settled else self.slippage
        )
        fee = 0.0 if settled else self.rate * len(spread.legs) * spread.contracts
        self.cash -= spread.close_value * 100.0 * spread.contracts + fee
        spread.commission += fee
        spread.close_bar, spread.reason = i, reason
        self.held.remove(spread)
        self.outcome.spreads.append(spread)

    def fill_exits(self, i: int) -> None:
        spot = self.close[i] if self.at_close else self.open[i]
        for spread, reason in self.exits:
            self.buy_back(spread, i, spot, self.fill_iv(i), reason)
        self.exits = []

    def fill_entry(self, i: int) -> None:
        if self.entry:
            refusal = self.sell(i, self.close[i] if self.at_close else self.open[i])
            if refusal:
                self.outcome.skipped[refusal] = self.outcome.skipped.get(refusal, 0) + 1
        self.entry = False

    def close_all(self, i: int, reason: str) -> None:
        for spread in list(self.held):
            self.buy_back(spread, i, self.close[i], self.iv(i), reason)

    def settle(self, i: int) -> None:
        for spread in list(self.held):
            if self.days[i] >= spread.expiry:
                self.buy_back(spread, i, self.close[i], self.iv(i), "expiration")

    # Decisions

    def reason(self, spread: Spread, i: int, *, stop: bool, leave: bool) -> str | None:
        value = self.value(spread, i)
        if value >= float(self.spec["stop_loss_pct"]) * spread.credit:
            return "stop"
        if value <= (1 - float(self.spec["profit_target_pct"])) * spread.credit:
            return "profit_target"
        if stop:
            return "stop"
        if leave:
            return "exit"
        return "max_holding" if i - spread.bar >= int(self.spec["max_holding_bars"]) else None

    def decide(self, i: int) -> None:
        oldest = self.held[0] if self.held else None
        filters_pass = self.judge("filter", i, [oldest])[0]
        enter = self.judge("entry", i, [oldest])[0]
        judged: list[Spread | None] = [*self.held] or [None]
        stops, leaves = self.judge("stop", i, judged), self.judge("exit", i, judged)
        open_gate = filters_pass or self.spec["filter_scope"] != "all"
        for spread, stop, leave in zip(list(self.held), stops, leaves, strict=False):
            reason = self.reason(
                spread,
                i,
                stop=stop and open_gate and bool(self.texts["stop"]),
                leave=leave and open_gate and bool(self.texts["exit"]),
            )
            if reason:
                self.exits.append((spread, reason))
        room = len(self.held) < int(self.spec["max_concurrent_positions"])
        self.entry = filters_pass and enter and room

    # The walk

    def step(self, i: int) -> None:
        if not self.at_close:
            self.fill_exits(i)
            self.fill_entry(i)
        self.settle(i)
        if self.equity(i) <= 0:
            self.give_up(i)
            return
        self.decide(i)
        if self.at_close:
            self.fill_exits(i)
            if i < self.last:
                self.fill_entry(i)
            if self.equity(i) <= 0:
                self.give_up(i)
        if i == self.last:
            self.outcome.unfilled += len(self.exits) + self.entry
            self.exits, self.entry = [], False
            self.close_all(i, "end_of_data")
            self.outcome.ruined = self.outcome.ruined or self.equity(i) <= 0

    def give_up(self, i: int) -> None:
        self.outcome.ruined = True
        self.close_all(i, "ruin")

    def run(self) -> Outcome:
        for i in range(self.start, self.last + 1):
            if not self.outcome.ruined:
                self.step(i)
            self.outcome.equity.append(self.equity(i))
            self.outcome.cash.append(self.free())
        self.outcome.spreads.sort(key=lambda spread: (spread.close_bar, spread.bar))
        return self.outcome
