"""What a condition may not hold: refused with a message, a hint and a column."""

import pytest

from btkit.conditions import check_expression
from btkit.errors import Problem

AGO = "prev_close is its value one bar ago"
ONLY = (
    "only abs, round, min, max, int, float, bool, len, lag, change, highest, lowest, mean, std, "
    "total, percentile, count, bars_since, crossed_above, crossed_below, on, of can be called"
)
SEE = (
    "`backtest indicators` lists the names: price, momentum, trend, volatility, volume, session, "
    "clock, options, market, events, position"
)
SPLIT = "split it into several conditions"
IS_RULE = "'is' needs None, True or False on one side"
DIGITS_RULE = "round()'s second argument must be a whole number written out, from -22 to 22"
ARITHMETIC_RULE = "arithmetic needs numbers, not texts, tuples or lists"
GRAMMAR_HINT = "write it with names, numbers, comparisons, and, or, not"
CONSTANT = "write a number, a text in quotes, True, False or None"
COMPARED = "texts, tuples and lists can be compared, with == and in"
CAN_HOLD = "write what can hold, such as close > sma_50, or remove it"
OPERATORS = "the operators are + - * / // % **"
SIZING = 'write a size such as "0.1 * capital / close", a price such as "close * 0.95"'
BITS = "bit operators cannot stand in a condition"


def wide(text):
    """Return the full-width letters that Python reads as `text`."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


WIDE = wide("close")


def stand(what):
    return f"{what} cannot stand in a condition"


def refusals(text, **options):
    return [
        (problem.message, problem.hint, problem.column)
        for problem in check_expression(text, path="entry_conditions[0]", **options)
    ]


# text, message, hint, column
GRAMMAR = [
    ("close.real > 1", stand("attributes (a dot after a name)"), GRAMMAR_HINT, 0),
    ("1 < close.real", stand("attributes (a dot after a name)"), GRAMMAR_HINT, 4),
    ("().__class__.__mro__", stand("attributes (a dot after a name)"), GRAMMAR_HINT, 0),
    ("close[0] > 1", stand("subscripts (square brackets after a name)"), AGO, 0),
    ("1 < close[-1]", stand("subscripts (square brackets after a name)"), AGO, 4),
    ("lambda: 1", stand("lambda"), GRAMMAR_HINT, 0),
    ("[close for close in (1, 2)]", stand("comprehensions"), GRAMMAR_HINT, 0),
    ("{close for close in (1, 2)}", stand("comprehensions"), GRAMMAR_HINT, 0),
    ("{close: 1 for close in (1, 2)}", stand("comprehensions"), GRAMMAR_HINT, 0),
    ("(close for close in (1, 2))", stand("comprehensions"), GRAMMAR_HINT, 0),
    ("f'{close}' == 'a'", stand("f-strings"), GRAMMAR_HINT, 0),
    ("(x := close) > 1", stand("':='"), GRAMMAR_HINT, 1),
    ("{'a': 1}", stand("dictionaries"), GRAMMAR_HINT, 0),
    ("{1, 2}", stand("sets"), GRAMMAR_HINT, 0),
    ("await close", stand("await"), GRAMMAR_HINT, 0),
    ("(yield close)", stand("yield"), GRAMMAR_HINT, 1),
    ("(yield from close)", stand("yield"), GRAMMAR_HINT, 1),
    ("min(*(close, 1))", stand("'*' before a value"), GRAMMAR_HINT, 4),
    ("(*(close, 1), 2) == (1, 2)", stand("'*' before a value"), GRAMMAR_HINT, 1),
    ("~close", stand("'~'"), "write not", 0),
    ("close > 1 or ~open", stand("'~'"), "write not", 13),
    ("(close > 1) & (open > 1)", BITS, "write and", 0),
    ("(close > 1) | (open > 1)", BITS, "write or", 0),
    ("close ^ 1", BITS, "write ** for a power", 0),
    ("close << 1", BITS, OPERATORS, 0),
    ("close >> 1", BITS, OPERATORS, 0),
    ("close @ 1", BITS, OPERATORS, 0),
    ("b'a' == 'a'", stand("bytes constants"), CONSTANT, 0),
    ("close > 1j", stand("complex constants"), CONSTANT, 8),
    ("...", stand("ellipsis constants"), CONSTANT, 0),
    # Blanks before the text count.
    ("   close[0]", stand("subscripts (square brackets after a name)"), AGO, 3),
    # Columns are characters, not bytes.
    ("'é€' == 'x' or close[0]", stand("subscripts (square brackets after a name)"), AGO, 15),
]
CALLS = [
    ("exp(close)", "this call is not allowed", ONLY, 0),
    ("close > sma(20)", "this call is not allowed", "write sma_20", 8),
    ("SMA(close, 50) > 1", "this call is not allowed", "write sma_50", 0),
    ("sma(501) > 1", "this call is not allowed", ONLY, 0),
    ("rsi_14.shift(1) < 30", "this call is not allowed", "prev_rsi_14 is its value one bar ago", 0),
    ("(1, 2)[0] > 1", stand("subscripts (square brackets after a name)"), GRAMMAR_HINT, 0),
    ("clos[1] > 1", stand("subscripts (square brackets after a name)"), GRAMMAR_HINT, 0),
    ("1 < exp(close)", "this call is not allowed", ONLY, 4),
    ("__import__('os')", "this call is not allowed", ONLY, 0),
    ("close.mean()", "this call is not allowed", "write mean(x, n)", 0),
    ("(lambda: 1)()", "this call is not allowed", ONLY, 0),
    ("min(1, 2)(3)", "this call is not allowed", ONLY, 0),
    ("open('x')", "this call is not allowed", ONLY, 0),
    (
        "min(close, key=abs)",
        "min() takes no keyword arguments here",
        "write the values alone: min(...)",
        0,
    ),
    ("max(**{})", "max() takes no keyword arguments here", "write the values alone: max(...)", 0),
    (
        "round(close, ndigits=2)",
        "round() takes no keyword arguments here",
        "write the values alone: round(...)",
        0,
    ),
    ("round()", "round() takes 1 to 2 arguments, not 0", "give it 1 to 2", 0),
    ("round(close, 1, 2)", "round() takes 1 to 2 arguments, not 3", "leave the others out", 0),
    ("int(close, 2)", "int() takes at most 1 argument, not 2", "leave the others out", 0),
    ("round(close, 2.0)", DIGITS_RULE, "write for example round(close, 2)", 13),
    ("round(close, True)", DIGITS_RULE, "write for example round(close, 2)", 13),
    ("round(close, open)", DIGITS_RULE, "write for example round(close, 2)", 13),
    ("round(close, 1 + 1)", DIGITS_RULE, "write for example round(close, 2)", 13),
    ("round(close, None)", DIGITS_RULE, "write for example round(close, 2)", 13),
    ("round(close, 23)", DIGITS_RULE, "write for example round(close, 2)", 13),
    ("round(close, -23)", DIGITS_RULE, "write for example round(close, 2)", 13),
    (
        f"min({','.join(['close'] * 51)})",
        "min() takes 1 to 50 arguments, not 51",
        "leave the others out",
        0,
    ),
    (
        f"max(({','.join(['close'] * 51)}))",
        "max() takes at most 50 values",
        "nest max() in max()",
        0,
    ),
]
CONSTANTS = [
    ("1 / 0", "this constant always fails: it divides by zero", CAN_HOLD, 0),
    ("close > 1 / 0", "this constant always fails: it divides by zero", CAN_HOLD, 8),
    ("close / (1 - 1) > 1 % 0", "this constant always fails: it divides by zero", CAN_HOLD, 18),
    ("(-8) ** 0.5 < close", "this constant is a complex number", CAN_HOLD, 0),
    ("1 < None", "'<' with None always fails", CAN_HOLD, 0),
    ("None < None", "'<' with None always fails", CAN_HOLD, 0),
    ("None + 1", "'+' with None always fails", CAN_HOLD, 0),
    ("min(1, None)", "'min' with None always fails", CAN_HOLD, 0),
    ("-None", "minus None always fails", CAN_HOLD, 0),
    ("abs(None)", "abs() of None always fails", CAN_HOLD, 0),
    ("round(None, 2)", "round() of None always fails", CAN_HOLD, 0),
    ("int('x')", "int('x') always fails", CAN_HOLD, 0),
    ("len(1)", "len() of a number always fails", CAN_HOLD, 0),
    ("min(())", "min() of nothing to choose from always fails", CAN_HOLD, 0),
    ("1 in 2", "'in' needs a tuple or a list", CAN_HOLD, 0),
    ("1 in 'abc'", "'in' a text needs a text on its left", CAN_HOLD, 0),
    ("'a' < 1", "'<' between different kinds always fails", CAN_HOLD, 0),
    ("(1,) < [1]", "'<' between different kinds always fails", CAN_HOLD, 0),
    (
        "close > 1" + "0" * 400,
        "this number is larger than any float",
        "the largest is about 1.8e308",
        8,
    ),
    (
        "-1" + "0" * 400 + " < close",
        "this number is larger than any float",
        "the largest is about 1.8e308",
        1,
    ),
    ("'a' + 'b'", ARITHMETIC_RULE, COMPARED, 0),
    ("'a' * 3", ARITHMETIC_RULE, COMPARED, 0),
    ("'%s' % close", ARITHMETIC_RULE, COMPARED, 0),
    ("(1, 2) + (3,) == 1", ARITHMETIC_RULE, COMPARED, 0),
    ("close > -'a'", ARITHMETIC_RULE, COMPARED, 8),
    ("close is open", IS_RULE, "compare with ==", 0),
    ("close is 1", IS_RULE, "compare with ==", 0),
    ("close is not 'a'", IS_RULE, "compare with ==", 0),
    ("close > 1 and open is ()", IS_RULE, "compare with ==", 14),
]
LIMITS = [
    ("", "the expression is empty", 'write a condition such as "close > sma_50"', 0),
    (" \t ", "the expression is empty", 'write a condition such as "close > sma_50"', 0),
    (
        "close > " + "1" * 1_993,
        "the expression has 2001 characters; at most 2000 are read",
        SPLIT,
        2000,
    ),
    (
        "(" * 5_000,
        "the expression has 5000 characters; at most 2000 are read",
        SPLIT,
        2000,
    ),
    (
        "not " * 5_000 + "close",
        "the expression has 20005 characters; at most 2000 are read",
        SPLIT,
        2000,
    ),
    ("not " * 50 + "close", "the expression nests deeper than 50", SPLIT, 200),
    ("-" * 1_900 + "close", "the expression nests deeper than 50", SPLIT, 50),
    ("not " * 490 + "close", "the expression nests deeper than 50", SPLIT, 200),
]
NAMES = [
    ("sma50 > 1", "unknown name 'sma50'", "did you mean 'sma_50'?", 0),
    (f"{WIDE} > 1", f"unknown name '{WIDE}'", "did you mean 'close'?", 0),
    (f"close > {wide('rsi')}_14", f"unknown name '{wide('rsi')}_14'", "did you mean 'rsi_14'?", 8),
    # A Cyrillic "e".
    ("clos\N{CYRILLIC SMALL LETTER IE} > 1", None, "did you mean 'close'?", 0),
    (f"{wide('i')}n_position", f"unknown name '{wide('i')}n_position'", None, 0),
    ("frobnicate > 1", "unknown name 'frobnicate'", SEE, 0),
    ("__builtins__", None, None, 0),
    ("risk_pct > 1", "unknown name 'risk_pct'", "only position_sizing_formula knows it", 0),
    ("sma_501 > 1", "unknown name 'sma_501'", "did you mean 'sma_500'?", 0),
    ("sma_1 > 1", "unknown name 'sma_1'", "did you mean 'sma_2'?", 0),
    ("sma_020 > 1", "unknown name 'sma_020'", "did you mean 'sma_20'?", 0),
    ("prev_capital > 1", "unknown name 'prev_capital'", "did you mean 'capital'?", 0),
    ("close > min", "unknown name 'min'", "min is a function: write min(...)", 8),
    ("'é' == '€' or clos > 1", "unknown name 'clos'", "did you mean 'close'?", 14),
]


@pytest.mark.parametrize(
    ("text", "message", "hint", "column"), GRAMMAR + CALLS + CONSTANTS + LIMITS
)
def test_refused(text, message, hint, column):
    assert refusals(text) == [(message, hint, column)]


@pytest.mark.parametrize(("text", "message", "hint", "column"), NAMES)
def test_unknown_names(text, message, hint, column):
    [found] = refusals(text)
    assert found[2] == column
    assert message in {None, found[0]}
    assert found[1]
    assert hint in {None, found[1]}


# Python words these itself, a little differently from version to version.
SYNTAX = [
    ("close > ", None),
    ("close = 1", "compare with =="),
    ("close && open", "write and, or, not"),
    ("close || open", "write and, or, not"),
    ("!in_position", "write and, or, not"),
    ("close > 1; open > 1", None),
    ("import os", None),
    ("close <> 1", None),
    ("close >\n1", None),
    ("close > 0777", None),
    ("close > on(1w, sma_10)", 'write the interval as a text: on("1w", x)'),
    ("close > on( 15m , sma_10)", 'write the interval as a text: on("15m", x)'),
    ("\N{SLIGHTLY SMILING FACE} > close", None),
    ("'unclosed", None),
    ("(" * 1_999, None),
    ("close > 1\0", None),
    ("'a\0b' == 'a'", None),
]


@pytest.mark.parametrize(("text", "hint"), SYNTAX)
def test_not_python(text, hint):
    [(message, told, column)] = refusals(text)
    assert message.startswith("this is no Python expression: ")
    assert told
    assert hint in {None, told}
    assert 0 <= column <= len(text)
    assert "<unknown>" not in message
    assert ".py" not in message


@pytest.mark.parametrize("text", ["close >", "close > 1 and", "not", "  close + "])
def test_a_text_that_ends_too_early_is_marked_at_its_end(text):
    [(_, _, column)] = refusals(text)
    assert column == len(text.rstrip())


def test_the_path_is_told():
    assert check_expression("clos", path="stop_conditions[3]") == [
        Problem("stop_conditions[3]", "unknown name 'clos'", "did you mean 'close'?", 0)
    ]


def test_every_unknown_name_is_told_at_once_with_its_column():
    assert refusals("clos > sma50 and rsi14 < 30 or (foo, 1) == (sma_20, 1)") == [
        ("unknown name 'clos'", "did you mean 'close'?", 0),
        ("unknown name 'sma50'", "did you mean 'sma_50'?", 7),
        ("unknown name 'rsi14'", "did you mean 'rsi_14'?", 17),
        ("unknown name 'foo'", SEE, 32),
    ]


def test_unknown_names_before_another_refusal_are_told_too():
    assert [message for message, _, _ in refusals("clos > 1 and opn.x > 1 and hih > 1")] == [
        "unknown name 'clos'",
        stand("attributes (a dot after a name)"),
    ]


@pytest.mark.parametrize(
    "text", ["9**9**9**9 > close", "close > 10.0 ** 400", "close > 1e308 ** 2"]
)
def test_an_overflow_is_told_in_words(text):
    [(message, _, _)] = refusals(text)
    assert message.startswith("this constant always fails: ")
    assert "(34" not in message


# The columns of a text of several lines count from its first character.
@pytest.mark.parametrize(
    ("text", "column"),
    [("(close >\n  sma50)", 11), ("(close > 1 and\n'é' == open[0])", 22), ("(close\n < $)", 10)],
)
def test_columns_on_later_lines(text, column):
    [(_, _, told)] = refusals(text)
    assert told == column


def test_only_a_sizing_formula_reads_the_risk_share():
    assert refusals("risk_pct * capital", sizing=True) == []
    assert refusals("close + 1", sizing=True) == []
    assert refusals("'much'", sizing=True) == [("a formula must give a number", SIZING, 0)]
    assert refusals("(1, 2)", sizing=True) == [("a formula must give a number", SIZING, 0)]


def test_a_look_alike_risk_share_is_unknown():
    alike = wide("r") + "isk_pct"
    [(message, _, column)] = refusals(f"{alike} * capital", sizing=True)
    assert (message, column) == (f"unknown name '{alike}'", 0)


def test_a_sizing_formula_is_not_refused_for_one_value_of_the_risk_share():
    assert refusals("1 / (risk_pct - 0.01)", sizing=True) == []


ALLOWED = [
    "close > 1",
    "\tclose > 1 ",
    "1_000 < close < 0x10 ** 3",
    "not " * 49 + "close",
    "(" * 60 + "close" + ")" * 60,
    "close > 0." + "1" * 1_990,
    "close and " * 195 + "close",
    "close == 1 or " * 140 + "close",
    "close < None",
    "1 / (close - close) > 1",
    "None is None",
    "close is not None",
    "close is True",
    "True",
    "'a' == 'b' or 'a' in 'abc'",
    "(1, 'a', None) == (close, 'a', None)",
    "close not in [1, 2, (3, 4)]",
    "int() + float() == 0 and not bool()",
    "float('inf') > close",
    "round(close, -(-2)) > +round(close, -22)",
    f"max({','.join(['1'] * 50)}) < close",
    "short_leg_delta < 0.3 and open_interest_short_strike > 100",
    "prev_prev_rsi_14 < prev_fomc_meeting_day",
    "'\\d' == 'a'",
    "(close >\n 1)",
]


@pytest.mark.parametrize("text", ALLOWED)
def test_allowed(text):
    assert refusals(text) == []
