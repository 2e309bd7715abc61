"""Every rule of the plain simulation, broken once: the check of a result must report each.

A mutant is a class with the rule's method in another form. It is put over the book, or over both
where the rule is one of both.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import inspect
import math
import re
from functools import cache

import pytest
from oracle.battery import (
    order_cases,
    over_time_cases,
    share_cases,
    side_cases,
    slower_cases,
    spread_cases,
)
from oracle.beside_cases import beside_cases
from oracle.carry_cases import carry_cases, carrying_sides_cases, dividend_cases
from oracle.detail_cases import detail_cases
from oracle.harness import is_noticed, mixed
from oracle.mutants_carry import BROKEN as BROKEN_CARRY
from oracle.mutants_carry import BROKEN_DIVIDENDS
from oracle.mutants_detail import BROKEN as BROKEN_DETAILED
from oracle.mutants_detail import BROKEN_DETAIL
from oracle.mutants_orders import BROKEN as BROKEN_ORDERS

from btkit.crosscheck.beside import Beside
from btkit.crosscheck.detail import Matching
from btkit.crosscheck.dividends import Dividends
from btkit.crosscheck.inside import InsideBar
from btkit.crosscheck.option_prices import OptionPrices
from btkit.crosscheck.orders_inside import OrdersInside
from btkit.crosscheck.over_time import OverTime
from btkit.crosscheck.records import Order
from btkit.crosscheck.shares import Shares
from btkit.crosscheck.sides import EitherSide
from btkit.crosscheck.slower import Resampling
from btkit.crosscheck.spreads import Spreads
from btkit.crosscheck.walk import Walk


class Carrying(OrdersInside):
    """Runs whose cash, shorts and shares carry something; the book, with cases of its own."""


class CarryingSides(EitherSide):
    """The same of both sides."""


class Detailed(OrdersInside):
    """Runs that finer bars say more of; the book, with cases of its own."""


CASES = {
    Detailed: detail_cases,
    Matching: detail_cases,
    CarryingSides: carrying_sides_cases,
    Carrying: carry_cases,
    Dividends: dividend_cases,
    Shares: share_cases,
    EitherSide: side_cases,
    OrdersInside: order_cases,
    Spreads: spread_cases,
    Resampling: slower_cases,
    OverTime: over_time_cases,
    Beside: beside_cases,
}
CITED = re.compile(r"(\d+)\.(\d+)(?: to \d+\.(\d+))?(?=[\d., to]*: )")
# What SEMANTICS 3, 4 and 9 say and the engine does. 4.8 is a consequence, held by a property test.
IMPLEMENTED = {
    *(f"3.{n}" for n in range(1, 15)),
    *(f"4.{n}" for n in range(1, 8)),
    *(f"9.{n}" for n in range(1, 10)),
}

MUTANTS = []


def over(*books):
    """Register a class of broken methods as a mutant of these books."""

    def register(broken):
        MUTANTS.extend(
            pytest.param(type(broken.__name__, (broken, book), {}), book, id=name)
            for book in books
            for name in [f"{book.__name__}-{broken.__name__}"]
        )
        return broken

    return register


both, shares, spreads = over(Shares, Spreads), over(Shares), over(Spreads)
sides = over(EitherSide)
slower = over(Resampling)
over_time = over(OverTime)
beside = over(Beside)


# 2.11: another instrument


@beside
class KnownOnItsDate:
    def is_closed(self, j, i):
        return self.other.times[j] <= self.own.times[i]


@beside
class KnownBeforeItsClose:
    def is_closed(self, j, i):
        return self.other_closes[j] <= self.moment(i) + dt.timedelta(minutes=30)


@beside
class NotKnownAtItsClose:
    def is_closed(self, j, i):
        return self.other_closes[j] < self.moment(i)


@beside
class NeverTooOld:
    def age(self, j, i):
        return 0


@beside
class AgeInDays:
    def age(self, j, i):
        return (self.moment(i) - self.other_closes[j]).days


@beside
class AgeInTheRunsSessions:
    def age(self, j, i):
        ends = self.own.ends
        return sum(self.session_closes[j] < end <= self.moment(i) for end in ends)


@beside
class FiveSessionsAreTooMany:
    def known(self, start):
        found = super().known(start)
        return [None if j is not None and self.age(j, i) == 5 else j for i, j in enumerate(found)]


@beside
class TheSixthSessionCounts:
    def age(self, j, i):
        return super().age(j, i) - 1


@beside
class AllThatIsThereIsSeen:
    def first(self, start):
        return 0


@beside
class TheFirstBarsOwnIsEarlier:
    def earlier(self, start):
        return sum(close <= self.moment(start) for close in self.other_closes)


for mutant in BROKEN_ORDERS:
    over(OrdersInside)(mutant)
for mutant in BROKEN_DETAILED:
    over(Detailed)(mutant)
for mutant in BROKEN_DETAIL:
    over(Matching)(mutant)
for mutant in BROKEN_CARRY:
    over(Carrying)(mutant)
for mutant in BROKEN_DIVIDENDS:
    over(Dividends)(mutant)


# 2.9: calls over time


def longer(call):
    return dataclasses.replace(call, bars=call.bars + 1)


@over_time
class InfinitiesAreNumbers:
    def finite(self, value):
        return value


@over_time
class BeforeTheFirstBarIsTheFirstBar:
    def at(self, text, i):
        return super().at(text, max(i, 0))


@over_time
class TextsAndTruthsAreNoNumbers:
    def number_at(self, text, i):
        value = super().at(text, i)
        return value if isinstance(value, float) and value == value // 1 else None


@over_time
class MissingBarsAreLeftOut:
    def window(self, call, i):
        found = [self.number_at(call.texts[0], j) for j in range(i - call.bars + 1, i + 1)]
        return [value for value in found if value is not None] or None


@over_time
class PlainSums:
    def added(self, numbers):
        total = 0.0
        for number in numbers:
            total += number
        return total


@over_time
class NewestFirst:
    def added(self, numbers):
        total = 0.0
        for number in reversed(list(numbers)):
            total += number
        return total


@over_time
class LagOneBarMore:
    def lag(self, call, i):
        return super().lag(longer(call), i)


@over_time
class LagLooksAhead:
    def lag(self, call, i):
        return self.at(call.texts[0], min(i + call.bars, len(self.scopes) - 1))


@over_time
class ChangeUpsideDown:
    def change(self, call, i):
        found = super().change(call, i)
        return None if found is None else -found


@over_time
class HighestLeavesOutThisBar:
    def highest(self, call, i):
        return super().highest(call, i - 1)


@over_time
class LowestLeavesOutThisBar:
    def lowest(self, call, i):
        return super().lowest(call, i - 1)


@over_time
class TotalOfOneMore:
    def total(self, call, i):
        return super().total(longer(call), i)


@over_time
class MeanIsTheTotal:
    def mean(self, call, i):
        return self.total(call, i)


@over_time
class PopulationDeviation:
    def std(self, call, i):
        found = super().std(call, i)
        return None if found is None else found * math.sqrt((call.bars - 1) / call.bars)


@over_time
class PercentileOfThoseBelow:
    def percentile(self, call, i):
        found = super().percentile(call, i)
        return None if found is None else found - 100.0 / call.bars


@over_time
class AnErrorIsMet:
    def met(self, text, i):
        return self.at(text, i) is None or super().met(text, i)


@over_time
class CountOfTheBarsThereAre:
    def count(self, call, i):
        return super().count(dataclasses.replace(call, bars=min(call.bars, i + 1)), i)


@over_time
class CountOfOneMore:
    def count(self, call, i):
        return super().count(longer(call), i)


@over_time
class SinceOnlyBefore:
    def bars_since(self, call, i):
        found = super().bars_since(call, i - 1) if i else None
        return None if found is None else found + 1


@over_time
class SinceNotFrom500:
    def bars_since(self, call, i):
        found = super().bars_since(call, i)
        return None if found == 500 else found


@over_time
class SinceForever:
    def bars_since(self, call, i):
        met = [j for j in range(i + 1) if self.met(call.texts[0], j)]
        return float(i - met[-1]) if met else None


@over_time
class CrossedWhileAbove:
    def crossed_above(self, call, i):
        found = super().crossed_above(call, i)
        return found if found is None else self.at(call.texts[0], i) > self.at(call.texts[1], i)


@over_time
class CrossedBelowIsAbove:
    def crossed_below(self, call, i):
        return self.crossed_above(call, i)


@over_time
class MissingSidesHaveNotCrossed:
    def crossed(self, upper, lower, i):
        return super().crossed(upper, lower, i) or False


# 2.10: slower bars


@slower
class WeeksBeginOnWednesday:
    def key_of(self, session):
        if self.slower.unit != "w":
            return super().key_of(session)
        return (session.day - dt.timedelta(days=2)).isocalendar()[:2]


@slower
class HoursCountFromMidnight:
    def period_of(self, i):
        period = super().period_of(i)
        if period is None or self.slower.minutes is None:
            return period
        length = dt.timedelta(minutes=self.slower.minutes)
        midnight = self.times[i].replace(hour=0, minute=0)
        begins = midnight + (self.times[i] - midnight) // length * length
        return type(period)(begins, begins, min(begins + length, self.session_of(i).closes))


@slower
class ShortPeriodsCloseLate:
    def period_of(self, i):
        period = super().period_of(i)
        if period is None or self.slower.minutes is None:
            return period
        length = dt.timedelta(minutes=self.slower.minutes)
        return type(period)(period.key, period.begins, period.begins + length)


@slower
class PartsArePeriods:
    def has_beginning(self, period):
        return True


@slower
class KnownFromTheBeginning:
    def is_closed(self, period, i):
        return period.begins <= self.close_of(i)


@slower
class KnownOneBarLate:
    def is_closed(self, period, i):
        return period.closes <= self.times[i] and super().is_closed(period, i)


@slower
class ClosesOfTheFirstBar:
    def rows(self, bars):
        firsts = [bars["close"].iloc[members[0]] for members in self.groups.values()]
        return [
            row | {"close": first} for row, first in zip(super().rows(bars), firsts, strict=True)
        ]


# 3.1: fills


@both
class FillAtTheOldOpen:
    def price_of(self, order, i):
        return super().price_of(order, i if self.at_close else i - 1)


@both
class FillAtTheOldClose:
    def price_of(self, order, i):
        return order.instrument.close[i if self.at_close else i - 1]


@both
class BuysBeforeSales:
    def turn(self, order):
        is_entry, age = super().turn(order)
        return not is_entry, age


@both
class NewestLotFirst:
    def decide(self, i):
        self.lots.reverse()
        super().decide(i)
        self.lots.reverse()


@both
class OrdersAreForgotten:
    def fill_orders(self, i):
        self.orders = []


@both
class LastEntryFillsAtTheClose:
    def fills(self, order, i):
        return True


@shares
class EntriesPayNoSlippage:
    def entry_price(self, price, *, short):
        return price


@shares
class MarketEntriesPayNoSlippage:
    def fill_of_entry(self, order, price):
        return price


@shares
class MarketExitsPayNoSlippage:
    def exit_fill(self, lot, price, reason):
        return price


@shares
class SlippageInOnesFavour:
    def entry_price(self, price, *, short):
        return super().exit_price(price, short=short)


@shares
class ExitsPayNoSlippage:
    def exit_price(self, price, *, short):
        return price


# 3.2: what conditions read


@both
class HeldOneMore:
    def bars_held(self, lot, i):
        return super().bars_held(lot, i) + 1


@both
class ConditionsSeeTheNewestLot:
    def oldest(self):
        return self.lots[-1] if self.lots else None


@both
class EveryLotIsTheOldest:
    def judge_lots(self, name, i, *, filters_pass):
        fires = self.may_fire(name, filters_pass=filters_pass)
        holds = self.judge(name, i, [self.oldest()])
        return [fires and holds[0]] * max(len(self.lots), 1)


@both
class ConditionsSeeTheNextBar:
    def scope(self, i, lot):
        return super().scope(min(i + 1, self.last), lot)


@both
class MissingIsZero:
    def scope(self, i, lot):
        return {n: 0.0 if value is None else value for n, value in super().scope(i, lot).items()}


@shares
class NoGain:
    def position_names(self, lot, i):
        return super().position_names(None, i)


@shares
class GainFromTheRawPrice:
    def gain(self, lot, i):
        ratio = lot.instrument.close[i] / lot.price
        ratio *= 1 - self.slippage if lot.short else 1 + self.slippage
        return 1.0 - ratio if lot.short else ratio - 1.0


@shares
class ShortGainLikeALong:
    def gain(self, lot, i):
        return lot.instrument.close[i] / lot.price - 1.0


# 2.12: what is remembered of a lot, of trades and of the account


@shares
class ZeroWhenFlat:
    def lot_names(self, lot, i):
        return {name: value or 0.0 for name, value in super().lot_names(lot, i).items()}


@shares
class EntryBeforeSlippage:
    def entry_fill(self, lot, i):
        return lot.price - lot.slipped * (-1 if lot.short else 1)


@shares
class ALotsPricesAreAskedForWhileFlat:
    def is_asked(self, name, text, lots):
        return True


@shares
class HighestOfCloses:
    def highest(self, lot, i):
        return max(lot.instrument.close[lot.bar : i + 1])


@shares
class LowestOfCloses:
    def lowest(self, lot, i):
        return min(lot.instrument.close[lot.bar : i + 1])


@shares
class EntriesAtTheCloseSeeTheWholeBar:
    def seen(self, lot, prices, i):
        return prices[lot.bar : i + 1]


@shares
class EntriesAtTheCloseSeeNoFill:
    def seen(self, lot, prices, i):
        seen = super().seen(lot, prices, i)
        return seen[1:] if self.at_close else seen


@shares
class TheBarOfTheEntryDoesNotCount:
    def seen(self, lot, prices, i):
        return super().seen(lot, prices, i)[1:] or [lot.price]


@shares
class LeavingLotsAreNotOpen:
    def open_lots(self, i):
        return super().open_lots(i) - sum(not order.is_entry for order in self.orders)


@both
class OneLotIsOpen:
    def open_lots(self, i):
        return min(super().open_lots(i), 1.0)


@both
class OneBarMoreSinceTheExit:
    def bars_since_exit(self, i):
        since = super().bars_since_exit(i)
        return None if since is None else since + 1


@both
class ProfitBeforeCommission:
    def last_pnl(self, i):
        return self.left[-1][2].pnl + self.left[-1][2].commission if self.left else None


@both
class ProfitOfTheFirstTrade:
    def last_pnl(self, i):
        return self.left[0][2].pnl if self.left else None


@both
class NothingMadeBeforeAnyTrade:
    def last_return_pct(self, i):
        return super().last_return_pct(i) or 0.0


@both
class EveryLossCounts:
    def losing_streak(self, i):
        return float(sum(trade.pnl < 0 for _, _, trade in self.left))


@shares
class BreakEvenLoses:
    def losing_streak(self, i):
        streak = 0.0
        while streak < len(self.left) and self.left[-1 - int(streak)][2].pnl <= 0:
            streak += 1
        return streak


@shares
class MarkedAtTheOpen:
    def value_of(self, lot, i):
        return self.worth(lot, lot.instrument.open[i])


# 2.2 to 2.5: lists


@both
class AnErrorHolds:
    def met(self, text, scope):
        return super().met(text, scope) in (True, None)


@both
class OneOfAListIsEnough:
    def judge(self, name, i, lots):
        scopes = [self.scope(i, lot) for lot in lots]
        super().judge(name, i, lots)
        texts = self.texts[name]
        return [not texts or any(self.met(text, scope) for text in texts) for scope in scopes]


@both
class EmptyListsFire:
    def may_fire(self, name, *, filters_pass):
        return self.is_judged(filters_pass=filters_pass)


@both
class FiltersAlwaysGateExits:
    def is_judged(self, *, filters_pass):
        return filters_pass


@both
class FiltersNeverGateExits:
    def is_judged(self, *, filters_pass):
        return True


# 3.3 and 3.4: decisions


@both
class ExitBeforeStop:
    def reason(self, lot, i, *, stop, leave):
        return "exit" if leave else super().reason(lot, i, stop=stop, leave=leave)


@both
class MaxHoldingFirst:
    def reason(self, lot, i, *, stop, leave):
        aged = self.has_aged(lot, i)
        return "max_holding" if aged else super().reason(lot, i, stop=stop, leave=leave)


@both
class MaxHoldingOneBarLate:
    def has_aged(self, lot, i):
        return self.bars_held(lot, i) > self.max_holding


@both
class OneLotTooMany:
    def has_room(self):
        return len(self.lots) <= self.places


@both
class LeavingLotsMakeRoom:
    def has_room(self):
        staying = len(self.lots) - len(self.orders)
        return staying < self.places


@shares
class NotInPositionWhileLeaving:
    def in_position(self):
        return len(self.lots) > len(self.orders)


@both
class FiltersGateNothing:
    def decide(self, i):
        texts, self.texts = self.texts, self.texts | {"filter": []}
        super().decide(i)
        self.texts = texts


# 3.5 and 3.6: sizes


@shares
class SizedAtTheNextBar:
    def order_entry(self, i):
        super().order_entry(min(i + 1, self.last))


@shares
class AMissingSizeIsZero:
    def wanted(self, i):
        size = super().wanted(i)
        return "size_not_positive" if size == "size_missing" else size


@shares
class NoFloor:
    def whole(self, shares):
        return shares


@shares
class RoundedUp:
    def whole(self, shares):
        whole = super().whole(shares)
        return whole if isinstance(whole, str) or whole == shares else float(math.ceil(shares))


@shares
class NoCutAtAll:
    def affordable(self, shares, price, cash):
        return shares if self.cost(shares, price) <= cash else 0.0


@shares
class CutIgnoresTheOrdersFee:
    def cut(self, price, cash):
        _, per_share, rate = self.fee_parts()
        return float(math.floor(cash / (price * (1 + rate) + per_share)))

    def one_less(self, shares):
        return shares


@shares
class CutIgnoresTheRate:
    def cut(self, price, cash):
        per_order, per_share, _ = self.fee_parts()
        return float(math.floor((cash - per_order) / (price + per_share)))

    def one_less(self, shares):
        return shares


@shares
class CutNotCheckedAgain:
    def one_less(self, shares):
        return shares


@shares
class DroppedUncounted:
    def enter(self, order, i, price):
        super().enter(order, i, price)


@both
class SkippedUncounted:
    def skip(self, reason):
        pass


@shares
class CapitalIsEquity:
    def free(self, i):
        return self.cash + sum(self.worth(lot, lot.price) for lot in self.lots)


@shares
class CapitalAfterTheFills:
    def decide(self, i):
        super().decide(i)
        entries = [order for order in self.orders if order.is_entry]
        if self.at_close and entries:
            self.orders = [order for order in self.orders if not order.is_entry]
            self.fill_orders(i)
            wanted = self.wanted(i)
            if not isinstance(wanted, str):
                self.orders.append(Order(self.instrument, "entry", quantity=wanted))


# 3.7: commission


@shares
class AlwaysPerOrder:
    def default_model(self, asset_class):
        return "per_order"


@shares
class RateIsPerShare:
    def fee_parts(self):
        per_order, per_share, rate = super().fee_parts()
        return per_order, per_share + rate, 0.0


@shares
class CommissionOnEntryOnly:
    def exit_fee(self, shares, price):
        return 0.0


@shares
class RateOfSharesAlone:
    def fee(self, shares, price):
        return self.rate * shares if self.model == "rate" else super().fee(shares, price)


@shares
class EntriesTakeNoCommission:
    def cost(self, shares, price):
        return shares * price


@spreads
class OneLegPays:
    def fee(self, legs, contracts):
        return self.rate * contracts


@spreads
class BuyingBackIsFree:
    def exit_fee(self, lot):
        return 0.0


# 3.8 to 3.10: money, and how it ends


@both
class LastOrdersForgotten:
    def drop_orders(self):
        self.orders = []


@both
class EndWithoutSlippage:
    def close_all(self, i, reason):
        slippage, self.slippage = self.slippage, 0.0
        super().close_all(i, reason)
        self.slippage = slippage


@both
class LotsStayOpen:
    def end(self, i):
        self.drop_orders()


@shares
class CommissionsAreNoLoss:
    def profit(self, lot, fill, fee):
        return super().profit(lot, fill, fee) + fee


@shares
class ReturnOnTheCost:
    def return_of(self, lot, pnl):
        return pnl / (lot.shares * lot.price + lot.commission)


@shares
class ShortProceedsAreFree:
    def worth(self, lot, price):
        return lot.shares * (lot.price - price) if lot.short else lot.shares * price


@both
class EquityIsCash:
    def equity(self, i):
        return self.cash


@shares
class SalesArriveLate:
    def leave(self, lot, i, price, reason):
        super().leave(lot, min(i + 1, self.last), price, reason)


@both
class ListedAsTheyLeft:
    def list_trade(self, lot, i, trade):
        self.left.append((i, lot.bar, trade))


@both
class WarmUpTrades:
    def run(self):
        self.start = max(self.start - 1, 0)
        run = super().run()
        for series in ("equity", "cash", "interest", "borrow_fees", "dividends"):
            setattr(run, series, getattr(run, series)[-len(run.times) :])
        return run


@both
class NeverRuined:
    def is_ruined(self, i):
        return False


@shares
class RuinBelowZeroOnly:
    def is_ruined(self, i):
        return self.equity(i) < 0


@both
class RuinIsNotTheEnd:
    def give_up(self, i):
        self.close_all(i, "ruin")


@both
class RuinIsSeenLate:
    def step(self, i):
        if self.at_close:
            self.decide(i)
            self.fill_orders(i)
        else:
            self.fill_orders(i)
            self.settle(i)
            self.decide(i)
        if self.is_ruined(i):
            self.give_up(i)
        elif i == self.last:
            self.end(i)


# 4.1: volatility, time and prices


@spreads
class VixIsNotAsked:
    def source_iv(self, i):
        return self.underlying.columns["iv_atm"][i]


@spreads
class ScaleIsIgnored:
    def scaled(self, iv):
        return iv


@spreads
class SkewIsScaled:
    def premium(self, side):
        return super().premium(side) * self.scale


@spreads
class FlatVolatility:
    def leg_iv(self, iv, premium):
        return super().leg_iv(iv, 0.0)


@spreads
class VolatilityIsForgotten:
    def iv(self, i):
        known = self.source_iv(i)
        return 0.0 if known is None else self.scaled(known)


@spreads
class VolatilityOfTheFillBar:
    def iv_of_fill(self, i, *, at_close):
        return self.iv(i)


@spreads
class TradingDays:
    def years(self, expiry, i):
        return super().years(expiry, i) * 365.0 / 252.0


@spreads
class NoRate:
    def drift(self, years, volatility):
        return 0.5 * volatility * volatility * years


@spreads
class CallsAreNotDiscounted:
    def price(self, leg, spot, years, volatility):
        value = super().price(leg, spot, years, volatility)
        return value * math.exp(self.r * years) if leg.right == "call" else value


# 4.2: expiry and strikes


@spreads
class ExpiryIsNotSnapped:
    def expires(self, day):
        return day + self.target_dte


@spreads
class StrikesFromTheMoney:
    def strike(self, side, right, spot, years, iv):
        away = (0.5 - self.deltas[side]) * spot
        return self.snapped(spot - away if right == "put" else spot + away)


@spreads
class FreeStrikes:
    def snapped(self, strike):
        return strike


@spreads
class CondorsHaveNoCalls:
    def rights(self):
        return super().rights()[:1]


@spreads
class CoincidingStrikesAreNone:
    def pair(self, right, spot, years, iv):
        pair = super().pair(right, spot, years, iv)
        return "no_strike" if pair == "strikes_coincide" else pair


@spreads
class StrikesMayCross:
    def legs(self, spot, years, iv):
        legs = super().legs(spot, years, iv)
        if legs != "strikes_cross":
            return legs
        return [leg for right in self.rights() for leg in self.pair(right, spot, years, iv)]


@spreads
class DeltaOfTheForward:
    def delta(self, leg, spot, years, volatility):
        return super().delta(leg, spot, years, volatility) * math.exp(self.q * years - 0.01)


# 4.3 and 4.4: credit and contracts


@spreads
class CreditAtMid:
    def credit(self, short, long):
        return short - long


@spreads
class AnyCreditWillDo:
    def enter(self, order, i, price):
        refusal = super().enter(order, i, price)
        return None if refusal == "no_credit" else refusal


@spreads
class BothWings:
    def wing(self, legs):
        pairs = zip(legs[::2], legs[1::2], strict=True)
        return sum(abs(short.strike - long.strike) for short, long in pairs)


@spreads
class MaxLossWithoutCommission:
    def max_loss(self, legs, credit):
        return super().max_loss(legs, credit) - self.fee(legs, 1)


@spreads
class ReserveMayNotFit:
    def contracts(self, max_loss, wing, i):
        return float(math.floor(self.risk * self.free(i) / max_loss))


# 4.5: when to close


@spreads
class CostAtMid:
    def to_close(self, lot, spot, years, iv, slippage):
        return super().to_close(lot, spot, years, iv, 0.0)


@spreads
class JudgedAtMid:
    def cost_now(self, lot, i):
        return self.mid(lot, i)


@spreads
class OwnStopBeforeTheTarget:
    def reason(self, lot, i, *, stop, leave):
        return "stop" if stop else super().reason(lot, i, stop=stop, leave=leave)


@spreads
class TargetNotReached:
    def reason(self, lot, i, *, stop, leave):
        found = super().reason(lot, i, stop=stop, leave=leave)
        return None if found == "profit_target" else found


@spreads
class ExpiresADayLate:
    def has_expired(self, lot, i):
        return lot.instrument.days[i] > lot.expiry


@spreads
class ExpiryAfterTheDecisions:
    def settle(self, i):
        pass

    def step(self, i):
        super().step(i)
        if i < self.last:
            super().settle(i)
            self.orders = [order for order in self.orders if order.lot in (None, *self.lots)]


@spreads
class CostsAtExpiration:
    def is_settled(self, reason):
        return False


@spreads
class BoughtBackAtTheClose:
    def leave(self, lot, i, price, reason):
        super().leave(lot, i, lot.instrument.close[i], reason)


# 4.6 and 4.7: reserve, marks, what conditions read


@spreads
class WhatIsReservedEarns:
    def earning(self, i):
        return self.cash


@spreads
class NoReserve:
    def free(self, i):
        return self.cash


@spreads
class NoClamp:
    def clamped(self, value, wing):
        return super().clamped(value, wing) if value < 0 else value


@spreads
class MarkedWithSlippage:
    def mid(self, lot, i):
        return self.cost_now(lot, i)


@spreads
class MarkedAtTheCredit:
    def value_of(self, lot, i):
        return -(lot.credit * 100.0 * lot.contracts)


@spreads
class ShareOfTheWing:
    def position_names(self, lot, i):
        names = super().position_names(lot, i)
        return names | {"pnl_pct_of_max_credit": names["position_pnl_pct"]}


@spreads
class LongLegsDelta:
    def short_delta(self, lot, i):
        return 0.5 * super().short_delta(lot, i)


# 3.11: both sides


@sides
class ShortSideHasTheLongOnesSize:
    def size_of(self, spec, *, short):
        return super().size_of(spec, short=False)


@sides
class ShortSideHasTheLongOnesRisk:
    def size_of(self, spec, *, short):
        return super().size_of(spec, short=short)[0], super().size_of(spec, short=False)[1]


@sides
class LeavingLotsBringNothing:
    def scope(self, i, lot):
        names = super().scope(i, lot)
        return names | {"capital": self.free(i)}


@sides
class FlatWhileLotsLeave:
    def scope(self, i, lot):
        names = super().scope(i, lot)
        return names | {"in_position": False} if self.reversing else names


@sides
class EntriesBeforeExits:
    def decide(self, i):
        entering = [side for side in (False, True) if self.enters(i, short=side)]
        super().decide(i)
        self.orders = [order for order in self.orders if not order.is_entry]
        if len(entering) == 1:
            self.enter_one(i, short=entering[0])


@sides
class LongListsForEveryLot:
    def decide_exits(self, i, *, short, filters_pass):
        if not short:
            self.judge_all(i, filters_pass)

    def judge_all(self, i, filters_pass):
        for lot in self.lots:
            leave = self.may_fire("exit", filters_pass=filters_pass) and self.all_hold("exit", i)
            reason = self.reason(lot, i, stop=False, leave=leave)
            if reason is not None:
                self.order_exit(lot, reason)


@sides
class OnlyWhenFlat:
    def enters(self, i, *, short):
        return super().enters(i, short=short) and not self.turns(short=short)


@sides
class BothSidesAtOnce:
    def turns(self, *, short):
        return False


@sides
class EveryEntryTurns:
    def turns(self, *, short):
        return bool(self.lots)


@sides
class TurnsBeforeLotsLeave:
    def may_turn(self):
        return True


@sides
class TurnsWhenOneLotLeaves:
    def may_turn(self):
        return any(order.lot is not None for order in self.orders)


@sides
class TurnsWhateverFiltersSay:
    def would_turn(self, i, *, short):
        self.reversing = True
        holds = self.all_hold("short.entry" if short else "entry", i)
        self.reversing = False
        return holds


@sides
class LeavingLotsTakeAPlace:
    def would_turn(self, i, *, short):
        return super().would_turn(i, short=short) and self.has_room()


@sides
class FiltersSeeNoReversal:
    def would_turn(self, i, *, short):
        return self.pass_filters(i) and super().would_turn(i, short=short)


@sides
class EntriesPassAnyFilter:
    def pass_filters(self, i):
        return True


@sides
class OneConditionOfTheListIsEnough:
    def all_hold(self, name, i):
        scope = self.scope(i, self.oldest())
        return not self.texts[name] or any(self.met(text, scope) for text in self.texts[name])


@sides
class BothEnterUncounted:
    def enter_both(self, i):
        pass


@sides
class TheLongSideComesFirst:
    def enter_both(self, i):
        self.enter_one(i, short=False)


@sides
class EntersOnTheOldSide:
    def enter_one(self, i, *, short):
        super().enter_one(i, short=self.lots[0].short if self.lots else short)


@sides
class CutBeforeTheExits:
    def enter_one(self, i, *, short):
        super().enter_one(i, short=short)
        for order in self.orders:
            if order.is_entry:
                close = order.instrument.close[i]
                order.quantity = min(order.quantity, self.cut(close, self.cash))


# 3.13: contracts


@shares
class SizesDoNotSeeTheMultiplier:
    def size_names(self):
        return super().size_names() | {"multiplier": 1.0}


@shares
class OneDollarPerPoint:
    def of_units(self, shares):
        return shares


@shares
class MarginIsNotTheCost:
    def taken(self, shares, price):
        return self.of_units(shares) * price


@shares
class TheCutIsByThePrice:
    def cut(self, price, cash):
        margin, self.margin = self.margin, None
        found = super().cut(price, cash)
        self.margin = margin
        return found


@shares
class MarginedLotsAreWorthTheirPrice:
    def margined(self, lot, price, margin):
        return self.of_units(lot.shares) * price


@shares
class AShortsMarginRisesWithThePrice:
    def margined(self, lot, price, margin):
        return lot.shares * (margin + self.multiplier * (price - lot.price))


@shares
class AShortGainsLikeALong:
    def gained(self, lot, price):
        return self.of_units(lot.shares) * (price - lot.price)


@shares
class OpenGainsMakeUpForLosses:
    def open_losses(self, price):
        if self.margin is None:
            return 0.0
        return min(sum(self.gained(lot, price) for lot in self.lots), 0.0)


@shares
class OpenLossesAreSpent:
    def open_losses(self, price):
        return 0.0


@shares
class EntriesSpendOpenLosses:
    def spendable(self, price):
        return self.cash


@shares
class CapitalCountsOpenLosses:
    def free(self, i):
        return self.cash


@shares
class NobodyCalls:
    def is_called(self, i):
        return False


@shares
class CalledAtEquality:
    def is_called(self, i):
        held = sum(lot.shares * (self.margin or 0.0) for lot in self.lots)
        return self.margin is not None and self.equity(i) <= held


@shares
class CalledAtHalfTheMargin:
    def is_called(self, i):
        margin = self.margin
        held = sum(lot.shares * (margin or 0.0) for lot in self.lots)
        return margin is not None and self.equity(i) < held / 2


@shares
class ACallComesLast:
    def reason(self, lot, i, *, stop, leave):
        if stop or leave or self.has_aged(lot, i):
            return "stop" if stop else "exit" if leave else "max_holding"
        return super().reason(lot, i, stop=stop, leave=leave)


@shares
class ACalledStrategyEntersNothing:
    def order_entry(self, i):
        if not self.is_called(i):
            super().order_entry(i)


@sides
class OnlyOwnReasonsLetTurn:
    def may_turn(self):
        leaving = [order.lot for order in self.orders if order.reason != "margin_call"]
        return all(lot in leaving for lot in self.lots)


# 3.12: part exits


@shares
class NoPartLeaves:
    def decide_parts(self, i, *, filters_pass):
        pass


@shares
class PartsWhateverFiltersSay:
    def judge_parts(self, name, i, lots, *, filters_pass):
        super().judge_parts(name, i, lots, filters_pass=True)


@shares
class PartsOfTheOldestLotAlone:
    def stays(self, lot):
        return super().stays(lot) and lot is self.lots[0]


@shares
class PartsLeaveAgain:
    def order_part(self, lot, index, fraction):
        lot.taken.clear()
        super().order_part(lot, index, fraction)


@shares
class PartsOfWhatIsLeft:
    def part_of(self, lot, fraction):
        return super().part_of(dataclasses.replace(lot, entered=lot.shares), fraction)


@shares
class PartsAreNotFloored:
    def part_of(self, lot, fraction):
        return min(fraction * lot.entered, self.remaining(lot))


@shares
class TwoSharesAtLeast:
    def is_enough(self, shares):
        return shares > 0 if self.fractional else shares >= 2


@shares
class FractionsOfAShareStay:
    def is_enough(self, shares):
        return shares >= 1


@shares
class PartsOnTheWayAreForgotten:
    def remaining(self, lot):
        return lot.shares


@shares
class TheRestIsANewLot:
    def carry_out(self, order, lot, i, price):
        super().carry_out(order, lot, i, price)
        lot.bar = i


@shares
class TheRestPaysTheEntry:
    def commission_share(self, lot, shares):
        return lot.commission if shares == lot.shares else 0.0


@shares
class EachPartIsATradeOfItsOwn:
    def closed_lots(self):
        return [trade for _, _, trade in self.left]


@shares
class PartsBringNothing:
    def close(self, lot, i, price, reason, kind=None):
        cash = self.cash
        super().close(lot, i, price, reason, kind)
        self.cash = cash if reason == "scale_out" else self.cash


@sides
class PartsTurnNothing:
    def may_turn(self):
        leaving = [order.lot for order in self.orders if order.reason != "scale_out"]
        return all(lot in leaving for lot in self.lots)


@sides
class AnyPartTurns:
    def may_turn(self):
        leaving = [order.lot for order in self.orders]
        return all(lot in leaving for lot in self.lots)


@sides
class NothingIsBarred:
    def is_barred(self, *, short):
        return False


@cache
def cases_of(book):
    return mixed(CASES[book]())


@pytest.mark.parametrize(("mutant", "book"), MUTANTS)
def test_a_broken_rule_is_reported(mutant, book):
    assert is_noticed(cases_of(book), lambda case: case.differences(mutant))


@pytest.mark.parametrize("book", CASES)
def test_the_cases_agree_and_have_every_outcome(book):
    cases = CASES[book]()
    assert [str(found) for case in cases for found in case.differences()] == []
    reasons = {reason for case in cases for reason in case.result.trades["exit_reason"]}
    skipped = {reason for case in cases for reason in case.result.diagnostics.skipped_entries}
    usual = {"stop", "exit", "max_holding", "end_of_data", "ruin"}
    lots = usual | {"scale_out", "margin_call"}
    if book in {Resampling, OverTime, Beside, Dividends, Carrying, CarryingSides}:
        assert {"exit", "max_holding"} <= reasons
    elif book in {Detailed, Matching}:
        assert reasons >= {"stop_loss", "take_profit", "trailing_stop", "crossed_at_entry", "exit"}
        assert any(case.result.diagnostics.detail_mismatch for case in cases)
        assert not all(case.result.trades["certain"].all() for case in cases)
    elif book is OrdersInside:
        assert reasons >= {"stop_loss", "take_profit", "trailing_stop", "crossed_at_entry", "exit"}
        assert skipped >= {"price_missing", "price_not_positive", "order_expired"}
    elif book is Shares:
        assert reasons == lots
        assert skipped >= {"size_missing", "size_not_positive", "insufficient_cash"}
    elif book is EitherSide:
        assert reasons == lots | {"stop_loss", "take_profit", "trailing_stop", "crossed_at_entry"}
        assert skipped >= {"both_sides"}
        assert any(set(case.result.trades["direction"]) == {"long", "short"} for case in cases)
    else:
        assert reasons == usual | {"expiration", "profit_target"}
        assert skipped >= {"no_credit", "no_strike", "no_volatility", "strikes_cross"}


def rules():
    """Return every method that says which rule it is, by its class, with the rules' numbers."""
    found = {}
    for owner in (Walk, OptionPrices, InsideBar, *CASES):
        for name, method in vars(owner).items():
            numbers = cited(inspect.getdoc(method) or "") if inspect.isfunction(method) else set()
            if numbers:
                found[owner, name] = numbers
    return found


def cited(text):
    return {
        f"{section}.{number}"
        for section, first, last in CITED.findall(text)
        for number in range(int(first), int(last or first) + 1)
    }


def broken_methods():
    """Return, by class, the methods that some mutant of it has in another form."""
    found = set()
    for mutant, book, *_ in (parameter.values for parameter in MUTANTS):
        for name in vars(mutant.__mro__[1]):
            owner = next((owner for owner in book.__mro__ if name in vars(owner)), None)
            found.add((owner, name))
    return found


def test_no_rule_is_left_whole():
    assert set(rules()) - broken_methods() == set()


def test_every_implemented_rule_is_written_out():
    numbers = {number for numbers in rules().values() for number in numbers}
    assert {number for number in numbers if number[0] in "349"} == IMPLEMENTED
