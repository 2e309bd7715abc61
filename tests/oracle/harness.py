"""Runs the engine and the plain simulation on the same case, and says where they differ."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import pandas as pd
from oracle.strategies import Case

import btkit as bt
from btkit.crosscheck import Difference, PlainRun
from btkit.crosscheck.beside import Beside
from btkit.crosscheck.check import compare, finer_of, others_of, simulate_plainly
from btkit.crosscheck.detail import Matching
from btkit.crosscheck.dividends import Dividends
from btkit.crosscheck.inputs import as_instrument
from btkit.crosscheck.over_time import OverTime
from btkit.crosscheck.records import Instrument, PlainAccount
from btkit.crosscheck.slower import Resampling
from btkit.crosscheck.walk import Walk
from btkit.data import adjust_prices
from btkit.markets import Annualisation, infer_interval
from btkit.spec import BaseSpec

AnyRules: TypeAlias = type[Walk[Any] | Resampling | OverTime | Beside | Dividends | Matching]

# Rules by which what a run is given is made, by what `as_instrument` calls them.
_OF_INPUTS = {
    "resampling": Resampling,
    "over_time": OverTime,
    "knowing": Beside,
    "paying": Dividends,
    "detailing": Matching,
}


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case with what it takes to run it, made once."""

    case: Case

    @cached_property
    def spec(self) -> BaseSpec:
        return bt.load_spec(self.case.spec)

    @cached_property
    def times(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.case.bars.index)

    @cached_property
    def annualisation(self) -> Annualisation:
        return Annualisation(infer_interval(self.times), self.spec.calendar)

    @cached_property
    def instrument(self) -> Instrument:
        return self.made_with()

    def made_with(self, **rules: Any) -> Instrument:
        """What the plain simulation is given, where some of it goes by other rules."""
        return as_instrument(
            self.spec,
            adjust_prices(self.case.bars, self.spec.price_adjustment),
            self.annualisation,
            symbol=self.case.traded or "",
            start=self.case.start_index,
            others=others_of(self.spec, self.case.others),
            finer=finer_of(self.spec, self.case.bars, self.case.detail),
            **rules,
        )

    @cached_property
    def result(self) -> Any:
        """What the engine makes of it."""
        return self.again()

    def again(self) -> Any:
        """What the engine makes of it now, when it may be a broken one."""
        case = self.case
        return bt.simulate(
            self.spec,
            case.frames,
            symbol=case.traded,
            detail=case.detail,
            capital=case.capital,
            commission=case.commission,
            slippage=case.slippage,
            start=case.bars.index[case.start_index],
        )

    def plain(self, rules: AnyRules | None = None) -> PlainRun:
        """What the plain simulation makes of it, or one with a broken rule."""
        case = self.case
        account = PlainAccount(case.capital, case.commission, case.slippage, case.start_index)
        made = {
            name: rules for name, kind in _OF_INPUTS.items() if rules and issubclass(rules, kind)
        }
        instrument = self.made_with(**made) if made else self.instrument
        book: Any = None if made else rules
        return simulate_plainly(self.spec, instrument, account, self.annualisation, book=book)

    def differences(self, rules: AnyRules | None = None) -> list[Difference]:
        """On what the engine's result and the plain simulation do not agree."""
        return compare(self.result, self.plain(rules), self.times)


def engine(case: Case) -> Any:
    """Run the engine."""
    return Prepared(case).result


def oracle(case: Case) -> PlainRun:
    """Run the plain simulation."""
    return Prepared(case).plain()


def disagreement(case: Case) -> list[str]:
    """Return every difference between the two."""
    return [str(difference) for difference in Prepared(case).differences()]


def plain_rows(run: PlainRun, *named: str) -> list[tuple[Any, ...]]:
    """Return the bars of entry and exit of each trade, and what else is named."""
    return [
        (trade.entry_bar, trade.exit_bar, *(getattr(trade, name) for name in named))
        for trade in run.trades
    ]


def traded_rows(case: Case, result: bt.Result, *named: str) -> list[tuple[Any, ...]]:
    """Do what `plain_rows` does with a result of the engine."""
    bar = case.bars.index.get_loc
    return [
        (bar(row["entry_date"]), bar(row["exit_date"]), *(row[name] for name in named))
        for row in result.trades.to_dict("records")
    ]


def mixed(cases: Iterable[Any]) -> list[Any]:
    """Return cases in an order without meaning: those of one kind, next to each other, are apart.

    A break that few kinds notice is then not noticed after most cases have been asked.
    """
    listed = list(cases)
    return random.Random(1).sample(listed, len(listed))  # noqa: S311 - no secret


def is_noticed(cases: list[Any], notices: Callable[[Any], object]) -> bool:
    """Return whether any case notices a break; the one that does is the first to be asked next.

    Breaks of one kind stand together, and most are noticed by what noticed the one before.
    """
    for place, case in enumerate(cases):
        if notices(case):
            cases.insert(0, cases.pop(place))
            return True
    return False
