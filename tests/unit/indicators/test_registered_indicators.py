"""What users add to the namespace is read, documented, suggested and checked like the rest."""

import numba
import numpy as np
import pandas as pd
import pytest
import talib
from support.installed import install

import btkit as bt
from btkit.code_hash import hash_code
from btkit.errors import PluginError, SpecError, UsageError
from btkit.indicators import FeatureSet, catalogue, closest_names, lookup, plugins_of
from btkit.indicators.registry import REGISTERED


@pytest.fixture(autouse=True)
def own_list(monkeypatch):
    """Let nothing that a test registers outlive it."""
    monkeypatch.setattr(REGISTERED, "_entries", dict(REGISTERED.entries()))
    monkeypatch.setattr(REGISTERED, "_asked", True)


def register(name, function, lookback=0, **more):
    bt.register_indicator(name, function, lookback=lookback, meaning="A test's own.", **more)


def average(close, n):
    return talib.SMA(close, timeperiod=n)


def register_average(**more):
    register("my_avg_<n>", average, lambda n: n - 1, **more)


def test_a_family_is_what_it_says(make_bars):
    register_average(formula="mean(close[i-<n-1>..i])")
    features = FeatureSet(make_bars(300), bars_per_year=252.0)
    for n in (2, 20, 500):
        np.testing.assert_array_equal(features.column(f"my_avg_{n}"), features.column(f"sma_{n}"))
    np.testing.assert_array_equal(features.column("prev_my_avg_20"), features.column("prev_sma_20"))
    entry = lookup("my_avg_20")
    assert (entry.lookback, entry.needs, entry.group) == (19, ("close",), "user")
    assert entry.formula == "mean(close[i-19..i])"
    assert lookup("prev_my_avg_20").lookback == 20
    assert [lookup(f"my_avg_{n}") for n in (1, 501, "020", "x")] == [None] * 4


def test_a_rule_on_it_trades_as_on_the_same_of_btkits_own(make_bars):
    register_average()
    register("my_up", lambda close, my_avg_20: close > my_avg_20, 0, kind="bool")
    bars = make_bars(600)
    rules = {"name": "cross", "exit_conditions": [], "stop_conditions": [], "max_holding_bars": 5}
    own = bt.simulate({**rules, "entry_conditions": ["close > sma_20 and close > sma_50"]}, bars)
    theirs = bt.simulate({**rules, "entry_conditions": ["my_up and close > my_avg_50"]}, bars)
    assert len(own.trades) > 5
    pd.testing.assert_frame_equal(own.trades, theirs.trades)
    assert theirs.warmup["bars"] == own.warmup["bars"]


def test_the_lists_of_names_have_it():
    before = [entry.name for entry in catalogue()]
    register_average()
    register("my_range", lambda high, low: high - low)
    names = [entry.name for entry in catalogue()]
    assert names == [*before[:-1], "my_avg_<n>", "my_range", "prev_<name>"]
    entry = next(entry for entry in catalogue() if entry.name == "my_avg_<n>")
    assert entry.varies == "lookback 1 to 499; n from 2 to 500"
    assert (entry.lookback, entry.formula) == (1, "average(close, n)")


def test_it_has_a_column_in_the_table_of_all_indicators(make_bars):
    register("my_range", lambda high, low: high - low)
    register("my_up", lambda close, open: close > open, kind="bool")  # noqa: A006 - the column
    bars = make_bars(30)
    table = bt.compute_indicators(bars)
    np.testing.assert_array_equal(table["my_range"], bars["high"] - bars["low"])
    assert table["my_up"].dtype == "boolean"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("myavg20", "my_avg_20"), ("my_avg", "my_avg_20"), ("my_avg_900", "my_avg_500"),
     ("my_rnge", "my_range"), ("prev_my_avg20", "prev_my_avg_20")],
)  # fmt: skip
def test_a_misspelt_one_is_suggested(wrong, right):
    register_average()
    register("my_range", lambda high, low: high - low)
    assert closest_names(wrong) == [right]
    with pytest.raises(SpecError, match="unknown name") as caught:
        bt.load_spec(
            {
                "name": "s",
                "entry_conditions": [f"{wrong} > 1"],
                "exit_conditions": [],
                "stop_conditions": [],
            }
        )
    assert caught.value.hint == f"did you mean '{right}'?"


def test_what_it_is_computed_from_counts_for_fallbacks(make_bars):
    register("my_fear", lambda vix: vix * 2.0)
    bars = make_bars(20).drop(columns="vix")
    assert FeatureSet(bars, bars_per_year=252.0).fallback("my_fear").all()


def test_a_function_may_take_the_bars_in_a_year_and_have_defaults(make_bars):
    register("my_scaled", lambda close, *, bars_per_year, by=3.0: close * bars_per_year * by)
    bars = make_bars(10)
    column = FeatureSet(bars, bars_per_year=2.0).column("my_scaled")
    np.testing.assert_array_equal(column, bars["close"] * 6.0)


def test_compiled_functions_are_taken(make_bars):
    @numba.njit
    def doubled(close):
        return close * 2.0

    register("my_doubled", doubled)
    bars = make_bars(10)
    np.testing.assert_array_equal(
        FeatureSet(bars, bars_per_year=252.0).column("my_doubled"), bars["close"] * 2.0
    )


AHEAD = {
    "shift": lambda close: np.append(close[1:], np.nan),
    "roll": lambda close: np.roll(close, -1),
    "scaled by all": lambda close: close / close.max(),
    "centred": lambda close: pd.Series(close).rolling(5, center=True, min_periods=1).mean(),
    "filled backwards": lambda close: pd.Series(np.where(close > 99, close, np.nan)).bfill(),
    "reversed": lambda close: np.cumsum(close[::-1])[::-1],
    "ranked among all": lambda close: pd.Series(close).rank(pct=True),
    "the last": lambda close: np.full(len(close), close[-1]),
    "rare": lambda close, volume: np.where(volume > 8_900, np.roll(close, -3), close),
}


@pytest.mark.parametrize("function", AHEAD.values(), ids=AHEAD)
def test_a_look_ahead_is_refused_by_name(function):
    with pytest.raises(PluginError, match="'my_seer' looks ahead: its value at bar") as caught:
        register("my_seer", function)
    assert "earlier ones" in caught.value.hint
    assert lookup("my_seer") is None


CAUSAL = {
    "convolution": lambda close: np.convolve(close, np.ones(10) / 10)[: len(close)],
    "sums": lambda close: np.cumsum(close) / np.arange(1, len(close) + 1),
    "expanding": lambda close: pd.Series(close).expanding().std().fillna(0.0),
    "sparse": lambda close: np.where(close > 100, close, np.nan),
    "whole numbers": lambda close: np.arange(len(close)),
    "nullable": lambda close: pd.Series(close).convert_dtypes(),
}


@pytest.mark.parametrize("function", CAUSAL.values(), ids=CAUSAL)
def test_what_only_rounds_otherwise_is_taken(function):
    register("my_own", function)
    assert lookup("my_own") is not None


@pytest.mark.parametrize(("lookback", "first"), [(18, 19), (25, 19), (20, 19)])
def test_a_lookback_that_is_not_so_is_refused(lookback, first):
    with pytest.raises(PluginError, match=f"first value at bar {first}, .* is {lookback}"):
        register("my_own", lambda close, sma_20: close - sma_20, lookback)


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda close: close[1:], r"shape \(399,\) for 400 bars"),
        (lambda close: 0 * len(close), "a value of type int for 400 bars"),
        (lambda close: close.setflags(write=False), "a value of type NoneType"),
        (lambda close: np.stack([close, close]), r"shape \(2, 400\)"),
        (lambda close: close.astype(str), "values of type <U"),
        (lambda close: close + 1j, "values of type complex128"),
        (lambda close: close > 1, "returned bools"),
        (lambda close: len(close) / 0, "ZeroDivisionError: division by zero"),
        (lambda close: close.sort() or close, "read-only"),
        (lambda close: np.random.default_rng().random(len(close)), "other values each time"),
    ],
)
def test_a_function_that_fails_is_named(function, told):
    with pytest.raises(PluginError, match=f"the indicator 'my_own' .*{told}") as caught:
        register("my_own", function)
    assert caught.value.hint
    assert caught.value.details["name"] == "my_own"


def test_a_bool_that_is_none_is_refused():
    with pytest.raises(PluginError, match="other numbers than 0 and 1"):
        register("my_own", lambda close: close, kind="bool")


def test_one_that_fails_later_is_named_with_its_length(make_bars):
    def picky(close, n):
        if len(close) > 600:
            raise ValueError("too many")
        return average(close, n)

    register("my_avg_<n>", picky, lambda n: n - 1)
    with pytest.raises(PluginError, match="'my_avg_20' failed on 700 bars: ValueError: too many"):
        FeatureSet(make_bars(700), bars_per_year=252.0).column("my_avg_20")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("close", "btkit's own"), ("in_position", "btkit's own"), ("sma_<n>", "btkit's own"),
        ("sma_7", "the form of btkit's own sma_<n>"), ("sma_700", "the form of btkit's own"),
        ("spy_sma_<n>", "would be 'spy_sma_20'"), ("prev_x", "one bar before"),
        ("talk_day", "the name of an event"), ("abs", "a word of its own"),
        ("lambda", "a word of its own"), ("n", "a word of its own"), ("My", "lower-case letters"),
        ("my-x", "lower-case letters"), ("7up", "lower-case letters"), ("", "lower-case letters"),
        ("<n>", "lower-case letters"), ("my_<n>_x", "lower-case letters"), ("é", "lower-case"),
        ("x" * 61, "lower-case letters"), (None, "lower-case letters"), (5, "lower-case letters"),
        ("old_30", "is one of old_<n>"), ("one_<n>", "would be 'one_20', too"),
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_had(name, told):
    register("old_<n>", average, lambda n: n - 1)
    register("one_20", lambda close: close)
    function = average if isinstance(name, str) and "<n>" in name else lambda close: close
    with pytest.raises(UsageError, match=told) as caught:
        register(name, function)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "function", "hint"),
    [
        ("my_own", lambda clos: clos, "did you mean 'close'?"),
        ("my_own", lambda capital: capital, "indicators cannot"),
        ("my_own", average, "ends in _<n>"),
        ("my_own_<n>", lambda close: close, "Give it a parameter n"),
        ("my_own", lambda: 1, "after columns"),
        ("my_own", lambda *columns: columns[0], "Wrap it"),
        ("my_own", 5, "lambda"),
    ],
)
def test_a_function_that_does_not_say_what_it_reads(name, function, hint):
    with pytest.raises(UsageError) as caught:
        register(name, function)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "more",
    [
        {"lookback": -1}, {"lookback": "9"}, {"lookback": True}, {"lookback": lambda n: n},
        {"lookback": 10**9}, {"kind": "int"}, {"decay": 2.0}, {"decay": "x"}, {"group": 5},
        {"replace": "yes"},
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense(more):
    with pytest.raises(UsageError) as caught:
        register("my_own", lambda close: close, **more)
    assert caught.value.hint


@pytest.mark.parametrize("more", [{"lookback": lambda n: n / 0}, {"lookback": lambda n: n / 7}])
def test_a_lookback_that_cannot_be_computed(more):
    with pytest.raises(UsageError, match="lookback"):
        register("my_own_<n>", average, **more)


def test_a_cell_that_runs_again_is_no_duplicate_but_another_function_is():
    register("my_own", average_of_two := lambda high, low: (high + low) / 2.0)
    register("my_own", average_of_two)
    with pytest.raises(UsageError, match="another indicator is registered as 'my_own'"):
        register("my_own", lambda high, low: (high + low) / 3.0)
    register("my_own", lambda high, low: (high + low) / 3.0, replace=True)


def test_where_the_code_of_a_name_comes_from():
    register_average()
    register("my_gap", lambda close, my_avg_20: close - my_avg_20, 19)
    plugins = plugins_of(["prev_my_gap", "close", "sma_20", "no_name"])
    assert [plugin.name for plugin in plugins] == ["my_avg_<n>", "my_gap"]
    assert plugins[0].code_hash == hash_code(average)
    assert plugins_of(["my_avg_{fast}"]) == plugins[:1]
    assert plugins_of(["close", "in_position", "prev_sma_7"]) == []


def test_a_report_has_the_code_that_it_rests_on(make_bars):
    register_average()
    spec = {
        "name": "mine",
        "entry_conditions": ["close > my_avg_{n}"],
        "exit_conditions": [],
        "stop_conditions": [],
        "parameters": {"n": 20},
    }
    report = bt.report(bt.simulate(spec, make_bars(200)))
    assert report["provenance"]["plugins"] == [
        {
            "kind": "indicator",
            "name": "my_avg_<n>",
            "code_hash": hash_code(average),
            "distribution": None,
            "version": None,
        }
    ]


PACKAGE = """
    import btkit as bt

    def middle(high, low):
        return (high + low) / 2.0

    def register():
        bt.register_indicator("their_middle", middle, lookback=0, meaning="Middle of the bar.")
    """
ENTRY = "[btkit.indicators]\ntheir_package = their_package:register\n"


def test_an_installed_package_brings_its_names(tmp_path, monkeypatch):
    monkeypatch.setattr(REGISTERED, "_asked", False)
    install(tmp_path, monkeypatch, module="their_package", code=PACKAGE, entry_points=ENTRY)
    spec = bt.load_spec(
        {
            "name": "s",
            "entry_conditions": ["close > their_middle"],
            "exit_conditions": [],
            "stop_conditions": [],
        }
    )
    [plugin] = spec.plugins_read()
    assert (plugin.distribution, plugin.version) == ("their-package", "1.0")


def test_an_installed_package_that_looks_ahead_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(REGISTERED, "_asked", False)
    code = PACKAGE.replace("/ 2.0", "/ 2.0 + high.max()")
    install(tmp_path, monkeypatch, module="their_package", code=code, entry_points=ENTRY)
    with pytest.raises(PluginError, match=r"their-package 1\.0 .*'their_middle' looks ahead"):
        lookup("their_middle")
    assert lookup("sma_20") is not None
