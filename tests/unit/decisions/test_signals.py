"""Ready signals trade as rules do that say the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.conditions import parse_expression
from btkit.decisions import Signal, Size, decide_at, decide_by_signals, parse_clauses
from btkit.engine import POSITION_NAMES
from btkit.simulation import SIMULATIONS
from btkit.simulation.shares import rules_of, trade_shares

RULE = {
    "name": "crossing",
    "entry_conditions": ["not in_position", "close > sma_5"],
    "exit_conditions": ["close < sma_5 * 0.995"],
    "stop_conditions": ["close < prev_close * 0.97"],
    "filter_conditions": ["volume > 0"],
    "position_sizing_formula": "0.3 * capital / close",
    "max_holding_bars": 12,
}
VARIATIONS = [{}, {"direction": "short"}, {"fill": "close", "allow_fractional": True}]


@pytest.fixture
def bars():
    draws = np.random.default_rng(4).normal(0, 0.02, 400)
    close = 100 * np.exp(np.cumsum(draws))
    opens = np.append(100, close[:-1]) * 1.001
    return pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, close) * 1.01,
            "low": np.minimum(opens, close) * 0.99,
            "close": close,
            "volume": 1e6,
        },
        index=pd.bdate_range("2020-01-01", periods=400),
    )


def from_arrays(inputs):
    """Simulate a rule spec from arrays of signals that its conditions give beforehand."""
    spec, evaluator = inputs.spec, inputs.evaluator()

    def all_met(name):
        parsed = (parse_expression(text, events=None)[0] for text in spec.filled_conditions[name])
        met = [evaluator.evaluate(tree).met() for tree in parsed if not tree.reads_position]
        return np.logical_and.reduce(met)

    formula, _ = parse_expression(spec.filled_sizing, sizing=True, events=None)
    decisions = decide_at(
        all_met("entry_conditions") & all_met("filter_conditions"),
        all_met("exit_conditions"),
        Size(formula, evaluator, POSITION_NAMES),
        stop=all_met("stop_conditions"),
    )
    clauses = parse_clauses(spec.filled_conditions, spec.filled_sizing, risk_pct=0.01)
    rules = rules_of(spec, commission=inputs.commission, slippage=inputs.slippage)
    return trade_shares(inputs, clauses, decisions, rules)


@pytest.mark.parametrize("variation", VARIATIONS, ids=str)
def test_a_rules_own_gates_give_its_trades_to_the_last_bit(bars, monkeypatch, variation):
    spec = bt.load_spec(RULE | variation)
    by_rules = bt.simulate(spec, bars)
    monkeypatch.setitem(SIMULATIONS, "rules", from_arrays)
    by_signals = bt.simulate(spec, bars)
    assert len(by_rules.trades) > 20
    pd.testing.assert_frame_equal(by_signals.trades, by_rules.trades, check_exact=True)
    pd.testing.assert_series_equal(by_signals.equity, by_rules.equity, check_exact=True)


def test_a_buy_opens_one_lot_and_a_sell_closes_it(bars, monkeypatch):
    signals = np.full(len(bars), Signal.HOLD)
    signals[[10, 11, 30, 60]] = Signal.BUY
    signals[[5, 20, 21, 70]] = Signal.SELL
    shares = np.full(len(bars), 7.0)
    shares[30] = np.nan

    def by_signals(inputs):
        spec = inputs.spec
        clauses = parse_clauses(spec.filled_conditions, "1", risk_pct=0.01)
        rules = rules_of(spec, commission=0.0, slippage=0.0)
        decisions = decide_by_signals(signals, Size.of(shares))
        return trade_shares(inputs, clauses, decisions, rules)

    monkeypatch.setitem(SIMULATIONS, "rules", by_signals)
    result = bt.simulate(RULE | {"max_holding_bars": 99}, bars)
    # Decided at a close, filled at the next open; the buy while long does nothing.
    assert bars.index.get_indexer(result.trades["entry_date"]).tolist() == [11, 61]
    assert bars.index.get_indexer(result.trades["exit_date"]).tolist() == [21, 71]
    assert result.trades["shares"].tolist() == [7.0, 7.0]
    assert result.trades["exit_reason"].tolist() == ["exit", "exit"]
    assert result.diagnostics.skipped_entries == {"size_missing": 1}
    assert "direction" not in result.trades


def test_a_sell_while_flat_opens_a_short_where_that_is_allowed(bars, monkeypatch):
    signals = np.full(len(bars), Signal.HOLD)
    signals[[10, 40, 41]] = Signal.SELL
    signals[[20, 30]] = Signal.BUY

    def by_signals(inputs):
        clauses = parse_clauses(inputs.spec.filled_conditions, "1", risk_pct=0.01)
        rules = rules_of(inputs.spec, commission=0.0, slippage=0.0)
        decisions = decide_by_signals(signals, Size.of(np.full(len(bars), 7.0)), short=True)
        return trade_shares(inputs, clauses, decisions, rules)

    monkeypatch.setitem(SIMULATIONS, "rules", by_signals)
    result = bt.simulate(RULE | {"max_holding_bars": 99}, bars)
    assert bars.index.get_indexer(result.trades["entry_date"]).tolist() == [11, 31, 42]
    assert bars.index.get_indexer(result.trades["exit_date"]).tolist()[:2] == [21, 41]
    # What closes a lot opens none: the sale at bar 40 ends the long, that of bar 41 opens a short.
    assert result.trades["direction"].tolist() == ["short", "long", "short"]
