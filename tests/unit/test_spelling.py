import pytest

from btkit.spelling import did_you_mean, near

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
