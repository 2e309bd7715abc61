"""Parameters in braces: found, and filled in so that the text means the number."""

import pytest

from btkit.conditions import fill_parameters, parameter_names

WRITTEN = [
    (20, "20"),
    (20.0, "20"),
    (0, "0"),
    (-0.0, "0"),
    (-3, "(-3)"),
    (-3.0, "(-3)"),
    (0.5, "0.5"),
    (-0.02, "(-0.02)"),
    (1e-7, "1e-07"),
    (0.1 + 0.2, "0.30000000000000004"),
    (999_999_999_999_999, "999999999999999"),
    (1e15, "1000000000000000.0"),
    (2**53, "9007199254740992.0"),
    (1e300, "1e+300"),
    (-1e300, "(-1e+300)"),
]


@pytest.mark.parametrize(("value", "text"), WRITTEN)
def test_a_value_as_it_is_written(value, text):
    assert fill_parameters("close > {x}", {"x": value}) == f"close > {text}"
    assert float(text.strip("()")) == value


FILLED = [
    ("sma_{fast} > sma_{slow}", "sma_20 > sma_50"),
    ("sma_{ fast } > {fast}*{fast}", "sma_20 > 20*20"),
    ("{limit} ** 2 > 0", "(-0.5) ** 2 > 0"),
    ("-{limit} > 0", "-(-0.5) > 0"),
    ("close > 1", "close > 1"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "filled"), FILLED)
def test_filled(text, filled):
    parameters = {"fast": 20, "slow": 50.0, "limit": -0.5}
    assert fill_parameters(text, parameters) == filled


NAMED = [
    ("sma_{fast} > sma_{slow}", {"fast", "slow"}),
    ("{fast} + {fast} > {_x1}", {"fast", "_x1"}),
    ("{ fast\t} > 1", {"fast"}),
    ("close > 1", set()),
    ("{1x} {} {a b} {a.b} {a!r} {a:>3}", set()),
    ("{{fast}}", {"fast"}),
    ("{\N{LATIN SMALL LETTER E WITH ACUTE}}", set()),
]


@pytest.mark.parametrize(("text", "names"), NAMED)
def test_names_in_braces(text, names):
    assert parameter_names(text) == names


def test_a_parameter_without_a_value():
    with pytest.raises(KeyError):
        fill_parameters("{fast} > 1", {"slow": 1})


def test_values_do_not_fill_in_again():
    assert fill_parameters("{a} {b}", {"a": 1, "b": 2}) == "1 2"
