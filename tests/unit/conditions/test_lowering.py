"""Text, tuples and lists are gone once an expression is read: only scalars are left."""

import pytest

from btkit.conditions import parse_expression
from btkit.conditions.nodes import (
    FALSE,
    NONE,
    TRUE,
    And,
    Binary,
    Column,
    Compare,
    Const,
    If,
    Or,
    Position,
    Raises,
    RoundTo,
    Strict,
    Unary,
    number,
)

CLOSE, OPEN, HELD = Column("close"), Column("open"), Position("bars_held")


def tree_of(text):
    tree, problems = parse_expression(text)
    assert problems == []
    return tree


FOLDED = [
    ("1 + 2 * 3", number(7)),
    ("7 // 2", number(3)),
    ("-7 % 3", number(2)),
    ("2 ** -1", number(0.5)),
    ("2 ** 3 ** 2", number(512)),
    ("1 / 3", number(1 / 3)),
    ("round(2.675, 2)", number(2.67)),
    ("round(25, -1)", number(20)),
    ("round(2.5)", number(2)),
    ("int(-2.7)", number(-2)),
    ("int('12')", number(12)),
    ("float('1.5')", number(1.5)),
    ("int()", number(0)),
    ("bool()", FALSE),
    ("abs(-3)", number(3)),
    ("min(3, 1, 2)", number(1)),
    ("max((3, 1, 2))", number(3)),
    ("min(True, 1)", TRUE),
    ("max(1, True)", number(1)),
    ("1 < 2 < 3", TRUE),
    ("1 < 2 > 3", FALSE),
    ("not 0", TRUE),
    ("None", NONE),
    ("None and close", NONE),
    ("0 or None", NONE),
    ("2 and 3", number(3)),
    ("True == 1", TRUE),
    ("True is True", TRUE),
    ("1 is True", FALSE),
    ("None is None", TRUE),
    ("None == 0", FALSE),
    ("'a' == 'a'", TRUE),
    ("'a' < 'b'", TRUE),
    ("'B' in 'aBc'", TRUE),
    ("'a' == 1", FALSE),
    ("'a' is None", FALSE),
    ("'text'", TRUE),
    ("''", FALSE),
    ("()", FALSE),
    ("[0]", TRUE),
    ("len('abc')", number(3)),
    ("len((1, 2, [3, 4]))", number(3)),
    ("(1, 2) < (1, 3)", TRUE),
    ("(1, 2) < (1,)", FALSE),
    ("() < (1,)", TRUE),
    ("[1] == (1,)", FALSE),
    ("(1, 2) == (1.0, 2.0)", TRUE),
    ("2 in (1, 2)", TRUE),
    ("'x' not in ['y']", TRUE),
    ("(1, 2) in ((1, 2), 3)", TRUE),
    ("max('b', 'a') == 'b'", TRUE),
    ("min((2, 'x'), (1, 'y')) == (1, 'y')", TRUE),
    ("('a' if 1 < 2 else 'b') == 'a'", TRUE),
]


@pytest.mark.parametrize(("text", "expected"), FOLDED)
def test_what_is_constant_is_worked_out(text, expected):
    assert tree_of(text) == expected


LOWERED = [
    ("close", CLOSE),
    ("close > 1", Compare(">", CLOSE, number(1))),
    ("close != 1", Unary("not", Compare("==", CLOSE, number(1)))),
    ("close is not None", Unary("not", Compare("is", CLOSE, NONE))),
    ("None is close", Compare("is", CLOSE, NONE)),
    ("-close", Unary("neg", CLOSE)),
    ("round(close, -2)", RoundTo(CLOSE, -2)),
    ("round(close)", Unary("round", CLOSE)),
    ("min(close, open)", Binary("min", CLOSE, OPEN)),
    ("max([close, open, 1])", Binary("max", Binary("max", CLOSE, OPEN), number(1))),
    ("1 < close < 2", And(Compare("<", number(1), CLOSE), Compare("<", CLOSE, number(2)))),
    ("close in (1, 2)", Or(Compare("==", CLOSE, number(1)), Compare("==", CLOSE, number(2)))),
    ("close in ()", FALSE),
    ("close == 'a'", FALSE),
    ("close in ('a', 'b')", FALSE),
    ("(close, 1) == (open, 1)", And(Compare("==", CLOSE, OPEN), TRUE)),
    ("(close, 'a') == (open, 'b')", And(Compare("==", CLOSE, OPEN), FALSE)),
    (
        "(close, 1) < (open, 2)",
        If(Compare("==", CLOSE, OPEN), TRUE, Compare("<", CLOSE, OPEN)),
    ),
    ("len((close, open))", number(2)),
    ("len((-close, 1))", Strict((Unary("neg", CLOSE),), number(2))),
    ("('up' if close else 'down') == 'up'", If(CLOSE, TRUE, FALSE)),
    ("'a' and close", CLOSE),
    ("'' or close", CLOSE),
    ("close and ''", If(CLOSE, FALSE, CLOSE)),
    ("not ''", TRUE),
    ("close < 'a'", Raises()),
    ("len(close)", Raises()),
    ("close in open", Raises()),
    ("close < (1,)", Raises()),
    ("abs((close,))", Raises()),
    ("bars_held", HELD),
    ("bars_held % 2", Binary("%", HELD, number(2))),
]


@pytest.mark.parametrize(("text", "expected"), LOWERED)
def test_lowered(text, expected):
    assert tree_of(text) == expected


def test_true_and_one_stay_apart():
    assert tree_of("True") == Const("bool", 1.0) != tree_of("1")


def test_trees_with_the_same_meaning_are_equal_and_hash_alike():
    first, second = tree_of("close  >  1.0 and open<2"), tree_of("(close > 1) and (open < 2.0)")
    assert first == second
    assert hash(first) == hash(second)
    assert len({first, second}) == 1


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("close > 1", False),
        ("close > 1 and not in_position", True),
        ("len((capital, close)) == 2", False),
        ("max(close, days_held)", True),
        ("short_leg_delta > 0.2", True),
    ],
)
def test_what_reads_the_position(text, reads):
    assert tree_of(text).reads_position is reads


def test_a_long_list_does_not_become_a_deep_tree():
    tree = tree_of("close in (" + ",".join(str(n) for n in range(400)) + ")")
    deepest, level = 0, [tree]
    while level:
        deepest += 1
        level = [child for node in level for child in node.children()]
    assert deepest <= 12


def test_choices_of_tuples_that_multiply_are_refused():
    choice = "((1, 2) if close else (3, 4))"
    text = choice
    for _ in range(12):
        text = f"max({text}, {choice})"
    tree, problems = parse_expression(f"{text} == 1")
    assert (tree is None) == bool(problems)
    assert tree is None or tree.size <= 20_000
