"""What a page shows of orders inside the bar.

The levels that the price chart draws are those at which lots left, and that held until then.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.documents import MADE
from support.random_bars import make_bars

import btkit as bt
from btkit.documents import RunDocument, build_provenance, build_report, describe_run
from btkit.render import price, words
from btkit.render.figures.levels import MOST, LevelSource, level_lines, lot_levels
from btkit.render.order_words import order_sentences
from btkit.render.trade_table import full_table
from btkit.render.view import RunView

SLIPPAGE = 0.001
BASE = {
    "name": "case",
    "entry_conditions": ["close > sma_5", "not in_position"],
    "exit_conditions": ["bars_held > 8"],
    "stop_conditions": [],
    "position_sizing_formula": "0.5 * capital / close",
}
SHORT = {"entry_conditions": ["close < sma_5"], "exit_conditions": [], "stop_conditions": []}
CASES = {
    "a stop and a target": {"stop_loss": 0.02, "take_profit": 0.03},
    "a stop that trails": {"trailing_stop": {"fraction": 0.02}},
    "one that waits for a gain": {
        "trailing_stop": {"fraction": 0.015, "after": 0.01}, "stop_loss": 0.03,
    },
    "short, by a parameter": {
        "direction": "short", "stop_loss": "{stop}", "take_profit": 0.03,
        "trailing_stop": {"fraction": 0.02, "after": 0}, "parameters": {"stop": 0.025},
    },
    "both sides, the short one with its own": {
        "direction": "both", "short": {**SHORT, "stop_loss": 0.01},
        "stop_loss": 0.03, "trailing_stop": {"fraction": 0.02},
    },
    "filled at the close": {
        "fill": "close", "stop_loss": 0.02, "trailing_stop": {"fraction": 0.02},
    },
    "an entry inside the bar": {
        "entry_order": {"stop": "high", "valid_bars": 3}, "trailing_stop": {"fraction": 0.015},
    },
    "a limit below": {
        "entry_order": {"limit": "close * 0.995", "valid_bars": 3},
        "trailing_stop": {"fraction": 0.015}, "take_profit": 0.02,
    },
    "lots that leave in parts": {
        "scale_out": [{"when": "position_pnl_pct > 0.005", "fraction": 0.5}],
        "stop_loss": 0.02, "trailing_stop": {"fraction": 0.02},
    },
}  # fmt: skip


def view_of(changes, *, count=500):
    result = bt.simulate(
        {**BASE, **changes}, make_bars(count, seed=7), commission=0.0, slippage=SLIPPAGE
    )
    run = describe_run(result, run_id=None, created_at=MADE, completed_at=MADE)
    provenance = build_provenance(result, versions={}, command=None)
    report = build_report(result, run, min_trades_required=10, provenance=provenance)
    return RunView.of(RunDocument.from_result(result, report))


@pytest.mark.parametrize("case", CASES)
def test_a_lot_leaves_at_its_level_and_at_no_bar_before(case):
    view = view_of(CASES[case])
    lots = view.of_lots.trades
    bars = view.curve
    lows, highs = bars["low"].to_numpy(), bars["high"].to_numpy()
    left = 0
    for lot, trade in zip(
        lot_levels(LevelSource.of_view(view)), lots.to_dict("records"), strict=True
    ):
        short = trade.get("direction", view.terms.direction) == "short"
        last = bars.index.get_loc(trade["exit_date"])
        assert bars.index[lot.first] == trade["entry_date"]
        for reason, level in lot.by_reason.items():
            assert len(level) == last - lot.first + 1
            # What the bar of the entry saw of it is not told, and the last one left by it perhaps.
            inner, held = slice(lot.first + 1, last), level[1:-1]
            known = ~np.isnan(held)
            seen_low, seen_high = lows[inner][known], highs[inner][known]
            if (reason == "take_profit") == short:
                # Stops are filled where the bar reaches them, targets where it goes beyond.
                assert (seen_low >= held[known] if short else seen_low > held[known]).all()
            else:
                assert (seen_high < held[known] if short else seen_high <= held[known]).all()
        if trade["fill_kind"] == "level" and trade["exit_reason"] in lot.by_reason:
            left += 1
            level = lot.by_reason[trade["exit_reason"]][-1]
            slip = 0.0 if trade["exit_reason"] == "take_profit" else SLIPPAGE
            fill = level * (1.0 + slip if short else 1.0 - slip)
            # That of a lot in parts is their mean.
            parts = view.trades[view.trades["entry_date"] == trade["entry_date"]]
            assert parts["exit_price"].iloc[-1] == pytest.approx(fill, rel=1e-14)
    assert left > 3


def test_levels_are_lines_in_steps_broken_between_lots():
    view = view_of(CASES["one that waits for a gain"])
    stop, trailing = level_lines(view)
    lots = view.trades
    assert np.isnan(stop["y"]).sum() == len(lots)
    assert stop["y"][0] == pytest.approx(lots["entry_price"].iloc[0] * 0.97)
    # Where a level stays a line needs no point.
    assert len(trailing["y"]) < lots["bars_held"].sum()
    assert (stop["showlegend"], trailing["showlegend"]) == (True, False)
    [chart] = price(RunDocument(view.report, view.trades, view.curve))
    assert "Levels that are fractions of the fill are drawn while they stood." in chart.note
    texts = [text for trace in chart.figure.data if trace.text for text in trace.text]
    levels = [text for text in texts if "stop loss inside the bar at " in text]
    said = {text.partition("inside the bar at ")[2].partition("<")[0] for text in levels}
    out = lots[(lots["exit_reason"] == "stop_loss") & (lots["fill_kind"] == "level")]
    assert said == {f"{value:,.2f}" for value in out["entry_price"] * 0.97}


def test_of_many_lots_the_latest_have_lines():
    view = view_of({"stop_loss": 0.02, "exit_conditions": ["bars_held >= 0"]}, count=1_200)
    assert len(view.trades) > MOST
    [line] = level_lines(view)
    assert np.isnan(line["y"]).sum() == MOST
    first = pd.Timestamp(view.trades["entry_date"].iloc[-MOST])
    assert line["x"][0] == first.value // 1_000_000


def test_what_no_run_stores_is_not_drawn():
    view = view_of({"trailing_stop": {"atr": 2}, "take_profit": {"price": "close * 1.02"}})
    assert not LevelSource.of_view(view).has_levels
    assert level_lines(view) == []
    assert not LevelSource.of_view(view_of({})).has_levels


IN_WORDS = {
    "none": ({}, []),
    "all levels": (
        {"stop_loss": 0.02, "take_profit": 0.03, "trailing_stop": {"atr": 3, "after": 0.01}},
        [
            (
                "A lot leaves inside the bar at a stop 2 % below its entry fill, a target 3 % "
                "above its entry fill or a trailing stop 3 × atr_14 below the highest high since "
                "entry, once 1 % are gained."
            )
        ],
    ),
    "prices, short": (
        {
            "direction": "short",
            "stop_loss": {"price": "high + 1"},
            "take_profit": {"price": "low - 1"},
            "entry_order": {"limit": "close * 1.001", "valid_bars": 3},
        },
        [
            (
                "A lot leaves inside the bar at a stop at high + 1 of the deciding bar or a target "
                "at low - 1 of the deciding bar."
            ),
            (
                "A lot is sold by a limit order at close * 1.001 of the deciding bar, which rests "
                "through 3 bars."
            ),
        ],
    ),
    "both sides": (
        {
            "direction": "both",
            "short": {**SHORT, "stop_loss": "{near}"},
            "stop_loss": 0.0325,
            "trailing_stop": {"fraction": 0.02},
            "parameters": {"near": 0.01},
        },
        [
            (
                "A long leaves inside the bar at a stop 3.25 % below its entry fill or a trailing "
                "stop 2 % below the highest high since entry."
            ),
            (
                "A short leaves inside the bar at a stop 1 % above its entry fill or a trailing "
                "stop 2 % above the lowest low since entry."
            ),
        ],
    ),
    "an entry beyond": (
        {"entry_order": {"stop": "high"}},
        ["A lot is bought by a stop order at high of the deciding bar, which rests through 1 bar."],
    ),
}


@pytest.mark.parametrize("case", IN_WORDS)
def test_orders_are_told_side_by_side(case):
    changes, sentences = IN_WORDS[case]
    view = view_of(changes)
    said = order_sentences(view)
    assert [sentence.replace("\N{NO-BREAK SPACE}", " ") for sentence in said] == sentences
    assert [sentence for sentence in words.costs(view) if sentence in said] == said


@pytest.mark.parametrize("doubted", [True, False])
def test_whether_a_fill_is_certain_is_a_column_where_one_is_not(doubted):
    view = view_of({"stop_loss": 0.02})
    trades = view.trades.assign(certain=True)
    if doubted:
        trades.loc[trades.index[1], "certain"] = False
    shown = full_table(view, trades=pd.DataFrame(trades)).markup
    assert ("Certain" in shown) == doubted
    assert "Fill" in shown
