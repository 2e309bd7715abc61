"""Which features a network has, in which order, normalised by what; and what is refused."""

import copy
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from support.odd_values import with_something_odd
from support.random_bars import make_bars

from btkit.errors import BundleError, DataError, SpecError
from btkit.models.features import FeaturePlan
from btkit.models.grammar import read_strategy_v3
from btkit.models.planning import plan_features, plan_inputs
from btkit.models.scaling import Scaling

MINMAX = {"method": "minmax", "min": 20.0, "max": 80.0}
METADATA = {
    "indicators": {
        "rsi_14": {"type": "rsi", "period": 14, "source": "close"},
        "bands": {"type": "bbands", "period": 20, "multiplier": 2},
    },
    "fuzzy_sets": {
        "momentum": {
            "indicator": "rsi_14",
            "oversold": [0, 25, 40],
            "overbought": {"type": "triangular", "parameters": [60, 75, 100]},
        },
        "top": {"indicator": "bands", "near": [90, 100, 110, 120]},
        "middle": {
            "indicator": "bands.middle",
            "near": {"type": "gaussian", "parameters": [100, 9]},
        },
    },
    "nn_inputs": [
        {"fuzzy_set": "momentum", "timeframes": "all"},
        {"fuzzy_set": None, "raw_indicator": "rsi_14", "timeframes": ["1d"]},
        {"fuzzy_set": "middle", "timeframes": ["1w", "1d"]},
        {"raw_indicator": "bands.upper", "timeframes": ["1d"], "normalization": "none"},
        {"fuzzy_set": "top", "timeframes": ["1d"]},
    ],
    "training_timeframes": ["1d", "1w"],
    "normalization_params": {"1d_rsi_14_raw": MINMAX},
}
NAMES = (
    "1d_momentum_oversold",
    "1d_momentum_overbought",
    "1w_momentum_oversold",
    "1w_momentum_overbought",
    "1d_rsi_14_raw",
    "1w_middle_near",
    "1d_middle_near",
    "1d_bands.upper_raw",
    "1d_top_near",
)
FEW = make_bars(30)


def metadata(**changes):
    return {**copy.deepcopy(METADATA), **changes}


def changed(path, value):
    """Return the metadata with one value replaced; a path is its keys."""
    result = metadata()
    *keys, last = path
    part = result
    for key in keys:
        part = part[key]
    part[last] = value
    return result


def refused(values):
    with pytest.raises(BundleError) as error:
        plan_features(values)
    assert error.value.hint
    return [(found["path"], found["message"]) for found in error.value.details["problems"]]


def test_inputs_come_first_then_timeframes_then_memberships():
    assert plan_features(METADATA).names == NAMES


def test_the_matrix_is_made_of_indicators_memberships_and_normalisation():
    bars = make_bars(300, 4)
    matrix = plan_features(METADATA).matrix(bars, interval="1d")
    assert matrix.shape == (300, 9)
    assert matrix.dtype == np.float64
    assert matrix.flags.c_contiguous
    column = dict(zip(NAMES, matrix.T, strict=True))
    mean = bars["close"].rolling(20).mean()
    upper = mean + 2.0 * bars["close"].rolling(20).std()
    np.testing.assert_allclose(column["1d_bands.upper_raw"], upper, rtol=1e-10)
    np.testing.assert_allclose(
        column["1d_middle_near"], np.exp(-0.5 * ((mean - 100.0) / 9.0) ** 2), rtol=1e-9
    )
    # An indicator of several lines without a dot is its first one.
    ramps = pd.concat([(upper - 90.0) / 10.0, (120.0 - upper) / 10.0], axis=1).min(axis=1)
    np.testing.assert_allclose(
        column["1d_top_near"], ramps.clip(0.0, 1.0).where(upper.notna()), atol=1e-9
    )
    rsi = 20.0 + 60.0 * column["1d_rsi_14_raw"]
    np.testing.assert_allclose(
        column["1d_momentum_overbought"],
        np.interp(rsi, [60.0, 75.0, 100.0], [0.0, 1.0, 0.0]),
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ({"method": "minmax", "min": 10.0, "max": 30.0}, [0.0, 0.5, 1.5]),
        ({"method": "zscore", "mean": 20.0, "std": 5.0}, [-2.0, 0.0, 4.0]),
        ({"method": "minmax", "min": 10, "max": 10}, [0.0, 0.0, 0.0]),  # constant in training
        ({"method": "zscore", "mean": 20.0, "std": 0.0}, [0.0, 0.0, 0.0]),
        ({"method": "none"}, [10.0, 20.0, 40.0]),
        ({}, [10.0, 20.0, 40.0]),
    ],
)
def test_values_are_normalised_by_the_numbers_of_the_training(scaling, expected):
    plan = plan_features(
        {
            "indicators": {"price": {"type": "ichimoku"}},
            "nn_inputs": [{"raw_indicator": "price.chikou", "timeframes": "all"}],
            "training_timeframes": ["1d"],
            "normalization_params": {"1d_price.chikou_raw": scaling},
        }
    )
    close = np.array([10.0, 20.0, 40.0])
    bars = make_bars(3).assign(close=close, open=close, high=close, low=close)
    np.testing.assert_array_equal(plan.matrix(bars, interval="1d")[:, 0], expected)


def test_what_is_missing_stays_missing_where_training_was_constant():
    scaling = Scaling("zscore", (20.0, 0.0))
    np.testing.assert_array_equal(scaling.apply(np.array([math.nan, 3.0])), [math.nan, 0.0])


def test_a_membership_is_normalised_where_the_training_says_so():
    plain = plan_features(METADATA)
    scaled = plan_features(
        changed(("normalization_params", NAMES[0]), {"method": "zscore", "mean": 0.5, "std": 2.0})
    )
    bars = make_bars(60, 4)
    first, second = (plan.matrix(bars, interval="1d")[:, 0] for plan in (plain, scaled))
    np.testing.assert_allclose(second, (first - 0.5) / 2.0, rtol=1e-14)


def test_features_of_the_training_are_selected_and_the_others_told():
    plan = plan_features(metadata(resolved_features=[NAMES[0], NAMES[4], NAMES[8]]))
    assert plan.names == (NAMES[0], NAMES[4], NAMES[8])
    assert plan.notes[-1].startswith("6 features that the definition makes are left out")
    assert NAMES[1] in plan.notes[-1]
    bars = make_bars(80, 4)
    whole = plan_features(METADATA).matrix(bars, interval="1d")
    np.testing.assert_array_equal(plan.matrix(bars, interval="1d"), whole[:, [0, 4, 8]])


def test_a_feature_that_is_left_out_needs_no_normalisation():
    values = metadata(normalization_params={}, resolved_features=[NAMES[0]])
    assert plan_features(values).names == (NAMES[0],)


def test_missing_features_are_listed_with_what_they_may_be():
    with pytest.raises(BundleError) as error:
        plan_features(METADATA).select(["1d_momentum_oversolt", *NAMES[1:]])
    assert error.value.message.startswith("1 of the 9 features")
    assert "1d_momentum_oversold" in error.value.hint
    assert error.value.details["missing"] == ["1d_momentum_oversolt"]


def test_another_order_is_shown_from_its_first_difference_on():
    other = [*NAMES[:2], NAMES[3], NAMES[2], *NAMES[4:]]
    with pytest.raises(BundleError) as error:
        plan_features(METADATA).select(other)
    assert error.value.details["first_difference"] == 2
    learnt = f"the model learnt {NAMES[3]}, {NAMES[2]}"
    assert learnt in error.value.message
    assert f"the definition gives {NAMES[2]}, {NAMES[3]}" in error.value.message


def test_a_feature_of_the_training_stands_once():
    with pytest.raises(BundleError, match="twice"):
        plan_features(METADATA).select([*NAMES, NAMES[0]])


def test_a_formula_changes_with_all_that_decides_a_value_and_with_nothing_else():
    base = plan_features(METADATA).formulas
    assert base[0] == "1d rsi(period=14, source='close') > triangular(0.0, 25.0, 40.0)"
    for path, value, touched in (
        (("indicators", "rsi_14", "period"), 15, {0, 1, 2, 3, 4}),
        (("indicators", "rsi_14", "source"), "high", {0, 1, 2, 3, 4}),
        (("indicators", "bands", "multiplier"), 2.5, {5, 6, 7, 8}),
        (("fuzzy_sets", "momentum", "oversold"), [0, 25, 41], {0, 2}),
        (("fuzzy_sets", "top", "indicator"), "bands.lower", {8}),
        (("normalization_params", "1d_rsi_14_raw", "max"), 81.0, {4}),
        (("normalization_params", "1d_rsi_14_raw"), {"method": "none"}, {4}),
    ):
        other = plan_features(changed(path, value)).formulas
        assert {
            at for at, pair in enumerate(zip(base, other, strict=True)) if len({*pair}) == 2
        } == (touched), path
    same = changed(("indicators", "rsi_14"), {"source": "close", "type": "RSI"})
    assert plan_features(same).formulas == base
    weekly = plan_features(metadata(nn_inputs=[{"fuzzy_set": "momentum", "timeframes": ["1w"]}]))
    assert weekly.formulas == base[2:4]


def test_each_feature_says_what_it_is():
    first, *_, last = (feature.description for feature in plan_features(METADATA).features)
    assert first == (
        "Relative strength index (period 14, source close) on daily bars: how far it is oversold, "
        "triangular(0.0, 25.0, 40.0)"
    )
    assert last.startswith("Bollinger bands, upper (period 20, multiplier 2.0, source close)")


def test_lookback_is_the_longest():
    assert plan_features(METADATA).lookback == 19


def test_what_nothing_is_made_of_is_told():
    values = changed(("indicators", "rsi_14", "fast"), 3)
    values["normalization_params"]["1h_gone_raw"] = MINMAX
    values["indicators"]["flow"] = {"type": "obv"}
    values["nn_inputs"].append(
        {"raw_indicator": "flow", "timeframes": "all", "normalization": "none"}
    )
    parameter, unused, level = plan_features(values).notes
    assert parameter.startswith("rsi_14: rsi has no parameter 'fast'")
    assert "1h_gone_raw" in unused
    assert "1d_flow_raw, 1w_flow_raw" in level
    assert plan_features(METADATA).notes == ()


@pytest.mark.parametrize(
    ("path", "value", "where", "what"),
    [
        (("indicators", "rsi_14", "type"), "rsy", "indicators.rsi_14.type", "no indicator gives"),
        (("indicators", "rsi_14", "type"), "zigzag", "indicators.rsi_14.type", "come after"),
        (("indicators", "rsi_14", "type"), "SuperTrend", "indicators.rsi_14.type", "never start"),
        (("indicators", "rsi_14"), {}, "indicators.rsi_14.type", "missing"),
        (("indicators", "rsi_14"), None, "indicators.rsi_14", "must be a mapping"),
        (("indicators", "rsi_14", "period"), 0, "indicators.rsi_14.period", "from 2 to 100"),
        (("indicators", "rsi_14", "period"), 14.0, "indicators.rsi_14.period", "whole number"),
        (("indicators", "rsi_14", "source"), "hl2", "indicators.rsi_14.source", "one of open"),
        (("indicators", "rsi_14", "data_source"), "DGS2", "indicators.rsi_14.data_source",
         "outside the bars"),
        (("indicators", "a.b"), {"type": "rsi"}, "indicators.a.b", "is no name"),
        (("fuzzy_sets", "momentum", "indicator"), "rsi", "fuzzy_sets.momentum.indicator",
         "no indicator 'rsi'"),
        (("fuzzy_sets", "momentum", "indicator"), "rsi_14.line", "fuzzy_sets.momentum.indicator",
         "no output 'line'"),
        (("fuzzy_sets", "top", "indicator"), "bands.uper", "fuzzy_sets.top.indicator",
         "no output 'uper'"),
        (("fuzzy_sets", "top"), {"indicator": "bands"}, "fuzzy_sets.top", "has no membership"),
        (("fuzzy_sets", "top", "near"), [1, 2], "fuzzy_sets.top.near", "3 numbers"),
        (("fuzzy_sets", "top", "near"), [3, 2, 4, 5], "fuzzy_sets.top.near[1]", "lies below"),
        (("fuzzy_sets", "top", "near"), [1, True, 3], "fuzzy_sets.top.near[1]", "a number"),
        (("fuzzy_sets", "top", "near"), {"type": "bell", "parameters": [1]},
         "fuzzy_sets.top.near.type", "no membership is"),
        (("fuzzy_sets", "top", "near"), {"type": "gaussian", "parameters": [1, 0]},
         "fuzzy_sets.top.near.parameters[1]", "above 0"),
        (("fuzzy_sets", "top", "near"), 10**400, "fuzzy_sets.top.near", "must be a mapping"),
        (("fuzzy_sets", "top", "near"), [0, 1, 10**400], "fuzzy_sets.top.near[2]", "finite"),
        (("nn_inputs", 0, "fuzzy_set"), "momentun", "nn_inputs[0].fuzzy_set", "no fuzzy set"),
        (("nn_inputs", 0, "timeframes"), ["4h"], "nn_inputs[0].timeframes[0]", "has no"),
        (("nn_inputs", 0, "timeframes"), "1d", "nn_inputs[0].timeframes", "is the text '1d'"),
        (("nn_inputs", 0), {"timeframes": "all"}, "nn_inputs[0]", "neither"),
        (("nn_inputs", 0, "raw_indicator"), "rsi_14", "nn_inputs[0]", "both"),
        (("nn_inputs", 0, "normalization"), "minmax", "nn_inputs[0].normalization", "alone"),
        (("nn_inputs", 1, "normalization"), "max", "nn_inputs[1].normalization", "'max'"),
        (("nn_inputs", 1), METADATA["nn_inputs"][0], "nn_inputs[1]", "are there already"),
        (("nn_inputs",), [], "nn_inputs", "is empty"),
        (("training_timeframes",), [], "training_timeframes", "names no timeframe"),
        (("training_timeframes", 1), "2d", "training_timeframes[1]", "no interval '2d'"),
        (("normalization_params",), {}, "nn_inputs[1]", "no entry in normalization_params"),
        (("normalization_params", "1d_rsi_14_raw", "max"), 10.0,
         "normalization_params.1d_rsi_14_raw.max", "below min"),
        (("normalization_params", "1d_rsi_14_raw", "max"), None,
         "normalization_params.1d_rsi_14_raw.max", "finite number"),
        (("normalization_params", "1d_rsi_14_raw", "method"), "robust",
         "normalization_params.1d_rsi_14_raw.method", "no normalisation is"),
        (("resolved_features",), [], "resolved_features", "is empty"),
        (("resolved_features",), [1], "resolved_features[0]", "must be a text"),
        (("context_source_ids",), ["GBPUSD", "DGS2"], "context_source_ids", "GBPUSD, DGS2"),
        (("context_data_config",), [{"provider": "fred", "series": "DGS2"}], "context_data_config",
         "fred DGS2"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_place(path, value, where, what):
    problems = refused(changed(path, value))
    assert [place for place, message in problems if what in message] == [where], problems


def test_every_problem_is_found_at_once():
    values = changed(("indicators", "rsi_14", "period"), 0)
    values["fuzzy_sets"]["top"]["near"] = [3, 2, 1]
    values["nn_inputs"][4]["fuzzy_set"] = "bottom"
    values["normalization_params"]["1d_rsi_14_raw"]["min"] = "low"
    assert [place for place, _ in refused(values)] == [
        "indicators.rsi_14.period",
        "fuzzy_sets.top.near[1]",
        "fuzzy_sets.top.near[2]",
        "nn_inputs[4].fuzzy_set",
        "normalization_params.1d_rsi_14_raw.min",
    ]


@given(with_something_odd({**METADATA, "resolved_features": list(NAMES)}))
def test_whatever_stands_there_is_computed_or_refused(values):
    try:
        matrix = plan_features(values).matrix(FEW, interval="1d")
    except BundleError as error:
        json.dumps(error.to_document(), ensure_ascii=False, allow_nan=False).encode()
    else:
        assert matrix.shape[0] == len(FEW)


def test_types_that_can_be_computed_are_offered():
    with pytest.raises(BundleError) as error:
        plan_features(changed(("indicators", "rsi_14", "type"), "Stochastics"))
    assert error.value.hint.startswith("did you mean 'stochastic'?")
    assert "adline, adx, aroon" in error.value.hint


def test_a_bounded_number_of_features_is_made():
    wide = {"indicator": "rsi_14", **{f"m{n}": [0, 1, 2] for n in range(499)}}
    values = metadata(
        fuzzy_sets={f"wide{n}": wide for n in range(9)},
        nn_inputs=[{"fuzzy_set": f"wide{n}", "timeframes": "all"} for n in range(9)],
    )
    assert ("nn_inputs", "makes more than 4,096 features") in refused(values)


def test_faster_bars_than_those_that_decide_are_refused():
    strategy = read_strategy_v3(
        {
            **{key: METADATA[key] for key in ("indicators", "fuzzy_sets")},
            "name": "both",
            "version": "3.0",
            "nn_inputs": [{"fuzzy_set": "momentum", "timeframes": "all"}],
            "training_data": {
                "symbols": {"symbol": "EURUSD"},
                "timeframes": {"list": ["5m", "1h"], "base_timeframe": "1h"},
            },
            "model": {"type": "mlp"},
            "decisions": {},
        }
    )
    plan = plan_inputs(strategy.inputs, timeframes=strategy.timeframes)
    assert str(plan.base) == "5m"
    with pytest.raises(SpecError) as error:
        plan_inputs(strategy.inputs, timeframes=strategy.timeframes, base=strategy.base_timeframe)
    assert [problem.path for problem in error.value.problems] == ["nn_inputs[0].timeframes"]


def test_a_network_that_is_yet_to_be_trained_has_plain_values():
    values = metadata(normalization_params={})
    strategy = read_strategy_v3(
        {
            **{key: values[key] for key in ("indicators", "fuzzy_sets", "nn_inputs")},
            "name": "new",
            "training_data": {
                "symbols": {"symbol": "SPX"},
                "timeframes": {"timeframes": ["1d", "1w"]},
            },
            "model": {},
            "decisions": {},
        }
    )
    plan = plan_inputs(strategy.inputs, timeframes=strategy.timeframes)
    assert plan.names == NAMES
    rsi = plan.matrix(make_bars(60, 4), interval="1d")[-1, 4]
    trained = plan_features(METADATA).matrix(make_bars(60, 4), interval="1d")[-1, 4]
    assert trained == (rsi - 20.0) / 60.0


def test_bars_of_another_interval_are_refused():
    with pytest.raises(BundleError, match="reads daily bars, and these are hourly") as error:
        plan_features(METADATA).matrix(make_bars(60), interval="1h")
    assert error.value.details == {"interval": "1h", "trained": "1d"}


def test_bars_with_a_missing_price_are_refused():
    bars = make_bars(60)
    bars.iloc[7, 3] = math.nan
    with pytest.raises(DataError):
        plan_features(METADATA).matrix(bars, interval="1d")


@pytest.mark.parametrize("count", [1, 5, 14, 15])
def test_few_bars_have_missing_values_and_no_error(count):
    matrix = plan_features(METADATA).matrix(make_bars(count), interval="1d")
    assert matrix.shape == (count, 9)
    assert np.isnan(matrix[:14]).all()
    assert np.isfinite(matrix[14:, :2]).all()


def test_bars_are_left_as_they_are():
    bars = make_bars(60)
    before = bars.copy()
    plan = plan_features(METADATA)
    assert isinstance(plan, FeaturePlan)
    plan.matrix(bars, interval="1d")
    pd.testing.assert_frame_equal(bars, before)


def test_one_feature_is_said_to_be_one():
    metadata = {
        "indicators": {"rsi_14": {"type": "rsi", "period": 14}},
        "fuzzy_sets": {"m": {"indicator": "rsi_14", "low": [0, 25, 40], "up": [60, 75, 99]}},
        "nn_inputs": [{"fuzzy_set": "m", "timeframes": "all"}],
        "training_timeframes": ["1d"],
    }
    (note,) = plan_features({**metadata, "resolved_features": ["1d_m_up"]}).notes
    assert note.startswith("1 feature that the definition makes is left out, since the model was ")
    with pytest.raises(BundleError, match=r"^1 of the 1 feature that .* is not in its definition"):
        plan_features({**metadata, "resolved_features": ["1d_m_no"]})


@pytest.mark.parametrize(
    ("scaling", "said"),
    [
        ({"method": "zscore", "mean": 50.0, "std": 0.0}, "zscore(50.0, 0.0)"),
        ({"method": "minmax", "min": 20.0, "max": 20.0}, "minmax(20.0, 20.0)"),
        ({"method": "zscore", "mean": 50.0, "std": 1e-9}, None),
        ({"method": "none"}, None),
    ],
)
def test_a_normalisation_without_width_is_told(scaling, said):
    plan = plan_features(
        {
            "indicators": {"rsi_14": {"type": "rsi", "period": 14}},
            "fuzzy_sets": {},
            "nn_inputs": [{"raw_indicator": "rsi_14", "timeframes": "all"}],
            "training_timeframes": ["1d"],
            "normalization_params": {"1d_rsi_14_raw": scaling},
        }
    )
    if said is None:
        assert plan.notes == ()
        return
    (note,) = plan.notes
    assert f"have no width of 1d_rsi_14_raw ({said}): 0.0 at every bar" in note
    column = plan.matrix(make_bars(60, 1), interval="1d")[20:, 0]
    assert (column == 0.0).all()
