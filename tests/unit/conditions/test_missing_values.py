"""Missing values are None, and Python's rules for None hold: by hand, a bar at a time."""

import math

import numpy as np
import pytest

from btkit.conditions import parse_expression
from btkit.conditions.columns import ColumnEvaluator

NAN = math.nan
# Four bars: both known, iv_rank missing, close missing, both missing (once as an infinity).
COLUMNS = {
    "iv_rank": np.array([40.0, NAN, 50.0, math.inf]),
    "close": np.array([10.0, 20.0, NAN, -math.inf]),
    "fomc_meeting_day": np.array([1.0, 0.0, NAN, 1.0]),
}
T, F, E, N = True, False, "raises", None

CASES = [
    ("iv_rank > 30", [T, E, T, E]),
    ("iv_rank == 40", [T, F, F, F]),
    ("iv_rank != 40", [F, T, T, T]),
    ("iv_rank == None", [F, T, F, T]),
    ("iv_rank is None", [F, T, F, T]),
    ("iv_rank is not None", [T, F, T, F]),
    ("iv_rank is not None and iv_rank > 45", [F, F, T, F]),
    ("iv_rank is None or iv_rank > 45", [F, T, T, T]),
    ("iv_rank > 45 or iv_rank is None", [F, E, T, E]),
    ("iv_rank and iv_rank > 45", [F, N, T, N]),
    ("not iv_rank", [F, T, F, T]),
    ("bool(iv_rank)", [T, F, T, F]),
    ("iv_rank if iv_rank else 0", [40.0, 0.0, 50.0, 0.0]),
    ("iv_rank or close", [40.0, 20.0, 50.0, N]),
    ("iv_rank and close", [10.0, N, N, N]),
    ("close + iv_rank", [50.0, E, E, E]),
    ("-close", [-10.0, -20.0, E, E]),
    ("abs(iv_rank)", [40.0, E, 50.0, E]),
    ("round(iv_rank, 1)", [40.0, E, 50.0, E]),
    ("float(iv_rank)", [40.0, E, 50.0, E]),
    ("min(iv_rank, close)", [10.0, E, E, E]),
    ("max(iv_rank, 45)", [45.0, E, 50.0, E]),
    ("0 < close < iv_rank", [T, E, E, E]),
    ("15 < close < iv_rank", [F, E, E, E]),
    ("close in (10, None)", [T, F, T, T]),
    ("iv_rank in (close, 40)", [T, F, F, T]),
    ("(iv_rank, 1) == (None, 1)", [F, T, F, T]),
    ("(iv_rank, 1) < (45, 1)", [T, E, F, E]),
    ("(close, iv_rank) < (20, 0)", [T, E, E, E]),
    ("len((iv_rank, close)) == 2", [T, T, T, T]),
    ("len((-iv_rank, close)) == 2", [T, E, T, E]),
    ("('high' if iv_rank > 45 else 'low') == 'high'", [F, E, T, E]),
    ("fomc_meeting_day", [T, F, N, T]),
    ("fomc_meeting_day is True", [T, F, F, T]),
    ("fomc_meeting_day is False", [F, T, F, F]),
    ("fomc_meeting_day + 1", [2.0, 1.0, E, 2.0]),
    ("fomc_meeting_day == 1", [T, F, F, T]),
    ("not fomc_meeting_day", [F, T, T, F]),
    ("1 / (close - 10)", [E, 0.1, E, E]),
    ("close % 0 == 1 or True", [E, E, E, E]),
    ("close == 10 or 1 / (close - 10) > 0", [T, T, E, E]),
    ("(close - 20) ** 0.5", [E, 0.0, E, E]),
    ("(close * 10) ** 300", [E, E, E, E]),
    ("close < None", [E, E, E, E]),
    ("close if True else 1 / close", [10.0, 20.0, N, N]),
    # An infinity that arithmetic makes is a number; only a feature's own is missing.
    ("close * 1e308 * 1e308", [math.inf, math.inf, E, E]),
    ("int(close * 1e308 * 1e308)", [E, E, E, E]),
]


def values(text):
    tree, problems = parse_expression(text)
    assert problems == []
    evaluator = ColumnEvaluator(COLUMNS.__getitem__, lambda name: name == "fomc_meeting_day")
    with np.errstate(all="ignore"):
        value = evaluator.evaluate(tree)
    masks = [np.False_ if mask is None else mask for mask in (value.none, value.failed)]
    data, none, failed, is_bool, _ = np.broadcast_arrays(
        value.data, *masks, value.is_bool, np.empty(4)
    )
    return [
        E if failed[i] else N if none[i] else bool(data[i]) if is_bool[i] else float(data[i])
        for i in range(4)
    ]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_by_hand(text, expected):
    found = values(text)
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_condition_is_met_where_it_is_true_and_does_not_raise(text, expected):
    tree, _ = parse_expression(text)
    evaluator = ColumnEvaluator(COLUMNS.__getitem__, lambda name: name == "fomc_meeting_day")
    with np.errstate(all="ignore"):
        met = np.broadcast_to(evaluator.evaluate(tree).met(), 4)
    assert met.tolist() == [value != E and bool(value) for value in expected]


def test_equal_trees_are_computed_once():
    asked = []

    def column(name):
        asked.append(name)
        return COLUMNS[name]

    evaluator = ColumnEvaluator(column, lambda _: False)
    for text in ("close > 1 and iv_rank > 1", "iv_rank > 1 or close > 1"):
        evaluator.evaluate(parse_expression(text)[0])
    assert sorted(asked) == ["close", "iv_rank"]
