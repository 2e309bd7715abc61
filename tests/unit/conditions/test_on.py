"""`on`: what is refused, and what a condition of a slower interval is worth at a bar."""

import numpy as np
import pandas as pd
import pytest

from btkit.conditions import check_expression, columns_of, intervals_in, names_in, parse_expression
from btkit.conditions.evaluators import evaluator_over
from btkit.indicators import OTHER_WARMUP, FeatureSet, slower_features
from btkit.markets import FORMS, Interval

LETTERS = "on() takes a slower interval first, written out as a text"
WRITTEN = 'write for example on("1w", close > sma_10)'
NO_TEXT = "on() gives a number or a truth value, not a text, tuple or list"
TIMED = "'prev_vwap' is of the time within a session, which bars of 1d do not tell"
OUTSIDE = "read it outside of on(), on intraday bars"
INSIDE = "compare inside of it: on(..., x == 'text')"


def refusals(text, **options):
    return [
        (problem.message, problem.hint, problem.column)
        for problem in check_expression(text, path="entry_conditions[0]", **options)
    ]


@pytest.mark.parametrize(
    ("text", "message", "hint", "column"),
    [
        ("1 < on(close, '1w')", LETTERS, WRITTEN, 7),
        ("on(1, close) > 1", LETTERS, WRITTEN, 3),
        ("on('1w' if close else '1mo', close) > 1", LETTERS, WRITTEN, 3),
        ("on('1w', on('1mo', close)) > 1", "on() cannot stand inside on()",
         'name each interval by itself: on("1w", close > sma_10)', 9),
        ("on('1w', close - capital) > 1", "'capital' depends on the run, and on() reads bars alone",
         "compare it outside of on(): on(...) > capital", 17),
        ("on('1w', not in_position)", "'in_position' depends on the run, and on() reads bars alone",
         "compare it outside of on(): on(...) > in_position", 13),
        ("on('1w', clse) > 1", "unknown name 'clse'", "did you mean 'close'?", 9),
        ("on('1d', close > prev_vwap + hour)", TIMED, OUTSIDE, 9),
        ("on('1w', opening_range_high_30) > 1",
         "'opening_range_high_30' is of the time within a session, which bars of 1w do not tell",
         OUTSIDE, 9),
        ("on('1w', 'a') == 'a'", NO_TEXT, INSIDE, 9),
        ("on('1w', (close, open)) == (1, 2)", NO_TEXT, INSIDE, 9),
        ("on('2w', close) > 1", "on() makes no bars of 2w",
         "name minutes or hours, 1d, 1w or 1mo", 3),
        ("on('weekly', close) > 1", "There is no interval 'weekly'",
         f"Intervals are {FORMS}.", 3),
        ("on('1w') > 1", "on() takes 2 arguments, not 1", "give it 2", 0),
        ("on('1w', x=close) > 1", "on() takes no keyword arguments here",
         "write the values alone: on(...)", 0),
        ("ON('1w', close) > 1", "this call is not allowed", "write on(...)", 0),
        ("on > 1", "unknown name 'on'", "on is a function: write on(...)", 0),
    ],
)  # fmt: skip
def test_what_on_refuses(text, message, hint, column):
    assert refusals(text) == [(message, hint, column)]


def test_bars_must_make_the_slower_ones():
    text = "close > on('1h', sma_10)"
    assert refusals(text) == []
    assert refusals(text, interval=Interval.parse("15m")) == []
    assert refusals(text, interval=Interval.parse("45m")) == [
        ("Bars of 45m do not make bars of 1h",
         "Name a whole multiple of 45m, or 1d, 1w or 1mo.", 11)
    ]  # fmt: skip


def test_slower_bars_within_a_session_have_a_time_in_it():
    assert refusals("on('1h', close > vwap and minutes_to_close > 30)") == []
    assert refusals("on('1w', month == 1 and close > donchian_upper_20 and close > pivot)") == []


def test_names_inside_are_names_that_are_read():
    text = "close > on('1w', sma_10 + vix) and on('1mo', rsi_14 > 50)"
    assert names_in(text) == {"close", "sma_10", "vix", "rsi_14"}
    assert {str(interval) for interval in intervals_in(text)} == {"1w", "1mo"}
    assert intervals_in("position_pnl_pct > 0 and conclusion") == frozenset()
    tree, _ = parse_expression(text)
    assert [column.label for column in columns_of(tree)] == [
        "close", 'on("1w", sma_10)', 'on("1w", vix)', 'on("1mo", rsi_14)'
    ]  # fmt: skip


def features_of(closes, first="2024-01-01", **options):
    closes = np.asarray(closes, np.float64)
    frame = dict.fromkeys(("open", "high", "low", "close"), closes)
    bars = pd.DataFrame(frame | {"volume": 1.0}, pd.bdate_range(first, periods=len(closes)))
    return FeatureSet(bars, bars_per_year=252.0, calendar="24/5", **options)


def values(text, features):
    tree, problems = parse_expression(text)
    assert problems == []
    with np.errstate(all="ignore"):
        value = evaluator_over(features).evaluate(tree)
    size = len(features)
    data, none, failed, is_bool = (
        np.broadcast_to(False if part is None else part, size)
        for part in (value.data, value.none, value.failed, value.is_bool)
    )
    return [
        "raises" if failed[i] else None if none[i] else bool(data[i]) if is_bool[i] else data[i]
        for i in range(size)
    ]


@pytest.mark.parametrize(
    ("text", "before", "first", "second"),
    [
        ("on('1w', close)", None, 5.0, 10.0),
        ("on('1w', close > 7)", None, False, True),
        ("on('1w', prev_close)", None, None, 5.0),
        ("on('1w', prev_close > 4)", None, "raises", True),
        ("on('1w', prev_close) > 4", "raises", "raises", True),
        ("on('1w', prev_close is None)", None, True, False),
        ("on('1w', volume)", None, 5.0, 5.0),
        ("on('1w', 7)", None, 7.0, 7.0),
        ("on('1w', None)", None, None, None),
        ("on('1w', True) is True", False, True, True),
        ("on('1w', (close, 1) == (5, 1))", None, True, False),
        ("on('1w', close) is None or on('1w', close) > 5", True, False, True),
    ],
)
def test_a_value_is_that_of_the_last_week_that_has_closed(text, before, first, second):
    found = values(text, features_of(range(1, 13)))
    assert found == [before] * 4 + [first] * 5 + [second] * 3


def test_before_any_slower_bar_has_closed_everything_is_none():
    assert values("on('1mo', close > 0)", features_of(range(1, 6))) == [None] * 5


def test_a_slower_interval_sees_600_earlier_bars_and_the_others_the_warm_up():
    count = 5 * 650
    features = features_of(range(1, count + 1), start=5 * 640, begin=5 * 500)
    assert values("close", features)[:: 5 * 500][:2] == [None, 2501.0]
    assert values("prev_close", features)[2500:2502] == [None, 2501.0]
    weekly = slower_features(features, Interval.parse("1w"))
    assert len(weekly.features) == OTHER_WARMUP + 10
    assert values("on('1w', close)", features)[5 * 41 - 2 :][:2] == [None, 5.0 * 41]
