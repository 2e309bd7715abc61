"""Engine rules broken on purpose, in the oracle: the agreement check must notice every one."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
from oracle.battery import battery
from oracle.harness import differences, engine, oracle
from oracle.plain import Lot, Simulator


@cache
def sound() -> list[Any]:
    return [engine(case) for case in battery()]


class FillAtThisOpen(Simulator):
    def raw_price(self, i: int) -> float:
        return self.close[i] if self.at_close else self.open[i - 1]


class FillAtTheOldClose(Simulator):
    def raw_price(self, i: int) -> float:
        return self.close[i] if self.at_close else self.close[i - 1]


class NoSlippageOnExit(Simulator):
    def exit_price(self, raw: float) -> float:
        return raw


class SlippageInOnesFavour(Simulator):
    def entry_price(self, raw: float) -> float:
        return super().exit_price(raw)


class CommissionOnEntryOnly(Simulator):
    def exit_fee(self, shares: float, price: float) -> float:
        return 0.0 * self.fee(shares, price)


class ExitBeforeStop(Simulator):
    def reason(self, lot: Lot, i: int, *, stop: bool, leave: bool) -> str | None:
        return "exit" if leave else super().reason(lot, i, stop=stop, leave=leave)


class MaxHoldingBeforeStop(Simulator):
    def reason(self, lot: Lot, i: int, *, stop: bool, leave: bool) -> str | None:
        aged = self.has_aged(lot, i)
        return "max_holding" if aged else super().reason(lot, i, stop=stop, leave=leave)


class HeldOneMore(Simulator):
    def bars_held(self, lot: Lot, i: int) -> int:
        return super().bars_held(lot, i) + 1


class MaxHoldingStrictlyGreater(Simulator):
    def has_aged(self, lot: Lot, i: int) -> bool:
        return self.bars_held(lot, i) > int(self.spec["max_holding_bars"])


class FiltersAlwaysGateExits(Simulator):
    def filters_gate_exits(self) -> bool:
        return True


class FiltersNeverGateExits(Simulator):
    def filters_gate_exits(self) -> bool:
        return False


class CapitalIsEquity(Simulator):
    def capital(self) -> float:
        return self.cash + sum(self.value_of(lot, lot.price) for lot in self.lots)


class CapitalAfterTheFills(Simulator):
    def decide(self, i: int) -> None:
        super().decide(i)
        if self.at_close and self.entry is not None:
            self.fill_exits(i)
            wanted = self.wanted(i)
            self.entry = None if isinstance(wanted, str) else wanted


class NoFloor(Simulator):
    def whole(self, shares: float) -> float | str:
        return shares


class RoundedUp(Simulator):
    def whole(self, shares: float) -> float | str:
        whole = super().whole(shares)
        return whole if isinstance(whole, str) or whole == shares else float(math.ceil(shares))


class EndWithoutSlippage(Simulator):
    def close_all(self, i: int, reason: str) -> None:
        slippage, self.slippage = self.slippage, 0.0
        super().close_all(i, reason)
        self.slippage = slippage


class NewestLotFirst(Simulator):
    def decide(self, i: int) -> None:
        self.lots.reverse()
        super().decide(i)
        self.lots.reverse()


class CutIgnoresCommission(Simulator):
    def cost(self, shares: float, price: float) -> float:
        return shares * price

    def affordable(self, shares: float, price: float) -> float:
        parts, self.fee_parts = self.fee_parts, lambda: (0.0, 0.0, 0.0)  # type: ignore[method-assign]  # a rule broken on purpose
        shares = super().affordable(shares, price)
        self.fee_parts = parts  # type: ignore[method-assign]  # and mended
        return shares


class CutIgnoresRate(Simulator):
    def affordable(self, shares: float, price: float) -> float:
        cut = super().affordable(shares, price)
        return cut if cut in (shares, 0.0) else cut + 1.0


class CutNotCheckedAgain(Simulator):
    def affordable(self, shares: float, price: float) -> float:
        if self.cost(shares, price) <= self.cash or self.spec["allow_fractional"]:
            return super().affordable(shares, price)
        per_order, per_share, rate = self.fee_parts()
        cut = math.floor((self.cash - per_order) / (price * (1 + rate) + per_share))
        return float(max(cut, 0))


class NoCutAtAll(Simulator):
    def affordable(self, shares: float, price: float) -> float:
        return shares if self.cost(shares, price) <= self.cash else 0.0


class OneLotTooMany(Simulator):
    def has_room(self) -> bool:
        return len(self.lots) <= int(self.spec["max_concurrent_positions"])


class LeavingLotsMakeRoom(Simulator):
    def has_room(self) -> bool:
        staying = len(self.lots) - len(self.exits)
        return staying < int(self.spec["max_concurrent_positions"])


class MissingIsZero(Simulator):
    def scope(self, i: int, lot: Lot | None) -> dict[str, object]:
        names = super().scope(i, lot)
        return {name: 0.0 if value is None else value for name, value in names.items()}


class AnErrorHolds(Simulator):
    def value(self, text: str, scope: dict[str, object]) -> object:
        try:
            return super().value(text, scope)
        except (ArithmeticError, TypeError, ValueError):
            return 1.0


class BuysBeforeSales(Simulator):
    def fill(self, i: int) -> None:
        self.fill_entry(i)
        self.fill_exits(i)


class GainFromTheRawPrice(Simulator):
    def position_pnl_pct(self, lot: Lot, i: int) -> float:
        raw = lot.price / (1 - self.slippage if self.short else 1 + self.slippage)
        ratio = self.close[i] / raw
        return 1.0 - ratio if self.short else ratio - 1.0


class ShortGainLikeALong(Simulator):
    def position_pnl_pct(self, lot: Lot, i: int) -> float:
        return self.close[i] / lot.price - 1.0


class ShortProceedsAreFree(Simulator):
    def value_of(self, lot: Lot, price: float) -> float:
        return lot.shares * (lot.price - price) if self.short else lot.shares * price


class NeverRuined(Simulator):
    def is_ruined(self, i: int) -> bool:
        return math.isnan(self.equity(i))


class RuinBelowZeroOnly(Simulator):
    def is_ruined(self, i: int) -> bool:
        return self.equity(i) < 0


class LastOrdersForgotten(Simulator):
    def drop_last_orders(self) -> None:
        self.exits, self.entry = [], None


class LastEntryFillsAtTheClose(Simulator):
    def drop_last_orders(self) -> None:
        self.fill_entry(self.last)


class WarmUpTrades(Simulator):
    def __init__(self, *arguments: Any, **money: Any) -> None:
        super().__init__(*arguments, **money | {"start_index": max(money["start_index"] - 1, 0)})


class NotInPositionWhileLeaving(Simulator):
    def in_position(self) -> bool:
        return len(self.lots) > len(self.exits)


MUTANTS = [mutant for mutant in Simulator.__subclasses__() if mutant.__module__ == __name__]


def test_the_battery_stands() -> None:
    for case, result in zip(battery(), sound(), strict=True):
        assert differences(result, oracle(case), case.bars.index) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_rule_is_noticed(mutant: type[Simulator]) -> None:
    assert any(
        differences(result, oracle(case, mutant), case.bars.index)
        for case, result in zip(battery(), sound(), strict=True)
    )
