"""Conditions are judged again in parts, of which nobody sees how large they are."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from btkit.simulation.diagnostics import diagnose
from btkit.simulation.views import Rows, views_of

LONG = {
    "exit_conditions": ["position_pnl_pct > 0.3", "close > on('1w', sma_3) and rsi_3 > 99.9"],
    "stop_conditions": ["position_pnl_pct < -0.2 or iv_rank > 90", "bars_held == 7"],
    "filter_conditions": ["iv_rank < 200 or close > 0"],
    "max_concurrent_positions": 5,
    "max_holding_bars": 9,
    "position_sizing_formula": "1",
}


@pytest.fixture(scope="module")
def held_at_once(run):
    rng = np.random.default_rng(5)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, 120)))
    ranks = np.where(rng.random(120) < 0.5, np.nan, 50.0)
    both = {
        name: [text.replace("sma_3", "sma_2") for text in LONG[f"{name}_conditions"]]
        for name in ("exit", "stop")
    }
    return [
        run(closes, bars={"iv_rank": ranks}, account={"capital": 1e5}, **LONG, **sides)
        for sides in (
            {"entry_conditions": ["not in_position or bars_held % 2 == 1"]},
            {
                "entry_conditions": ["close > prev_close", "bars_held >= 0"],
                "direction": "both",
                "short": {
                    "entry_conditions": ["close < prev_close", "not in_position"],
                    **{f"{name}_conditions": texts for name, texts in both.items()},
                },
            },
            {"entry_conditions": ["close < 0"]},
        )
    ]


def test_the_runs_held_several_at_once_and_have_something_to_say(held_at_once):
    lots, both, flat = (result.diagnostics for result in held_at_once)
    assert len(Rows(held_at_once[0]).of((0, 120))[0]) > 240
    assert "came nearest" in lots.never_fired[0]
    assert any(count.raised for count in lots.conditions)
    assert {count.list.partition(".")[0] for count in both.conditions} >= {"short"}
    assert flat.explanation


@settings(max_examples=50)
@given(at_once=st.integers(1, 600), which=st.integers(0, 2))
def test_how_many_rows_are_judged_at_once_changes_nothing(held_at_once, at_once, which):
    result = held_at_once[which]
    assert diagnose(result, at_once=at_once) == result.diagnostics


@given(at_once=st.integers(1, 600))
def test_parts_are_of_whole_bars_in_order_and_leave_none_out(held_at_once, at_once):
    result = held_at_once[0]
    (whole,) = views_of(result)[1][0]
    rows = Rows(result, at_once)
    parts = [rows.of(part) for part in rows.parts]
    bars, trades = map(np.concatenate, zip(*parts, strict=True))
    assert bars.tolist() == whole.rows.tolist()
    assert trades.tolist() == Rows(result).of(Rows(result).parts[0])[1].tolist()
    assert all(len(part[0]) < at_once + 5 for part in parts)
    assert all(before[0][-1] < after[0][0] for before, after in zip(parts, parts[1:]))  # noqa: B905, RUF007 - one shorter


def test_many_lots_take_no_more_memory_than_few(run):
    closes = 100 + np.sin(np.arange(2_000.0))
    result = run(
        closes,
        entry_conditions=["bars_held >= 0"],
        exit_conditions=["position_pnl_pct > 0.3"],
        stop_conditions=["position_pnl_pct < -0.3"],
        max_concurrent_positions=200,
        max_holding_bars=2_000,
        position_sizing_formula="1",
        account={"capital": 1e9},
    )
    peaks = []
    for at_once in (None, 10_000):
        tracemalloc.start()
        diagnose(result, at_once=at_once)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] / 10
