"""Runs the engine of option spreads and its oracle on the same case; lists every difference."""

from __future__ import annotations

from typing import Any

import pandas as pd
from oracle import plain_options as plain
from oracle.evaluation import names_in, plain_column
from oracle.harness import _different
from oracle.strategies import Case

import btkit as bt
from btkit.indicators import POSITION_NAMES, FeatureSet, lookup
from btkit.markets.expiries import expiries_ahead


def columns_for(case: Case) -> dict[str, plain.Column]:
    """Return iv_atm, the VIX and every feature that the spec's texts name, as Python values."""
    spec = plain.DEFAULTS | case.spec
    names = {"iv_atm", "vix"}
    for text in (text for name in plain.LISTS for text in spec[f"{name}_conditions"]):
        filled = text
        for name, value in spec["parameters"].items():
            filled = filled.replace("{" + name + "}", repr(value))
        names |= names_in(filled)
    features = FeatureSet(case.bars, bars_per_year=252.0)
    columns = {}
    for name in sorted(names - POSITION_NAMES):
        indicator = lookup(name)
        assert indicator is not None, name
        values = features.column(name).tolist()
        columns[name] = plain_column(values, boolean=indicator.kind == "bool")
    return columns


def oracle(case: Case, simulator: type[plain.Simulator] = plain.Simulator) -> plain.Outcome:
    """Run the plain simulator, or a broken one; expiry dates come from the calendar's own test."""
    dates = case.bars.index.to_numpy().astype("datetime64[D]")
    spec = plain.DEFAULTS | case.spec
    expiry = expiries_ahead(dates, target_dte=spec["target_dte"], snap=spec.get("expiry"))
    return simulator(
        case.spec,
        {name: case.bars[name].tolist() for name in ("open", "close")},
        columns_for(case),
        (dates.astype(int).tolist(), expiry.astype(int).tolist()),
        capital=case.capital,
        commission=case.commission,
        slippage=case.slippage,
        start_index=case.start_index,
    ).run()


def engine(case: Case) -> Any:
    """Run btkit itself."""
    return bt.simulate(
        bt.load_spec(case.spec, kind="options"),
        case.bars,
        capital=case.capital,
        commission=case.commission,
        slippage=case.slippage,
        start=case.bars.index[case.start_index],
    )


def differences(result: Any, outcome: plain.Outcome, index: pd.Index[Any]) -> list[str]:
    """Return what differs between the engine's result and the oracle's, to the last bit."""
    found = _different("spreads", len(result.spreads), len(outcome.spreads))
    found += _different("equity", result.equity.tolist(), outcome.equity)
    found += _different("cash", result.cash.tolist(), outcome.cash)
    found += _different("ruined", bool(result.ruined), outcome.ruined)
    diagnostics = result.diagnostics
    found += _different("skipped", diagnostics.skipped_entries, outcome.skipped)
    found += _different("unfilled", diagnostics.unfilled_orders, outcome.unfilled)
    for place, (row, mine) in enumerate(zip(result.spreads, outcome.spreads, strict=False)):
        pairs = {
            "entry_date": (row.entry_date, index[mine.bar].date().isoformat()),
            "exit_date": (row.exit_date, index[mine.close_bar].date().isoformat()),
            "contracts": (row.contracts, int(mine.contracts)),
            "credit": (row.credit, mine.credit),
            "close_value": (row.close_value, mine.close_value),
            "max_loss": (row.max_loss, mine.max_loss * mine.contracts),
            "pnl": (row.pnl, mine.pnl),
            "reason": (row.exit_reason, mine.reason),
            "legs": (
                [(leg.side, leg.right, leg.strike) for leg in row.legs],
                [(leg.side, leg.right, leg.strike) for leg in mine.legs],
            ),
        }
        for name, (theirs, own) in pairs.items():
            if theirs != own:
                found.append(f"spread {place} {name}: engine {theirs!r}, oracle {own!r}")
    return found


def disagreement(case: Case) -> list[str]:
    """Return every difference between the two, condition counts included."""
    result, outcome = engine(case), oracle(case)
    counted = {
        (entry.list.removesuffix("_conditions"), entry.index): [entry.held, entry.raised]
        for entry in result.diagnostics.conditions
    }
    found = differences(result, outcome, case.bars.index)
    return found + _different("condition counts", counted, outcome.condition_counts)
