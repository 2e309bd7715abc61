import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.specs import rules, spread

from btkit.errors import SpecError, UsageError
from btkit.spec import load_spec
from btkit.spec.reading import MAX_NESTING, parse_text

LAUGHS = "a: &a [x, x]\n" + "\n".join(f"{b}: &{b} [*{a}, *{a}]" for a, b in ["ab", "bc", "cd"])

REFUSED = [
    ("[" * 100_000, "nested more than 20 deep"),
    ("{" * 100_000, "nested more than 20 deep"),
    ('{"a":' * 100_000, "nested more than 20 deep"),
    ("x: " + "[" * 900_000, "nested more than 20 deep"),
    ("a:\n" + "".join(" " * n + "- \n" for n in range(1, 60)), "nested more than 20 deep"),
    (LAUGHS, "YAML anchors are not read, line 1"),
    ("a: 1\nb: *a", "YAML aliases are not read, line 2"),
    ("x: !!python/object/apply:os.system [ls]\n", "YAML tags such as 'tag:yaml.org,2002:python"),
    ("x: !!str 1\n", "YAML tags such as"),
    ("x: !secret 1\n", "YAML tags such as '!secret'"),
    ("a: 1\na: 2\n", "the key 'a' stands twice, line 2"),
    ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
    ('{"a": {"b": 1, "b": 2}}', "the key 'b' stands twice"),
    ("a: 1\n---\nb: 2\n", "several YAML documents"),
    ("? [a]\n: 1\n", "a key must be a text"),
    ("1: a\n", "a key must be a text, line 1"),
    ('{"a": NaN}', "NaN is no number"),
    ('{"a": -Infinity}', "-Infinity is no number"),
    ('{"a": ' + "9" * 5_000 + "}", "more than 400 digits"),
    ("a: " + "9" * 5_000 + "\n", "more than 400 digits"),
    ("a: 0x" + "f" * 5_000 + "\n", "more than 400 digits"),
    ("a: b: c\n", "this is no YAML: mapping values are not allowed"),
    ("a: 'b\n", "this is no YAML"),
    ("a: \x07\n", "this is no YAML"),
    ('{"a": \n', "this is no JSON"),
    ("\ud800\n", "half of a surrogate pair"),
    ("a: b\n" * 300_000, "longer than 1,000,000 bytes"),
    ("- 1\n" * 100_000, "more than 20,000 values"),
    ("".join(f"k{n}: 1\n" for n in range(9_000)), "has 9,000 fields"),
    ("{" + '"\\"' * 200_000, "this is no JSON"),
    ("x: " + "a" * 990_000 + "\n", "unknown field 'x'"),
    ("entry_conditions: [" + "'1', " * 9_000 + "]\n", "has more than 200 entries|missing"),
    ("a: 1e999\nname: x\n", "unknown field 'a'"),
]

HOSTILE_EXPRESSIONS = [
    "9**9**9**9",
    "().__class__.__bases__[0].__subclasses__()",
    "__import__('os').system('true')",
    "open('x')",
    "(" * 5_000,
    "not " * 450 + "in_position",
    "-" * 1_900 + "1 > 0",
    "1 if " * 300 + "1",
    "cl\u043ese > 1",
    "\uff43lose >> 1",
    "close > 1\0",
    "close > \ud800",
    "'x' * 10**9 == 'y'",
    "close > " + "9" * 1_900,
    "f'{close}'",
    "{",
    "{}",
    "{close.__class__}",
    "[x for x in (1, 2)]",
    "lambda: 1",
    "   ",
]


def problems_of(source):
    """Every problem, by way of the error document that the command prints."""
    try:
        load_spec(source)
    except SpecError as error:
        return json.loads(json.dumps(error.to_document(), allow_nan=False).encode())["error"][
            "details"
        ]["problems"]
    return []


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=range(len(REFUSED)))
def test_hostile_text_is_refused_with_the_reason(text, message, tmp_path):
    with pytest.raises(SpecError, match=message) as caught:
        load_spec(text if "\n" in text or text[0] in "[{" else text + "\n")
    json.dumps(caught.value.to_document()).encode()


@pytest.mark.parametrize("text", HOSTILE_EXPRESSIONS, ids=range(len(HOSTILE_EXPRESSIONS)))
@pytest.mark.parametrize("field", ["entry_conditions", "position_sizing_formula"])
def test_hostile_expressions_are_refused_where_they_stand(field, text):
    is_list = field == "entry_conditions"
    with pytest.raises(SpecError) as caught:
        load_spec(rules(**{field: [text] if is_list else text}))
    path = f"{field}[0]" if is_list else field
    assert {problem.path for problem in caught.value.problems} == {path}
    json.dumps(caught.value.to_document()).encode()


def test_expressions_have_a_limit_together():
    long = " and ".join(["close > sma50"] * 100)
    with pytest.raises(SpecError) as caught:
        load_spec(rules(entry_conditions=[long] * 200))
    (problem,) = caught.value.problems
    assert problem.path == "spec"
    assert problem.message == (
        "conditions and formulas hold 359,000 characters together; at most 40,000 are read"
    )


def test_a_look_alike_is_no_second_name_for_a_field():
    with pytest.raises(SpecError) as caught:
        load_spec(rules() | {"n\u0430me": "x"})
    assert caught.value.problems[0].message == "unknown field 'n\\u0430me'"


def test_nesting_up_to_the_limit_is_read():
    text = "[" * MAX_NESTING + "]" * MAX_NESTING
    assert parse_text(text, form="json") == parse_text(text, form="yaml")


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("no", "no"),
        ("NO", "NO"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("2020-01-02", "2020-01-02"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("+.inf", math.inf),
        ("'1'", "1"),
        ('"true"', "true"),
        ("<<", "<<"),
        ("=", "="),
    ],
)
def test_yaml_scalars_follow_the_core_schema_of_yaml_1_2(scalar, value):
    (found,) = parse_text(f"x: {scalar}\n").values()
    assert found == value
    assert type(found) is type(value)


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
ANYTHING = JSONISH | st.binary(max_size=8) | st.characters(categories=["Cs"])
FIELDS = sorted({*rules(), *spread(), "parameters", "version", "long_delta", "calendar", "skew"})


@given(st.text(max_size=200) | st.text(alphabet="{}[]:-,&*!|>'\"#%@`? \n\tab1.", max_size=60))
@settings(max_examples=300, deadline=None)
def test_garbage_text_never_raises_anything_else(text):
    with pytest.raises((SpecError, UsageError)) as caught:
        load_spec(text)
    json.dumps(caught.value.to_document()).encode()


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=12), ANYTHING, max_size=6))
@settings(max_examples=300, deadline=None)
def test_garbage_values_never_raise_anything_else(changes):
    for base in (rules(), spread()):
        for problem in problems_of({**base, **changes}):
            assert problem["path"]
            assert problem["message"]


@given(st.text(max_size=40) | st.text(alphabet="{}()<>=+-*/% clos1.,'not", max_size=40))
@settings(max_examples=300, deadline=None)
def test_garbage_conditions_never_raise_anything_else(text):
    for problem in problems_of(rules(entry_conditions=[text], position_sizing_formula=text)):
        assert problem["path"] in {"entry_conditions[0]", "position_sizing_formula"}
