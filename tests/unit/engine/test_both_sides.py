"""Lots of either side: a run in pieces is the run in one piece, wherever it is cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from btkit.conditions.columns import ColumnEvaluator
from btkit.decisions import BothSides, Size, decide_by_signals, parse_clauses, plan_decisions
from btkit.engine import POSITION_NAMES, ChunkedRun, Market, Rules, commission_rules, standing_of
from btkit.engine.loop import run_bars
from btkit.engine.state import LAST_ENTRY, LAST_EXIT, NEVER

BARS = 60


@pytest.fixture
def closes():
    return 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.02, BARS)))


@pytest.fixture
def market(closes):
    opens = np.append(100.0, closes[:-1])
    return Market.of(pd.DataFrame({"open": opens, "high": 999, "low": 1, "close": closes}))


def rules(**changes):
    plain = {
        "short": False,
        "at_close": False,
        "fractional": True,
        "filter_all": False,
        "max_holding": 7,
        "max_positions": 2,
        "slippage": 0.001,
        **commission_rules("rate", 0.001),
    }
    return Rules(**(plain | changes))


def by_rules(closes):
    opens = np.append(100.0, closes[:-1])
    columns = ColumnEvaluator({"close": closes, "open": opens}.__getitem__, lambda _: False)

    def planned(entry, leave):
        clauses = parse_clauses(
            {
                "entry_conditions": [entry],
                "exit_conditions": [leave, "bars_held > 1"],
                "stop_conditions": ["position_pnl_pct < -0.03"],
                "filter_conditions": [],
            },
            "capital / close / 3",
            risk_pct=0.01,
        )
        return plan_decisions(clauses, columns, BARS, filter_all=False, positions=POSITION_NAMES)

    return BothSides.of(
        planned("close > open", "close < open"), planned("close < open", "close > open")
    )


def by_signals(closes):
    del closes
    signals = np.random.default_rng(4).integers(-1, 2, BARS)
    waits = np.arange(BARS) - 3
    return decide_by_signals(signals, Size.of(np.full(BARS, 9.0)), short=True, separation=waits)


def started(market, decisions, chosen):
    return ChunkedRun(market, decisions, chosen, capital=10_000.0, start=2)


@pytest.mark.parametrize("fill", [{}, {"at_close": True}], ids=["next open", "close"])
@pytest.mark.parametrize("made", [by_rules, by_signals])
def test_cut_and_taken_up_at_any_bar(market, closes, made, fill):
    decisions, chosen = made(closes), rules(**fill)
    whole = started(market, decisions, chosen).finish(chunk_bars=BARS)
    assert set(whole.trades.side.tolist()) == {1, -1}
    for cut in range(1, BARS - 2):
        first = started(market, decisions, chosen)
        first.advance(cut)
        second = started(market, decisions, chosen)
        second.restore(first.snapshot())
        assert second.fingerprint() == first.fingerprint()
        again = second.finish(chunk_bars=5)
        for own, other in zip(again.trades, whole.trades, strict=True):
            assert own.tobytes() == other.tobytes()
        assert again.curve.equity[2:].tobytes() == whole.curve.equity[2:].tobytes()
        assert again.skipped == whole.skipped


def test_the_state_knows_when_something_last_filled(market, closes):
    run = started(market, by_signals(closes), rules())
    seen = [run.snapshot().state.counts[[LAST_ENTRY, LAST_EXIT]].tolist()]
    while run.advance(1):
        seen.append(run.snapshot().state.counts[[LAST_ENTRY, LAST_EXIT]].tolist())
    assert seen[0] == [NEVER, NEVER]
    trades = run.finish(chunk_bars=1).trades
    standing = standing_of(trades, BARS)
    assert [max(pair) for pair in seen[1:]] == standing.last_fill[2 : BARS - 1].tolist()


def test_another_separation_is_another_run(market, closes):
    decisions = by_signals(closes)
    other = decisions._replace(separation=decisions.separation - 1)
    prints = {started(market, made, rules()).fingerprint() for made in (decisions, other)}
    assert len(prints) == 2


def test_the_loop_is_compiled_for_one_signature(market, closes):
    started(market, by_rules(closes), rules()).finish(chunk_bars=BARS)
    known = list(run_bars.signatures)
    started(market, by_signals(closes), rules()).finish(chunk_bars=BARS)
    assert run_bars.signatures == known
