"""Lots of shares or contracts, long or short: SEMANTICS 3.5 to 3.7, 3.9, 3.10, 3.12, 3.13."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, cast

from btkit.crosscheck.evaluation import RAISED, evaluate, filled_in, number
from btkit.crosscheck.records import Instrument, Lot, Order, PlainAccount, PlainTrade, Resting
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
_AT_A_CLOSE = ("end_of_data", "ruin")
_LEAST_WORTH = 0.01  # a fraction of a share worth less than a cent is what rounding left over
_STEPS_DOWN = 8  # two do; more only so that a broken rule ends, too
_LEFT_OVER = 1e-9  # a share of the entry that is no rest, but what rounding left of fractions


FillKind: TypeAlias = Literal["open", "close", "level", "gap"]
"""9.9: Where a fill was: at a market's open or close, at its own level, or beyond that in a gap."""


@dataclass(eq=False)
class ShareLot(Lot):
    """Shares or contracts bought, or sold short, in one fill; the costs are the entry's.

    Parameters
    ----------
    short
        Whether they were sold.
    price, raw
        $ a share, with slippage and without.
    shares, commission
        Of what is left.
    slipped
        $ a share.
    entered
        Shares of the whole lot.
    filled
        Where the entry was.
    taken
        The part exits that were made, by their places in the spec.
    rested
        The order that filled inside the bar; None for one at an open or a close.
    part
        Which of the finer bars of its bar it was entered in.
    stop, target, trail
        Levels in force, in $ a share; None where there is none.
    distance
        What a trailing stop keeps, in $ a share; None for one that keeps a fraction.
    best
        The highest high since the fill, of a short the lowest low (9.2); None before the first.
    certain
        Whether none of its bars was ambiguous.
    """

    short: bool
    price: float
    raw: float
    shares: float
    commission: float
    slipped: float
    entered: float
    filled: FillKind
    taken: set[int] = field(default_factory=set)
    rested: Resting | None = None
    part: int = 0
    stop: float | None = None
    target: float | None = None
    trail: float | None = None
    distance: float | None = None
    best: float | None = None
    certain: bool = True


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
        self.multiplier = 1.0 if spec.multiplier is None else spec.multiplier
        self.margin = spec.initial_margin
        self.fractions: dict[str, list[float]] = {}
        self.read_parts("scale_out", spec)

    def read_parts(self, name: str, spec: StrategySpec) -> None:
        """Take the part exits of one side over, and count their conditions."""
        self.texts[name] = [part.when for part in spec.filled_parts]
        self.fractions[name] = [part.fraction for part in spec.filled_parts]
        self.counts |= {(name, index): (0, 0) for index in range(len(self.texts[name]))}

    @classmethod
    def expressions(cls, spec: BaseSpec) -> list[str]:
        """Return the conditions and the size formula."""
        spec = cast("StrategySpec", spec)
        parts = [part.when for part in spec.filled_parts]
        formula = filled_in(spec.position_sizing_formula, spec.parameters)
        return [*super().expressions(spec), *parts, formula]

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
        """2.12: A bar entered inside it, or at its close, counts by its fill and close."""
        late = lot.filled != "open"
        first = [lot.price, lot.instrument.close[lot.bar]] if late else [prices[lot.bar]]
        return first + prices[lot.bar + 1 : i + 1]

    def gain(self, lot: ShareLot, i: int) -> float:
        """3.2: `position_pnl_pct` is close / entry fill - 1; 3.10: of a short 1 less the ratio."""
        ratio = lot.instrument.close[i] / lot.price
        return 1.0 - ratio if lot.short else ratio - 1.0

    # 3.5: sizes

    def order_entry(self, i: int) -> None:
        """3.5: The size is judged at the deciding bar; without one there is no order."""
        wanted = self.wanted(i)
        order = wanted if isinstance(wanted, str) else self.entry_of(wanted, i)
        if isinstance(order, str):
            self.skip(order)
        else:
            self.orders.append(order)

    def entry_of(self, shares: float, i: int) -> Order[ShareLot] | str:
        """Return the order to enter, or why there is none."""
        del i
        return Order(self.instrument, "entry", quantity=shares, short=self.short)

    def wanted(self, i: int) -> float | str:
        """3.5: The formula's value, or why it is no size."""
        scope = self.scope(i, self.oldest()) | self.size_names()
        try:
            shares = number(evaluate(self.formula, scope))
        except RAISED:
            return "size_missing"
        if math.isnan(shares):
            return "size_missing"
        if shares <= 0:
            return "size_not_positive"
        return self.whole(shares)

    def size_names(self) -> dict[str, object]:
        """3.5, 3.13: Size formulas see `risk_pct` and `multiplier`, too."""
        return {"risk_pct": self.risk, "multiplier": self.multiplier}

    def whole(self, shares: float) -> float | str:
        """3.5: Floored to whole shares, at least one, unless fractions are allowed."""
        if self.fractional:
            return shares
        if shares < 1:
            return "size_below_one_share"
        return shares if math.isinf(shares) else float(math.floor(shares))

    def affordable(self, shares: float, price: float, cash: float) -> float:
        """3.5, 3.6: Cut to what cash pays for, commission included; 0 when that is nothing."""
        if self.cost(shares, price) > cash:
            shares = self.cut(price, cash)
            for _ in range(_STEPS_DOWN):
                if shares <= 0 or self.cost(shares, price) <= cash:
                    break
                shares = self.one_less(shares)
            if self.fractional and self.taken(shares, price) < _LEAST_WORTH:
                return 0.0
        return shares if shares > 0 and (self.fractional or shares >= 1) else 0.0

    def cut(self, price: float, cash: float) -> float:
        """3.7: The cut solves for every part of the commission; 3.13: by what entry takes."""
        per_order, per_share, rate = self.fee_parts()
        each = self.multiplier * price
        unit = each * (1 + rate) if self.margin is None else self.margin + rate * each
        shares = (cash - per_order) / (unit + per_share)
        return shares if self.fractional else float(math.floor(shares))

    def one_less(self, shares: float) -> float:
        """3.6: Where rounding made the cut too large, cash must still not go below zero."""
        less = math.nextafter(shares, 0.0)
        return less if self.fractional else min(shares - 1.0, less)

    # 3.12: part exits

    def decide_parts(self, i: int, *, filters_pass: bool) -> None:
        """3.12: Parts leave by the conditions of the spec."""
        self.judge_parts("scale_out", i, self.lots, filters_pass=filters_pass)

    def judge_parts(self, name: str, i: int, lots: list[ShareLot], *, filters_pass: bool) -> None:
        """3.12: Each part exit is judged for each lot whose lists and age have not fired.

        2.5: Filters whose scope is all gate them as they do the exit list.
        """
        judged: list[ShareLot | None] = [*lots] or [None]
        scopes = [self.scope(i, lot) for lot in judged]
        for index, text in enumerate(self.texts[name]):
            if not self.is_asked(name, text, judged):
                continue
            met = [self.met(text, scope) for scope in scopes]
            held, raised = self.counts[name, index]
            self.counts[name, index] = held + (True in met), raised + (None in met)
            for lot, holds in zip(lots, met, strict=False):
                if holds and self.is_judged(filters_pass=filters_pass) and self.stays(lot):
                    self.order_part(lot, index, self.fractions[name][index])

    def stays(self, lot: ShareLot) -> bool:
        """3.12: The lot's lists and `max_holding` have not fired."""
        return not any(o.lot is lot and o.reason != "scale_out" for o in self.orders)

    def order_part(self, lot: ShareLot, index: int, fraction: float) -> None:
        """3.12: Each entry leaves at most once a lot, and at least one share or nothing.

        One whose size comes to no share sells nothing at any bar, since it is of the shares at
        entry: whether it counts as made makes no difference. Where several hold at one bar, each
        is an order of its own, in the order of the spec.
        """
        shares = self.part_of(lot, fraction)
        if index in lot.taken or not self.is_enough(shares):
            return
        lot.taken.add(index)
        self.orders.append(Order(self.instrument, "scale_out", lot, shares))

    def part_of(self, lot: ShareLot, fraction: float) -> float:
        """3.12: Floor(fraction x shares at entry), unfloored when fractional, at most what is left.

        Of fractions that add up to one, rounding may leave a share of a share that nobody holds:
        it goes along.
        """
        left = self.remaining(lot)
        shares = fraction * lot.entered
        if not self.fractional:
            return min(float(math.floor(shares)), left)
        return left if left - shares <= _LEFT_OVER * lot.entered else shares

    def is_enough(self, shares: float) -> bool:
        """3.12: At least one share, or, when fractional, anything."""
        return shares > 0 if self.fractional else shares >= 1

    def remaining(self, lot: ShareLot) -> float:
        """3.12: What the parts that were decided leave of a lot."""
        left = lot.shares
        for order in self.orders:
            if order.lot is lot and order.reason == "scale_out":
                left -= order.quantity
        return left

    def carry_out(self, order: Order[ShareLot], lot: ShareLot, i: int, price: float) -> None:
        """3.12: A part is a trade of its own; the rest stays, and with it the lot's place."""
        if order.reason != "scale_out":
            super().carry_out(order, lot, i, price)
            return
        borne = self.commission_share(lot, order.quantity)
        part = replace(lot, shares=order.quantity, commission=borne)
        lot.commission -= borne
        lot.shares -= order.quantity
        self.close(part, i, price, order.reason)
        if lot.shares == 0:
            self.lots.remove(lot)

    def commission_share(self, lot: ShareLot, shares: float) -> float:
        """3.12: The entry commission is shared by shares, so that the shares of it add up to it.

        Of part and rest the larger one is worked out, and the other is what remains: the
        difference of a number and one between its half and itself is exact.
        """
        rest = lot.shares - shares
        if rest > shares:
            return lot.commission - lot.commission * max(rest / lot.shares, 0.5)
        return lot.commission * max(shares / lot.shares, 0.5)

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
            return rate * self.of_units(shares) * price
        return per_share * shares if per_share else per_order

    def of_units(self, shares: float) -> float:
        """3.13: One unit's gain per point is the multiplier."""
        return shares * self.multiplier

    def exit_fee(self, shares: float, price: float) -> float:
        """3.7: An exit pays as an entry does."""
        return self.fee(shares, price)

    def cost(self, shares: float, price: float) -> float:
        """3.6, 3.10: What an entry takes from cash, a short one's as collateral."""
        return self.taken(shares, price) + self.fee(shares, price)

    def taken(self, shares: float, price: float) -> float:
        """3.13: An entry takes units x multiplier x price, or the margin in place of it."""
        return self.of_units(shares) * price if self.margin is None else shares * self.margin

    # 3.1, 3.9 and 3.10: fills

    def entry_price(self, price: float, *, short: bool) -> float:
        """3.1: Buys fill above the price, by the slippage; 3.10: short sales below it."""
        return price * (1 - self.slippage) if short else price * (1 + self.slippage)

    def exit_price(self, price: float, *, short: bool) -> float:
        """3.1: Sells fill below the price, by the slippage; 3.10: what buys back above it."""
        return price * (1 + self.slippage) if short else price * (1 - self.slippage)

    def enter(self, order: Order[ShareLot], i: int, price: float) -> str | None:
        """3.5: At the fill the size is cut to the cash, or the entry dropped."""
        fill = self.fill_of_entry(order, price)
        shares = self.affordable(order.quantity, fill, self.spendable(price))
        if shares == 0:
            return "insufficient_cash"
        fee = self.fee(shares, fill)
        self.cash = self.cash - (self.taken(shares, fill) + fee)
        number, slipped = self.next_number(), abs(fill - price)
        self.lots.append(
            ShareLot(
                order.instrument,
                i,
                number,
                order.short,
                fill,
                price,
                shares,
                fee,
                slipped,
                entered=shares,
                filled="close" if self.at_close else "open",
            )
        )
        return None

    def fill_of_entry(self, order: Order[ShareLot], price: float) -> float:
        """3.1: What a market order pays."""
        return self.entry_price(price, short=order.short)

    def worth(self, lot: ShareLot, price: float) -> float:
        """3.9: A lot is worth its shares; 3.10: a short one twice its sale less its shares."""
        if self.margin is not None:
            return self.margined(lot, price, self.margin)
        units = self.of_units(lot.shares)
        return units * (2 * lot.price - price) if lot.short else units * price

    def margined(self, lot: ShareLot, price: float, margin: float) -> float:
        """3.13: A margined lot is worth units x (margin +- multiplier x (price - entry))."""
        moved = self.multiplier * (price - lot.price)
        return lot.shares * (margin - moved if lot.short else margin + moved)

    def gained(self, lot: ShareLot, price: float) -> float:
        """3.9, 3.10, 3.13: Units x multiplier x what the price gained."""
        return self.of_units(lot.shares) * (lot.price - price if lot.short else price - lot.price)

    def open_losses(self, price: float) -> float:
        """3.13: What margined lots have lost at a price, lot by lot; no gain makes up for it."""
        lost = 0.0
        if self.margin is not None:
            for lot in self.lots:
                lost += min(self.gained(lot, price), 0.0)
        return lost

    def spendable(self, price: float) -> float:
        """3.13: Open losses, at the price that is offered, count against cash for entries."""
        return self.cash + self.open_losses(price)

    def free(self, i: int) -> float:
        """3.6: `capital` is cash; 3.13: open losses at the close count against it."""
        return self.cash + self.open_losses(self.instrument.close[i])

    # 3.14: carry

    def borrow_fees(self, i: int) -> float:
        """3.14: Open shorts pay their last close x shares x rate x days / 365."""
        rate, days, paid = self.instrument.borrow_rates[i], self.days(i), 0.0
        for lot in self.lots:
            if lot.short:
                close = lot.instrument.close[i - 1]
                paid += close * self.of_units(lot.shares) * rate * days / 365
        return paid

    def dividends(self, i: int) -> float:
        """3.14: Paid on the shares held at the close before; shorts pay."""
        each, paid = self.instrument.dividends[i], 0.0
        for lot in self.lots:
            due = each * self.of_units(lot.shares)
            paid += -due if lot.short else due
        return paid

    # 3.13: margin calls

    def is_called(self, i: int) -> bool:
        """3.13: Equity below the sum of margins at a close calls all lots in.

        It is judged with the exits, so a lot that fills at a close is called at the next one. No
        rule bars an entry for it: one that 3.4 or 3.11 allows is decided as at any bar, and gets
        what cash pays for once the lots have left.
        """
        held = 0.0
        for lot in self.lots:
            held += lot.shares * (self.margin or 0.0)
        return self.margin is not None and self.equity(i) < held

    def value_of(self, lot: ShareLot, i: int) -> float:
        """3.2: Open lots are marked at the close."""
        return self.worth(lot, lot.instrument.close[i])

    def leave(
        self, lot: ShareLot, i: int, price: float, reason: str, kind: FillKind | None = None
    ) -> None:
        """3.9: A lot leaves as a whole, or what parts have left of it."""
        self.lots.remove(lot)
        self.close(lot, i, price, reason, kind)

    def close(
        self, lot: ShareLot, i: int, price: float, reason: str, kind: FillKind | None = None
    ) -> None:
        """3.9, 3.10: A sale returns what the lot is worth, less its commission."""
        kind = kind or self.kind_of(reason)
        fill = self.exit_fill(lot, price, reason)
        fee = self.exit_fee(lot.shares, fill)
        self.cash = self.cash + (self.worth(lot, fill) - fee)
        pnl, units = self.profit(lot, fill, fee), self.of_units(lot.shares)
        worst, best = self.excursions(lot, i, fill)
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
            slippage_cost=units * lot.slipped + units * abs(fill - price),
            lot=lot.number,
            entered=lot.entered,
            multiplier=self.multiplier,
            direction="short" if lot.short else "long",
            fill_kind=kind,
            certain=lot.certain,
            mae_pct=worst,
            mfe_pct=best,
        )
        self.list_trade(lot, i, trade)

    def exit_fill(self, lot: ShareLot, price: float, reason: str) -> float:
        """3.1: What a market order brings."""
        del reason
        return self.exit_price(price, short=lot.short)

    def kind_of(self, reason: str) -> FillKind:
        """9.9: An exit that no level makes fills at an open (3.1), or at a close."""
        return "close" if self.at_close or reason in _AT_A_CLOSE else "open"

    # 5: how far it went

    def excursions(self, lot: ShareLot, i: int, fill: float) -> tuple[float, float]:
        """5: `mae_pct` and `mfe_pct`: the worst and the best against the entry fill."""
        seen = [lot.price, fill]
        for bar in range(lot.bar, i + 1):
            seen += self.seen_while_held(lot, bar, leaves=bar == i)
        gains = [
            1.0 - price / lot.price if lot.short else price / lot.price - 1.0 for price in seen
        ]
        return min(gains), max(gains)

    def seen_while_held(self, lot: ShareLot, bar: int, *, leaves: bool) -> list[float]:
        """5: Highs and lows; an entry inside, or at a close, counts by the close, beside its fill.

        The exit's bar counts by its open, if the lot was held there, beside the exit fill.
        """
        prices, from_open = lot.instrument, bar > lot.bar or lot.filled == "open"
        if leaves:
            return [prices.open[bar]] if from_open else []
        return [prices.high[bar], prices.low[bar]] if from_open else [prices.close[bar]]

    def profit(self, lot: ShareLot, fill: float, fee: float) -> float:
        """3.9, 3.10: What the price gained, less both commissions."""
        return self.gained(lot, fill) - lot.commission - fee

    def return_of(self, lot: ShareLot, pnl: float) -> float:
        """3.9, 3.13: `return_pct` is the P&L over units x multiplier x entry fill."""
        return pnl / (self.of_units(lot.shares) * lot.price)
