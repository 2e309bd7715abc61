"""A v3 strategy is read whole, or refused with every reason and its place."""

import copy
import json

import pytest
from hypothesis import given
from support.odd_values import with_something_odd

from btkit.errors import SpecError, UsageError
from btkit.models.grammar import read_strategy_v3
from btkit.models.strategy_settings import read_decisions, read_model
from btkit.spec.reading import parse_text

TEXT = """
name: momentum_both_ways
version: "3.0"
description: >
  RSI and MACD on two timeframes.
scope: universal
deployment: {target_symbols: {mode: universal}}
training_data:
  symbols: {mode: single, symbol: EURUSD}
  timeframes: {mode: multi_timeframe, list: ["1d", "1h"], base_timeframe: "1h"}
  date_range: {start: "2015-01-01", end: "2020-12-31"}
  history_required: 100
indicators:
  rsi_14: {type: rsi, period: 14, source: close}
  macd_12_26_9: {type: macd, fast_period: 12, slow_period: 26, signal_period: 9}
fuzzy_sets:
  momentum:
    indicator: rsi_14
    oversold: [0, 25, 40]
    neutral: [30, 45, 55, 70]
    overbought: {type: gaussian, parameters: [75, 10]}
  direction:
    indicator: macd_12_26_9.histogram
    up: {type: triangular, parameters: [0, 0.002, 0.004]}
nn_inputs:
  - {fuzzy_set: momentum, timeframes: ["1h"]}
  - {fuzzy_set: direction, timeframes: all}
  - {raw_indicator: macd_12_26_9.line, timeframes: ["1h"], normalization: zscore}
model:
  type: LSTM
  architecture: {sequence_length: 20, hidden_size: 64, num_layers: 2, dropout: 0.3}
  training: {learning_rate: 0.001}
decisions:
  output_format: classification
  confidence_threshold: 0.65
  filters: {min_signal_separation: 8}
training:
  labels: {source: forward_return, horizon: 20}
"""


def minimal(**changes):
    return {
        "name": "v3_minimal",
        "training_data": {
            "symbols": {"mode": "single", "symbol": "EURUSD"},
            "timeframes": {"mode": "single", "timeframe": "1h"},
        },
        "indicators": {"rsi_14": {"type": "rsi"}},
        "fuzzy_sets": {"momentum": {"indicator": "rsi_14", "low": [0, 25, 40]}},
        "nn_inputs": [{"fuzzy_set": "momentum", "timeframes": "all"}],
        "model": {"type": "mlp", "architecture": {"hidden_layers": [32, 16]}},
        "decisions": {"output_format": "classification"},
        **changes,
    }


def refused(source, **more):
    with pytest.raises(SpecError) as error:
        read_strategy_v3(source, **more)
    assert all(problem.hint for problem in error.value.problems)
    return [(problem.path, problem.message) for problem in error.value.problems]


def test_all_of_a_strategy_is_read():
    strategy = read_strategy_v3(TEXT)
    assert (strategy.name, strategy.version) == ("momentum_both_ways", "3.0")
    assert strategy.symbols == ("EURUSD",)
    assert (strategy.timeframes, strategy.base_timeframe) == (("1d", "1h"), "1h")
    momentum, direction, line = strategy.inputs
    assert (momentum.name, momentum.timeframes) == ("momentum", ("1h",))
    assert {name: member.shape for name, member in momentum.memberships.items()} == {
        "oversold": "triangular",
        "neutral": "trapezoidal",
        "overbought": "gaussian",
    }
    assert direction.timeframes == ("1d", "1h")
    assert direction.line.formula.endswith(".histogram")
    assert (line.name, line.memberships, line.normalization) == (
        "macd_12_26_9.line",
        None,
        "zscore",
    )
    assert strategy.model.type == "lstm"
    assert strategy.model.architecture.sequence_length == 20
    assert strategy.model.architecture.hidden_layers is None
    assert strategy.decisions.confidence_threshold == 0.65
    assert strategy.decisions.min_signal_separation == 8.0
    assert strategy.decisions.stated == {
        "output_format", "confidence_threshold", "min_signal_separation",
    }  # fmt: skip
    assert (strategy.label_source, strategy.label_horizon) == ("forward_return", 20)
    assert strategy.notes == ()


def test_what_is_left_out_has_the_other_systems_defaults():
    strategy = read_strategy_v3(minimal(decisions={}, model={}, fuzzy_sets=None, nn_inputs=[
        {"raw_indicator": "rsi_14", "timeframes": ["1h"]}
    ]))  # fmt: skip
    decisions = strategy.decisions
    assert decisions.output_format == "classification"
    assert decisions.confidence_threshold == 0.5
    assert decisions.position_awareness
    assert not decisions.allow_short_from_flat
    assert decisions.output_classes is None
    assert decisions.min_signal_separation == 4.0
    assert (decisions.round_trip_cost, decisions.min_edge_multiplier) == (0.003, 1.5)
    assert decisions.stated == frozenset()
    assert strategy.model.type == "mlp"
    assert strategy.version == "3.0"
    assert dict(strategy.inputs[0].line.indicator.parameters) == {"period": 14, "source": "close"}


@pytest.mark.parametrize(
    ("timeframes", "base"),
    [
        ({"timeframe": "4h"}, "4h"),
        ({"list": ["1d", "4h", "1h"]}, "1h"),
        ({"timeframes": ["1h", "1d"], "base_timeframe": "1h"}, "1h"),
        ({"list": ["1M", "1w"]}, "1w"),
    ],
)
def test_the_fastest_bars_decide_where_none_are_named(timeframes, base):
    data = {"symbols": {"list": ["EURUSD", "GBPUSD"]}, "timeframes": timeframes}
    strategy = read_strategy_v3(minimal(training_data=data))
    assert strategy.base_timeframe == base
    assert strategy.symbols == ("EURUSD", "GBPUSD")


def test_a_json_text_and_a_version_as_a_number():
    text = TEXT.replace('version: "3.0"', "version: 3.0")
    assert read_strategy_v3(text).version == "3.0"
    assert read_strategy_v3(minimal(version=3.0)).version == "3.0"
    assert read_strategy_v3("\ufeff" + TEXT) == read_strategy_v3(TEXT)


@pytest.mark.parametrize(
    ("path", "value", "where", "what"),
    [
        (("name",), None, "name", "missing"),
        (("name",), "a\nb", "name", "printable"),
        (("version",), "2.0", "version", "version 3"),
        (("training_data",), None, "training_data", "missing"),
        (("training_data", "symbols"), None, "training_data.symbols", "missing"),
        (("training_data", "symbols"), {"mode": "single"}, "training_data.symbols", "no symbol"),
        (("training_data", "symbols", "symbol"), 5, "training_data.symbols.symbol", "ticker"),
        (("training_data", "timeframes"), {}, "training_data.timeframes", "no timeframe"),
        (("training_data", "timeframes", "timeframe"), "2d", "training_data.timeframes",
         "no interval"),
        (("training_data", "timeframes", "base_timeframe"), "1d",
         "training_data.timeframes.base_timeframe", "none of the timeframes"),
        (("training_data", "timeframes", "timefram"), "1d", "training_data.timeframes.timefram",
         "unknown key"),
        (("model",), None, "model", "missing"),
        (("model", "type"), "transformer", "model.type", "mlp, lstm, gru"),
        (("model", "architecture", "hidden_layers"), [0], "model.architecture.hidden_layers[0]",
         "whole numbers"),
        (("model", "architecture", "dropout"), 1.0, "model.architecture.dropout", "below 1"),
        (("decisions",), None, "decisions", "missing"),
        (("decisions",), [], "decisions", "must be a mapping"),
        (("decisions", "output_format"), "ranking", "decisions.output_format", "regression"),
        (("decisions", "confidence_threshold"), 65, "decisions.confidence_threshold", "0 to 1"),
        (("decisions", "confidence_treshold"), 0.6, "decisions.confidence_treshold", "unknown key"),
        (("decisions", "position_awareness"), "yes", "decisions.position_awareness", "true or"),
        (("decisions", "filters"), {"min_signal_separation": -1},
         "decisions.filters.min_signal_separation", "from 0 to"),
        (("decisions", "cost_model"), {"round_trip_cost": True},
         "decisions.cost_model.round_trip_cost", "share"),
        (("indicator",), {}, "indicator", "unknown key"),
        (("context_data",), [{"provider": "ib", "symbol": "GBPUSD"}, {"provider": "cftc_cot"}],
         "context_data", "ib GBPUSD, cftc_cot"),
        (("training",), {"labels": {"horizon": 0}}, "training.labels.horizon", "whole number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_place(path, value, where, what):
    values = copy.deepcopy(minimal())
    part = values
    for key in path[:-1]:
        part = part[key]
    if path[0] == "indicator":  # misspelt, where the right one is not there
        part["indicator"] = part.pop("indicators")
    else:
        part[path[-1]] = value
    problems = refused(values)
    assert [place for place, message in problems if what in message] == [where], problems


def test_every_problem_is_found_at_once_in_the_order_of_the_parts():
    problems = refused(
        minimal(
            name=None,
            version="1.0",
            indicators={"rsi_14": {"type": "rsi", "period": 500}, "z": {"type": "zigzag"}},
            nn_inputs=[{"fuzzy_set": "gone", "timeframes": "all"}],
            model={"type": "tree"},
            decisions={"confidence_threshold": 2},
        )
    )
    assert [place for place, _ in problems] == [
        "name",
        "indicators.rsi_14.period",
        "indicators.z.type",
        "nn_inputs[0].fuzzy_set",
        "model.type",
        "decisions.confidence_threshold",
    ]


def test_a_problem_points_into_the_document():
    with pytest.raises(SpecError) as error:
        read_strategy_v3(minimal(nn_inputs=[{"fuzzy_set": "a/b", "timeframes": "all"}]))
    assert [problem.pointer for problem in error.value.problems] == ["/nn_inputs/0/fuzzy_set"]


def test_what_is_read_by_nobody_is_told():
    strategy = read_strategy_v3(
        minimal(
            risk_management={"stop": 1},
            scope="universal",
            decisions={"filters": {"volume_filter": False}},
            model={"features": {"lookback_periods": 2}},
        )
    )
    assert strategy.notes == (
        "risk_management is not read: nothing here knows it.",
        "decisions.filters.volume_filter is not read: nothing here knows it.",
    )


@pytest.mark.parametrize("source", ["", "- 1", "a: &b 1", "name: !!python/object:os.system x", "{"])
def test_what_is_no_strategy_is_refused_as_a_spec_is(source):
    with pytest.raises(SpecError) as error:
        read_strategy_v3(source, origin="momentum.yaml")
    assert error.value.message.startswith("momentum.yaml was refused")


@given(with_something_odd(parse_text(TEXT)))
def test_whatever_stands_there_is_read_or_refused(values):
    try:
        assert read_strategy_v3(values).inputs
    except SpecError as error:
        json.dumps(error.to_document(), ensure_ascii=False, allow_nan=False).encode()


def test_neither_text_nor_mapping():
    with pytest.raises(UsageError):
        read_strategy_v3(5)


def test_decisions_and_model_alone():
    decisions = read_decisions(
        {"output_format": "regression", "cost_model": {"round_trip_cost": 0}}
    )
    assert (decisions.output_format, decisions.round_trip_cost) == ("regression", 0.0)
    assert decisions.stated == {"output_format", "round_trip_cost"}
    model = read_model(
        {"type": "mlp", "architecture": {"hidden_layers": [8], "activation": "tanh"}}
    )
    assert model.architecture.hidden_layers == (8,)
    assert model.architecture.activation == "tanh"
    with pytest.raises(SpecError, match=r"config\.json was refused"):
        read_decisions({"confidence_threshold": "high"}, origin="config.json")
    with pytest.raises(SpecError):
        read_model(None)
