import json
import os
from pathlib import Path

import pytest
from support.specs import rules, spread

from btkit.errors import SpecError, UsageError
from btkit.settings import Settings
from btkit.spec import OptionsSpec, StrategySpec, load_spec

YAML = """\
name: tiny
version: "1.0"
entry_conditions:
  - close > sma_50
  - not in_position
exit_conditions: []
stop_conditions: []
"""


def test_path_text_and_mapping_give_the_same_spec(tmp_path):
    as_yaml = tmp_path / "spec.yaml"
    as_yaml.write_text(YAML, encoding="utf-8")
    source = rules(entry_conditions=["close > sma_50", "not in_position"])
    as_json = tmp_path / "spec.json"
    as_json.write_text(json.dumps(source), encoding="utf-8-sig")
    unnamed = tmp_path / "spec"
    unnamed.write_text(json.dumps(source), encoding="utf-8")
    expected = load_spec(source)
    sources = [as_yaml, str(as_yaml), YAML, as_json, unnamed, json.dumps(source), expected]
    assert [load_spec(one) for one in sources] == [expected] * len(sources)


def test_a_spread_type_makes_it_an_option_spec():
    assert isinstance(load_spec(rules()), StrategySpec)
    assert isinstance(load_spec(spread()), OptionsSpec)
    without = spread()
    del without["spread_type"]
    assert load_spec(without, kind="options").spread_type == "short_put_spread"


def test_defaults_are_the_documented_ones():
    spec = load_spec(rules())
    assert spec.model_dump(exclude={"name", "entry_conditions"}) == {
        "version": "1.0",
        "description": "",
        "instruments": (),
        "timeframe": "swing",
        "filter_conditions": (),
        "filter_scope": "entries",
        "max_holding_bars": 10,
        "max_concurrent_positions": 1,
        "per_trade_risk_pct": 0.01,
        "parameters": {},
        "fill": "next_open",
        "price_adjustment": "none",
        "calendar": "XNYS",
        "calendars": {},
        "bars_per_year": None,
        "sharpe_risk_free": None,
        "cash_rate": None,
        "columns": (),
        "classifiers": {},
        "metadata": {},
        "asset_class": "equities",
        "exit_conditions": (),
        "stop_conditions": (),
        "scale_out": (),
        "position_sizing_formula": "risk_pct * capital / atr_14",
        "requires_options_data": False,
        "allow_fractional": False,
        "direction": "long",
        "short": None,
        "commission_model": None,
        "stop_loss": None,
        "take_profit": None,
        "trailing_stop": None,
        "entry_order": None,
        "intrabar": "pessimistic",
        "limit_touch": False,
        "detail": None,
        "multiplier": None,
        "initial_margin": None,
        "borrow_rate": None,
        "dividends": "none",
    }


def test_option_defaults_are_the_documented_ones():
    spec = load_spec(spread())
    assert (spec.target_dte, spec.short_delta, spec.long_delta) == (21, 0.30, 0.15)
    assert (spec.profit_target_pct, spec.stop_loss_pct, spec.risk_free_rate) == (0.5, 2.0, 0.05)
    assert (spec.strike_step, spec.expiry, spec.skew, spec.dividend_yield) == (None, None, 0, 0)
    assert spec.commission_kind == "per_contract"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "per_order"),
        ({"asset_class": "futures"}, "per_contract"),
        ({"asset_class": "options"}, "per_contract"),
        ({"asset_class": "equity_options"}, "per_contract"),
        ({"asset_class": "multi-leg"}, "per_contract"),
        ({"commission_model": "rate"}, "rate"),
        ({"commission_model": None}, "per_order"),
        ({"asset_class": "futures", "commission_model": "per_order"}, "per_order"),
    ],
)
def test_commission_model_follows_the_asset_class(changes, expected):
    assert load_spec(rules(**changes)).commission_kind == expected


def test_max_holding_bars_left_out_comes_from_the_settings(monkeypatch):
    assert load_spec(rules()).max_holding_bars == 10
    assert load_spec(rules(), settings=Settings(max_holding_bars=33)).max_holding_bars == 33
    assert load_spec(spread(), settings=Settings(max_holding_bars=33)).max_holding_bars == 33
    monkeypatch.setenv("BT_MAX_HOLDING_BARS", "7")
    assert load_spec(rules()).max_holding_bars == 7
    assert load_spec(rules(max_holding_bars=5)).max_holding_bars == 5
    monkeypatch.setenv("BT_MAX_HOLDING_BARS", "never")
    with pytest.raises(UsageError, match="BT_MAX_HOLDING_BARS"):
        load_spec(rules())


def test_whole_numbers_serve_where_fractions_are_wanted():
    spec = load_spec(rules(bars_per_year=252))
    assert isinstance(spec.bars_per_year, float)


def test_a_spec_cannot_be_changed_in_place_only_replaced():
    spec = load_spec(rules(parameters={"n": 20}, exit_conditions=["close < sma_{n}"]))
    with pytest.raises(ValueError, match="frozen"):
        spec.name = "other"
    assert isinstance(spec.entry_conditions, tuple)
    changed = spec.replace(parameters={"n": 30})
    assert changed.filled_conditions["exit_conditions"] == ["close < sma_30"]
    assert spec.filled_conditions["exit_conditions"] == ["close < sma_20"]
    with pytest.raises(SpecError, match="parameter 'm' is used nowhere"):
        spec.replace(parameters={"n": 30, "m": 1})


def test_parameters_fill_conditions_and_the_formula():
    spec = load_spec(
        rules(
            entry_conditions=["sma_{fast} > sma_{slow}"],
            stop_conditions=["position_pnl_pct < {loss}"],
            position_sizing_formula="{share} * capital / close",
            parameters={"fast": 20, "slow": 50.0, "loss": -0.05, "share": 0.5},
        )
    )
    assert spec.filled_conditions == {
        "entry_conditions": ["sma_20 > sma_50"],
        "exit_conditions": [],
        "stop_conditions": ["position_pnl_pct < (-0.05)"],
        "filter_conditions": [],
    }
    assert spec.filled_sizing == "0.5 * capital / close"
    assert isinstance(spec.parameters["fast"], int)
    assert isinstance(spec.parameters["slow"], float)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "absent.json", "there is no file"),
        (lambda folder: str(folder / "absent.json"), "neither a file that exists nor the text"),
        (lambda folder: folder, "is a folder"),
        (str, "is a folder"),
        (lambda _: "", "neither a file that exists nor the text"),
        (lambda _: "just words", "neither a file that exists nor the text"),
        (lambda _: "a: [", "neither a file that exists nor the text"),
        (lambda _: "x" * 5_000, "neither a file that exists nor the text"),
        (lambda _: Path("x" * 5_000), "cannot be read: File name too long"),
        (lambda _: Path("nul\0"), r"cannot be read|there is no file"),
        (lambda _: b"name: tiny", "not a value of type bytes"),
        (lambda _: None, "not null"),
        (lambda _: ["name"], "not a list"),
    ],
)
def test_nothing_to_read_is_a_usage_error(make, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        load_spec(make(tmp_path))


def test_a_pipe_is_not_waited_for(tmp_path):
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="no regular file"):
        load_spec(pipe)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "no UTF-8 text: byte 0"),
        (YAML.encode("utf-16"), "no UTF-8 text: byte 0"),
        (b"name: tiny\0", "binary, not text"),
        (b"", "the text is empty"),
        (b" " * 1_000_001, "larger than 1,000,000 bytes"),
        (b"- close > sma_50", "a mapping of fields, not a list"),
        (b"42", "a mapping of fields, not the number 42"),
    ],
)
def test_a_file_that_holds_no_spec_is_refused_by_its_name(content, message, tmp_path):
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=message) as caught:
        load_spec(path)
    assert caught.value.message.startswith(f"{path} was refused")


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("name: tiny\nentry_conditions:\n\t- close > 1\n", "indent with spaces, not with tabs"),
        ('entry_conditions: ["close > 1"\nexit_conditions: []\n', "close every bracket"),
        ("name: a: b\n", "into quotes"),
        ("\n", "the entry, exit and stop conditions"),
    ],
)
def test_a_slip_of_yaml_gets_a_hint(content, hint):
    with pytest.raises(SpecError) as caught:
        load_spec(content)
    assert hint in caught.value.hint


def test_a_json_file_is_json_and_a_text_in_braces_may_be_yaml(tmp_path):
    flow = '{name: tiny, entry_conditions: ["close > 1"], exit_conditions: [], stop_conditions: []}'
    assert load_spec(flow).name == "tiny"
    path = tmp_path / "spec.json"
    path.write_text(flow, encoding="utf-8")
    with pytest.raises(SpecError, match=r"this is no JSON: .* line 1 column 2"):
        load_spec(path)
