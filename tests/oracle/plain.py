"""A deliberately plain simulator: a second opinion on every number of a backtest.

It walks bar by bar, imports nothing of btkit, and is written for reading, not for speed.
Every rule is a small method of `Simulator`, so that a test can break one on purpose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from oracle.evaluation import RAISED, evaluate, number

Column = list[float | bool | None]

# In a rule run the option position's names have these fixed values.
OPTION_NAMES = {
    "short_leg_delta": 0.30,
    "short_strike_delta": 0.30,
    "pnl_pct_of_max_credit": 0.0,
    "premium_collected_pct": 0.0,
    "open_interest_short_strike": 2000.0,
}
DEFAULTS: dict[str, Any] = {
    "asset_class": "equities",
    "filter_conditions": [],
    "position_sizing_formula": "risk_pct * capital / atr_14",
    "max_holding_bars": 10,
    "max_concurrent_positions": 1,
    "per_trade_risk_pct": 0.01,
    "parameters": {},
    "fill": "next_open",
    "filter_scope": "entries",
    "allow_fractional": False,
    "direction": "long",
}
LISTS = ("entry", "exit", "stop", "filter")


@dataclass(frozen=True)
class Trade:
    """One closed lot; bars are positions in the whole table, warm-up included."""

    entry_bar: int
    exit_bar: int
    entry_price: float
    exit_price: float
    shares: float
    pnl: float
    return_pct: float
    reason: str
    bars_held: int
    commission: float
    slippage_cost: float


@dataclass(frozen=True)
class Lot:
    """Shares bought (or sold short) in one fill."""

    bar: int
    price: float
    shares: float
    commission: float
    slippage_cost: float


@dataclass
class Outcome:
    """All that a run leaves; `equity` and `cash` have a point per bar from `start_index`."""

    trades: list[Trade] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    cash: list[float] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    unfilled: int = 0
    ruined: bool = False
    # (list, index) -> [bars where it held, bars where it raised]
    condition_counts: dict[tuple[str, int], list[int]] = field(default_factory=dict)


class Simulator:
    """One run, one rule per method."""

    def __init__(
        self,
        spec: dict[str, Any],
        bars: dict[str, list[float]],
        columns: dict[str, Column],
        *,
        capital: float,
        commission: float,
        slippage: float,
        start_index: int,
    ) -> None:
        self.spec = DEFAULTS | spec
        self.open, self.close = bars["open"], bars["close"]
        self.columns = columns
        self.cash = float(capital)
        self.rate = float(commission)
        self.slippage = float(slippage)
        self.start = start_index
        self.last = len(self.close) - 1
        self.short = self.spec["direction"] == "short"
        self.at_close = self.spec["fill"] == "close"
        self.texts = {
            name: [self.filled_in(text) for text in self.spec[f"{name}_conditions"]]
            for name in LISTS
        }
        self.formula = self.filled_in(self.spec["position_sizing_formula"])
        self.lots: list[Lot] = []
        self.exits: list[tuple[Lot, str]] = []
        self.entry: float | None = None
        self.closed: list[tuple[int, int, Trade]] = []
        self.outcome = Outcome()
        self.outcome.condition_counts = {
            (name, index): [0, 0] for name in LISTS for index in range(len(self.texts[name]))
        }

    # Conditions

    def filled_in(self, text: str) -> str:
        for name, value in self.spec["parameters"].items():
            text = text.replace("{" + name + "}", repr(value))
        return text

    def scope(self, i: int, lot: Lot | None) -> dict[str, object]:
        names: dict[str, object] = {name: column[i] for name, column in self.columns.items()}
        held = 0.0 if lot is None else float(self.bars_held(lot, i))
        return names | {
            "in_position": self.in_position(),
            "capital": self.capital(),
            "bars_held": held,
            "days_held": held,
            "position_pnl_pct": 0.0 if lot is None else self.position_pnl_pct(lot, i),
            **OPTION_NAMES,
        }

    def value(self, text: str, scope: dict[str, object]) -> object:
        return evaluate(text, scope)

    def in_position(self) -> bool:
        return bool(self.lots)

    def capital(self) -> float:
        return self.cash

    def bars_held(self, lot: Lot, i: int) -> int:
        return i - lot.bar

    def position_pnl_pct(self, lot: Lot, i: int) -> float:
        ratio = self.close[i] / lot.price
        return 1.0 - ratio if self.short else ratio - 1.0

    def judge(self, name: str, i: int, lots: list[Lot | None]) -> list[bool]:
        """Return, for each lot, whether the whole list holds; count each condition once a bar."""
        verdicts = [True] * len(lots)
        for index, text in enumerate(self.texts[name]):
            held = raised = False
            for place, lot in enumerate(lots):
                try:
                    met = bool(self.value(text, self.scope(i, lot)))
                except RAISED:
                    met, raised = False, True
                held = held or met
                verdicts[place] = verdicts[place] and met
            counts = self.outcome.condition_counts[name, index]
            counts[0] += held
            counts[1] += raised
        return verdicts

    # Money

    def entry_price(self, raw: float) -> float:
        return raw * (1 - self.slippage) if self.short else raw * (1 + self.slippage)

    def exit_price(self, raw: float) -> float:
        return raw * (1 + self.slippage) if self.short else raw * (1 - self.slippage)

    def fee_parts(self) -> tuple[float, float, float]:
        """Return the commission per order, per share, and per dollar traded."""
        default = "per_order" if self.spec["asset_class"] == "equities" else "per_contract"
        model = self.spec.get("commission_model") or default
        return {
            "per_order": (self.rate, 0.0, 0.0),
            "per_share": (0.0, self.rate, 0.0),
            "per_contract": (0.0, self.rate, 0.0),
            "rate": (0.0, 0.0, self.rate),
        }[model]

    def fee(self, shares: float, price: float) -> float:
        per_order, per_share, rate = self.fee_parts()
        if rate:
            return rate * shares * price
        return per_share * shares if per_share else per_order

    def exit_fee(self, shares: float, price: float) -> float:
        return self.fee(shares, price)

    def cost(self, shares: float, price: float) -> float:
        return shares * price + self.fee(shares, price)

    def value_of(self, lot: Lot, price: float) -> float:
        return lot.shares * (2 * lot.price - price) if self.short else lot.shares * price

    def equity(self, i: int) -> float:
        total = self.cash
        for lot in self.lots:
            total += self.value_of(lot, self.close[i])
        return total

    # Sizes

    def wanted(self, i: int) -> float | str:
        """Return the shares to ask for, or why there is no order."""
        oldest = self.lots[0] if self.lots else None
        scope = self.scope(i, oldest) | {"risk_pct": float(self.spec["per_trade_risk_pct"])}
        try:
            shares = number(self.value(self.formula, scope))
        except RAISED:
            return "size_missing"
        if math.isnan(shares):
            return "size_missing"
        if shares <= 0:
            return "size_not_positive"
        return self.whole(shares)

    def whole(self, shares: float) -> float | str:
        if self.spec["allow_fractional"]:
            return shares
        if shares < 1:
            return "size_below_one_share"
        return shares if math.isinf(shares) else float(math.floor(shares))

    def affordable(self, shares: float, price: float) -> float:
        """Cut the size to what the cash pays for; 0 when that is nothing."""
        fractional = self.spec["allow_fractional"]
        if self.cost(shares, price) > self.cash:
            per_order, per_share, rate = self.fee_parts()
            shares = (self.cash - per_order) / (price * (1 + rate) + per_share)
            shares = shares if fractional else float(math.floor(shares))
            for _ in range(8):  # two steps do, but a broken simulator must end too
                if shares <= 0 or self.cost(shares, price) <= self.cash:
                    break
                less = math.nextafter(shares, 0.0)
                shares = less if fractional else min(shares - 1.0, less)
            if fractional and shares * price < 0.01:
                return 0.0  # less than a cent's worth is what rounding left over
        return shares if shares > 0 and (fractional or shares >= 1) else 0.0

    # Fills

    def buy(self, i: int, raw: float, wanted: float) -> None:
        price = self.entry_price(raw)
        shares = self.affordable(wanted, price)
        if shares == 0:
            self.skip("insufficient_cash")
            return
        fee = self.fee(shares, price)
        self.cash = self.cash - (shares * price + fee)
        self.lots.append(Lot(i, price, shares, fee, shares * abs(price - raw)))

    def sell(self, lot: Lot, i: int, raw: float, reason: str) -> None:
        price = self.exit_price(raw)
        fee = self.exit_fee(lot.shares, price)
        self.cash = self.cash + (self.value_of(lot, price) - fee)
        gain = lot.price - price if self.short else price - lot.price
        pnl = lot.shares * gain - lot.commission - fee
        trade = Trade(
            entry_bar=lot.bar,
            exit_bar=i,
            entry_price=lot.price,
            exit_price=price,
            shares=lot.shares,
            pnl=pnl,
            return_pct=pnl / (lot.shares * lot.price),
            reason=reason,
            bars_held=i - lot.bar,
            commission=lot.commission + fee,
            slippage_cost=lot.slippage_cost + lot.shares * abs(price - raw),
        )
        self.lots.remove(lot)
        self.closed.append((i, lot.bar, trade))

    def skip(self, reason: str) -> None:
        self.outcome.skipped[reason] = self.outcome.skipped.get(reason, 0) + 1

    def raw_price(self, i: int) -> float:
        return self.close[i] if self.at_close else self.open[i]

    def fill_exits(self, i: int) -> None:
        for lot, reason in self.exits:
            self.sell(lot, i, self.raw_price(i), reason)
        self.exits = []

    def fill_entry(self, i: int) -> None:
        if self.entry is not None:
            self.buy(i, self.raw_price(i), self.entry)
        self.entry = None

    def fill(self, i: int) -> None:
        self.fill_exits(i)
        self.fill_entry(i)

    def close_all(self, i: int, reason: str) -> None:
        for lot in list(self.lots):
            self.sell(lot, i, self.close[i], reason)

    # Decisions

    def has_room(self) -> bool:
        return len(self.lots) < int(self.spec["max_concurrent_positions"])

    def filters_gate_exits(self) -> bool:
        return str(self.spec["filter_scope"]) == "all"

    def reason(self, lot: Lot, i: int, *, stop: bool, leave: bool) -> str | None:
        if stop:
            return "stop"
        if leave:
            return "exit"
        return "max_holding" if self.has_aged(lot, i) else None

    def has_aged(self, lot: Lot, i: int) -> bool:
        return self.bars_held(lot, i) >= int(self.spec["max_holding_bars"])

    def decide(self, i: int) -> None:
        oldest = self.lots[0] if self.lots else None
        filters_pass = self.judge("filter", i, [oldest])[0]
        enter = self.judge("entry", i, [oldest])[0]
        judged: list[Lot | None] = [*self.lots] or [None]
        stops, leaves = self.judge("stop", i, judged), self.judge("exit", i, judged)
        open_gate = filters_pass or not self.filters_gate_exits()
        for lot, stop, leave in zip(list(self.lots), stops, leaves, strict=False):
            reason = self.reason(
                lot,
                i,
                stop=stop and open_gate and bool(self.texts["stop"]),
                leave=leave and open_gate and bool(self.texts["exit"]),
            )
            if reason:
                self.exits.append((lot, reason))
        if filters_pass and enter and self.has_room():
            wanted = self.wanted(i)
            if isinstance(wanted, str):
                self.skip(wanted)
            else:
                self.entry = wanted

    # The walk

    def is_ruined(self, i: int) -> bool:
        return self.equity(i) <= 0

    def give_up(self, i: int) -> None:
        self.outcome.ruined = True
        self.close_all(i, "ruin")

    def drop_last_orders(self) -> None:
        self.outcome.unfilled += len(self.exits) + (self.entry is not None)
        self.exits, self.entry = [], None

    def step(self, i: int) -> None:
        if not self.at_close:
            self.fill(i)
        if self.is_ruined(i):
            self.give_up(i)
            return
        self.decide(i)
        if self.at_close:
            self.fill_exits(i)
            if i < self.last:
                self.fill_entry(i)
            if self.is_ruined(i):
                self.give_up(i)
        if i == self.last:
            self.drop_last_orders()
            self.close_all(i, "end_of_data")
            self.outcome.ruined = self.outcome.ruined or self.is_ruined(i)

    def run(self) -> Outcome:
        for i in range(self.start, self.last + 1):
            if not self.outcome.ruined:
                self.step(i)
            self.outcome.equity.append(self.equity(i))
            self.outcome.cash.append(self.cash)
        self.closed.sort(key=lambda entry: entry[:2])
        self.outcome.trades = [trade for _, _, trade in self.closed]
        return self.outcome


def run(
    spec: dict[str, Any],
    bars: dict[str, list[float]],
    columns: dict[str, Column],
    *,
    capital: float,
    commission: float,
    slippage: float,
    start_index: int,
) -> Outcome:
    """Simulate a spec over bars; `columns` holds every feature that its texts name."""
    return Simulator(
        spec,
        bars,
        columns,
        capital=capital,
        commission=commission,
        slippage=slippage,
        start_index=start_index,
    ).run()
