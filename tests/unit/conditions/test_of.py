"""`of`: what is read and refused, and what it is worth (SEMANTICS 2.11)."""

import numpy as np
import pandas as pd
import pytest
from support.random_bars import make_bars

from btkit.conditions import check_expression, names_by_symbol, parse_expression
from btkit.conditions.evaluators import evaluator_over
from btkit.conditions.nodes import Of
from btkit.data.quality import check_bars
from btkit.indicators import FeatureSet, OtherBars

CASES = [
    ("of(SPY, close) > 1", "of() takes a symbol first, written out as a text",
     'write for example close / of("SPY", close) > 1.1', 3),
    ("of(1, close) > 1", "of() takes a symbol first, written out as a text",
     'write for example close / of("SPY", close) > 1.1', 3),
    ('of("SPY") > 1', "of() takes 2 arguments, not 1", "give it 2", 0),
    ('of("SPY", x=close) > 1', "of() takes no keyword arguments here",
     "write the values alone: of(...)", 0),
    ('of("SPY", of("QQQ", close)) > 1', "of() cannot stand inside of()",
     'name each symbol by itself: close / of("SPY", close) > 1.1', 10),
    ('on("1w", of("SPY", close)) > 1', "of() cannot stand inside on()",
     'read each by itself: on("1w", close > sma_10) and close / of("SPY", close) > 1.1', 9),
    ('of("SPY", mean(on("1w", close), 3)) > 1', "on() cannot stand inside of()",
     'read each by itself: close / of("SPY", close) > 1.1 and on("1w", close > sma_10)', 15),
    ('of("SPY", bars_held) > 1', "'bars_held' depends on the run, and of() reads bars alone",
     "compare it outside of of(): of(...) > bars_held", 10),
    ('of("SPY", "up") == "up"', "of() gives a number or a truth value, not a text, tuple or list",
     "compare inside of it: of(..., x == 'text')", 10),
    ('of("SPY", clse) > 1', "unknown name 'clse'", "did you mean 'close'?", 10),
]  # fmt: skip
NO_SYMBOL = (
    "Symbols are letters, digits and ^ . $ _ = : / & + -, at most 40, without a leading "
    "= : / & + - and without two dots in a row; such as SPY, BRK.B or ^VIX."
)


@pytest.mark.parametrize(("text", "message", "hint", "column"), CASES)
def test_refused(text, message, hint, column):
    [problem] = check_expression(text, path="entry_conditions[0]")
    assert (problem.message, problem.hint, problem.column) == (message, hint, column)


@pytest.mark.parametrize(
    "symbol", ["", " ", "../etc/passwd", "--help", "a b", "A" * 41, "S\\nY", "{s}", "É"]
)
def test_what_cannot_be_a_symbol_is_refused(symbol):
    [problem] = check_expression(f'of("{symbol}", close) > 1', path="x")
    assert problem.message.endswith("cannot be a symbol")
    assert problem.hint == NO_SYMBOL


def test_a_call_of_another_program_is_known():
    [problem] = check_expression('security("SPY", close) > 1', path="x")
    assert problem.hint == "did you mean of(symbol, x)?"


def test_what_a_classifier_says_is_of_the_runs_own_bars():
    given = {"declared": frozenset({"regime"}), "of_these_bars": frozenset({"regime"})}
    [problem] = check_expression('of("SPY", prev_regime == "UP")', path="x", **given)
    assert "is what a classifier says of the run's own bars" in problem.message
    assert check_expression('regime == "UP"', path="x", **given) == []


def test_it_is_written_as_it_is_read():
    tree, _ = parse_expression(" of(' SPY ', sma_10)")
    assert tree == Of("SPY", tree.operand)
    assert (tree.label, tree.symbol) == ('of("SPY", sma_10)', "SPY")


def test_names_are_told_by_instrument():
    text = 'close > of("SPY", sma_20) + of("QQQ", mean(open, 3)) and of("SPY", vix) < 30'
    assert names_by_symbol(text) == {
        None: {"close"},
        "SPY": {"sma_20", "vix"},
        "QQQ": {"open"},
    }
    assert names_by_symbol("close >") == {}


def features(own, other, **more):
    beside = OtherBars(other, calendar="XNYS", columns=tuple(more.get("columns", ())))
    return FeatureSet(own, bars_per_year=252.0, others={"SPY": beside}, **more)


def value_of(text, found, **more):
    tree, problems = parse_expression(text, **more)
    assert problems == []
    with np.errstate(all="ignore"):
        return evaluator_over(found).evaluate(tree)


def test_calls_over_time_work_inside_and_around():
    own, other = make_bars(300, seed=1), make_bars(300, seed=2)
    found = features(own, other)
    inside = value_of('of("SPY", mean(close, 5))', found).floats()
    np.testing.assert_allclose(inside, other["close"].rolling(5).mean(), rtol=1e-12)
    around = value_of('mean(of("SPY", close), 5)', found).floats()
    np.testing.assert_array_equal(around, inside)
    ratio = (own["close"] / other["close"]).diff(5)
    change = value_of('change(close / of("SPY", close), 5)', found).floats()
    np.testing.assert_allclose(change, ratio, rtol=1e-9)


def test_texts_of_both_are_compared_as_texts():
    days = pd.bdate_range("2024-05-01", periods=4)
    frames = []
    for regimes in (["UP", "DOWN", "UP", None], ["FLAT", "DOWN", "DOWN", "UP"]):
        bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0), days)
        frames.append(check_bars(bars.assign(regime=regimes), columns=["regime"])[0])
    found = features(*frames, columns=["regime"])
    declared = {"declared": frozenset({"regime"})}
    for text, expected in (
        ('regime == of("SPY", regime)', [False, True, False, False]),
        ('of("SPY", regime) == "FLAT"', [True, False, False, False]),
        ('regime > of("SPY", regime)', [True, False, True, False]),
        ('of("SPY", len(regime)) == 4', [True, True, True, False]),
        ('lag(of("SPY", regime), 1) == "DOWN"', [False, False, True, True]),
    ):
        assert value_of(text, found, **declared).met().tolist() == expected, text
