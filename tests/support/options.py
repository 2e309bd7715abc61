"""Documents of real option runs for the tests of the report, on sample bars."""

from __future__ import annotations

from functools import cache
from typing import Any

import btkit as bt
from btkit.data import load_from_source
from btkit.documents import RunDocument, build_provenance, build_report, describe_run
from btkit.settings import Settings

MADE = "2026-01-05T10:00:00"
RUN_ID = "00000000-0000-4000-8000-000000000001"
PUTS: dict[str, Any] = {
    "name": "puts",
    "spread_type": "short_put_spread",
    "entry_conditions": ["not in_position", "close > sma_50"],
    "per_trade_risk_pct": 0.02,
    "max_holding_bars": 15,
}


def document(*, start: str = "2016-01-04", end: str = "2018-12-31", **changes: Any) -> RunDocument:
    """Simulate a variation of the put spread on sample bars, and report it as a run would be."""
    loaded = load_from_source(
        "SPX", start, end, settings=Settings(_env_file=None), source="sample", needs_iv=True
    )
    result = bt.simulate(
        bt.load_spec(PUTS | changes), loaded.bars, capital=1_000_000.0, start=loaded.start
    )
    run = describe_run(result, run_id=RUN_ID, created_at=MADE, completed_at=MADE)
    provenance = build_provenance(result, versions={"btkit": "0.1.0"})
    report = build_report(result, run, min_trades_required=10, provenance=provenance)
    return RunDocument.from_result(result, report)


@cache
def puts() -> RunDocument:
    """Three years of put spreads, one at a time."""
    return document()


@cache
def condor() -> RunDocument:
    """Several iron condors side by side, on monthly expiries, with a skew."""
    return document(
        spread_type="iron_condor",
        entry_conditions=["bars_held > 4 or not in_position"],
        max_concurrent_positions=3,
        expiry="monthly",
        strike_step=5.0,
        skew=0.1,
        dividend_yield=0.02,
    )


@cache
def estimated() -> RunDocument:
    """Years without any implied volatility."""
    return document(start="2009-01-02", end="2010-12-31")


@cache
def idle() -> RunDocument:
    """A run that never sold anything."""
    return document(entry_conditions=["close < 0"])


@cache
def single() -> RunDocument:
    """One spread."""
    return document(start="2018-01-02", end="2018-01-16", target_dte=9)


RUNS = {"puts": puts, "condor": condor, "estimated": estimated, "idle": idle, "single": single}
