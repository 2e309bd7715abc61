import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from btkit.spec import OptionsSpec, StrategySpec, dump_spec, load_spec, spec_schema
from btkit.spec.reading import parse_text

FOLDER = Path(__file__).parents[3] / "strategies"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
# The two examples of the spec format's documentation have no more to say than it prints.
DOCUMENTED = {"spy_momentum_v1.json", "vrp_short_put_spread.json"}


def test_there_are_enough_of_both_formats():
    assert len(FILES) >= 12
    assert {path.suffix for path in FILES} == {".json", ".yaml"}
    assert {path.name for path in FILES} >= DOCUMENTED


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_bundled_spec_loads_and_round_trips(path):
    spec = load_spec(path)
    assert spec.name == path.stem
    Draft202012Validator(spec_schema()).validate(parse_text(path.read_text(encoding="utf-8")))
    for form in ("json", "yaml"):
        assert load_spec(dump_spec(spec, format=form)) == spec
    if path.name not in DOCUMENTED:
        assert len(spec.description) > 200


def test_the_documented_examples_load_as_printed():
    momentum = load_spec(FOLDER / "spy_momentum_v1.json")
    assert isinstance(momentum, StrategySpec)
    assert momentum.entry_conditions == (
        "close > sma_50",
        "rsi_14 > 50",
        "macd_hist > 0",
        "not in_position",
    )
    assert momentum.stop_conditions == ("close < sma_200",)
    assert momentum.filter_conditions == ("vix < 35", "not fomc_meeting_day")
    assert (momentum.max_holding_bars, momentum.instruments) == (10, ("SPY", "SPX"))
    vrp = load_spec(FOLDER / "vrp_short_put_spread.json")
    assert isinstance(vrp, OptionsSpec)
    assert (vrp.target_dte, vrp.short_delta, vrp.long_delta) == (21, 0.30, 0.15)
    assert (vrp.max_holding_bars, vrp.per_trade_risk_pct) == (15, 0.02)
    printed = json.loads((FOLDER / "vrp_short_put_spread.json").read_text(encoding="utf-8"))
    assert set(printed) <= set(OptionsSpec.model_fields)
