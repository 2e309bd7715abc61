"""The rules of orders inside the bar, SEMANTICS 9, each in another form."""

from __future__ import annotations

import dataclasses
import math

from oracle.mutants import noted_in

from btkit.crosscheck.inside import BarOutcome
from btkit.crosscheck.orders_inside import NoPriceError, OrdersInside
from btkit.crosscheck.records import DecidedLevels
from btkit.crosscheck.shares import Shares

BROKEN = []
broken = noted_in(BROKEN)


def surely(outcome):
    return dataclasses.replace(outcome, certain=True)


# 9.1: what an entry fixes


@broken
class EntersWithoutItsPrices:
    def entry_of(self, shares, i):
        order = super().entry_of(shares, i)
        return Shares.entry_of(self, shares, i) if isinstance(order, str) else order


@broken
class RestsOneBarLonger:
    def resting_of(self, said, i):
        found = super().resting_of(said, i)
        return found and dataclasses.replace(found, last=found.last + 1)


@broken
class RestsOneBarAlone:
    def resting_of(self, said, i):
        found = super().resting_of(said, i)
        return found and dataclasses.replace(found, last=i + 1)


@broken
class APriceMayBeNothing:
    def price_at(self, said, i):
        return self.judged(said, i) if isinstance(said, str) else None


@broken
class PricesSeeTheNextBar:
    def price_at(self, said, i):
        return super().price_at(said, min(i + 1, self.last))


@broken
class AMissingPriceIsNothing:
    def judged(self, text, i):
        try:
            return super().judged(text, i)
        except NoPriceError:
            return 0.0


@broken
class PricesAreToldOfNoPosition:
    def judged(self, text, i):
        lots, self.lots = self.lots, []
        try:
            return super().judged(text, i)
        finally:
            self.lots = lots


@broken
class AtrOfTheBarBefore:
    def distance_at(self, said, i):
        return super().distance_at(said, i - 1)


# 9.5, 9.6 and 9.9: entries


@broken
class RestingOrdersFillAtTheOpen:
    def fills(self, order, i):
        return True


@broken
class LevelsBeforeEntries:
    def go_through(self, i):
        held = list(self.lots)
        for lot in held:
            self.take_through(lot, i)
        for part, bar in enumerate(self.parts(i)):
            self.enter_at_open(i, part, bar)
            self.enter_inside(i, part, bar)
        self.expire(i)
        for lot in [lot for lot in self.lots if lot not in held]:
            self.take_through(lot, i)


@broken
class ExpiredOrdersFill:
    def go_through(self, i):
        self.expire(i)
        super().go_through(i)


@broken
class NewestDecisionFirst:
    def in_line(self):
        return super().in_line()[::-1]


@broken
class NoOrderIsPassed:
    def enter_at_open(self, i, part, bar):
        pass


@broken
class NoneFillsInside:
    def enter_inside(self, i, part, bar):
        pass


@broken
class FillsInsideAtTheOpen:
    def enter_by(self, order, i, price, inside, part):
        super().enter_by(order, i, self.instrument.open[i], inside, part)


@broken
class APassedLimitIsHeldToItsPrice:
    def passed(self, bar, entry):
        return not entry.is_limit and super().passed(bar, entry)


@broken
class AStopAtTheOpenIsNotPassed:
    def passed(self, bar, entry):
        return super().passed(bar, entry) and bar.open != entry.price


@broken
class AStopNeedsMoreThanItsPrice:
    def reached(self, price, entry):
        return super().reached(price, entry) and (entry.is_limit or price > entry.price)


@broken
class ALimitNeedsItsPriceAlone:
    def below(self, price, limit):
        return price <= limit


@broken
class EntersByTheOtherExtreme:
    def comes_to(self, bar, entry):
        return self.reached(bar.close, entry)


@broken
class ShortsRestAsLongs:
    def as_seen(self, order, resting):
        entry = super().as_seen(order, resting)
        return dataclasses.replace(entry, price=resting.price)


@broken
class OrdersNeverExpire:
    def expire(self, i):
        pass


@broken
class ExpiryIsNotCounted:
    def expire(self, i):
        self.orders = [
            order for order in self.orders if order.resting is None or order.resting.last > i
        ]


@broken
class LimitsPaySlippage:
    def fill_of_entry(self, order, price):
        return self.entry_price(price, short=order.short)


@broken
class StopEntriesPayNoSlippage:
    def fill_of_entry(self, order, price):
        return price if order.resting is not None else super().fill_of_entry(order, price)


@broken
class LevelsAreForgotten:
    def enter(self, order, i, price):
        order.levels = DecidedLevels()
        return super().enter(order, i, price)


@broken
class LevelsWithoutSlippage:
    def set_levels(self, lot, decided):
        price, lot.price = lot.price, lot.raw
        super().set_levels(lot, decided)
        lot.price = price


@broken
class StopsOnTheOtherSide:
    def against(self, lot, fraction):
        return lot.price * (1 - fraction if lot.short else 1 + fraction)


@broken
class TargetsOnTheOtherSide:
    def towards(self, lot, fraction):
        return lot.price * (1 + fraction if lot.short else 1 - fraction)


# 9.2: trailing stops


@broken
class TrailsFromTheEntryWhateverAfter:
    def first_trail(self, lot):
        return self.trail_from(lot, lot.price)


@broken
class NoTrailOnTheFirstBar:
    def first_trail(self, lot):
        return None


@broken
class TrailsBelowTheHalf:
    def trail_from(self, lot, price):
        level = super().trail_from(lot, price)
        return None if level is None else (level + price) / 2


@broken
class ShortsTrailAsLongs:
    def trail_from(self, lot, price):
        level = super().trail_from(lot, price)
        return level if level is None or not lot.short else 2 * price - level


@broken
class TrailsNeverMove:
    def move_stops(self, i):
        pass


@broken
class TrailsByTheBarItself:
    def go_through(self, i):
        self.move_stops(i)
        super().go_through(i)


@broken
class TrailsByTheFirstBarAlone:
    def best_after(self, lot, i):
        return super().best_after(lot, i) if lot.best is None else lot.best


@broken
class TheBarOfAnEntryInsideCountsWhole:
    def best_of_bar(self, lot, i):
        return lot.instrument.low[i] if lot.short else lot.instrument.high[i]


@broken
class TheBarOfAnyEntryCountsByItsClose:
    def best_of_bar(self, lot, i):
        if lot.bar == i:
            return (min if lot.short else max)(lot.price, lot.instrument.close[i])
        return super().best_of_bar(lot, i)


@broken
class TrailsByCloses:
    def best_of_bar(self, lot, i):
        return lot.instrument.close[i]


@broken
class ArmedFromTheBeginning:
    def is_armed(self, lot, best):
        return True


@broken
class ArmedBeyondTheGain:
    def is_armed(self, lot, best):
        after = self.sides[lot.short].after
        return super().is_armed(lot, best) and (after is None or best != self.towards(lot, after))


@broken
class TrailsFall:
    def ratchet(self, lot, before, level):
        return level


@broken
class TheLowerOfStopAndTrail:
    def stop_of(self, lot):
        if lot.stop is None or lot.trail is None:
            return super().stop_of(lot)
        stop, trail = (self.turned(level, short=lot.short) for level in (lot.stop, lot.trail))
        return (trail, "trailing_stop") if trail < stop else (stop, "stop_loss")


@broken
class OnATieTheTrail:
    def stop_of(self, lot):
        stop, reason = super().stop_of(lot)
        return stop, "trailing_stop" if lot.stop == lot.trail else reason


# 9.1, 9.3 to 9.7: exits


@broken
class NoLevelOnTheBarOfEntry:
    def take_through(self, lot, i):
        if lot.bar != i or self.has_crossed(lot):
            super().take_through(lot, i)


@broken
class SurvivingClearsADoubt:
    def take_through(self, lot, i):
        lot.certain = True
        super().take_through(lot, i)


@broken
class EnteredInsideCountsAsHeld:
    def entry_in(self, lot, i, part):
        return None


@broken
class NothingIsCrossed:
    def has_crossed(self, lot):
        return False


@broken
class AStopAtTheEntryIsNotCrossed:
    def has_crossed(self, lot):
        stop = self.stop_of(lot)[0]
        return stop != self.turned(lot.raw, short=lot.short) and super().has_crossed(lot)


@broken
class CrossedAgainstTheFill:
    def has_crossed(self, lot):
        raw, lot.raw = lot.raw, lot.price
        found = super().has_crossed(lot)
        lot.raw = raw
        return found


@broken
class ATrailIsNeverCrossed:
    def has_crossed(self, lot):
        trail, lot.trail = lot.trail, None
        found = super().has_crossed(lot)
        lot.trail = trail
        return found


@broken
class CrossedPaysNoSlippage:
    def leave_crossed(self, lot, i):
        slippage, self.slippage = self.slippage, 0.0
        super().leave_crossed(lot, i)
        self.slippage = slippage


@broken
class CrossedAtACloseStays:
    def fill_orders(self, i):
        super(OrdersInside, self).fill_orders(i)


@broken
class TargetsPaySlippage:
    def exit_fill(self, lot, price, reason):
        return self.exit_price(price, short=lot.short)


@broken
class StopsPayNoSlippage:
    def exit_fill(self, lot, price, reason):
        found = super().exit_fill(lot, price, reason)
        return price if reason in {"stop_loss", "trailing_stop"} else found


@broken
class EveryExitIsAtAnOpen:
    def kind_of(self, reason):
        return "open"


@broken
class TheClosesOfAllBarsCount:
    def seen_while_held(self, lot, bar, *, leaves):
        return [*super().seen_while_held(lot, bar, leaves=leaves), lot.instrument.close[bar]]


@broken
class TheBarOfAnEntryInsideWasSeenWhole:
    def seen_while_held(self, lot, bar, *, leaves):
        filled, lot.filled = lot.filled, "open"
        found = super().seen_while_held(lot, bar, leaves=leaves)
        lot.filled = filled
        return found


@broken
class ExcursionsOfLongs:
    def excursions(self, lot, i, fill):
        worst, best = super().excursions(lot, i, fill)
        return (-best, -worst) if lot.short else (worst, best)


# One bar


@broken
class ThePathIsMirrored:
    def as_seen_by(self, opened, high, low, closed, *, short):
        bar = super().as_seen_by(opened, high, low, closed, short=short)
        return dataclasses.replace(bar, low_first=self.goes_low_first(opened, high, low))


@broken
class NothingIsTurned:
    def as_seen_by(self, opened, high, low, closed, *, short):
        return super().as_seen_by(opened, high, low, closed, short=False)


@broken
class TheFartherExtremeFirst:
    def goes_low_first(self, opened, high, low):
        return not super().goes_low_first(opened, high, low)


@broken
class OnATieTheHighFirst:
    def goes_low_first(self, opened, high, low):
        return opened - low < high - opened


@broken
class AStopNeedsALowerPrice:
    def stopped(self, price, stop):
        return price < stop


@broken
class ATouchIsEnough:
    def beyond(self, price, limit):
        return price >= limit


@broken
class ATouchIsNeverEnough:
    def beyond(self, price, limit):
        return price > limit

    def below(self, price, limit):
        return price < limit


@broken
class GapsFillAtTheLevel:
    def held(self, bar, stop, target):
        found = super().held(bar, stop, target)
        if found.kind != "gap":
            return found
        return dataclasses.replace(found, price=stop if found.ended == "stop" else target)


@broken
class GapsAreNoGaps:
    def held(self, bar, stop, target):
        found = super().held(bar, stop, target)
        return dataclasses.replace(found, kind="level") if found.kind == "gap" else found


@broken
class TheStopBeforeAGapToTheTarget:
    def held(self, bar, stop, target):
        if self.stop_within(bar, stop) and bar.open > stop:
            return super().held(bar, stop, math.inf)
        return super().held(bar, stop, target)


@broken
class BothAreTheStopForSure:
    def held(self, bar, stop, target):
        return surely(super().held(bar, stop, target))


@broken
class AStopOrderWaitsForTheNextBar:
    def after_stop_entry(self, bar, entry, stop, target):
        return BarOutcome()


@broken
class AStopOrdersStopIsSure:
    def after_stop_entry(self, bar, entry, stop, target):
        return surely(super().after_stop_entry(bar, entry, stop, target))


@broken
class ACloseBelowTheStopProvesNothing:
    def after_stop_entry(self, bar, entry, stop, target):
        found = super().after_stop_entry(bar, entry, stop, target)
        return dataclasses.replace(found, certain=found.certain and found.ended != "stop")


@broken
class AStopOrdersTargetIsNotSure:
    def after_stop_entry(self, bar, entry, stop, target):
        found = super().after_stop_entry(bar, entry, stop, target)
        return dataclasses.replace(found, certain=found.certain and found.ended != "target")


@broken
class ALimitOrderWaitsForTheNextBar:
    def after_limit_entry(self, bar, entry, stop, target):
        return BarOutcome()


@broken
class ALimitOrdersTargetIsSure:
    def after_limit_entry(self, bar, entry, stop, target):
        return surely(super().after_limit_entry(bar, entry, stop, target))


@broken
class ACloseAboveTheTargetProvesNothing:
    def after_limit_entry(self, bar, entry, stop, target):
        found = super().after_limit_entry(bar, entry, stop, target)
        return dataclasses.replace(found, certain=found.certain and found.ended != "target")


@broken
class ALimitOrdersStopIsNotSure:
    def after_limit_entry(self, bar, entry, stop, target):
        found = super().after_limit_entry(bar, entry, stop, target)
        return dataclasses.replace(found, certain=found.certain and found.ended != "stop")


@broken
class StopsSeeTheCloseAlone:
    def stop_within(self, bar, stop):
        return self.stopped(bar.close, stop)


@broken
class TargetsSeeTheCloseAlone:
    def target_within(self, bar, target):
        return self.beyond(bar.close, target)


@broken
class NoDoubtIsTold:
    def ambiguous(self, bar, entry, stop, target):
        return surely(super().ambiguous(bar, entry, stop, target))


@broken
class DoubtIsAlwaysTheStop:
    def taken_for(self, bar, entry, stop, target):
        return "stop"


@broken
class PessimistsTakeAnUncertainTarget:
    def taken_for(self, bar, entry, stop, target):
        found = super().taken_for(bar, entry, stop, target)
        return found or ("target" if self.mode == "pessimistic" else None)


@broken
class OptimistsTakeAnUncertainStop:
    def taken_for(self, bar, entry, stop, target):
        found = super().taken_for(bar, entry, stop, target)
        return found or ("stop" if self.mode == "optimistic" else None)


@broken
class ThePathBeginsInTheLot:
    def along_path(self, bar, entry, stop, target):
        return super().along_path(bar, None, stop, target)
