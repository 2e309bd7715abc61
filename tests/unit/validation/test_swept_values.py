"""Values that no set can have are refused before a search begins, wherever it is asked for."""

import pytest

import btkit as bt
from btkit.errors import SpecError
from btkit.validation.swept_values import check_values

SPEC = {
    "name": "swept",
    "entry_conditions": ["close > mean(close, {n})", "rsi_{m} < {level}"],
    "exit_conditions": ["close < sma_{m}"],
    "stop_conditions": [],
    "position_sizing_formula": "capital / close",
    "parameters": {"n": 20, "m": 50, "level": 30},
}
MEAN = "mean() takes a whole number of bars from 1 to 500, not "


def refused(axes, constraint=None, **changes):
    with pytest.raises(SpecError) as caught:
        check_values(bt.load_spec({**SPEC, **changes}), axes, constraint)
    return caught.value


@pytest.mark.parametrize("value", [0, 501, 5.05])
def test_a_number_of_bars_that_a_call_does_not_take(value):
    error = refused({"n": [10, value], "level": [20, 30]})
    assert error.message == (
        f"the spec with n={value} was refused: entry_conditions[0]: {MEAN}{value}"
    )
    assert error.details["refused"] == {"n": [value]}


@pytest.mark.parametrize("value", [1, 501])
def test_a_length_that_no_indicator_has(value):
    error = refused({"m": [10, value]})
    assert [(problem.path, problem.message) for problem in error.problems] == [
        ("entry_conditions[1]", f"unknown name 'rsi_{value}'"),
        ("exit_conditions[0]", f"unknown name 'sma_{value}'"),
    ]


def test_everything_is_said_at_once():
    error = refused({"n": [10, 501, 502], "m": [2, 600]})
    assert error.message.startswith("the spec with n=501 or m=600 was refused: ")
    assert error.details["refused"] == {"n": [501, 502], "m": [600]}


def test_std_takes_two_at_least():
    error = refused({"n": [1, 2]}, entry_conditions=["std(close, {n}) > {m} * {level}"],
                    exit_conditions=[])  # fmt: skip
    assert error.details["refused"] == {"n": [1]}


def test_the_other_side_has_its_place():
    short = {
        "entry_conditions": ["close < mean(close, {n})"], "exit_conditions": ["close > sma_{m}"],
        "stop_conditions": [],
    }  # fmt: skip
    error = refused({"n": [10, 501]}, direction="both", short=short)
    assert [problem.path for problem in error.problems] == [
        "entry_conditions[0]", "short.entry_conditions[0]",
    ]  # fmt: skip


def test_a_text_that_cannot_be_read_once_for_all_sets():
    error = refused({"n": [10, 501]}, entry_conditions=["mean(1, {n}) < 2 and {n} ** 2 > {m}"],
                    exit_conditions=["close < {level}"])  # fmt: skip
    assert error.details["refused"] == {"n": [501]}


@pytest.mark.parametrize(
    ("axes", "constraint", "changes"),
    [
        ({"n": [1, 500], "m": [2, 500], "level": [0.5, 700]}, None, {}),
        # It is in no set.
        ({"n": [10, 501], "m": [20, 400]}, "n < m", {}),
        # No value of one says whether the name is there.
        ({"n": [1, 9], "m": [0, 1]}, None, {"entry_conditions": ["close > sma_{n}{m}"],
                                            "exit_conditions": ["close < {level}"],
                                            "parameters": {"n": 1, "m": 2, "level": 3}}),
        ({"n": [10, 20]}, None, {"entry_conditions": ["signal_{n} > {m} * {level}"],
                                 "exit_conditions": [], "columns": ["signal_10", "signal_20"]}),
    ],
)  # fmt: skip
def test_what_some_set_can_have_is_let_through(axes, constraint, changes):
    check_values(bt.load_spec({**SPEC, **changes}), axes, constraint)


def test_a_value_that_a_constraint_lets_through_is_refused():
    assert refused({"n": [10, 501], "m": [20, 400, 500]}, "n < 2 * m").details["refused"] == {
        "n": [501]
    }


def test_of_many_values_a_few_are_named():
    error = refused({"n": list(range(400, 100_000))})
    assert error.details["refused"] == {"n": list(range(501, 511))}


def test_prices_and_part_exits_have_their_places():
    error = refused(
        {"n": [10, 501]},
        scale_out=[{"when": "close > mean(close, {n})", "fraction": 0.5}],
        stop_loss={"price": "mean(low, {n})"},
        entry_order={"limit": "lowest(low, {n})"},
    )
    assert {problem.path for problem in error.problems} == {
        "entry_conditions[0]",
        "scale_out[0].when",
        "stop_loss.price",
        "entry_order.limit",
    }
