"""The names that an expression reads."""

import pytest

from btkit.conditions import names_in, names_of, parse_expression

READ = [
    ("close > sma_50 and rsi_14 < 30", {"close", "sma_50", "rsi_14"}),
    ("not in_position or bars_held > 3", {"in_position", "bars_held"}),
    ("max(close, open) == round(high, 2)", {"close", "open", "high"}),
    ("prev_close in (1, low, None)", {"prev_close", "low"}),
    # A number never equals a list, whatever the low is.
    ("prev_close in (1, [low, None])", {"prev_close"}),
    ("close if vix is None else vix", {"close", "vix"}),
    ("len((high, low)) == 2", set()),
    ("len((high / low, low)) == 2", {"high", "low"}),
    ("risk_pct * capital / atr_14", {"capital", "atr_14"}),
    ("1 < 2", set()),
    ("unknown_thing > close", set()),
    ("close[0]", set()),
    ("", set()),
]


@pytest.mark.parametrize(("text", "names"), READ)
def test_names_in(text, names):
    assert names_in(text) == names


def test_names_of_a_tree():
    tree, _ = parse_expression("close > open or short_leg_delta < 0.2")
    assert names_of(tree) == {"close", "open", "short_leg_delta"}


def test_a_name_that_the_run_fixes_is_not_read():
    tree, _ = parse_expression("short_leg_delta < close", constants={"short_leg_delta": 0.3})
    assert names_of(tree) == {"close"}


# What cannot matter need not be computed.
@pytest.mark.parametrize(
    "text", ["False and close > 1", "True or close > 1", "1 if True else close"]
)
def test_a_branch_never_taken_is_not_read(text):
    assert names_in(text) == set()
