import pytest
from support.specs import rules, spread

from btkit.errors import SpecError
from btkit.spec import OptionsSpec, StrategySpec, load_spec

NUMBER = "write a name and a number, such as fast: 20"
CYRILLIC_NAME = "s\u0440\u200by"

REFUSED = [
    # changes, path, message, hint
    (
        {"entry_conditions": ["close > sma50"]},
        "entry_conditions[0]",
        "unknown name 'sma50'",
        "did you mean 'sma_50'?",
    ),
    (
        {"entry_conditions": []},
        "entry_conditions",
        "is empty",
        'list at least one condition, such as "close > sma_50"',
    ),
    (
        {"entry_conditions": "close > sma_50"},
        "entry_conditions",
        "must be a list, not the text 'close > sma_50'",
        'write a list of one: ["close > sma_50"]',
    ),
    (
        {"exit_conditions": ["rsi_14 > 70", 3]},
        "exit_conditions[1]",
        "must be a text, not the number 3",
        'put it in quotes: "3"',
    ),
    (
        {"exit_conditions": [{"close > sma_50": None}]},
        "exit_conditions[0]",
        "must be a text, not a mapping",
        "put the whole text in quotes",
    ),
    (
        {"stop_conditions": [None]},
        "stop_conditions[0]",
        "must be a text, not null",
        "remove it",
    ),
    ({"stop_conditions": [""]}, "stop_conditions[0]", "is empty", "remove it"),
    (
        {"stop_conditions": None},
        "stop_conditions",
        "must be a list, not null",
        "write [] if there are none",
    ),
    (
        {"filter_conditions": ["vix < 35"] * 201},
        "filter_conditions",
        "has more than 200 entries",
        "shorten it",
    ),
    (
        {"entry_condition": ["close > 1"]},
        "entry_condition",
        "unknown field 'entry_condition'",
        "did you mean 'entry_conditions'?",
    ),
    (
        {"max-holding-bars": 3},
        "max-holding-bars",
        "unknown field 'max-holding-bars'",
        "did you mean 'max_holding_bars'?",
    ),
    (
        {"entry": ["close > 1"]},
        "entry",
        "unknown field 'entry'",
        "did you mean 'entry_order' or 'entry_conditions'?",
    ),
    (
        {"position_size": 100},
        "position_size",
        "unknown field 'position_size'",
        "did you mean 'position_sizing_formula'?",
    ),
    (
        {"colour": "red"},
        "colour",
        "unknown field 'colour'",
        "'backtest schema' prints every field",
    ),
    (
        {"stop_loss_pct": 2.0},
        "stop_loss_pct",
        "unknown field 'stop_loss_pct'",
        "leave it out, and write stop_loss: 0.05, a fraction of the entry fill",
    ),
    (
        {"per_trade_risk_pct": 0.05},
        "per_trade_risk_pct",
        "must be at most 0.02, not 0.05",
        "0.01 risks 1 % of the capital per trade; 0.02 is the hard cap",
    ),
    (
        {"per_trade_risk_pct": 0},
        "per_trade_risk_pct",
        "must be above 0, not 0",
        "0.01 risks 1 % of the capital per trade; 0.02 is the hard cap",
    ),
    (
        {"per_trade_risk_pct": float("nan")},
        "per_trade_risk_pct",
        "must be a finite number, not the number nan",
        "leave the field out for 0.01",
    ),
    (
        {"per_trade_risk_pct": True},
        "per_trade_risk_pct",
        "must be a number, not true",
        "leave the field out for 0.01",
    ),
    (
        {"per_trade_risk_pct": "0.01"},
        "per_trade_risk_pct",
        "must be a number, not the text '0.01'",
        "write it without quotes: 0.01",
    ),
    (
        {"max_holding_bars": 0},
        "max_holding_bars",
        "must be at least 1, not 0",
        "leave the field out for BT_MAX_HOLDING_BARS, or 10 where that is not set",
    ),
    (
        {"max_holding_bars": 10.5},
        "max_holding_bars",
        "must be a whole number, not the number 10.5",
        "leave the field out for BT_MAX_HOLDING_BARS, or 10 where that is not set",
    ),
    (
        {"entry_conditions": None},
        "entry_conditions",
        "must be a list, not null",
        'list at least one condition, such as "close > sma_50"',
    ),
    (
        {"max_holding_bars": 10**400},
        "max_holding_bars",
        "must be at most 2,147,483,647, not a number of more than 60 digits",
        "leave the field out for BT_MAX_HOLDING_BARS, or 10 where that is not set",
    ),
    (
        {"max_concurrent_positions": False},
        "max_concurrent_positions",
        "must be a whole number, not false",
        "leave the field out for 1",
    ),
    (
        {"bars_per_year": 10**400},
        "bars_per_year",
        "is too large a number: a number of more than 60 digits",
        "leave the field out for its default",
    ),
    (
        {"bars_per_year": -1},
        "bars_per_year",
        "must be above 0, not -1",
        "leave the field out for its default",
    ),
    (
        {"name": CYRILLIC_NAME},
        "name",
        "'s\\u0440\\u200by' may hold only printable characters, and not spaces alone",
        "it holds the character U+200B",
    ),
    (
        {"name": "   "},
        "name",
        "'   ' may hold only printable characters, and not spaces alone",
        'write for example name: "my_strategy"',
    ),
    (
        {"name": "safe \u202e efas"},
        "name",
        "'safe \\u202e efas' may hold only printable characters, and not spaces alone",
        "it holds the character U+202E",
    ),
    (
        {"name": "line\n"},
        "name",
        "'line\\n' may hold only printable characters, and not spaces alone",
        "it holds the character U+000A",
    ),
    ({"name": "a" * 101}, "name", "has more than 100 characters", "shorten it"),
    (
        {"name": "\ud800"},
        "name",
        "holds half of a surrogate pair, which is no character",
        'write for example name: "my_strategy"',
    ),
    (
        {"name": None},
        "name",
        "must be a text, not null",
        'write for example name: "my_strategy"',
    ),
    (
        {"version": ["1.0"]},
        "version",
        "must be a text, not a list",
        'leave the field out for "1.0"',
    ),
    (
        {"version": "<b>"},
        "version",
        "'<b>' may hold only ASCII letters, digits, space and _ . + -",
        'leave the field out for "1.0"',
    ),
    (
        {"description": "safe \u202e efas"},
        "description",
        "'safe \\u202e efas' may not hold control characters or characters that reorder text",
        "it holds the character U+202E",
    ),
    (
        {"instruments": ["SPY", " "]},
        "instruments[1]",
        "' ' must be a ticker symbol in ASCII characters, without a space at either end",
        "write a ticker such as SPY",
    ),
    (
        {"asset_class": "equity"},
        "asset_class",
        (
            "must be one of 'equities', 'options', 'equity_options', 'futures', 'multi-leg', "
            "not the text 'equity'"
        ),
        "did you mean 'equities'?",
    ),
    (
        {"commission_model": "per_lot"},
        "commission_model",
        "must be one of 'per_order', 'per_share', 'rate', 'per_contract', not the text 'per_lot'",
        "leave the field out for its default",
    ),
    (
        {"direction": -1},
        "direction",
        "must be one of 'long', 'short', 'both', not the number -1",
        'leave the field out for "long"',
    ),
    (
        {"allow_fractional": "True"},
        "allow_fractional",
        "must be true or false, not the text 'True'",
        "write it without quotes: true",
    ),
    (
        {"allow_fractional": 1},
        "allow_fractional",
        "must be true or false, not the number 1",
        "leave the field out for false",
    ),
    (
        {"calendar": "XNYZ"},
        "calendar",
        "unknown exchange calendar 'XNYZ'",
        "XNYS is the New York Stock Exchange's",
    ),
    (
        {"calendar": "../XNYS"},
        "calendar",
        "'../XNYS' must be the name of an exchange calendar",
        'leave the field out for "XNYS"',
    ),
    (
        {"position_sizing_formula": "risk_pct * capitol"},
        "position_sizing_formula",
        "unknown name 'capitol'",
        "did you mean 'capital'?",
    ),
    (
        {"parameters": [20]},
        "parameters",
        "must be a mapping, not a list",
        "leave the field out for its default",
    ),
    (
        {"parameters": {"fast": 20}},
        "parameters.fast",
        "parameter 'fast' is used nowhere",
        "write {fast} in a condition or formula, or remove it",
    ),
    (
        {"exit_conditions": ["sma_{fst} > 1"], "parameters": {}},
        "exit_conditions[0]",
        "unknown parameter 'fst'",
        "give 'fst' a number under parameters",
    ),
    (
        {"exit_conditions": ["sma_{x} > 1"], "parameters": {"x": "20"}},
        "parameters.x",
        "must be a number, not the text '20'",
        "write it without quotes: 20",
    ),
    (
        {"exit_conditions": ["close > {x}"], "parameters": {"x": True}},
        "parameters.x",
        "must be a number, not true",
        NUMBER,
    ),
    (
        {"exit_conditions": ["close > {x}"], "parameters": {"x": 2**53 + 1}},
        "parameters.x",
        (
            "must be between -9,007,199,254,740,992 and 9,007,199,254,740,992, "
            "not the number 9007199254740993"
        ),
        NUMBER,
    ),
    (
        {"exit_conditions": ["close > {x}"], "parameters": {"x": float("inf")}},
        "parameters.x",
        "must be a finite number, not the number inf",
        NUMBER,
    ),
    (
        {"parameters": {"a b": 1}},
        "parameters.a b",
        "'a b' is no parameter name: letters, digits and _, not starting with a digit",
        NUMBER,
    ),
    (
        {"parameters": {1: 1}},
        "parameters",
        "a parameter's name must be a text, not the number 1",
        NUMBER,
    ),
    (
        {7: 1},
        "spec",
        "a field's name must be a text, not the number 7",
        "write each field by its name, such as name: my_strategy",
    ),
]

REFUSED_SPREADS = [
    (
        {"spread_type": "butterfly"},
        "spread_type",
        (
            "must be one of 'short_put_spread', 'short_call_spread', 'iron_condor', "
            "not the text 'butterfly'"
        ),
        'leave the field out for "short_put_spread"',
    ),
    (
        {"long_delta": 0.3},
        "long_delta",
        "must be below short_delta, which is 0.3, not 0.3",
        "the leg bought lies further out of the money than the leg sold",
    ),
    (
        {"short_delta": 0.1},
        "long_delta",
        "must be below short_delta, which is 0.1, not 0.15",
        "the leg bought lies further out of the money than the leg sold",
    ),
    (
        {"short_delta": 30},
        "short_delta",
        "must be below 1, not 30",
        "write an absolute delta: 0.30 is 30 delta",
    ),
    (
        {"long_delta": 0},
        "long_delta",
        "must be above 0, not 0",
        "write an absolute delta: 0.15 is 15 delta",
    ),
    ({"target_dte": 0}, "target_dte", "must be at least 1, not 0", "leave the field out for 21"),
    (
        {"profit_target_pct": 50},
        "profit_target_pct",
        "must be at most 1, not 50",
        "write a fraction of the credit: 0.5 is half of it",
    ),
    (
        {"stop_loss_pct": 0},
        "stop_loss_pct",
        "must be above 0, not 0",
        "leave the field out for 2.0",
    ),
    (
        {"risk_free_rate": 5},
        "risk_free_rate",
        "must be at most 1, not 5",
        "write a fraction: 0.05 is 5 %",
    ),
    (
        {"expiry": "daily"},
        "expiry",
        "must be one of 'weekly', 'monthly', not the text 'daily'",
        "leave the field out for its default",
    ),
    (
        {"strike_step": 0},
        "strike_step",
        "must be above 0, not 0",
        "leave the field out for its default",
    ),
    (
        {"iv_source": "VIX"},
        "iv_source",
        "must be one of 'iv_atm', 'vix', not the text 'VIX'",
        "did you mean 'vix'?",
    ),
    (
        {"iv_scale": 0},
        "iv_scale",
        "must be above 0, not 0",
        "write a factor: 0.85 takes 15 % off the volatility",
    ),
    (
        {"per_trade_risk_pct": 0.03},
        "per_trade_risk_pct",
        "must be at most 0.02, not 0.03",
        "0.01 risks 1 % of the capital per trade; 0.02 is the hard cap",
    ),
    (
        {"position_sizing_formula": "1"},
        "position_sizing_formula",
        "unknown field 'position_sizing_formula'",
        "leave it out: contracts follow from per_trade_risk_pct",
    ),
    (
        {"direction": "short"},
        "direction",
        "unknown field 'direction'",
        "leave it out: the spread_type says which way it leans",
    ),
]


def only_problem(source):
    with pytest.raises(SpecError) as caught:
        load_spec(source)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(("changes", "path", "message", "hint"), REFUSED)
def test_a_wrong_rule_spec_says_where_what_and_what_instead(changes, path, message, hint):
    problem = only_problem(rules(**changes) if 7 not in changes else rules() | changes)
    assert (problem.path, problem.message, problem.hint) == (path, message, hint)


@pytest.mark.parametrize(("changes", "path", "message", "hint"), REFUSED_SPREADS)
def test_a_wrong_option_spec_says_where_what_and_what_instead(changes, path, message, hint):
    problem = only_problem(spread(**changes))
    assert (problem.path, problem.message, problem.hint) == (path, message, hint)


def test_an_unknown_name_reads_as_one_sentence():
    problem = only_problem(rules(entry_conditions=["close > sma50"]))
    assert (
        f"{problem.message} in {problem.path}; {problem.hint}"
        == "unknown name 'sma50' in entry_conditions[0]; did you mean 'sma_50'?"
    )
    assert problem.column == len("close > ")


def test_missing_fields_are_named_with_what_to_write():
    with pytest.raises(SpecError) as caught:
        load_spec({})
    assert [(found.path, found.message) for found in caught.value.problems] == [
        ("name", "this field is missing"),
        ("entry_conditions", "this field is missing"),
        ("exit_conditions", "this field is missing"),
        ("stop_conditions", "this field is missing"),
    ]
    assert caught.value.problems[2].hint == "write [] if there are none"


def test_every_problem_comes_at_once_in_the_order_of_the_fields():
    source = rules(
        entry_conditions=["close > sma50", 3, "rsi_14 >", "().__class__"],
        fil="close",
        max_holding_bars=0,
        per_trade_risk_pct=0.5,
        parameters={"unused": 1},
    )
    with pytest.raises(SpecError) as caught:
        load_spec(source)
    assert [found.path for found in caught.value.problems] == [
        "fil",
        "entry_conditions[0]",
        "entry_conditions[1]",
        "entry_conditions[2]",
        "entry_conditions[3]",
        "max_holding_bars",
        "per_trade_risk_pct",
        "parameters.unused",
    ]
    assert len(caught.value.details["problems"]) == 8


def test_building_a_spec_in_python_checks_it_just_as_well():
    with pytest.raises(SpecError, match="unknown name 'sma50'"):
        StrategySpec(**rules(entry_conditions=["close > sma50"]))
    with pytest.raises(SpecError, match="must be below short_delta"):
        OptionsSpec(**spread(long_delta=0.9))


@pytest.mark.parametrize(
    ("text", "parameters", "column"),
    [
        ("close > sma50", {}, 8),
        ("{threshold} < sma50", {"threshold": 1}, 14),
        ("close > sma_{n} and sma50", {"n": 100}, 20),
        ("close > sma_{n}", {"n": 1}, 8),
        ("close > {x} ** sma50", {"x": -12.5}, 15),
    ],
)
def test_columns_count_in_the_text_as_written(text, parameters, column):
    problem = only_problem(rules(entry_conditions=[text], parameters=parameters))
    assert problem.column == column
