"""The plain evaluator reads the language of conditions, and executes nothing else."""

import pytest

from btkit.crosscheck.evaluation import evaluate
from btkit.errors import UsageError


@pytest.mark.parametrize(
    "text",
    [
        "().__class__",
        "close.real",
        "(1, 2)[0]",
        "[x for x in (1, 2)]",
        "__import__('os')",
        "open('x')",
        "(lambda: 1)()",
        "f'{close}'",
        "max(*(1, 2))",
        "max((1, 2), key=abs)",
    ],
)
def test_what_is_not_of_the_language_is_refused(text):
    with pytest.raises(UsageError, match="plain simulation reads no"):
        evaluate(text, {"close": 4.0, "x": 1.0})


def test_a_name_that_nobody_gave_is_a_fault_of_the_caller():
    with pytest.raises(NameError, match="sma_20"):
        evaluate("sma_20 > 1", {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 < close < 3", False),
        ("rank is not None and rank > 1", False),
        ("rank or close", 4.0),
        ("round(2.675, 2) if close > 3 else rank", round(2.675, 2)),
        ("close in (1, 4)", True),
        ("not close == 4", False),
        ("7 // 2", 3.0),
        ("len([1, 2])", 2.0),
    ],
)
def test_it_gives_what_python_gives(text, value):
    assert evaluate(text, {"close": 4.0, "rank": None}) == value
