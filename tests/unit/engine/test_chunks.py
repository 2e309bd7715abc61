from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.engine import ChunkedRun, runs
from btkit.engine.loop import run_bars
from btkit.simulation import check_inputs, simulate_inputs
from btkit.simulation.simulate import in_one_piece

SPECS = {
    "several lots": {
        "entry_conditions": ["close > open"],
        "exit_conditions": ["position_pnl_pct < -0.01"],
        "stop_conditions": ["bars_held >= 4"],
        "max_concurrent_positions": 3,
        "position_sizing_formula": "capital * 0.3 / close",
    },
    "fills at the close": {
        "entry_conditions": ["close > open", "not in_position"],
        "exit_conditions": ["bars_held >= 2 and close < open"],
        "stop_conditions": [],
        "position_sizing_formula": "7",
        "fill": "close",
    },
    "reads what it remembers": {
        "entry_conditions": ["close > open", "losing_streak < 3 or bars_since_exit > 4"],
        "exit_conditions": ["close < highest_since_entry * 0.98 or close > 102"],
        "stop_conditions": ["close > lowest_since_entry * 1.03", "last_pnl is None or equity > 0"],
        "max_concurrent_positions": 2,
        "position_sizing_formula": "equity * 0.3 / close",
    },
    "remembers over quiet bars, filling at the close": {
        "entry_conditions": ["close > open", "not in_position"],
        "exit_conditions": ["close < 99.3", "close < highest_since_entry * 0.985"],
        "stop_conditions": [],
        "position_sizing_formula": "10 if last_return_pct is None else 7 + open_lots",
        "fill": "close",
        "max_holding_bars": 30,
    },
    "remembers on both sides": {
        "direction": "both",
        "entry_conditions": ["close > open"],
        "exit_conditions": ["close < highest_since_entry * 0.98"],
        "stop_conditions": [],
        "short": {
            "entry_conditions": ["close < open", "last_pnl is None or last_pnl < 90"],
            "exit_conditions": ["close > lowest_since_entry * 1.02"],
            "stop_conditions": ["losing_streak > 1 and close > entry_price"],
        },
        "position_sizing_formula": "7",
    },
    "leaves in parts": {
        "entry_conditions": ["close > open"],
        "exit_conditions": ["bars_held >= 6"],
        "stop_conditions": [],
        "max_concurrent_positions": 3,
        "position_sizing_formula": "capital * 0.3 / close",
        "scale_out": [
            {"when": "position_pnl_pct > 0.005", "fraction": 0.3},
            {"when": "close < open", "fraction": 0.3},
        ],
    },
    "leaves in parts on both sides": {
        "direction": "both",
        "entry_conditions": ["close > open"],
        "exit_conditions": [],
        "stop_conditions": [],
        "position_sizing_formula": "20",
        "allow_fractional": True,
        "scale_out": [
            {"when": "bars_held >= 1", "fraction": 0.7},
            {"when": "bars_held >= 3", "fraction": 0.3},
        ],
        "short": {
            "entry_conditions": ["close < open"],
            "exit_conditions": [],
            "stop_conditions": [],
        },
    },
    "orders inside the bar, several that rest": {
        "entry_conditions": ["close > open"],
        "exit_conditions": ["bars_held >= 6 and close < open"],
        "stop_conditions": [],
        "stop_loss": {"price": "low * 0.985"},
        "take_profit": 0.012,
        "trailing_stop": {"fraction": 0.01, "after": 0.004},
        "entry_order": {"limit": "close * 0.996", "valid_bars": 4},
        "max_concurrent_positions": 3,
        "position_sizing_formula": "capital * 0.3 / close",
    },
    "levels over quiet bars, filling at the close": {
        "entry_conditions": ["close > open", "not in_position"],
        "exit_conditions": ["close > highest_since_entry * 1.5"],
        "stop_conditions": [],
        "stop_loss": 0.02,
        "trailing_stop": {"atr": 0.9},
        "fill": "close",
        "max_holding_bars": 30,
        "position_sizing_formula": "7",
    },
    "levels and orders that rest on both sides": {
        "direction": "both",
        "entry_conditions": ["close > open"],
        "exit_conditions": ["close < open * 0.995"],
        "stop_conditions": [],
        "take_profit": 0.01,
        "intrabar": "path",
        "entry_order": {"stop": "high * 1.002", "valid_bars": 2},
        "short": {
            "entry_conditions": ["close < open"],
            "exit_conditions": ["close > open * 1.005"],
            "stop_conditions": [],
            "stop_loss": {"price": "high * 1.01"},
            "entry_order": {"limit": "close * 1.004", "valid_bars": 3},
        },
        "position_sizing_formula": "7",
    },
    "ruined short": {
        "entry_conditions": ["not in_position"],
        "exit_conditions": [],
        "stop_conditions": [],
        "max_holding_bars": 90,
        "position_sizing_formula": "capital / close",
        "direction": "short",
        "price": 1.06,
    },
}


def bars(growth):
    count = 60
    opens = 100 * growth ** np.arange(count) * (1 + 0.02 * np.sin(np.arange(count)))
    closes = opens * (1 + 0.015 * np.cos(1.7 * np.arange(count)))
    return pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, closes),
            "low": np.minimum(opens, closes),
            "close": closes,
            "volume": 1e6,
        },
        index=pd.bdate_range("2020-01-01", periods=count),
    )


@pytest.fixture(params=SPECS.values(), ids=SPECS.keys())
def case(request):
    """Give what a simulation came to, and its loop before the first bar."""
    fields = {"name": "chunks", **request.param}
    prices = bars(fields.pop("price", 1.0))
    loops = []

    def note(loop):
        loops.append(copy.deepcopy(loop))
        return in_one_piece(loop)

    whole = simulate_inputs(check_inputs(note, fields, prices, start=prices.index[3]))
    pd.testing.assert_frame_equal(
        whole.trades, bt.simulate(fields, prices, start=prices.index[3]).trades, check_exact=True
    )
    return whole.outcome, lambda: copy.deepcopy(loops[0])


def bits(outcome):
    arrays = [*outcome.trades, *(series[outcome.start :] for series in outcome.curve)]
    numbers = (
        outcome.final_decision_cash, outcome.final_decision_equity, outcome.unfilled,
        outcome.ruined, outcome.last_decided,
    )  # fmt: skip
    return [array.tobytes() for array in arrays], numbers, outcome.skipped


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_parts_of_any_size_give_the_same_bits(case, size):
    outcome, new = case
    assert len(outcome.trades.reason)
    assert bits(new().finish(chunk_bars=size)) == bits(outcome)


def test_a_run_that_is_saved_at_any_bar_and_taken_up_gives_the_same_bits(case):
    outcome, new = case
    first = new()
    while first.advance(1):
        second = new()
        second.restore(first.snapshot())
        assert second.next_bar == first.next_bar
        assert bits(second.finish(chunk_bars=5)) == bits(outcome)


def test_snapshots_since_the_last_one_add_up(case):
    _, new = case
    run, last, parts = new(), None, []
    while run.advance(4):
        last = run.snapshot(since=last)
        parts.append(last)
    whole = run.snapshot()
    assert len(whole.curve.equity) == run.bars - run.start
    last = run.snapshot(since=last)
    parts.append(last)
    for group in ("trades", "curve"):
        for field, array in getattr(whole, group)._asdict().items():
            joined = np.concatenate([getattr(getattr(part, group), field) for part in parts])
            np.testing.assert_array_equal(joined, array)


def test_an_interrupt_leaves_the_run_where_it_was(case, monkeypatch):
    outcome, new = case
    run = new()
    run.advance(5)

    def interrupted(*arguments):
        run_bars(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runs, "run_bars", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run.advance(9)
    assert run.next_bar == run.start + 5
    assert bits(run.finish(chunk_bars=1000)) == bits(outcome)


def test_what_is_no_snapshot_of_the_run_is_refused(case):
    _, new = case
    run = new()
    run.advance(9)
    snapshot = run.snapshot()
    for damaged in (
        snapshot._replace(next_bar=2),
        snapshot._replace(next_bar=snapshot.next_bar + 1),
        snapshot._replace(next_bar=10**9),
        snapshot._replace(state=snapshot.state._replace(lots=np.zeros((9, 5)))),
        snapshot._replace(state=snapshot.state._replace(counts=snapshot.state.counts[:-1])),
        snapshot._replace(curve=snapshot.curve._replace(cash=np.zeros(1))),
        snapshot._replace(trades=snapshot.trades._replace(marks=np.zeros((9, 3), np.int64))),
    ):
        with pytest.raises(ValueError, match="another run"):
            new().restore(damaged)


def test_the_fingerprint_tells_runs_apart(case):
    _, new = case
    run = new()
    assert run.fingerprint() == new().fingerprint()
    assert run.fingerprint(salt="1") != run.fingerprint(salt="2")
    market, decisions, rules = run._inputs
    for change in (
        (market._replace(close=market.close * 1.0000001), decisions, rules),
        (market, decisions._replace(entry_gate=~decisions.entry_gate), rules),
        (market, decisions, rules._replace(slippage=0.006)),
    ):
        other = ChunkedRun(*change, capital=run.capital, start=run.start)
        assert other.fingerprint() != run.fingerprint()
