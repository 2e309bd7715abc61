"""Runs the engine and the oracle on the same case and lists every difference."""

from __future__ import annotations

from typing import Any

import pandas as pd
from oracle import plain
from oracle.evaluation import names_in, plain_column
from oracle.strategies import Case

import btkit as bt
from btkit.indicators import POSITION_NAMES, FeatureSet, lookup

TRADE_FIELDS = (
    "entry_price",
    "exit_price",
    "shares",
    "pnl",
    "return_pct",
    "bars_held",
    "commission",
    "slippage_cost",
)


def columns_for(case: Case) -> dict[str, plain.Column]:
    """Return every feature that the spec's texts name, as Python values."""
    spec = plain.DEFAULTS | case.spec
    texts = [text for name in plain.LISTS for text in spec[f"{name}_conditions"]]
    texts.append(spec["position_sizing_formula"])
    names: set[str] = set()
    for text in texts:
        filled = text
        for name, value in spec["parameters"].items():
            filled = filled.replace("{" + name + "}", repr(value))
        names |= names_in(filled)
    features = FeatureSet(case.bars, bars_per_year=252.0)
    columns = {}
    for name in sorted(names - POSITION_NAMES - {"risk_pct"}):
        indicator = lookup(name)
        assert indicator is not None, name
        values = features.column(name).tolist()
        columns[name] = plain_column(values, boolean=indicator.kind == "bool")
    return columns


def oracle(case: Case, simulator: type[plain.Simulator] = plain.Simulator) -> plain.Outcome:
    """Run the plain simulator, or a broken one."""
    return simulator(
        case.spec,
        {name: case.bars[name].tolist() for name in ("open", "close")},
        columns_for(case),
        capital=case.capital,
        commission=case.commission,
        slippage=case.slippage,
        start_index=case.start_index,
    ).run()


def engine(case: Case) -> Any:
    """Run btkit itself."""
    return bt.simulate(
        bt.load_spec(case.spec),
        case.bars,
        capital=case.capital,
        commission=case.commission,
        slippage=case.slippage,
        start=case.bars.index[case.start_index],
    )


def differences(result: Any, outcome: plain.Outcome, index: pd.Index[Any]) -> list[str]:
    """Return what differs between the engine's result and the oracle's, to the last bit."""
    found = _different("trades", len(result.trades), len(outcome.trades))
    found += _different("equity", result.equity.tolist(), outcome.equity)
    found += _different("cash", result.cash.tolist(), outcome.cash)
    found += _different("ruined", bool(result.ruined), outcome.ruined)
    diagnostics = result.diagnostics
    skipped = {reason: count for reason, count in diagnostics.skipped_entries.items() if count}
    found += _different("skipped", skipped, outcome.skipped)
    found += _different("unfilled", diagnostics.unfilled_orders, outcome.unfilled)
    for place, (row, trade) in enumerate(
        zip(result.trades.to_dict("records"), outcome.trades, strict=False)
    ):
        mine = {name: getattr(trade, name) for name in TRADE_FIELDS}
        mine["exit_reason"] = trade.reason
        mine["entry_date"] = index[trade.entry_bar]
        mine["exit_date"] = index[trade.exit_bar]
        for name, value in mine.items():
            found += _different(f"trade {place} {name}", row[name], value)
    return found


def count_differences(result: Any, outcome: plain.Outcome, lists: tuple[str, ...]) -> list[str]:
    """Return where the two count a condition of these lists differently."""
    counted = {
        (entry.list.removesuffix("_conditions"), entry.index): [entry.held, entry.raised]
        for entry in result.diagnostics.conditions
    }
    mine = {key: counts for key, counts in outcome.condition_counts.items() if key[0] in lists}
    return _different("condition counts", {key: counted.get(key) for key in mine}, mine)


def disagreement(case: Case, *, lists: tuple[str, ...] | None = None) -> list[str]:
    """Return every difference between the two.

    Condition counts are compared too: those of `lists`, or else all that do not depend on
    whether a count speaks for one lot or for several.
    """
    result, outcome = engine(case), oracle(case)
    if lists is None:
        several = case.spec.get("max_concurrent_positions", 1) > 1
        lists = ("entry", "filter") if several else plain.LISTS
    return differences(result, outcome, case.bars.index) + count_differences(result, outcome, lists)


def _different(what: str, engine_value: Any, oracle_value: Any) -> list[str]:
    if isinstance(engine_value, list) and len(engine_value) == len(oracle_value):
        for place, pair in enumerate(zip(engine_value, oracle_value, strict=True)):
            if pair[0] != pair[1]:
                return [f"{what}[{place}]: engine {pair[0]!r}, oracle {pair[1]!r}"]
        return []
    if engine_value == oracle_value:
        return []
    return [f"{what}: engine {engine_value!r}, oracle {oracle_value!r}"]
