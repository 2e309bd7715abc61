"""The rules of carry, SEMANTICS 3.14, each in another form: of a run, and of what bars tell."""

from __future__ import annotations

import math

from oracle.mutants import noted_in

from btkit.crosscheck.dividends import Dividends
from btkit.crosscheck.records import Carried

BROKEN = []
BROKEN_DIVIDENDS = []
broken = noted_in(BROKEN)
misread = noted_in(BROKEN_DIVIDENDS)


# What is paid, and when


@broken
class NothingIsCarried:
    def carry(self, i):
        return Carried()


@broken
class CarryAtTheFirstBar:
    def carry(self, i):
        start, self.start = self.start, -1
        found = super().carry(i)
        self.start = start
        return found


@broken
class CarryAfterTheFills:
    def carry(self, i):
        if not self.at_close:
            self.fill_orders(i)
        return super().carry(i)


@broken
class InterestIsNotKept:
    def carry(self, i):
        found = super().carry(i)
        self.cash -= found.interest
        return found


@broken
class InterestOfTheDaysDividends:
    def interest(self, i):
        before = self.cash
        self.cash = before + self.dividends(i)
        found = super().interest(i)
        self.cash = before
        return found


@broken
class WhatIsOwedCosts:
    def interest(self, i):
        return self.earning(i) * self.instrument.cash_rates[i] * self.days(i) / 365


@broken
class TheRateOfThisBar:
    def interest(self, i):
        rate = self.instrument.cash_rates[min(i + 1, self.last)]
        return self.earning(i) * rate * self.days(i) / 365 if self.earning(i) > 0 else 0.0


@broken
class ABankersYear:
    def interest(self, i):
        return super().interest(i) * 365 / 360


@broken
class CollateralEarns:
    def earning(self, i):
        return self.equity(i - 1)


@broken
class LossesOnPaperEarnNothing:
    def earning(self, i):
        return self.free(i - 1)


@broken
class EveryBarIsADay:
    def days(self, i):
        return 1


@broken
class WeekendsAreFree:
    def days(self, i):
        return min(super().days(i), 1)


@broken
class NobodyBorrows:
    def borrow_fees(self, i):
        return 0.0


@broken
class FeesOfTheNewClose:
    def borrow_fees(self, i):
        found = 0.0
        for lot in self.lots:
            worth = lot.instrument.close[i] * self.of_units(lot.shares)
            rate = self.instrument.borrow_rates[i]
            found += worth * rate * self.days(i) / 365 if lot.short else 0.0
        return found


@broken
class FeesOfTheSale:
    def borrow_fees(self, i):
        found = 0.0
        for lot in self.lots:
            rate = self.instrument.borrow_rates[i]
            worth = lot.price * self.of_units(lot.shares)
            found += worth * rate * self.days(i) / 365 if lot.short else 0.0
        return found


@broken
class LongsPayFees:
    def borrow_fees(self, i):
        for lot in self.lots:
            lot.short = not lot.short
        found = super().borrow_fees(i)
        for lot in self.lots:
            lot.short = not lot.short
        return found


@broken
class AFeeAContract:
    def borrow_fees(self, i):
        return super().borrow_fees(i) / self.multiplier


@broken
class ShortsKeepTheirDividends:
    def dividends(self, i):
        return max(super().dividends(i), 0.0)


@broken
class ShortsArePaid:
    def dividends(self, i):
        return abs(super().dividends(i))


@broken
class ADividendAContract:
    def dividends(self, i):
        return super().dividends(i) / self.multiplier


@broken
class TheOldestLotIsPaid:
    def dividends(self, i):
        lots, self.lots = self.lots, self.lots[:1]
        found = super().dividends(i)
        self.lots = lots
        return found


# What bars tell


@misread
class TheColumnIsNotRead:
    def paid(self):
        bars = range(1, len(self.columns.close))
        implied = [self.implied(i) for i in bars] if self.columns.adjusted else [0.0 for _ in bars]
        return [0.0, *implied]


@misread
class EveryBarPaysThatTellsNothing:
    def told(self, value):
        return 1.0 if math.isnan(value) else value


@misread
class ADividendOfTheNewClose:
    def implied(self, i):
        return super().implied(i) * self.columns.close[i] / self.columns.close[i - 1]


@misread
class StepsDownArePaid:
    def implied(self, i):
        paid = self.columns.close[i - 1] * (1 - self.factor(i - 1) / self.factor(i))
        return paid if paid < 0 and not self.is_split(i) else super().implied(i)


@misread
class TheFactorAlone:
    def factor(self, i):
        return self.columns.adjusted[i] / self.columns.close[max(i - 1, 0)]


@misread
class SplitsArePaid:
    def is_split(self, i):
        return False


@misread
class AnyLargeStepIsASplit:
    def is_split(self, i):
        return super().is_split(i) or abs(math.log(self.factor(i) / self.factor(i - 1))) > 0.09


@misread
class NoColumnOfSplits:
    def ratios(self, i):
        splits, columns = self.columns.splits, self.columns
        if splits is None:
            return super().ratios(i)
        return Dividends(type(columns)(columns.close, columns.adjusted)).ratios(i)


@misread
class AToldSplitExplainsAnything:
    def is_split(self, i):
        told = self.columns.splits is not None and self.ratios(i) != ()
        return told or super().is_split(i)


@misread
class NothingIsRounded:
    def is_rounding(self, i):
        return False


@misread
class OnlyOneIsRounded:
    def doubt(self, value):
        return super().doubt(value) / 2


@misread
class RoundedToAUnit:
    def doubt(self, value):
        return super().doubt(value) * 2


@misread
class AlwaysInCents:
    def decimals_of(self, adjusted):
        return 2


@misread
class AlwaysExact:
    def decimals_of(self, adjusted):
        return None
