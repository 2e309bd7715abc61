"""The rules of finer bars, SEMANTICS 9.8, each in another form: of a run, and of what is inside."""

from __future__ import annotations

import dataclasses
import datetime as dt

from oracle.mutants import noted_in

from btkit.crosscheck.inside import InsideEntry
from btkit.crosscheck.records import PlainBar

BROKEN = []
BROKEN_DETAIL = []
broken = noted_in(BROKEN)
misplaced = noted_in(BROKEN_DETAIL)


# What finer bars do


@broken
class NoMismatchIsCounted:
    def mismatches(self):
        return 0


@broken
class MismatchesOfTheWarmUpCount:
    def mismatches(self):
        return sum(not parts for parts in self.instrument.finer)


@broken
class TheBarAlone:
    def parts(self, i):
        return [whole(self, i)]


@broken
class TheLastPartComesFirst:
    def parts(self, i):
        return super().parts(i)[::-1]


@broken
class OnlyTheDaysOpenPasses:
    def enter_at_open(self, i, part, bar):
        if part == 0:
            super().enter_at_open(i, part, bar)


@broken
class WhatAnOpenPassesFillsAtTheDays:
    def enter_at_open(self, i, part, bar):
        for order, resting in self.in_line():
            if self.passed(self.turned_bar(bar, short=order.short), self.as_seen(order, resting)):
                self.enter_by(order, i, self.instrument.open[i], None, part)


@broken
class ALaterOpenIsTheDays:
    def enter_by(self, order, i, price, inside, part):
        before = len(self.lots)
        super().enter_by(order, i, price, inside, part)
        for lot in self.lots[before:]:
            lot.filled = "open" if inside is None else "level"


@broken
class WhatCameBeforeTheEntryCounts:
    def take_through(self, lot, i):
        lot.part = 0
        super().take_through(lot, i)


@broken
class ADoubtOfTheWholeBar:
    def take_through(self, lot, i):
        stop, target = self.stop_of(lot)[0], self.target_of(lot)
        bar = self.turned_bar(whole(self, i), short=lot.short)
        doubt = self.stop_within(bar, stop) and self.target_within(bar, target)
        lot.certain = lot.certain and not doubt
        super().take_through(lot, i)


@broken
class EveryPartIsTheEntrys:
    def entry_in(self, lot, i, part):
        if lot.bar != i or lot.rested is None:
            return None
        return InsideEntry(self.turned(lot.rested.price, short=lot.short), lot.rested.is_limit)


def whole(run, i):
    """Return a bar as it is where nothing is inside."""
    prices = run.instrument
    return PlainBar(prices.open[i], prices.high[i], prices.low[i], prices.close[i])


# What is inside


@misplaced
class NothingIsInside:
    def judged(self):
        return [[] for _ in self.bars]


@misplaced
class WhatDoesNotMakeItUpIsJudged:
    def make_up(self, parts, bar):
        return True


@misplaced
class AnyOpenWillDo:
    def make_up(self, parts, bar):
        return super().make_up([replaced(parts[0], open=bar.open), *parts[1:]], bar)


@misplaced
class AnyHighWillDo:
    def make_up(self, parts, bar):
        return super().make_up([replaced(part, high=bar.high) for part in parts], bar)


@misplaced
class AnyLowWillDo:
    def make_up(self, parts, bar):
        return super().make_up([replaced(part, low=bar.low) for part in parts], bar)


@misplaced
class AnyCloseWillDo:
    def make_up(self, parts, bar):
        return super().make_up([*parts[:-1], replaced(parts[-1], close=bar.close)], bar)


@misplaced
class ToTheLastBit:
    def near(self, price, whole):
        return price == whole


@misplaced
class ToAHundredThousandth:
    def near(self, price, whole):
        return abs(price - whole) <= 1e-5 * whole


@misplaced
class WithoutItsFactor:
    def scaled(self, j, i):
        return self.inside[j]


@misplaced
class TheFactorOfTheFirst:
    def scaled(self, j, i):
        return super().scaled(j, 0)


@misplaced
class OpensAtMidnight:
    def opens(self, bars, i):
        return bars.days[i] if bars.minutes is None else super().opens(bars, i)


@misplaced
class PeriodsAreTheirLastDay:
    def begins(self, bars, i):
        return bars.days[i]


@misplaced
class ClosesAtMidnight:
    def closes(self, bars, i):
        return bars.days[i] + dt.timedelta(days=1)


@misplaced
class WhatOpensInsideIsInside:
    def is_inside(self, j, i):
        return True


def replaced(bar, **prices):
    """Return a bar with another price."""
    return dataclasses.replace(bar, **prices)
