import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from support.specs import rules, spread

from btkit.errors import SpecError
from btkit.spec import OptionsSpec, StrategySpec, dump_spec, load_spec, spec_hash, spec_schema

AWKWARD = ["1e5", "0o17", "on", "null", "1.0", "2020-01-01", "-", "0x1F", "9" * 49, "1.", ".5"]


@pytest.mark.parametrize("form", ["json", "yaml"])
@pytest.mark.parametrize("version", [text for text in AWKWARD if text != ".5"])
def test_awkward_texts_stay_texts(form, version):
    spec = load_spec(rules(version=version, instruments=[version[:40]], description=version))
    assert load_spec(dump_spec(spec, format=form)) == spec


PRINTABLE = st.text(
    alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp"])
)


@given(
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 _.&-]{0,40}", fullmatch=True),
    description=st.one_of(PRINTABLE, st.lists(PRINTABLE).map("\n".join), st.sampled_from(AWKWARD)),
    number=st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False),
    risk=st.floats(min_value=0, max_value=0.02, exclude_min=True),
)
@settings(max_examples=150, deadline=None)
def test_a_dumped_spec_loads_as_the_same_spec(name, description, number, risk):
    spec = load_spec(
        rules(
            name=name,
            description=description,
            exit_conditions=["close > {x}"],
            parameters={"x": number},
            per_trade_risk_pct=risk,
        )
    )
    for form in ("json", "yaml"):
        again = load_spec(dump_spec(spec, format=form))
        assert again == spec
        assert type(again.parameters["x"]) is type(number)
        assert spec_hash(again) == spec_hash(spec)


def test_option_specs_round_trip_and_survive_pickling():
    spec = load_spec(spread(strike_step=5, expiry="weekly", skew=0.1, dividend_yield=0.015))
    for form in ("json", "yaml"):
        assert load_spec(dump_spec(spec, format=form)) == spec
    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301 - our own bytes
    assert OptionsSpec.model_validate_json(dump_spec(spec)) == spec


def test_the_hash_does_not_see_order_format_or_written_out_defaults():
    spec = load_spec(rules())
    assert spec_hash(spec) == spec_hash(load_spec(dict(reversed(rules().items()))))
    assert spec_hash(spec) == spec_hash(load_spec(dump_spec(spec, format="yaml")))
    assert spec_hash(spec) == spec_hash(load_spec(rules(commission_model="per_order")))
    assert spec_hash(spec) == spec_hash(load_spec(rules(max_holding_bars=10)))
    assert spec_hash(load_spec(rules(bars_per_year=252))) == spec_hash(
        load_spec(rules(bars_per_year=252.0))
    )


def test_the_hash_is_the_same_on_every_machine_and_day():
    assert (
        spec_hash(load_spec(rules()))
        == "6028c61def5dd97da7e76ed84926311fa2da44f6188a564b3985c6411dfd2d46"
    )
    assert (
        spec_hash(load_spec(spread()))
        == "18ff46a1d5468f0520048059506685124f339707340188c52ea2d328f2d7cedd"
    )
    assert spec_hash(load_spec(spread())) != spec_hash(load_spec(spread(iv_scale=0.85)))
    assert spec_hash(load_spec(spread())) != spec_hash(load_spec(spread(iv_source="vix")))
    assert spec_hash(load_spec(spread())) == spec_hash(load_spec(spread(iv_scale=1)))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"version": "1.1"},
        {"entry_conditions": ["close > sma_51"]},
        {"exit_conditions": ["close > sma_50"], "entry_conditions": ["close > sma_50"]},
        {"max_holding_bars": 11},
        {"direction": "short"},
        {"fill": "close"},
        {"commission_model": "rate"},
    ],
)
def test_the_hash_sees_every_change(changes):
    assert spec_hash(load_spec(rules(**changes))) != spec_hash(load_spec(rules()))


def test_the_schema_is_valid_and_says_what_each_field_is():
    schema = spec_schema()
    Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema
    for kind in (StrategySpec, OptionsSpec):
        properties = schema["$defs"][kind.__name__]["properties"]
        assert list(properties) == list(kind.model_fields)
        assert all(entry["description"] for entry in properties.values())
        required = schema["$defs"][kind.__name__]["required"]
        assert all(("default" in entry) != (name in required) for name, entry in properties.items())


@pytest.mark.parametrize(
    "source",
    [
        rules(per_trade_risk_pct=0.05),
        rules(entry_conditions=[]),
        rules(name="a\nb"),
        rules(name=" "),
        rules(extra=1),
        rules(parameters={"a b": 1}),
        rules(parameters={"n": "1"}),
        rules(max_holding_bars=0),
        rules(version=True),
        rules(metadata=[1]),
        rules(entry_conditions=None),
        rules(colour=None),
        rules(max_holding_bars=10.5),
        rules(fill="open"),
        rules(target_dte=3, direction="short"),
        rules(stop_loss_pct=2.0),
        spread(short_delta=1),
        spread(direction="long"),
        spread(spread_type="other"),
        {"name": "tiny"},
    ],
)
def test_schema_and_loader_refuse_the_same_documents(source):
    assert not Draft202012Validator(spec_schema()).is_valid(source)
    with pytest.raises(SpecError):
        load_spec(source)


@pytest.mark.parametrize(
    "source",
    [
        rules(),
        spread(),
        spread(spread_type=None, short_delta=0.2),
        rules(commission_model=None, fill=None, max_holding_bars=None),
        rules(parameters={"n": 20}, exit_conditions=["close > sma_{n}"]),
        rules(name="Ünï <b>/../x</b> 日本", version=1.5, max_holding_bars=10.0),
        rules(metadata={"author": "me", "tags": [1, None, {"deep": True}]}),
    ],
)
def test_schema_and_loader_accept_the_same_documents(source):
    Draft202012Validator(spec_schema()).validate(source)
    Draft202012Validator(spec_schema()).validate(json.loads(dump_spec(load_spec(source))))
