"""Documents of real runs for the tests of the report: sample bars, runs of different character."""

from __future__ import annotations

from functools import cache
from typing import Any

import btkit as bt
from btkit.data import load_from_source
from btkit.documents import RunDocument, build_provenance, build_report, describe_run
from btkit.settings import Settings
from btkit.spec import BaseSpec

RUN_ID = "00000000-0000-4000-8000-000000000000"
MADE = "2026-01-05T10:00:00"

MOMENTUM: dict[str, Any] = {
    "name": "momentum",
    "entry_conditions": ["close > sma_50", "rsi_14 > 50", "macd_hist > 0", "not in_position"],
    "exit_conditions": ["rsi_14 > 70", "close < ema_21"],
    "stop_conditions": ["close < sma_50"],
    "position_sizing_formula": "risk_pct * capital / atr_14",
    "max_holding_bars": 20,
}


def document(
    *, start: str, end: str, symbol: str = "SPX", spec: BaseSpec | None = None, **changes: Any
) -> RunDocument:
    """Simulate a variation of the momentum spec on sample bars, and report it as a run would be."""
    settings = Settings(_env_file=None)
    loaded = load_from_source(symbol, start, end, settings=settings, source="sample")
    result = bt.simulate(
        spec or bt.load_spec(MOMENTUM | changes),
        loaded.bars,
        capital=100_000.0,
        commission=0.65,
        slippage=0.0005,
        start=loaded.start,
    )
    run = describe_run(result, run_id=RUN_ID, created_at=MADE, completed_at=MADE)
    command = ["backtest", "run", "--strategy", "strategies/momentum.json", "--symbol", symbol]
    provenance = build_provenance(result, versions={"btkit": "0.1.0"}, command=command)
    report = build_report(result, run, min_trades_required=10, provenance=provenance)
    return RunDocument.from_result(result, report)


@cache
def long_run() -> RunDocument:
    """Twenty years, well over a hundred trades."""
    return document(start="1999-01-04", end="2018-12-31")


@cache
def short_run() -> RunDocument:
    """Nine months, a handful of trades."""
    return document(start="2017-03-01", end="2017-11-30", position_sizing_formula="20")


@cache
def idle_run() -> RunDocument:
    """A run without a single trade."""
    return document(start="2010-01-04", end="2013-12-31", entry_conditions=["rsi_14 < 0"])


@cache
def ruined_run() -> RunDocument:
    """One short, held through a bull market until nothing is left."""
    return document(
        start="2003-01-02",
        end="2018-12-31",
        symbol="IXIC",
        direction="short",
        entry_conditions=["not in_position"],
        exit_conditions=[],
        stop_conditions=[],
        position_sizing_formula="capital / close",
        max_holding_bars=100_000,
    )


@cache
def warned_run() -> RunDocument:
    """A strategy that reads a fallback on most bars, and a name that HTML must escape."""
    return document(
        start="2005-01-03",
        end="2018-12-31",
        name="calm & steady",
        filter_conditions=["vix < 25", "not fomc_meeting_day"],
    )


@cache
def stopped_run() -> RunDocument:
    """Orders inside the bar on both sides, lots in parts, and bars that nobody can tell."""
    return document(
        start="2008-01-02",
        end="2010-12-31",
        direction="both",
        stop_loss=0.02,
        take_profit=0.02,
        trailing_stop={"fraction": 0.03, "after": 0.01},
        scale_out=[{"when": "position_pnl_pct > 0.01", "fraction": 0.5}],
        short={"entry_conditions": ["close < sma_50", "rsi_14 < 50", "not in_position"],
               "exit_conditions": [], "stop_conditions": []},
    )  # fmt: skip


RUNS = {
    "long": long_run,
    "short": short_run,
    "idle": idle_run,
    "ruined": ruined_run,
    "warned": warned_run,
    "stopped": stopped_run,
}
