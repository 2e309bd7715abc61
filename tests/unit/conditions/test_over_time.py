"""Calls over time: known answers, another library's, and those of the plain simulation."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle.strategies import OF_BARS, conditions, numerics
from support.deep import sized

from btkit.conditions import calls_of, lookback_of, parse_expression, reaches_of
from btkit.conditions.columns import ColumnEvaluator
from btkit.conditions.evaluators import evaluator_over
from btkit.conditions.over_time import KeptCalls
from btkit.crosscheck.evaluation import RAISED, evaluate
from btkit.crosscheck.over_time import OverTime
from btkit.indicators import FeatureSet, lookup

NONE = None


def tree_of(text):
    tree, problems = parse_expression(text)
    assert problems == []
    return tree


def told(value):
    return value + 0.0 if isinstance(value, float) else value


def engine_values(text, table, **options):
    bars = len(next(iter(table.values())))
    evaluator = ColumnEvaluator(table.__getitem__, is_bool, bars=bars, **options)
    with np.errstate(all="ignore"):
        value = evaluator.evaluate(tree_of(text))
    none, failed = (
        np.zeros(bars, np.bool_) if mask is None else mask for mask in (value.none, value.failed)
    )
    data, none, failed, bools = np.broadcast_arrays(value.data, none, failed, value.is_bool)
    return [
        "raises" if failed[i] else NONE if none[i] else (bool if bools[i] else told)(data[i].item())
        for i in range(bars)
    ]


def plain_values(text, table):
    columns = {
        name: [
            NONE if not math.isfinite(cell) else bool(cell) if is_bool(name) else cell
            for cell in cells.tolist()
        ]
        for name, cells in table.items()
    }
    over = OverTime(columns, len(next(iter(columns.values()))))
    over.values([text])
    found = []
    for scope in over.scopes:
        try:
            found.append(told(evaluate(text, scope)))
        except RAISED:
            found.append("raises")
    return found


def is_bool(name):
    return lookup(name).kind == "bool"


CLOSE = (1.0, 4.0, 2.0, math.nan, 8.0, 8.0, 4.0, 16.0)
OPEN = (1.0, 2.0, 4.0, 2.0, 8.0, 4.0, 8.0, 8.0)
TABLE = {
    "close": np.array(CLOSE),
    "open": np.array(OPEN),
    "opex_week": np.array([1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0]),
}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("lag(close, 1)", [NONE, 1, 4, 2, NONE, 8, 8, 4]),
        ("lag(close, 3)", [NONE, NONE, NONE, 1, 4, 2, NONE, 8]),
        ("lag(opex_week, 2)", [NONE, NONE, True, False, True, True, False, False]),
        ("lag(open, 8)", [NONE] * 8),
        ("lag(7, 2)", [NONE, NONE, 7, 7, 7, 7, 7, 7]),
        ("change(close, 1)", [NONE, 3, -2, NONE, NONE, 0, -4, 12]),
        ("change(opex_week, 1)", [NONE, -1, 1, 0, -1, 0, 1, -1]),
        ("highest(open, 3)", [NONE, NONE, 4, 4, 8, 8, 8, 8]),
        ("lowest(open, 3)", [NONE, NONE, 1, 2, 2, 2, 4, 4]),
        ("highest(close, 2)", [NONE, 4, 4, NONE, NONE, 8, 8, 16]),
        ("lowest(close, 1)", [1, 4, 2, NONE, 8, 8, 4, 16]),
        ("total(open, 2)", [NONE, 3, 6, 6, 10, 12, 12, 16]),
        ("mean(open, 4)", [NONE, NONE, NONE, 2.25, 4, 4.5, 5.5, 7]),
        ("mean(close, 2)", [NONE, 2.5, 3, NONE, NONE, 8, 6, 10]),
        ("std(open, 2)", [NONE, *(math.sqrt(step**2 / 2) for step in (1, 2, 2, 6, 4, 4, 0))]),
        ("std(close, 2)", [NONE, 4.5**0.5, 2**0.5, NONE, NONE, 0, 8**0.5, 72**0.5]),
        ("percentile(open, 4)", [NONE, NONE, NONE, 75, 100, 75, 100, 100]),
        ("percentile(close, 1)", [100, 100, 100, NONE, 100, 100, 100, 100]),
        ("count(close > 3, 2)", [NONE, 1, 1, 0, 1, 2, 2, 2]),
        ("count(opex_week, 3)", [NONE, NONE, 2, 2, 2, 1, 1, 1]),
        ("bars_since(close > 3)", [NONE, 0, 1, 2, 0, 0, 0, 0]),
        ("bars_since(close > 99)", [NONE] * 8),
        ("bars_since(close is None)", [NONE, NONE, NONE, 0, 1, 2, 3, 4]),
        ("crossed_above(close, open)", [NONE, True, False, NONE, NONE, True, False, True]),
        ("crossed_below(close, open)", [NONE, False, True, NONE, NONE, False, True, False]),
        ("crossed_above(close, 3)", [NONE, True, False, NONE, NONE, False, False, False]),
        ("not crossed_above(close, 3)", [True, False, *[True] * 6]),
        # What does not become a number is missing to a call, and so is what it comes to.
        ("lag(1 / (close - 2), 1)", [NONE, -1, 0.5, NONE, NONE, 1 / 6, 1 / 6, 0.5]),
        ("total(open * 1e308, 1)", [1e308, *[NONE] * 7]),
        ("total(1e308, 2)", [NONE] * 8),
        ("count(1 / (close - 2), 2)", [NONE, 2, 1, 0, 1, 2, 2, 2]),
        # Nested, and beside other things.
        ("mean(lag(open, 1), 2)", [NONE, NONE, 1.5, 3, 3, 5, 6, 6]),
        ("lag(mean(open, 2), 1)", [NONE, NONE, 1.5, 3, 3, 5, 6, 6]),
        ("count(open > lag(open, 1), 2) >= 1", ["raises", *[True] * 7]),
        ("total(count(open > 3, 2), 2)", [NONE, NONE, 1, 2, 2, 3, 4, 4]),
        ("lag(close, 1) is None and lag(open, 1)", [NONE, *[False] * 3, 2, *[False] * 3]),
        ("std(3, 4) == 0", [False, False, False, True, True, True, True, True]),
    ],
)  # fmt: skip
def test_known_answers(text, values):
    assert plain_values(text, TABLE) == values
    assert engine_values(text, TABLE) == values


def test_sums_are_neumaiers():
    # Plain addition gives 0, and so do Kahan's sums.
    table = {"close": np.array([1.0, 1e100, 1.0, -1e100])}
    assert engine_values("total(close, 4)", table)[-1] == 2.0
    # A sum that was carried along would keep what the large value took from it.
    table = {"close": np.array([1e16, 1.0, 1.0, 1.0, 1.0])}
    assert engine_values("mean(close, 2)", table)[2:] == [1.0, 1.0, 1.0]


def test_bars_since_looks_back_500_bars():
    table = {"close": np.arange(503.0)}
    found = engine_values("bars_since(close == 1)", table)
    assert found[:3] == [NONE, 0, 1]
    assert found[501:] == [500, NONE]
    assert plain_values("bars_since(close == 1)", table)[500:] == found[500:]


@pytest.mark.parametrize("n", [2, 7, 19, 20, 64, 500])
def test_pandas_says_the_same(n):
    rng = np.random.default_rng(n)
    closes = rng.normal(100.0, 10.0, 600)
    closes[rng.random(600) < 0.002] = np.nan
    series = pd.Series(closes)
    rolling = series.rolling(n)
    expected = {
        f"lag(close, {n})": series.shift(n),
        f"change(close, {n})": series.diff(n),
        f"highest(close, {n})": rolling.max(),
        f"lowest(close, {n})": rolling.min(),
        f"total(close, {n})": rolling.sum(),
        f"mean(close, {n})": rolling.mean(),
        f"std(close, {n})": rolling.std(),
        f"percentile(close, {n})": rolling.rank(method="max") / n * 100,
        f"count(close > 100, {n})": (series > 100).astype(float).rolling(n).sum(),
    }
    for text, column in expected.items():
        found = [math.nan if value is None else value for value in engine_values(
            text, {"close": closes})]  # fmt: skip
        np.testing.assert_allclose(found, column, rtol=1e-9, atol=1e-9, err_msg=text)


USUAL = (0.0, 1.0, 2.0, 3.0, 50.0, 100.0, -1.0, 0.5, 1e-3, 2.675, 1 / 3)
ODD = (-0.0, 1e308, -1e308, 5e-324, 2.0**53, 1e16, math.nan, math.inf, -math.inf)


@st.composite
def tables(draw):
    pool = st.one_of(*(st.sampled_from(USUAL),) * 5, st.sampled_from(ODD))
    bars = draw(st.integers(1, 40))
    values = draw(st.lists(pool, min_size=11, max_size=37))
    table = {}
    for place, name in enumerate(sorted(set(OF_BARS))):
        cells = [values[(place * 3 + bar * 5) % len(values)] for bar in range(bars)]
        if is_bool(name):
            cells = [cell if not math.isfinite(cell) else float(cell > 0) for cell in cells]
        table[name] = np.array(cells)
    return table


@settings(max_examples=sized(300, 20_000), derandomize=sized(True, False))
@given(
    st.one_of(
        *(kind(depth, inside=True, on=False) for kind in (numerics, conditions) for depth in (2, 3))
    ),
    tables(),
)
def test_whole_columns_are_what_each_bar_says(text, table):
    assume(parse_expression(text)[0] is not None)
    # As texts, since arithmetic outside of a call may come to NaN, and that equals nothing.
    assert repr(engine_values(text, table)) == repr(plain_values(text, table))


def features_of(closes, **options):
    frame = dict.fromkeys(("open", "high", "low", "close"), np.asarray(closes, np.float64))
    bars = pd.DataFrame(frame | {"volume": 1.0}, pd.bdate_range("2024-01-01", periods=len(closes)))
    return FeatureSet(bars, bars_per_year=252.0, calendar="24/5", **options)


def test_bars_that_only_slower_intervals_are_made_of_are_not_there():
    features = features_of(range(1, 13), start=8, begin=5)
    evaluator = evaluator_over(features)
    for text, known in {
        "lag(close, 1)": [6, 7, 8, 9, 10, 11],
        "lag(7, 2)": [7, 7, 7, 7, 7],
        "count(iv_rank is None, 3)": [3, 3, 3, 3, 3],
        "bars_since(iv_rank is not None)": [],
        "bars_since(iv_rank is None)": [0] * 7,
        "on('1w', lag(close, 1))": [5, 5, 5],
    }.items():
        value = evaluator.evaluate(tree_of(text)).floats()
        assert [*np.isfinite(value)] == [False] * (12 - len(known)) + [True] * len(known), text
        assert [*value[12 - len(known) :]] == known, text


def test_inside_of_on_bars_are_slower_ones():
    features = features_of(range(1, 18))
    evaluator = evaluator_over(features)
    weekly = evaluator.evaluate(tree_of("on('1w', change(close, 1))"))
    assert [*weekly.floats()[9:]] == [5.0] * 8
    assert weekly.none[:9].all()
    daily = evaluator.evaluate(tree_of("change(on('1w', close), 1)"))
    assert [*daily.floats()[8:11]] == [0.0, 5.0, 0.0]


def test_texts_of_declared_columns():
    bars = pd.DataFrame(
        dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0),
        pd.bdate_range("2024-01-01", periods=4),
    ).assign(regime=pd.Categorical(["UP", "DOWN", None, "UP"]))
    features = FeatureSet(bars, bars_per_year=252.0, columns=["regime"])

    def met(text):
        tree, problems = parse_expression(text, declared=frozenset({"regime"}))
        assert problems == []
        with np.errstate(all="ignore"):
            return evaluator_over(features).evaluate(tree).met().tolist()

    assert met("lag(regime, 1) == 'UP'") == [False, True, False, False]
    assert met("regime != lag(regime, 1)") == [True, True, True, True]
    assert met("count(regime == 'UP', 2) == 1") == [False, True, False, True]
    assert met("bars_since(regime == 'DOWN') == 2") == [False, False, False, True]
    # A text has no sum.
    assert met("mean(regime, 1) is None") == [True] * 4
    assert met("crossed_above(regime, 1) is None") == [True] * 4


def test_calls_are_kept_while_there_is_room():
    made = []

    def column(name):
        made.append(name)
        return np.arange(5.0)

    evaluator = ColumnEvaluator(column, lambda _: False, bars=5, kept=KeptCalls(100))
    texts = [f"mean(close, {n})" for n in (2, 2, 3, 2, 3)]
    for text in texts:
        evaluator.fresh().evaluate(tree_of(text))
    # One column of five numbers and its mask takes 45 bytes: two are kept.
    assert len(made) == 2
    evaluator.fresh().evaluate(tree_of("mean(close, 4)"))
    evaluator.fresh().evaluate(tree_of("mean(close, 3)"))
    assert len(made) == 3
    evaluator.fresh().evaluate(tree_of("mean(close, 2)"))
    assert len(made) == 4


@pytest.mark.parametrize(
    ("text", "lookback", "reaches"),
    [
        ("mean(lag(close, 1), 5) > sma_20", 19, {"close": 5, "sma_20": 0}),
        ("mean(lag(sma_20, 3), 5)", 26, {"sma_20": 7}),
        ("crossed_above(mean(close, 10), mean(close, 30))", 30, {"close": 30}),
        ("count(lag(rsi_14, 5) > 50, 10) + rsi_14", 14, {"rsi_14": 14}),
        ("bars_since(close > highest(high, 20))", 0, {"close": 500, "high": 519}),
        ("on('1w', change(close, 4)) > lag(open, 2)", 4, {'on("1w", close)': 4, "open": 2}),
    ],
)
def test_how_far_back_it_reads(text, lookback, reaches):
    tree = tree_of(text)
    assert lookback_of(tree) == lookback
    assert {column.label: bars for column, bars in reaches_of(tree).items()} == reaches


def test_the_outermost_calls_are_told_as_they_are_written():
    tree = tree_of(
        "close>mean( lag(close,1),+5 ) and on('1w',std( close,3 )>2 or close>count(close>1,2))"
    )
    assert [call.label for call in calls_of(tree)] == [
        "mean(lag(close, 1), 5)", 'on("1w", std(close, 3))', 'on("1w", count(close > 1, 2))'
    ]  # fmt: skip
