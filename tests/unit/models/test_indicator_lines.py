"""Each indicator of a v3 strategy agrees with its definition, computed by pandas."""

import math

import numpy as np
import pandas as pd
import pytest
from support import v3_lines

from btkit.models.indicator_parameters import SOURCES
from btkit.models.indicator_types import INDICATOR_TYPES, indicator_type

OTHERS = {
    "sma": {"period": 7, "source": "volume"},
    "ema": {"period": 1, "source": "low", "adjust": False},
    "wma": {"period": 5, "source": "high"},
    "macd": {"fast_period": 8, "slow_period": 5, "signal_period": 1, "source": "open"},
    "bbands": {"period": 5, "multiplier": 1.5, "source": "high"},
    "bollingerbandwidth": {"period": 7, "multiplier": 3.0, "source": "low"},
    "atr": {"period": 1},
    "adx": {"period": 2},
    "aroon": {"period": 1, "include_oscillator": True},
    "donchianchannels": {"period": 5, "include_middle": False},
    "keltnerchannels": {"period": 4, "atr_period": 9, "multiplier": 1.0},
    "squeezeintensity": {"bb_period": 5, "bb_multiplier": 1.0, "kc_period": 4,
                         "kc_multiplier": 4.0, "source": "high"},
    "distancefromma": {"period": 9, "ma_type": "EMA", "source": "open"},
    "ichimoku": {"tenkan_period": 1, "kijun_period": 5, "senkou_b_period": 3, "displacement": 1},
    "parabolicsar": {"initial_af": 0.05, "step_af": 0.01, "max_af": 0.1},
    "rsi": {"period": 2, "source": "volume"},
    "stochastic": {"k_period": 3, "d_period": 1, "smooth_k": 1},
    "williamsr": {"period": 3},
    "cci": {"period": 3},
    "roc": {"period": 1, "source": "high"},
    "momentum": {"period": 1, "source": "low"},
    "fishertransform": {"period": 2, "smoothing": 1},
    "rvi": {"period": 4, "signal_period": 1},
    "obv": {},
    "mfi": {"period": 2},
    "cmf": {"period": 5},
    "adline": {"use_sma_smoothing": False, "smoothing_period": 9},
    "volumeratio": {"period": 3},
    "vwap": {"period": 0, "use_typical_price": False},
}  # fmt: skip


def framed(close, opened, reach, volume):
    high, low = np.maximum(opened, close) + reach[0], np.minimum(opened, close) - reach[1]
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    return pd.DataFrame(columns, pd.bdate_range("2020-01-01", periods=len(close)))


@pytest.fixture(scope="module")
def walk():
    rng = np.random.default_rng(5)
    close = 100.0 * np.exp(rng.normal(0.0, 0.012, 260).cumsum())
    opened = close * np.exp(rng.normal(0.0, 0.006, 260))
    return framed(close, opened, rng.uniform(0.0, 1.0, (2, 260)), rng.uniform(1e3, 9e3, 260))


@pytest.fixture(scope="module")
def coarse():
    """Ticks of a quarter, which computers count exactly: ties, no moves, a stretch that is flat."""
    rng = np.random.default_rng(3)
    close = 100.0 + rng.integers(-1, 2, 260).cumsum() * 0.5
    opened = close + rng.integers(-1, 2, 260) * 0.25
    reach = rng.integers(0, 2, (2, 260)) * 0.25
    for still in (slice(0, 25), slice(150, 190)):
        close[still] = opened[still] = close[still.start]
        reach[:, still] = 0.0
    return framed(close, opened, reach, rng.integers(0, 4, 260) * 100.0)


@pytest.fixture(scope="module", params=["walk", "coarse"])
def bars(request):
    return request.getfixturevalue(request.param)


def columns_of(bars):
    return {name: bars[name].to_numpy(np.float64) for name in SOURCES}


@pytest.mark.parametrize("variant", ["defaults", "others"])
@pytest.mark.parametrize("name", INDICATOR_TYPES)
def test_it_agrees_with_its_definition(bars, name, variant):
    kind = INDICATOR_TYPES[name]
    parameters = {key: rule.default for key, rule in kind.parameters.items()}
    if variant == "others":
        parameters = OTHERS[name]
        assert parameters.keys() == kind.parameters.keys()
        assert not any(kind.parameters[key].refusal(value) for key, value in parameters.items())
    lines = kind.lines(columns_of(bars), parameters)
    expected = getattr(v3_lines, name)(bars, **parameters)
    expected = expected if isinstance(expected, tuple) else (expected,)
    assert len(lines) == len(expected) == len(kind.outputs)
    for place in range(len(lines)):
        start = kind.lookback(parameters, place)
        wanted = expected[place].to_numpy(np.float64)[start:].copy()
        line = lines[place][start:].copy()
        wanted[np.isinf(wanted)] = line[np.isinf(line)] = np.nan
        if kind.outputs[place].name in {"above_zero", "below_zero"}:
            # On which side of 0 a sum lies that comes to nothing, its last bit decides.
            decided = np.abs(expected[0].to_numpy()[start:]) > 1e-12
            line, wanted = line[decided], wanted[decided]
        size = np.nanmax(np.abs(wanted))
        np.testing.assert_allclose(line, wanted, rtol=1e-10, atol=1e-11 * max(size, 1.0))


@pytest.mark.parametrize("name", INDICATOR_TYPES)
def test_its_values_begin_with_its_lookback_and_are_all_there(walk, name):
    kind = INDICATOR_TYPES[name]
    for parameters in ({k: rule.default for k, rule in kind.parameters.items()}, OTHERS[name]):
        for place, line in enumerate(kind.lines(columns_of(walk), parameters)):
            assert np.isfinite(line[kind.lookback(parameters, place) :]).all()


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("RSI", "rsi"),
        ("rsiindicator", "rsi"),
        ("RSIIndicator", "rsi"),
        ("BollingerBands", "bbands"),
        ("simplemovingaverage", "sma"),
        ("williams_r", "williamsr"),
        ("WilliamsR", "williamsr"),
        ("ParabolicSARIndicator", "parabolicsar"),
    ],
)
def test_spellings(spelling, name):
    assert indicator_type(spelling).name == name


@pytest.mark.parametrize(
    ("name", "parameter", "good", "bad"),
    [
        ("rsi", "period", [2, 100], [1, 101, 14.0, True, "14", None]),
        ("rsi", "source", ["volume"], ["hl2", 1, ["close"]]),
        ("ema", "adjust", [True, False], [0, "true"]),
        ("bbands", "multiplier", [1e-9, 2, 10.0], [0, 10.1, -1.0, math.nan, True, "2"]),
        ("parabolicsar", "initial_af", [0.001, 0.1], [0.0009, 0.11]),
        ("distancefromma", "ma_type", ["SMA", "EMA"], ["sma", "WMA", []]),
        ("adline", "use_sma_smoothing", [False], [True, 0]),
    ],
)
def test_what_a_parameter_may_be(name, parameter, good, bad):
    rule = INDICATOR_TYPES[name].parameters[parameter]
    assert rule.good(rule.default)
    assert [value for value in good if rule.refusal(value)] == []
    assert [value for value in bad if not rule.refusal(value)] == []


def test_nothing_moves_and_nothing_is_divided_by_zero():
    flat = framed(np.full(60, 5.0), np.full(60, 5.0), np.zeros((2, 60)), np.zeros(60))
    values = {}
    for name, kind in INDICATOR_TYPES.items():
        parameters = {key: rule.default for key, rule in kind.parameters.items()}
        for output, line in zip(
            kind.outputs, kind.lines(columns_of(flat), parameters), strict=True
        ):
            values[name, output.name] = line[-1]
    expected = {
        ("rsi", ""): 50.0,
        ("stochastic", "k"): 50.0,
        ("stochastic", "d"): 50.0,
        ("williamsr", ""): -50.0,
        ("mfi", ""): 100.0,
        ("volumeratio", ""): 1.0,
        ("fishertransform", "fisher"): 0.0,
        ("adx", "adx"): 0.0,
        ("cmf", "cmf"): 0.0,
        ("squeezeintensity", ""): 0.0,
        ("obv", ""): 0.0,
    }
    assert {key: values[key] for key in expected} == expected
    for missing in (("cci", ""), ("rvi", "rvi"), ("vwap", ""), ("adline", "roc_10")):
        assert np.isnan(values[missing])
