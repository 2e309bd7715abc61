"""What calls over time refuse: with a message, a hint and a column."""

import pytest

from btkit.conditions import OVER_TIME, check_expression

NOT_ALLOWED = "this call is not allowed"
SUBSCRIPT = "subscripts (square brackets after a name) cannot stand in a condition"


def refusals(text, **options):
    return [
        (problem.message, problem.hint, problem.column)
        for problem in check_expression(text, path="entry_conditions[0]", **options)
    ]


def bars(name, received, least=1):
    return f"{name}() takes a whole number of bars from {least} to 500, not {received}"


def written_out(name):
    return f"write it out, or as a parameter in braces: {OVER_TIME[name].example}"


def of_the_run(name, call):
    return f"'{name}' depends on the run, and {call}() reads bars alone"


@pytest.mark.parametrize("entry", OVER_TIME.values(), ids=lambda entry: entry.name)
def test_its_own_example_is_a_condition(entry):
    assert refusals(entry.example) == []
    assert entry.name + "(" in entry.example


@pytest.mark.parametrize(
    "received", ["0", "501", "2.5", "-3", "(-3)", "close", "n", "True", "1 + 1"]
)
@pytest.mark.parametrize("entry", [e for e in OVER_TIME.values() if e.takes_length])
def test_n_is_a_whole_number_from_1_to_500(entry, received):
    text = f"close > {entry.name}(close, {received})"
    told = "-3" if received == "(-3)" else received
    column = text.rindex(told)
    assert refusals(text) == [
        (bars(entry.name, told, entry.least), written_out(entry.name), column)
    ]


@pytest.mark.parametrize("n", [1, 2, 500])
def test_n_from_its_least_on_is_taken(n):
    for entry in OVER_TIME.values():
        if entry.takes_length and n >= entry.least:
            assert refusals(f"{entry.name}(close, {n}) is None") == []
    taken = [] if n > 1 else [(bars("std", 1, 2), written_out("std"), 11)]
    assert refusals(f"std(close, {n}) is None") == taken


@pytest.mark.parametrize(
    ("text", "message", "hint", "column"),
    [
        # How many arguments, and which.
        ("lag(close) > 1", "lag() takes 2 arguments, not 1",
         f"write lag(x, n): {OVER_TIME['lag'].example}", 0),
        ("1 < mean(close, 2, 3)", "mean() takes 2 arguments, not 3",
         f"write mean(x, n): {OVER_TIME['mean'].example}", 4),
        ("highest(20) > 1", "highest() takes 2 arguments, not 1", "write highest_20", 0),
        ("bars_since(close > 1, 3) > 1", "bars_since() takes 1 argument, not 2",
         f"write bars_since(c): {OVER_TIME['bars_since'].example}", 0),
        ("crossed_above(close) > 1", "crossed_above() takes 2 arguments, not 1",
         f"write crossed_above(a, b): {OVER_TIME['crossed_above'].example}", 0),
        ("lag(close, n=1) > 1", "lag() takes no keyword arguments here",
         "write the values alone: lag(...)", 0),
        ("lag(*(close, 1)) > 1", "lag() takes 2 arguments, not 1",
         f"write lag(x, n): {OVER_TIME['lag'].example}", 0),
        ("lag(5, close) > 1", bars("lag", "close"), written_out("lag"), 7),
        ("lag('a', 1) == 'a'",
         "lag() looks back at a number or a truth value, not a text, tuple or list",
         f"write for example {OVER_TIME['lag'].example}", 4),
        ("mean((close, open), 2) > 1",
         "mean() looks back at a number or a truth value, not a text, tuple or list",
         f"write for example {OVER_TIME['mean'].example}", 5),
        # What depends on the run.
        ("1 < lag(capital, 1)", of_the_run("capital", "lag"),
         "compare it outside of lag(): lag(...) > capital", 8),
        ("mean(lag(position_pnl_pct, 1), 2) > 1", of_the_run("position_pnl_pct", "lag"),
         "compare it outside of lag(): lag(...) > position_pnl_pct", 9),
        ("count(close > 1 and bars_held > 2, 5) > 1", of_the_run("bars_held", "count"),
         "ask for it outside of count(): count(...) and bars_held > 0", 20),
        ("bars_since(in_position) > 1", of_the_run("in_position", "bars_since"),
         "ask for it outside of bars_since(): bars_since(...) and in_position", 11),
        ("crossed_above(short_leg_delta, 0.3)", of_the_run("short_leg_delta", "crossed_above"),
         "ask for it outside of crossed_above(): crossed_above(...) and short_leg_delta > 0", 14),
        ("on('1w', lag(capital, 1)) > 1", of_the_run("capital", "lag"),
         "compare it outside of lag(): lag(...) > capital", 13),
        ("lag(on('1w', capital), 1) > 1", of_the_run("capital", "on"),
         "compare it outside of on(): on(...) > capital", 13),
        # What stands inside is read like anything else.
        ("lag(clse, 1) > 1", "unknown name 'clse'", "did you mean 'close'?", 4),
        ("lag(risk_pct, 1) > 1", "unknown name 'risk_pct'",
         "only position_sizing_formula knows it", 4),
        ("lag(close.real, 1) > 1", "attributes (a dot after a name) cannot stand in a condition",
         "write it with names, numbers, comparisons, and, or, not", 4),
        ("mean(1 / 0, 3) > 1", "this constant always fails: it divides by zero",
         "write what can hold, such as close > sma_50, or remove it", 5),
        ("on('1w', mean(on('1mo', close), 3)) > 1", "on() cannot stand inside on()",
         'name each interval by itself: on("1w", close > sma_10)', 14),
        # What was meant.
        ("lagg(close, 1) > 1", NOT_ALLOWED, "did you mean lag(x, n)?", 0),
        ("LAG(close, 1) > 1", NOT_ALLOWED, "write lag(...)", 0),
        ("crossover(close, open)", NOT_ALLOWED, "did you mean crossed_above(a, b)?", 0),
        ("cross_under(close, open)", NOT_ALLOWED, "did you mean crossed_below(a, b)?", 0),
        ("shift(close, 1) > 1", NOT_ALLOWED, "did you mean lag(x, n)?", 0),
        ("stdev(close, 9) > 1", NOT_ALLOWED, "did you mean std(x, n)?", 0),
        ("barssince(close > 1) > 1", NOT_ALLOWED, "did you mean bars_since(c)?", 0),
        ("sum(volume, 9) > 1", NOT_ALLOWED, "did you mean total(x, n)?", 0),
        ("sma(volume, 20) > 1", NOT_ALLOWED, "write mean(volume, 20)", 0),
        ("close.rolling(20).mean() > 1", NOT_ALLOWED, "write mean(x, n)", 0),
        ("close.shift(3) > 1", NOT_ALLOWED, "lag(close, 3) is its value 3 bars ago", 0),
        ("close.shift(1) > 1", NOT_ALLOWED, "prev_close is its value one bar ago", 0),
        ("close[5] > 1", SUBSCRIPT, "lag(close, 5) is its value 5 bars ago", 0),
        ("close[-2] > 1", SUBSCRIPT, "lag(close, 2) is its value 2 bars ago", 0),
        ("close > mean", "unknown name 'mean'", "mean is a function: write mean(...)", 8),
    ],
)  # fmt: skip
def test_what_is_refused(text, message, hint, column):
    assert refusals(text) == [(message, hint, column)]


def test_every_name_is_told_at_once():
    found = refusals("lag(clse, 1) > 1 and mean(capital, 2) > 1 and count(opn > 1, 2) > 1")
    assert [column for _, _, column in found] == [4, 26, 52]


def test_a_setting_of_a_formula_is_no_column_of_bars():
    message, hint, column = refusals("lag(risk_pct, 1) * capital", sizing=True)[0]
    assert message == of_the_run("risk_pct", "lag")
    assert (hint, column) == ("compare it outside of lag(): lag(...) > risk_pct", 4)
    assert refusals("risk_pct * capital / std(close, 20)", sizing=True) == []


def test_limits_hold_inside():
    deep = "lag(" * 49 + "close" + ", 1)" * 49
    assert [message for message, _, _ in refusals(f"{deep} > 1")] == [
        "the expression nests deeper than 50"
    ]
    assert refusals("lag(" * 20 + "close" + ", 1)" * 20 + " > 1") == []
    signs = "-" * 1_901
    [(message, _, column)] = refusals(f"lag(close, {signs}5) > 1")
    assert message.startswith(bars("lag", "---"))
    assert column == 11
