"""Runs whose conditions read another instrument (SEMANTICS 2.11)."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.random_bars import make_bars

import btkit as bt
from btkit.crosscheck import crosscheck, differences
from btkit.errors import DataError, NoDataError, SpecError, UsageError
from btkit.markets import known_bars
from btkit.simulation import check_inputs, in_one_piece, simulate_inputs
from btkit.validation import check_lookahead

SPEC = {
    "name": "beside",
    "entry_conditions": ['close > of("SPY", sma_3)', 'of("SPY", close > prev_close)'],
    "exit_conditions": ['change(of("SPY", close), 2) < 0'],
    "stop_conditions": [],
    "position_sizing_formula": '1000 / of("SPY", close)',
    "calendars": {"SPY": "XNYS"},
}
DAYS = pd.bdate_range("2024-04-29", "2024-05-17")


def prices(closes, index=DAYS):
    return pd.DataFrame(
        {name: np.asarray(closes, float) for name in ("open", "high", "low", "close")}, index
    ).assign(volume=1e6)


def codes(result):
    return [warning["code"] for warning in result.warnings]


def read(text, own, other, **fields):
    spec = {**SPEC, "entry_conditions": [f"{text} > 0"], "exit_conditions": [],
            "position_sizing_formula": "1", **fields}  # fmt: skip
    return bt.simulate(spec, {"OWN": own, "SPY": other}, symbol="OWN").features


def test_the_run_of_another_exchange_reads_the_close_before():
    other = prices(range(1, 16))
    for calendar, first in (("XNYS", 1.0), ("XLON", np.nan), ("XTKS", np.nan)):
        found = read('of("SPY", close)', prices([9.0] * 15), other, calendar=calendar)
        assert list(found) == ['of("SPY", close)']
        np.testing.assert_equal(found.iloc[0, 0], first)
    # closes of 2 May are known in London on the 3rd
    london = read('of("SPY", close)', prices([9.0] * 15), other, calendar="XLON").iloc[:, 0]
    assert london["2024-05-03"] == other.loc["2024-05-02", "close"]


def test_a_bar_is_known_for_five_sessions_and_no_longer():
    gone = prices(range(1, 16)).drop(DAYS[3:10])
    found = read('of("SPY", close)', prices([9.0] * 15), gone, calendar="XNYS").iloc[:, 0]
    expected = [1.0, 2.0, *[3.0] * 6, np.nan, np.nan, 11.0, 12.0, 13.0, 14.0, 15.0]
    np.testing.assert_array_equal(found, expected)


def test_trades_are_those_of_the_plain_simulation():
    own, other = make_bars(300, seed=3), make_bars(280, seed=4)
    frames = {"OWN": own, "SPY": other, "unread": None}
    result = bt.simulate(SPEC, frames, symbol="OWN", start=own.index[50])
    assert len(result.trades) > 10
    assert differences(result) == []
    plain = crosscheck(SPEC, frames, symbol="OWN", start=own.index[50])
    assert plain.equity == result.equity.tolist()


def test_prices_are_adjusted_as_the_bars_are():
    own, other = make_bars(60, seed=5), make_bars(60, seed=6)
    splits = np.zeros(60)
    splits[30] = 2.0
    own, other = own.assign(splits=0.0), other.assign(splits=splits)
    halved = other["close"].where(other.index >= other.index[30], other["close"] / 2)
    found = read('of("SPY", close)', own, other, price_adjustment="splits").iloc[:, 0]
    np.testing.assert_allclose(found, halved)
    spec, frames = {**SPEC, "price_adjustment": "splits"}, {"OWN": own, "SPY": other}
    plain = crosscheck(spec, frames, symbol="OWN")
    ours = bt.simulate(spec, frames, symbol="OWN")
    assert plain.equity == ours.equity.tolist()
    with pytest.raises(DataError, match=r"the bars of SPY, which entry_conditions\[0\], "):
        bt.simulate(spec, {**frames, "SPY": other.drop(columns="splits")}, symbol="OWN")


def test_its_calendar_is_said_or_warned_of():
    own, other = make_bars(60, seed=5), make_bars(60, seed=6)
    run = bt.simulate(SPEC, {"OWN": own, "SPY": other}, symbol="OWN")
    assert "other_calendar_assumed" not in codes(run)
    run = bt.simulate({**SPEC, "calendars": {}}, {"OWN": own, "SPY": other}, symbol="OWN")
    [found] = [one for one in run.warnings if one["code"] == "other_calendar_assumed"]
    assert (
        "which entry_conditions[0], entry_conditions[1], exit_conditions[0] and" in found["message"]
    )
    assert "calendars: {SPY: ...}" in found["message"]
    # what a source knows counts
    sample = {symbol: bt.load_bars(symbol, "2018-01-02", "2018-03-29", source="sample")
              for symbol in ("SPX", "IXIC")}  # fmt: skip
    run = bt.simulate(
        {**SPEC, "calendar": "XLON", "calendars": {}},
        {"SPX": sample["SPX"], "SPY": sample["IXIC"]},
        symbol="SPX",
    )
    assert "other_calendar_assumed" not in codes(run)
    assert run.others["SPY"].calendar == "XNYS"


def test_many_bars_without_any_are_warned_of():
    own, other = make_bars(100, seed=5), make_bars(50, seed=6)
    run = bt.simulate(SPEC, {"OWN": own, "SPY": other}, symbol="OWN")
    [found] = [one for one in run.warnings if one["code"] == "other_bars_missing"]
    assert found["message"].startswith("On 45 of 100 bars no bar of SPY is known")


def test_fallbacks_and_findings_of_it_are_told():
    own, other = make_bars(100, seed=5), make_bars(100, seed=6)
    other.loc[other.index[40], "volume"] = 0.0
    spec = {**SPEC, "filter_conditions": ['of("SPY", vix) < 35']}
    run = bt.simulate(spec, {"OWN": own, "SPY": other}, symbol="OWN")
    assert run.fallbacks == {'of("SPY", vix)': 100}
    assert "fallback" in codes(run)
    info = run.other_data["SPY"]
    assert (info.symbol, info.rows, info.quality[0].code) == ("SPY", 100, "zero_volume")
    document = bt.report(run)
    assert document["data"]["others"][0]["symbol"] == "SPY"
    assert document["provenance"]["others_hash"].keys() == {"SPY"}


def test_the_hash_is_of_the_bars_that_were_seen():
    own, other = make_bars(300, seed=3), make_bars(900, seed=4)
    own.index = other.index[-300:]
    hashes = []
    for frame in (other, other.iloc[50:], other.iloc[600 - 400 :]):
        run = bt.simulate(SPEC, {"OWN": own, "SPY": frame}, symbol="OWN", start=own.index[100])
        hashes.append(bt.report(run)["provenance"]["others_hash"]["SPY"])
        assert len(run.seen_of("SPY")) == min(600, len(frame) - 200) + 200
    # 600 earlier bars are seen, wherever it begins
    assert hashes[0] == hashes[1]
    assert hashes[2] != hashes[0]


def test_what_is_not_handed_over_is_refused():
    bars = make_bars(60, seed=5)
    with pytest.raises(UsageError) as refused:
        bt.simulate(SPEC, bars)
    assert "read SPY, and its bars were not handed over" in refused.value.message
    assert refused.value.details["missing"] == ["SPY"]
    for frames, symbol, message in (
        ({"A": bars, "SPY": bars}, None, "there are bars of A and SPY, and nothing says which"),
        ({"A": bars, "SPY": bars}, "B", "there are bars of A and SPY, and none is 'B'"),
        ({}, None, "there are bars of nothing"),
        (bars, "A", "symbol says which of several frames is traded"),
    ):
        with pytest.raises(UsageError, match=message):
            bt.simulate(SPEC, frames, symbol=symbol)
    hours = prices([1.0] * 4, pd.date_range("2024-05-02 14:30", periods=4, freq="h", tz="UTC"))
    with pytest.raises(UsageError, match="are of 1h, those of the run of 1d"):
        bt.simulate(SPEC, {"A": bars, "SPY": hours}, symbol="A")
    with pytest.raises(NoDataError, match="are none"):
        bt.simulate(SPEC, {"A": bars, "SPY": bars.iloc[:0]}, symbol="A")
    with pytest.raises(DataError, match="cannot be used: bars are a pandas DataFrame"):
        bt.simulate(SPEC, {"A": bars, "SPY": "bars"}, symbol="A")


def test_declared_columns_are_read_of_both():
    spec = {**SPEC, "columns": ["signal"], "entry_conditions": ['of("SPY", signal) > signal']}
    bars = make_bars(60, seed=5)
    own, other = bars.assign(signal=0.5), bars.assign(signal=np.arange(60) % 2)
    run = bt.simulate(spec, {"A": own, "SPY": other}, symbol="A")
    np.testing.assert_array_equal(run.features['of("SPY", signal)'], np.arange(60) % 2)
    assert differences(run) == []
    with pytest.raises(DataError, match=r"the bars of SPY, which .* cannot be used: .*signal"):
        bt.simulate(spec, {"A": own, "SPY": bars}, symbol="A")


def test_calendars_are_of_what_is_read():
    with pytest.raises(SpecError) as refused:
        bt.load_spec({**SPEC, "calendars": {"SPYY": "XNYS"}})
    [problem] = refused.value.problems
    assert (problem.path, problem.hint) == ("calendars.SPYY", "did you mean 'SPY'?")
    with pytest.raises(SpecError, match="unknown exchange calendar 'XNY'"):
        bt.load_spec({**SPEC, "calendars": {"SPY": "XNY"}})
    with pytest.raises(SpecError, match="of\\(\\) takes its symbol written out"):
        bt.load_spec({**SPEC, "entry_conditions": ['of("{s}", close) > 1'], "parameters": {"s": 1}})


def test_other_instruments_have_a_limit():
    texts = [f'of("S{number}", close) > 1' for number in range(51)]
    with pytest.raises(SpecError, match="conditions read 51 other instruments; at most 50 are"):
        bt.load_spec({**SPEC, "calendars": {}, "entry_conditions": texts, "exit_conditions": [],
                      "position_sizing_formula": "1"})  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_no_bar_that_closes_later_changes_anything(data):
    own_calendar, its = (data.draw(st.sampled_from(("XNYS", "XLON", "24/7"))) for _ in range(2))
    own, other = make_bars(80, seed=7), make_bars(80, seed=8)
    spec = {**SPEC, "calendar": own_calendar, "calendars": {"SPY": its}}
    known = known_bars(
        own.index, other.index, bt.simulate(spec, {"A": own, "SPY": other}, symbol="A")
        .annualisation.interval, calendar=own_calendar, other_calendar=its,
    )  # fmt: skip
    bar = data.draw(st.integers(10, 78))
    later = other.copy()
    first = int(known.last[bar]) + 1
    factor = data.draw(st.sampled_from((0.5, 1.01, 3.0)))
    columns = ["open", "high", "low", "close", "volume"]
    later.loc[later.index[first:], columns] *= factor
    shorter = other.iloc[:first]
    before, *after = (
        bt.simulate(spec, {"A": own, "SPY": frame}, symbol="A")
        for frame in (other, later, shorter)
        if len(frame)
    )
    for run in after:
        known_now = before.features.iloc[: bar + 1]
        pd.testing.assert_frame_equal(run.features.iloc[: bar + 1], known_now, check_exact=True)
        assert run.equity.iloc[: bar + 1].tolist() == before.equity.iloc[: bar + 1].tolist()


def test_a_check_for_look_ahead_alters_its_future_too():
    own, other = make_bars(120, seed=7), make_bars(120, seed=8)
    frames = {"SPY": other.assign(vix=20.0)}
    inputs = check_inputs(in_one_piece, SPEC, own, others=frames, start=own.index[40])
    found = check_lookahead(inputs, simulate_inputs(inputs), bars=5)
    assert (found.leaks, found.checks) == ((), 30)


def test_a_column_of_it_that_knows_what_comes_is_found():
    own, other = make_bars(300, seed=7), make_bars(300, seed=8)
    other["signal"] = other["close"].pct_change().shift(-1).fillna(0.0)
    spec = {**SPEC, "columns": ["signal"], "entry_conditions": ['of("SPY", signal) > 0']}
    frames = {"SPY": other}
    given_bars = own.assign(signal=0.0)
    inputs = check_inputs(in_one_piece, spec, given_bars, others=frames, start=own.index[40])
    found = check_lookahead(inputs, simulate_inputs(inputs), bars=5)
    assert [leak.name for leak in found.leaks] == ['of("SPY", signal)']


def test_a_level_of_adjusted_prices_is_found_in_a_ratio():
    own = make_bars(100, seed=7).assign(splits=0.0)
    other = make_bars(100, seed=8).assign(splits=0.0)
    text = 'close / of("SPY", close) > 1'
    spec = {**SPEC, "price_adjustment": "splits", "entry_conditions": [text], "exit_conditions": []}
    inputs = check_inputs(in_one_piece, spec, own, others={"SPY": other})
    found = check_lookahead(inputs, simulate_inputs(inputs), bars=5)
    assert f"entry_conditions[0]: {text}" in {leak.name for leak in found.leaks}
