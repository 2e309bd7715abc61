"""What conditions read of a lot, of the trades so far and of the account (SEMANTICS 2.12)."""

from pathlib import Path

import numpy as np
import pytest
from support.random_bars import make_bars

import btkit as bt
from btkit.crosscheck import differences
from btkit.errors import SpecError

NAMES = (
    "entry_price", "highest_since_entry", "lowest_since_entry", "equity", "open_lots",
    "bars_since_exit", "last_return_pct", "last_pnl", "losing_streak",
)  # fmt: skip
OF_A_LOT = NAMES[:3]
FOLDER = Path(__file__).parents[3] / "strategies"
SPREAD = {"name": "sold", "spread_type": "short_put_spread", "entry_conditions": ["close > 0"]}
OF_THE_ACCOUNT = (
    "equity > 0 and open_lots >= 0 and losing_streak >= 0",
    "bars_since_exit is None or bars_since_exit >= 0",
    "last_pnl is None or last_return_pct is not None",
)


def counted(result):
    return {count.text: (count.held, count.raised) for count in result.diagnostics.conditions}


@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_what_is_none_while_flat_and_before_any_trade_does_not_order(run, fill):
    texts = [f"{name} > -1e9" for name in NAMES]
    found = run([8, 8, 8, 8], entry_conditions=["close < 0", *texts], fill=fill)
    missing = (*OF_A_LOT, "bars_since_exit", "last_return_pct", "last_pnl")
    assert counted(found) == {"close < 0": (0, 0)} | {
        text: (0, 4) if text.split()[0] in missing else (4, 0) for text in texts
    }
    named = [f"{name} is None" for name in NAMES]
    found = run([8, 8], entry_conditions=["close < 0", *named], fill=fill)
    assert {text: held for text, (held, _) in counted(found).items() if held} == {
        f"{name} is None": 2 for name in missing
    }


def test_exits_and_stops_ask_for_a_lots_prices_only_while_one_is_open(run):
    found = run(
        [8, 8, 8, 9, 8],
        entry_conditions=["close == 9"],
        exit_conditions=["close > entry_price", "last_pnl > 0"],
        stop_conditions=["lowest_since_entry is None or lowest_since_entry > 0"],
    )
    assert list(counted(found).values()) == [(1, 0), (0, 0), (0, 5), (1, 0)]
    assert found.diagnostics.condition_errors == {"exit_conditions[1]": 5}


def test_each_open_lot_has_its_own_prices(run):
    # Bought at 10 and at 12: at the close 12 of bar 2 only the first is 2 above its fill.
    found = run(
        [9, 10, 12, 13, 13],
        entry_conditions=["close < 13"],
        exit_conditions=["close >= entry_price + 2"],
        max_concurrent_positions=2,
        account={"capital": 1e5},
    )
    assert found.trades["entry_price"].tolist() == [10, 12]
    assert found.trades["exit_reason"].tolist() == ["exit", "end_of_data"]


def test_a_condition_that_waits_for_a_first_trade_says_so(run):
    found = run([8, 8, 8], entry_conditions=["last_pnl > 0"])
    assert found.diagnostics.explanation == [
        "entry_conditions[0] 'last_pnl > 0' never held; on 3 bars a value it needs was missing."
    ]


def test_an_exit_that_never_came_says_how_near_it_was(run):
    found = run([10, 10, 20, 18, 19], exit_conditions=["close < highest_since_entry - 5"])
    (sentence,) = found.diagnostics.never_fired
    assert sentence.endswith("it came nearest on 2018-01-05, with 18 where below 15 was needed.")


def test_a_return_of_more_than_all_of_it_was_meant_in_percent(run):
    found = run([8, 8, 8], filter_conditions=["last_return_pct is None or last_return_pct > 5"])
    assert "fraction_not_percent" in [warning["code"] for warning in found.warnings]


@pytest.mark.parametrize("direction", ["long", "short", "both"])
@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_engine_and_plain_simulation_agree_on_a_long_run(direction, fill):
    spec = {
        "name": "remembers",
        "entry_conditions": ["close > sma_20", "losing_streak < 4 or bars_since_exit >= 10"],
        "exit_conditions": ["close < highest_since_entry - 2 * atr_14"],
        "stop_conditions": ["close < entry_price * 0.97", "equity < 2e5"],
        "position_sizing_formula": "0.2 * equity / close / (1 + open_lots)",
        "max_concurrent_positions": 3,
        "max_holding_bars": 60,
        "direction": direction,
        "fill": fill,
    }
    if direction == "both":
        spec["short"] = {
            "entry_conditions": ["close < sma_20", "last_pnl is None or last_return_pct < 0.01"],
            "exit_conditions": ["close > lowest_since_entry + 2 * atr_14"],
            "stop_conditions": ["close > entry_price * 1.03"],
        }
    result = bt.simulate(spec, make_bars(500, 11))
    assert len(result.trades) > 15
    assert differences(result) == []


def test_what_is_read_of_the_run_adds_no_feature(run):
    texts = ["close > 0", *OF_THE_ACCOUNT, "entry_price is None"]
    found = run([8, 8, 8], entry_conditions=texts)
    assert found.names == ["close"]
    assert "entry_price" not in found.features


def test_option_specs_read_the_account():
    spec = {**SPREAD, "entry_conditions": [*OF_THE_ACCOUNT, "losing_streak < 2"]}
    bars = make_bars(300, 3)
    result = bt.simulate(spec, bars.assign(current_iv=0.3), capital=1e6)
    assert len(result.trades) > 3
    assert counted(result)[OF_THE_ACCOUNT[0]] == (300, 0)
    assert differences(result) == []


@pytest.mark.parametrize("name", OF_A_LOT)
def test_option_specs_know_no_price_of_a_lot(name):
    with pytest.raises(SpecError) as refused:
        bt.load_spec({**SPREAD, "exit_conditions": [f"close > 1 and {name} > 2", f"bool({name})"]})
    assert [
        (problem.path, problem.message, problem.hint, problem.column)
        for problem in refused.value.problems
    ] == [
        (
            f"exit_conditions[{index}]",
            f"'{name}' is of lots of the instrument, and none are held here",
            "position_pnl_pct and pnl_pct_of_max_credit say how a spread stands",
            column,
        )
        for index, column in ((0, 14), (1, 5))
    ]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_looks_back_at_what_depends_on_the_run(name):
    texts = [f"mean({name}, 3) > 1", f"on('1w', {name}) > 1", f"prev_{name} > 1"]
    with pytest.raises(SpecError) as refused:
        bt.load_spec(
            {"name": "x", "entry_conditions": texts, "exit_conditions": [], "stop_conditions": []}
        )
    assert [(problem.message, problem.column) for problem in refused.value.problems] == [
        (f"'{name}' depends on the run, and mean() reads bars alone", 5),
        (f"'{name}' depends on the run, and on() reads bars alone", 9),
        (f"unknown name 'prev_{name}'", 0),
    ]
    assert refused.value.problems[0].hint == f"compare it outside of mean(): mean(...) > {name}"
    assert name in refused.value.problems[2].hint


def test_equity_is_that_of_the_curve_where_nothing_fills_at_the_close(run):
    closes = 10 + np.cumsum(np.random.default_rng(2).normal(0, 0.3, 60))
    found = run(
        closes,
        entry_conditions=["close > open or open_lots == 0"],
        exit_conditions=["bars_held >= 2"],
        max_concurrent_positions=2,
        account={"commission": 1.0, "slippage": 0.01},
    )
    assert found.outcome.decision_equity[:-1].tolist() == found.equity.tolist()[:-1]
    assert found.outcome.decision_equity[-1] > found.equity.iloc[-1]


def test_a_model_spec_waits_by_them():
    spec = bt.load_spec(FOLDER / "spx_mlp.yaml")
    bars = bt.load_bars("SPX", "2010-01-04", "2014-12-31", source="sample")
    usual = bt.simulate(spec, bars).trades
    waits = bt.simulate(spec.replace(filter_conditions=["losing_streak < 1"]), bars).trades
    lost = (usual["pnl"] < 0).tolist()
    assert len(waits) == lost.index(True) + 1 < len(usual)
    trails = bt.simulate(
        spec.replace(stop_conditions=["close < highest_since_entry * 0.97"]), bars
    ).trades
    assert {"stop", "exit"} <= set(trails["exit_reason"])
