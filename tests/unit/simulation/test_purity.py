"""`simulate` depends on its arguments alone, and leaves them as they were."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.errors import DataError, NoDataError, SpecError, UsageError

SPEC = {
    "entry_conditions": ["close > sma_20", "rsi_14 > 50", "not in_position"],
    "exit_conditions": ["close < ema_21"],
    "stop_conditions": ["position_pnl_pct < -0.02"],
    "filter_conditions": ["vix < 35", "not fomc_meeting_day"],
    "position_sizing_formula": "capital / close / 2",
}


def same(first, second):
    pd.testing.assert_frame_equal(first.trades, second.trades, check_exact=True)
    pd.testing.assert_series_equal(first.equity, second.equity, check_exact=True)
    pd.testing.assert_series_equal(first.cash, second.cash, check_exact=True)
    pd.testing.assert_frame_equal(first.features, second.features, check_exact=True)
    # NaN metrics are equal here.
    assert repr(first.metrics) == repr(second.metrics)
    assert first.diagnostics == second.diagnostics
    assert first.warnings == second.warnings
    assert (first.warmup, first.fallbacks) == (second.warmup, second.fallbacks)


def test_the_same_inputs_give_the_same_result(waves, make_spec):
    spec = make_spec(**SPEC)
    first, second = bt.simulate(spec, waves), bt.simulate(bt.load_spec(spec), waves.copy())
    assert len(first.trades) > 5
    same(first, second)


def test_the_inputs_are_left_as_they_were(waves, make_spec):
    bars, spec = waves.copy(), make_spec(**SPEC, parameters={})
    bars["adj_close"] = bars["close"] * 0.9
    bars.attrs["btkit"] = {"note": ["a"]}
    kept_bars, kept_spec = bars.copy(deep=True), copy.deepcopy(spec)
    kept_attributes = copy.deepcopy(bars.attrs)
    spec["price_adjustment"] = kept_spec["price_adjustment"] = "splits_dividends"
    result = bt.simulate(spec, bars)
    result.features, result.diagnostics, result.warmup  # noqa: B018 - made when asked for
    pd.testing.assert_frame_equal(bars, kept_bars, check_exact=True)
    assert bars.attrs == kept_attributes
    assert spec == kept_spec


def test_bars_changed_afterwards_do_not_change_the_result(waves, make_spec):
    untouched = bt.simulate(make_spec(**SPEC), waves)
    bars = waves.copy()
    result = bt.simulate(make_spec(**SPEC), bars)
    bars.loc[:, ["open", "high", "low", "close"]] *= 3.0
    bars["volume"] = 1.0
    # Features, tables and diagnostics are made only now.
    same(result, untouched)
    pd.testing.assert_frame_equal(result.bars, untouched.bars)


def test_values_written_through_an_array_do_not_change_the_result(waves, make_spec):
    untouched = bt.simulate(make_spec(**SPEC), waves)
    cells = {name: waves[name].to_numpy(copy=True) for name in waves}
    bars = pd.DataFrame(cells, index=waves.index, copy=False)
    result = bt.simulate(make_spec(**SPEC), bars)
    for column in cells.values():
        column[:] = 7.0
    same(result, untouched)


def test_no_environment_is_read(waves, make_spec, monkeypatch, tmp_path):
    spec = make_spec(**SPEC)
    del spec["max_holding_bars"]
    before = bt.simulate(spec, waves)
    assert before.spec.max_holding_bars == 10
    (tmp_path / ".env").write_text("BT_MAX_HOLDING_BARS=1\nBT_INITIAL_CAPITAL=5\n")
    monkeypatch.chdir(tmp_path)
    for name in ("BT_MAX_HOLDING_BARS", "BT_INITIAL_CAPITAL", "BT_DEFAULT_COMMISSION"):
        monkeypatch.setenv(name, "1")
    same(bt.simulate(spec, waves), before)


def test_a_column_that_no_condition_reads_changes_nothing(waves, make_spec):
    spec = make_spec(**SPEC)
    del spec["filter_conditions"]
    more = waves.assign(iv_rank=30.0, vix=99.0)
    pd.testing.assert_frame_equal(
        bt.simulate(spec, waves).trades, bt.simulate(spec, more).trades, check_exact=True
    )


def copied(result):
    return pickle.loads(pickle.dumps(result))  # noqa: S301 - written a moment ago


def test_a_result_survives_pickling(waves, make_spec):
    result = bt.simulate(make_spec(**SPEC), waves, start="2018-05-01")
    same(copied(result), result)
    # Again, now that the tables have been made.
    again = copied(result)
    same(again, result)
    assert repr(again) == repr(result)


@pytest.mark.parametrize("spec", ["strategies/golden_cross.yaml", "name: x", None, 3, ["close"]])
def test_only_a_spec_or_a_mapping_is_taken(waves, spec):
    with pytest.raises(UsageError, match="simulate reads no files"):
        bt.simulate(spec, waves)


def test_a_mapping_is_checked_like_a_file(waves, make_spec):
    with pytest.raises(SpecError) as caught:
        bt.simulate(make_spec(entry_conditions=["clos > 1"], stop=3), waves)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    "account",
    [
        {"capital": 0.0},
        {"capital": -1.0},
        {"capital": float("nan")},
        {"capital": float("inf")},
        {"capital": 10**400},
        {"commission": -0.01},
        {"commission": float("nan")},
        {"slippage": -0.1},
        {"slippage": 1.0},
        {"slippage": float("inf")},
    ],
)
def test_an_account_that_makes_no_sense(waves, make_spec, account):
    [name] = account
    with pytest.raises(UsageError, match=f"^{name} is .*; it must be "):
        bt.simulate(make_spec(), waves, **account)


def test_no_bars(waves, make_spec):
    with pytest.raises(NoDataError, match="no bars"):
        bt.simulate(make_spec(), waves.iloc[:0])


def test_broken_bars(waves, make_spec):
    bars = waves.copy()
    bars.iloc[3, bars.columns.get_loc("close")] = np.nan
    with pytest.raises(DataError):
        bt.simulate(make_spec(), bars)


def test_harmless_faults_are_repaired_and_told(waves, make_spec):
    shuffled = pd.concat([waves.iloc[200:], waves.iloc[:201]])
    result = bt.simulate(make_spec(**SPEC), shuffled)
    assert {"sorted", "duplicates_dropped"} <= {finding.code for finding in result.quality}
    pd.testing.assert_frame_equal(
        result.trades, bt.simulate(make_spec(**SPEC), waves).trades, check_exact=True
    )
