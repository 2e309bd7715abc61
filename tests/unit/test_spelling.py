import pytest

from btkit.spelling import did_you_mean, listed, near, some_of

FIELDS = [
    "name", "entry_conditions", "exit_conditions", "filter_conditions", "filter_scope",
    "position_sizing_formula", "per_trade_risk_pct", "max_holding_bars",
]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("entry_condition", ["entry_conditions"]),
        ("max-holding-bars", ["max_holding_bars"]),
        ("Max Holding Bars", ["max_holding_bars"]),
        ("entry", ["entry_conditions"]),
        ("filter", ["filter_scope", "filter_conditions"]),
        ("position_size", ["position_sizing_formula"]),
        ("risk_pct", ["per_trade_risk_pct"]),
        ("nmae", ["name"]),
        ("colour", []),
        ("", []),
        ("-", []),
        ("entry_conditions" * 10, []),
    ],
)
def test_words_near_one_that_is_not_known(word, found):
    assert near(word, FIELDS) == found


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("date", "dte"),
        ("mfi", "min"),
        ("entry_price", "spy_price"),
        ("stop_price", "spy_price"),
        ("XNYZ", "XNYS"),
        ("per_lot", "per_contract"),
        ("fast", "slow"),
    ],
)
def test_a_shared_part_or_a_letter_of_a_short_word_makes_nothing_near(word, known):
    assert near(word, [known]) == []
    assert did_you_mean(word, [known]) is None


def test_the_question():
    assert did_you_mean("fsat", ["fast", "slow"]) == "did you mean 'fast'?"
    assert did_you_mean("fast", ["fast_period", "fast_bars", "fast_lag", "slow"]) == (
        "did you mean 'fast_lag', 'fast_bars' or 'fast_period'?"
    )


def test_words_in_a_row():
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"], last="or") == "a or b"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_some_words_and_how_many_more():
    assert some_of(["a", "b", "c"]) == "a, b, c"
    assert some_of([*"abcd"]) == "a, b, c and 1 more"
    assert some_of(("a", "b"), count=1_234, most=1) == "a and 1,233 more"
