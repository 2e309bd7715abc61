"""Spreads of options: SEMANTICS 4.3 to 4.7."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

from btkit.crosscheck.expiry import expiry_of
from btkit.crosscheck.option_prices import OptionPrices
from btkit.crosscheck.records import Instrument, Lot, Order, PlainAccount, PlainLeg, PlainTrade
from btkit.crosscheck.walk import Walk
from btkit.spec import BaseSpec, OptionsSpec

_SHARES = 100.0
_AT_A_CLOSE = ("expiration", "end_of_data", "ruin")


@dataclass(eq=False)
class PlainSpread(Lot):
    """One open spread: prices in $ a share, `max_loss` in $ a contract, expiry as a day."""

    expiry: int
    legs: list[PlainLeg]
    credit: float
    wing: float
    max_loss: float
    contracts: float
    commission: float
    slipped: list[float]  # each leg's price at the entry, before slippage


class Spreads(Walk[PlainSpread], OptionPrices):
    """One run of an option spec."""

    def __init__(self, spec: BaseSpec, instrument: Instrument, account: PlainAccount) -> None:
        spec = cast("OptionsSpec", spec)
        Walk.__init__(self, spec, instrument, account)
        OptionPrices.__init__(self, spec, instrument)
        self.target_dte, self.expiry, self.calendar = spec.target_dte, spec.expiry, spec.calendar
        self.risk = float(spec.per_trade_risk_pct)
        self.profit_target, self.stop_loss = spec.profit_target_pct, spec.stop_loss_pct

    @classmethod
    def expressions(cls, spec: BaseSpec) -> list[str]:
        """Return the conditions, and where volatility can come from (4.1)."""
        return [*super().expressions(spec), "iv_atm", "vix"]

    # 4.3 and 4.5: what a spread brings and costs

    def credit(self, short: float, long: float) -> float:
        """4.3: Short legs are sold below their value, long ones bought above it."""
        return short * (1 - self.slippage) - long * (1 + self.slippage)

    def clamped(self, value: float, wing: float) -> float:
        """4.6: A spread is worth something between nothing and its widest wing."""
        return min(max(value, 0.0), wing)

    def to_close(
        self, lot: PlainSpread, spot: float, years: float, iv: float, slippage: float
    ) -> float:
        """4.5: Short legs are bought back above their value, long ones sold below it."""
        short, long = self.sums(lot.legs, spot, years, iv)
        beyond = self.clamped(short - long, lot.wing) - (short - long)
        return short * (1 + slippage) - long * (1 - slippage) + beyond

    def cost_now(self, lot: PlainSpread, i: int) -> float:
        """4.5: The value to close is repriced at each close, with its S, volatility and T."""
        spot, years = lot.instrument.close[i], self.years(lot.expiry, i)
        return self.to_close(lot, spot, years, self.iv(i), self.slippage)

    def mid(self, lot: PlainSpread, i: int) -> float:
        """4.6: Equity marks open spreads at mid, without slippage."""
        spot, years = lot.instrument.close[i], self.years(lot.expiry, i)
        short, long = self.sums(lot.legs, spot, years, self.iv(i))
        return self.clamped(short - long, lot.wing)

    def value_of(self, lot: PlainSpread, i: int) -> float:
        """4.6: The credit is in the cash, so an open spread is what buying it back takes."""
        return -(self.mid(lot, i) * _SHARES * lot.contracts)

    def free(self, i: int) -> float:
        """4.6: `capital` is the cash that no spread reserves: its widest wing, till it closes."""
        del i
        reserved = 0.0
        for lot in self.lots:
            reserved += lot.wing * _SHARES * lot.contracts
        return self.cash - reserved

    def earning(self, i: int) -> float:
        """3.14: What a spread reserves is collateral, and earns nothing."""
        return self.free(i)

    # 4.7: what conditions read

    def position_names(self, lot: PlainSpread | None, i: int) -> dict[str, object]:
        """4.7: Shares of the credit and of the max loss, the short leg's delta; flat: none."""
        kept = 0.0 if lot is None else lot.credit - self.cost_now(lot, i)
        share = 0.0 if lot is None else kept / lot.credit
        delta = self.deltas["short"] if lot is None else self.short_delta(lot, i)
        return {
            "position_pnl_pct": 0.0 if lot is None else kept * _SHARES / lot.max_loss,
            "pnl_pct_of_max_credit": share,
            "premium_collected_pct": share,
            "short_leg_delta": delta,
            "short_strike_delta": delta,
            "open_interest_short_strike": 2000.0,
        }

    def short_delta(self, lot: PlainSpread, i: int) -> float:
        """4.7: The short leg's present delta, the put's for a condor."""
        leg, years = lot.legs[0], self.years(lot.expiry, i)
        return self.delta(leg, lot.instrument.close[i], years, self.leg_iv(self.iv(i), leg.premium))

    # 4.5: when to close

    def settle(self, i: int) -> None:
        """4.5: Spreads expire at the close of their expiry session, before anything is judged."""
        for lot in list(self.lots):
            if self.has_expired(lot, i):
                self.leave(lot, i, lot.instrument.close[i], "expiration")

    def has_expired(self, lot: PlainSpread, i: int) -> bool:
        """4.5: At the session's last bar, or the first after it where the session has none."""
        days = lot.instrument.days
        closes = i == self.last or days[i + 1] != days[i]
        return days[i] > lot.expiry or (days[i] == lot.expiry and closes)

    def reason(self, lot: PlainSpread, i: int, *, stop: bool, leave: bool) -> str | None:
        """4.5: The stop by price, the profit target, then the spec's own lists and the age."""
        value = self.cost_now(lot, i)
        if value >= self.stop_loss * lot.credit:
            return "stop"
        if value <= (1 - self.profit_target) * lot.credit:
            return "profit_target"
        return super().reason(lot, i, stop=stop, leave=leave)

    # 4.1 to 4.4: fills

    def iv_of_fill(self, i: int, *, at_close: bool) -> float:
        """4.1: A fill at an open is priced with the volatility of the bar before."""
        return self.iv(i if at_close else i - 1)

    def enter(self, order: Order[PlainSpread], i: int, price: float) -> str | None:
        """4.2 to 4.4: Sell a spread, or say why not."""
        if self.source_iv(i if self.at_close else i - 1) is None:
            return "no_volatility"
        iv = self.iv_of_fill(i, at_close=self.at_close)
        day = order.instrument.days[i]
        expiry = self.expires(day)
        if expiry <= day:
            return "no_time_to_expiry"
        years = self.years(expiry, i)
        legs = self.legs(price, years, iv)
        if isinstance(legs, str):
            return legs
        credit, wing = self.credit(*self.sums(legs, price, years, iv)), self.wing(legs)
        if not 0 < credit < wing:
            return "credit_above_width" if credit > 0 else "no_credit"
        max_loss = self.max_loss(legs, credit)
        contracts = self.contracts(max_loss, wing, i)
        if contracts < 1:
            return "size_below_one_contract"
        commission = self.fee(legs, contracts)
        self.cash += credit * _SHARES * contracts - commission
        slipped = [self.price(leg, price, years, self.leg_iv(iv, leg.premium)) for leg in legs]
        self.lots.append(
            PlainSpread(
                order.instrument,
                i,
                self.next_number(),
                expiry,
                legs,
                credit,
                wing,
                max_loss,
                contracts,
                commission,
                slipped,
            )
        )
        return None

    def expires(self, day: int) -> int:
        """4.2: The expiry of a spread sold on this day."""
        return expiry_of(day, target_dte=self.target_dte, snap=self.expiry, calendar=self.calendar)

    def wing(self, legs: list[PlainLeg]) -> float:
        """4.4: The widest distance between a strike that is sold and the one bought beyond it."""
        pairs = zip(legs[::2], legs[1::2], strict=True)
        return max(abs(short.strike - long.strike) for short, long in pairs)

    def fee(self, legs: list[PlainLeg], contracts: float) -> float:
        """3.7: Spreads pay the commission per contract and leg."""
        return self.rate * len(legs) * contracts

    def max_loss(self, legs: list[PlainLeg], credit: float) -> float:
        """4.4: A contract loses its wing less its credit, and the commissions of both fills."""
        return (self.wing(legs) - credit) * _SHARES + self.fee(legs, 1) * 2

    def contracts(self, max_loss: float, wing: float, i: int) -> float:
        """4.4: As many as the risk allows, and as the free cash can reserve."""
        free = self.free(i)
        contracts = math.floor(self.risk * free / max_loss)
        if contracts * (wing * _SHARES) > free:
            contracts = math.floor(free / (wing * _SHARES))
        return float(contracts)

    def leave(self, lot: PlainSpread, i: int, price: float, reason: str) -> None:
        """4.5: Buy a spread back, or settle it at expiry: without slippage or commission."""
        settled = self.is_settled(reason)
        iv = self.iv_of_fill(i, at_close=self.at_close or reason in _AT_A_CLOSE)
        years = 0.0 if settled else self.years(lot.expiry, i)
        slippage = 0.0 if settled else self.slippage
        value = self.to_close(lot, price, years, iv, slippage)
        fee = 0.0 if settled else self.exit_fee(lot)
        self.cash -= value * _SHARES * lot.contracts + fee
        commission, shares = lot.commission + fee, _SHARES * lot.contracts
        pnl = shares * (lot.credit - value) - commission
        slipped = 0.0
        for leg, entry in zip(lot.legs, lot.slipped, strict=True):
            paid = self.price(leg, price, years, self.leg_iv(iv, leg.premium))
            slipped += entry + (0.0 if settled else paid)
        trade = PlainTrade(
            symbol=lot.instrument.symbol,
            entry_bar=lot.bar,
            exit_bar=i,
            entry_price=lot.credit,
            exit_price=value,
            lot=lot.number,
            shares=shares,
            entered=shares,
            pnl=pnl,
            return_pct=pnl / (lot.max_loss * lot.contracts),
            exit_reason=reason,
            bars_held=i - lot.bar,
            commission=commission,
            slippage_cost=self.slippage * shares * slipped,
            legs=tuple(lot.legs),
        )
        self.lots.remove(lot)
        self.list_trade(lot, i, trade)

    def is_settled(self, reason: str) -> bool:
        """4.5: What expires gets its intrinsic value and pays nothing."""
        return reason == "expiration"

    def exit_fee(self, lot: PlainSpread) -> float:
        """3.7: Buying back pays the commission, too."""
        return self.fee(lot.legs, lot.contracts)
