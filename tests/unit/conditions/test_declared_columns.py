"""Declared columns of any kind: arrays, programs and the plain evaluator agree with Python."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.python_evaluation import python_value

from btkit.conditions import check_expression, parse_expression
from btkit.conditions.columns import ColumnEvaluator
from btkit.conditions.evaluators import evaluator_over
from btkit.conditions.machine import STACK_SIZE, Tag, run_program
from btkit.conditions.program import Assembler
from btkit.crosscheck.evaluation import RAISED, declared_column, evaluate
from btkit.data.quality import check_bars
from btkit.decisions.rules import tables_of
from btkit.indicators import FeatureSet

BARS = 12
DECLARED = ("regime", "other", "flag", "score")
POSITIONS = {"in_position": 0, "position_pnl_pct": 1}
WORDS = ("UP", "DOWN", "", "up", "U", "12", "3.5", "Ünder")
KINDS = {
    "regime": st.sampled_from((*WORDS, "word", None)),
    "other": st.sampled_from(("UP", "OWN", "", "x", "word", None)),
    "flag": st.sampled_from((True, False, None)),
    "score": st.sampled_from((0.0, 1.0, -2.5, 12.0, math.nan, math.inf)),
}
NAMES = ("regime", "other", "flag", "score", "prev_regime", "prev_prev_flag", "regime", "close")
CONSTANTS = ("'UP'", "'DOWN'", "''", "'M'", "'12'", "1", "0", "None", "True", "position_pnl_pct")

# N, M: names; T: a constant or a name; C: a condition of this kind.
FORMS = (
    "N == T",
    "N != T",
    "N < T",
    "T <= N",
    "N > M >= T",
    "N in ( T , 'UP' , None)",
    "N not in [ T , M ]",
    "N in 'UP and DOWN'",
    "T in N",
    "N in M",
    "N is None",
    "N is True",
    "N is not False",
    "not N",
    "bool( N )",
    "len( N ) > 2",
    "len( N if C else T ) == 2",
    "int( N ) > 3",
    "float( N ) == 3.5",
    "abs( N ) > 1",
    "round( N , 1) == 1",
    "N + T == 1",
    "-( N ) < 1",
    "N * position_pnl_pct < 1",
    "position_pnl_pct == N",
    "position_pnl_pct < N",
    "( N if in_position else T ) == M",
    "( N if in_position else T ) in M",
    "(in_position and N ) == T",
    "( N or position_pnl_pct) == T",
    "( N and T ) is None",
    "max( N , T ) == M",
    "min( N , M , T ) < T",
    "max( N , 'M' if in_position else T ) == 'M'",
    "( N , T ) < ( M , 'UP')",
    "( N , 1) == ( M , 1)",
    "C and N",
    "C or N",
    "not C",
    "N if C else M",
)


@st.composite
def texts(draw, depth=2):
    pools = {
        "N": st.sampled_from(NAMES),
        "M": st.sampled_from(NAMES),
        "T": st.sampled_from(CONSTANTS + NAMES),
        "C": texts(depth - 1) if depth else st.just("in_position"),
    }
    form = draw(st.sampled_from(FORMS))
    return "(" + " ".join(draw(pools.get(token, st.just(token))) for token in form.split()) + ")"


@st.composite
def frames(draw):
    size = BARS
    cells = {
        name: [column[i % len(column)] for i in range(size)]
        for name, kind in KINDS.items()
        for column in [draw(st.lists(kind, min_size=1, max_size=7))]
    }
    # A column is what it holds: one text at least that is no number and no truth value.
    cells["regime"][0] = cells["other"][0] = "word"
    cells["flag"][1] = True
    return bars_with(cells)


def bars_with(cells):
    closes = np.linspace(10.0, 21.0, BARS)
    prices = dict.fromkeys(("open", "high", "low", "close"), closes)
    columns = {
        name: pd.Series(values, dtype=np.float64 if name == "score" else object)
        for name, values in cells.items()
    }
    index = pd.bdate_range("2024-01-01", periods=BARS)
    frame = pd.DataFrame({**prices, "volume": 9.0}).assign(**columns).set_axis(index, axis=0)
    return check_bars(frame, columns=list(cells))[0]


def scopes(bars, position):
    own = {name: bars[name].tolist() for name in DECLARED if name in bars}
    columns = {name: declared_column(own, name) for name in NAMES if name != "close"}
    columns["close"] = bars["close"].tolist()
    return [{**{name: c[i] for name, c in columns.items()}, **position} for i in range(BARS)]


def by_bar(evaluated, text, found):
    values = []
    for scope in found:
        try:
            values.append(bool(evaluated(text, scope)))
        except RAISED:
            values.append("raises")
    return values


def engine_values(tree, bars, position):
    features = FeatureSet(bars, bars_per_year=252.0, columns=DECLARED)
    evaluator = evaluator_over(features)
    if not tree.reads_position:
        with np.errstate(all="ignore"):
            value = evaluator.evaluate(tree)
        failed = np.False_ if value.failed is None else value.failed
        truth, failed, _ = np.broadcast_arrays(value.truth(), failed, np.zeros(BARS))
        return ["raises" if failed[bar] else bool(truth[bar]) for bar in range(BARS)]
    return program_values(tree, evaluator, position)


def program_values(tree, evaluator: ColumnEvaluator, position):
    assembler = Assembler(POSITIONS)
    first, last = assembler.add(tree)
    with np.errstate(all="ignore"):
        tables = tables_of(assembler, evaluator, BARS)
    code = np.array(assembler.code, np.int64).reshape(-1, 2)
    held = np.array([float(position[name]) for name in POSITIONS])
    found = []
    for bar in range(BARS):
        value, tag = run_program(code, first, last, *tables, bar, held, np.empty((STACK_SIZE, 2)))
        found.append("raises" if tag == Tag.FAILED else bool(tag != Tag.NONE and value != 0.0))
    return found


@settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(texts(), frames(), st.booleans(), st.sampled_from((0.0, -0.5, 12.0)))
def test_conditions_on_columns_of_each_kind_are_what_python_says(text, bars, held, pnl):
    tree, problems = parse_expression(text, declared=frozenset(DECLARED))
    assume(tree is not None)
    assert problems == []
    position = {"in_position": held, "position_pnl_pct": pnl}
    found = scopes(bars, position)
    expected = by_bar(python_value, text, found)
    assert by_bar(evaluate, text, found) == expected
    assert engine_values(tree, bars, position) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("regim == 'UP'", "unknown name 'regim'"),
        ("max(regime) == 'UP'", "max() of one column chooses among the characters of a text"),
        ("regime == 'UP' + 'X'", "arithmetic needs numbers, not texts, tuples or lists"),
    ],
)
def test_what_cannot_be_asked_of_a_declared_column(text, problem):
    problems = check_expression(text, path="x", declared=frozenset({"regime"}))
    assert [one.message for one in problems] == [problem]
    assert problems[0].hint


def test_a_misspelt_declared_name_is_hinted_at():
    (problem,) = check_expression("regim is None", path="x", declared=frozenset({"regime"}))
    assert problem.hint == "did you mean 'regime'?"


def test_a_slower_interval_takes_the_last_of_a_declared_column():
    index = pd.bdate_range("2024-01-01", periods=BARS)
    words = [f"w{place:02}" for place in range(BARS)]
    others = {"other": words, "flag": [True] * BARS, "score": [1.0] * BARS}
    bars = bars_with({"regime": words, **others})
    tree, _ = parse_expression("on('1w', regime) == 'w04'", declared=frozenset(DECLARED))
    met = evaluator_over(FeatureSet(bars, bars_per_year=252.0, columns=DECLARED)).evaluate(tree)
    # The first week's last bar is that of 5 January; the next week closes on the 12th.
    held = [str(day.date()) for day, is_met in zip(index, met.met(), strict=True) if is_met]
    assert held == ["2024-01-05", "2024-01-08", "2024-01-09", "2024-01-10", "2024-01-11"]
