"""What a run hangs on where nobody knows what came first inside a bar, and when it is warned of."""

from __future__ import annotations

import pandas as pd
import pytest

import btkit as bt

# Bars that reach 5 % either way of an entry at 100, or not: only the first kind is ambiguous.
WIDE, CALM, LOSES, WINS = (106.0, 94.0), (101.0, 99.0), (101.0, 94.0), (106.0, 99.0)
SPEC = {
    "name": "ambiguous",
    "entry_conditions": ["not in_position"],
    "exit_conditions": [],
    "stop_conditions": [],
    "stop_loss": 0.05,
    "take_profit": 0.05,
    "position_sizing_formula": "1",
}


def run(*kinds, **changes):
    bars = pd.DataFrame(
        [(100.0, high, low, 100.0, 1e6) for high, low in (CALM, *kinds)],
        columns=["open", "high", "low", "close", "volume"],
        index=pd.bdate_range("2018-01-02", periods=len(kinds) + 1),
    )
    return bt.simulate(SPEC | changes, bars, capital=10_000.0, commission=0.0, slippage=0.0)


def passes(result):
    return {each.intrabar: each.metrics.total_return for each in result.ambiguity.passes}


@pytest.mark.parametrize("chosen", ["pessimistic", "path", "optimistic"])
def test_a_run_knows_what_it_would_come_to_with_each_answer(chosen):
    result = run(WIDE, LOSES, WINS, CALM, intrabar=chosen)
    assert (result.ambiguity.trades, result.ambiguity.share) == (1, 1 / 4)
    # The path goes to the low first, where both are as near.
    assert passes(result) == pytest.approx({"pessimistic": -5, "path": -5, "optimistic": 5})
    assert list(passes(result)) == ["pessimistic", "path", "optimistic"]
    assert passes(result)[chosen] == result.metrics.total_return
    assert result.trades["certain"].tolist() == [False, True, True, True]
    assert result.trades["fill_kind"].tolist() == ["level", "level", "level", "close"]


def test_without_an_ambiguous_bar_all_answers_are_the_same_run():
    result = run(LOSES, WINS, CALM)
    assert result.ambiguity.trades == 0
    assert set(passes(result).values()) == {result.metrics.total_return}


def test_a_run_without_orders_inside_the_bar_has_none():
    result = run(WIDE, CALM, stop_loss=None, take_profit=None, max_holding_bars=1)
    assert result.ambiguity is None
    assert result.trades["certain"].all()
    assert set(result.trades["fill_kind"]) <= {"open", "close"}


def test_more_than_a_twentieth_of_the_trades_is_warned_of():
    rare, often = run(WIDE, *[LOSES, WINS] * 10), run(WIDE, *[LOSES, WINS] * 9)
    assert (rare.ambiguity.share, often.ambiguity.share) == (1 / 21, 1 / 19)
    assert [entry["code"] for entry in rare.warnings if entry["code"] == "ambiguous_bars"] == []
    [told] = [entry for entry in often.warnings if entry["code"] == "ambiguous_bars"]
    assert told["message"] == (
        "1 trade of the run (5%) had a bar of which nobody knows whether the stop or the target "
        "came first: bars of a finer interval are needed to know."
    )


def test_a_verdict_that_hangs_on_the_answer_is_warned_of():
    result = run(WIDE, *[WINS, LOSES, WINS] * 30)
    assert result.ambiguity.share < 0.05
    assert not result.ambiguity.verdict_differs
    assert "ambiguous_bars" not in [entry["code"] for entry in result.warnings]
    # As many win as lose, but for the ambiguous one; each win is worth two losses.
    wide, wins = (111.0, 94.0), (111.0, 99.0)
    decisive = run(wide, *[wins, LOSES] * 15, take_profit=0.1)
    assert decisive.ambiguity.share == 1 / 31
    assert [each.passed for each in decisive.ambiguity.passes] == [False, False, True]
    [told] = [entry for entry in decisive.warnings if entry["code"] == "ambiguous_bars"]
    assert "the verdict hangs on the answer" in told["message"]


def test_the_report_has_the_three_passes():
    report = bt.report(run(WIDE, LOSES, WINS, CALM, trailing_stop={"fraction": 0.5}))
    section = report["intrabar"]
    assert section["intrabar"] == "pessimistic"
    assert (section["ambiguous_trades"], section["share"]) == (1, 0.25)
    assert [entry["total_return"] for entry in section["passes"]] == pytest.approx([-5, -5, 5])
    assert {entry["verdict"] for entry in section["passes"]} == {"too_few_trades"}
    assert "renewed at each close" in section["notes"][0]
    assert "ambiguous_bars" in [entry["code"] for entry in report["warnings"]]
    assert bt.report(run(CALM, stop_loss=None, take_profit=None))["intrabar"] is None
