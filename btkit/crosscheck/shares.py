"""Lots of shares, long or short: SEMANTICS 3.5 to 3.7, 3.9 and 3.10."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from btkit.crosscheck.evaluation import RAISED, evaluate, filled_in, number
from btkit.crosscheck.records import Instrument, Lot, Order, PlainAccount, PlainTrade
from btkit.crosscheck.walk import Walk
from btkit.spec import BaseSpec, StrategySpec

# 2.8: in a rule run the names of an option position have these fixed values.
_OPTION_NAMES = {
    "short_leg_delta": 0.30,
    "short_strike_delta": 0.30,
    "pnl_pct_of_max_credit": 0.0,
    "premium_collected_pct": 0.0,
    "open_interest_short_strike": 2000.0,
}
_LEAST_WORTH = 0.01  # a fraction of a share worth less than a cent is what rounding left over
_STEPS_DOWN = 8  # two do; more only so that a broken rule ends, too


@dataclass(eq=False)
class ShareLot(Lot):
    """Shares bought, or sold short, in one fill; the costs are the entry's."""

    short: bool
    price: float
    shares: float
    commission: float
    slippage_cost: float


class Shares(Walk[ShareLot]):
    """One run of a rule spec."""

    def __init__(self, spec: BaseSpec, instrument: Instrument, account: PlainAccount) -> None:
        spec = cast("StrategySpec", spec)
        super().__init__(spec, instrument, account)
        self.short = spec.direction == "short"
        self.fractional = spec.allow_fractional
        self.risk = spec.per_trade_risk_pct
        self.formula = filled_in(spec.position_sizing_formula, spec.parameters)
        self.model = spec.commission_model or self.default_model(spec.asset_class)

    @classmethod
    def expressions(cls, spec: BaseSpec) -> list[str]:
        """Return the conditions and the size formula."""
        formula = cast("StrategySpec", spec).position_sizing_formula
        return [*super().expressions(spec), filled_in(formula, spec.parameters)]

    # 3.2: what conditions read

    def position_names(self, lot: ShareLot | None, i: int) -> dict[str, object]:
        """2.8, 3.2: The gain of a lot, 0 when flat; an option's names are as documented."""
        gain = 0.0 if lot is None else self.gain(lot, i)
        return {"position_pnl_pct": gain, **_OPTION_NAMES, **self.lot_names(lot, i)}

    def lot_names(self, lot: ShareLot | None, i: int) -> dict[str, object]:
        """2.12: Those names of a lot's prices that are read; None when flat."""
        known: dict[str, Callable[[ShareLot, int], float]] = {
            "entry_price": self.entry_fill,
            "highest_since_entry": self.highest,
            "lowest_since_entry": self.lowest,
        }
        return {
            name: None if lot is None else value(lot, i)
            for name, value in known.items()
            if name in self.reads
        }

    def entry_fill(self, lot: ShareLot, _i: int) -> float:
        """2.12: `entry_price` is the lot's fill."""
        return lot.price

    def highest(self, lot: ShareLot, i: int) -> float:
        """2.12: The high of the bars from the fill to this one."""
        return max(self.seen(lot, lot.instrument.high, i))

    def lowest(self, lot: ShareLot, i: int) -> float:
        """2.12: The low of the bars from the fill to this one."""
        return min(self.seen(lot, lot.instrument.low, i))

    def seen(self, lot: ShareLot, prices: list[float], i: int) -> list[float]:
        """2.12: A bar entered at its close counts by its fill and close."""
        first = [lot.price, lot.instrument.close[lot.bar]] if self.at_close else [prices[lot.bar]]
        return first + prices[lot.bar + 1 : i + 1]

    def gain(self, lot: ShareLot, i: int) -> float:
        """3.2: `position_pnl_pct` is close / entry fill - 1; 3.10: of a short 1 less the ratio."""
        ratio = lot.instrument.close[i] / lot.price
        return 1.0 - ratio if lot.short else ratio - 1.0

    # 3.5: sizes

    def order_entry(self, i: int) -> None:
        """3.5: The size is judged at the deciding bar; without one there is no order."""
        wanted = self.wanted(i)
        if isinstance(wanted, str):
            self.skip(wanted)
        else:
            self.orders.append(Order(self.instrument, "entry", quantity=wanted, short=self.short))

    def wanted(self, i: int) -> float | str:
        """3.5: The formula's value, or why it is no size."""
        scope = self.scope(i, self.oldest()) | {"risk_pct": self.risk}
        try:
            shares = number(evaluate(self.formula, scope))
        except RAISED:
            return "size_missing"
        if math.isnan(shares):
            return "size_missing"
        if shares <= 0:
            return "size_not_positive"
        return self.whole(shares)

    def whole(self, shares: float) -> float | str:
        """3.5: Floored to whole shares, at least one, unless fractions are allowed."""
        if self.fractional:
            return shares
        if shares < 1:
            return "size_below_one_share"
        return shares if math.isinf(shares) else float(math.floor(shares))

    def affordable(self, shares: float, price: float) -> float:
        """3.5, 3.6: Cut to what cash pays for, commission included; 0 when that is nothing."""
        if self.cost(shares, price) > self.cash:
            shares = self.cut(price)
            for _ in range(_STEPS_DOWN):
                if shares <= 0 or self.cost(shares, price) <= self.cash:
                    break
                shares = self.one_less(shares)
            if self.fractional and shares * price < _LEAST_WORTH:
                return 0.0
        return shares if shares > 0 and (self.fractional or shares >= 1) else 0.0

    def cut(self, price: float) -> float:
        """3.7: The cut solves for every part of the commission."""
        per_order, per_share, rate = self.fee_parts()
        shares = (self.cash - per_order) / (price * (1 + rate) + per_share)
        return shares if self.fractional else float(math.floor(shares))

    def one_less(self, shares: float) -> float:
        """3.6: Where rounding made the cut too large, cash must still not go below zero."""
        less = math.nextafter(shares, 0.0)
        return less if self.fractional else min(shares - 1.0, less)

    # 3.7: commission

    def default_model(self, asset_class: str) -> str:
        """3.7: By default equities pay per order, all else per contract."""
        return "per_order" if asset_class == "equities" else "per_contract"

    def fee_parts(self) -> tuple[float, float, float]:
        """3.7: The commission per order, per share or contract, and per $ traded."""
        return {
            "per_order": (self.rate, 0.0, 0.0),
            "per_share": (0.0, self.rate, 0.0),
            "per_contract": (0.0, self.rate, 0.0),
            "rate": (0.0, 0.0, self.rate),
        }[self.model]

    def fee(self, shares: float, price: float) -> float:
        """3.7: The commission of one order."""
        per_order, per_share, rate = self.fee_parts()
        if rate:
            return rate * shares * price
        return per_share * shares if per_share else per_order

    def exit_fee(self, shares: float, price: float) -> float:
        """3.7: An exit pays as an entry does."""
        return self.fee(shares, price)

    def cost(self, shares: float, price: float) -> float:
        """3.6, 3.10: What an entry takes from cash, a short one's as collateral."""
        return shares * price + self.fee(shares, price)

    # 3.1, 3.9 and 3.10: fills

    def entry_price(self, price: float, *, short: bool) -> float:
        """3.1: Buys fill above the price, by the slippage; 3.10: short sales below it."""
        return price * (1 - self.slippage) if short else price * (1 + self.slippage)

    def exit_price(self, price: float, *, short: bool) -> float:
        """3.1: Sells fill below the price, by the slippage; 3.10: what buys back above it."""
        return price * (1 + self.slippage) if short else price * (1 - self.slippage)

    def enter(self, order: Order[ShareLot], i: int, price: float) -> str | None:
        """3.5: At the fill the size is cut to the cash, or the entry dropped."""
        fill = self.entry_price(price, short=order.short)
        shares = self.affordable(order.quantity, fill)
        if shares == 0:
            return "insufficient_cash"
        fee = self.fee(shares, fill)
        self.cash = self.cash - (shares * fill + fee)
        slipped = shares * abs(fill - price)
        self.lots.append(ShareLot(order.instrument, i, order.short, fill, shares, fee, slipped))
        return None

    def worth(self, lot: ShareLot, price: float) -> float:
        """3.9: A lot is worth its shares; 3.10: a short one twice its sale less its shares."""
        return lot.shares * (2 * lot.price - price) if lot.short else lot.shares * price

    def value_of(self, lot: ShareLot, i: int) -> float:
        """3.2: Open lots are marked at the close."""
        return self.worth(lot, lot.instrument.close[i])

    def leave(self, lot: ShareLot, i: int, price: float, reason: str) -> None:
        """3.9, 3.10: A sale returns what the lot is worth, less its commission."""
        fill = self.exit_price(price, short=lot.short)
        fee = self.exit_fee(lot.shares, fill)
        self.cash = self.cash + (self.worth(lot, fill) - fee)
        pnl = self.profit(lot, fill, fee)
        trade = PlainTrade(
            symbol=lot.instrument.symbol,
            entry_bar=lot.bar,
            exit_bar=i,
            entry_price=lot.price,
            exit_price=fill,
            shares=lot.shares,
            pnl=pnl,
            return_pct=self.return_of(lot, pnl),
            exit_reason=reason,
            bars_held=i - lot.bar,
            commission=lot.commission + fee,
            slippage_cost=lot.slippage_cost + lot.shares * abs(fill - price),
            direction="short" if lot.short else "long",
        )
        self.lots.remove(lot)
        self.list_trade(lot, i, trade)

    def profit(self, lot: ShareLot, fill: float, fee: float) -> float:
        """3.9, 3.10: Shares times what the price gained, less both commissions."""
        gained = lot.price - fill if lot.short else fill - lot.price
        return lot.shares * gained - lot.commission - fee

    def return_of(self, lot: ShareLot, pnl: float) -> float:
        """3.9: `return_pct` is the P&L over shares times entry fill."""
        return pnl / (lot.shares * lot.price)
