"""Jobs whose conditions read another instrument: loaded, stored, planned, sent away and checked."""

from datetime import date

import pandas as pd
import pytest

import btkit as bt
from btkit.data.packed import pack_bars, unpack_bars
from btkit.errors import NoDataError, UsageError
from btkit.indicators import UserEvents
from btkit.jobs import check_lookahead, plan_job, verify
from btkit.jobs.asking import make_job
from btkit.jobs.execution import Execution
from btkit.jobs.job import RunJob
from btkit.jobs.loading import bars_of
from btkit.jobs.plan_hash import plan_hash_of
from btkit.jobs.prepare import prepare
from btkit.jobs.progress import Silent

RATIO = 'of("IXIC", close) / close > mean(of("IXIC", close) / close, {n})'
SPEC = {
    "name": "beside",
    "parameters": {"n": 30},
    "entry_conditions": [RATIO, "not in_position"],
    "exit_conditions": ['of("IXIC", close < ema_50)'],
    "stop_conditions": [],
    "position_sizing_formula": "0.5 * capital / close",
}
START, END = "2008-01-02", "2012-12-31"


def prepared(settings, spec=SPEC, **more):
    asked = {"spec": spec, "symbol": "SPX", "start": START, "end": END, **more}
    return prepare(make_job(RunJob, asked, settings=settings), settings=settings)


def loaded(settings, spec=SPEC, **more):
    return bars_of(prepared(settings, spec, **more), Execution(settings, Silent()))


def test_six_hundred_earlier_bars_of_it_are_loaded(settings):
    found = loaded(settings)
    assert list(found.others) == ["IXIC"]
    index = found.others["IXIC"].index
    assert int(index.searchsorted(pd.Timestamp(START))) == 600
    assert index[-1] == pd.Timestamp(END)
    plain = {**SPEC, "entry_conditions": ["close > sma_{n}"], "exit_conditions": []}
    assert loaded(settings, plain).others == {}


def test_what_only_the_other_reads_is_asked_of_it_alone(settings):
    spec = {**SPEC, "exit_conditions": ['of("IXIC", vix) > 30', 'of("SPX", iv_rank) > 1']}
    found = loaded(settings, spec, start="2016-01-04", end="2017-12-29")
    assert "vix" in found.others["IXIC"]
    assert "vix" not in found.others["SPX"]
    assert "vix" not in found.bars
    assert not bt.load_spec(spec).needs_vix
    assert not bt.load_spec(spec).needs_iv


def test_a_run_is_stored_and_verified(settings):
    result = bt.run(SPEC, "SPX", START, END, settings=settings)
    assert len(result.trades) > 3
    assert verify(result.run_id, settings=settings)["reproduced"]
    document = bt.report(result, settings=settings)
    [other] = document["data"]["others"]
    assert (other["symbol"], other["rows"], other["warmup_rows"]) == (
        "IXIC",
        len(result.equity),
        600,
    )
    assert document["provenance"]["others_hash"].keys() == {"IXIC"}
    assert result.lookahead.leaks == ()


def test_frames_by_symbol_give_the_same(settings):
    found = loaded(settings)
    frames = {"SPX": found.bars, **found.others}
    ours = bt.run(SPEC, frames, START, END, settings=settings)
    stored = bt.run(SPEC, "SPX", START, END, settings=settings)
    plain = bt.simulate(SPEC, frames, symbol="SPX", start=START, **prepared(settings).account)
    assert ours.equity.equals(stored.equity)
    assert plain.equity.equals(stored.equity)
    assert ours.run_id is None
    with pytest.raises(UsageError, match="SPX and QQQ could be what is traded"):
        bt.run(SPEC, {**frames, "QQQ": found.bars}, START, END, settings=settings)
    with pytest.raises(UsageError, match="its bars were not handed over"):
        bt.run(SPEC, found.bars, START, END, settings=settings)


def test_a_sweep_and_a_validation_read_it_too(settings):
    swept = bt.sweep(SPEC, "SPX", START, END, parameters={"n": [20, 30]}, settings=settings)
    table = swept.table.set_index("n")
    run = bt.run(SPEC, "SPX", START, END, settings=settings)
    assert table.loc[30, "sharpe_ratio"] == run.metrics.sharpe_ratio
    walked = bt.walk_forward(SPEC, "SPX", START, END, optimize={"n": [20, 30]}, settings=settings)
    assert walked.report.provenance.others_hash == plan(settings)["others_hash"]
    for window in walked.report.windows:
        again = verify(window.oos_run_id, settings=settings)
        assert again["same"]["bars"]
        assert again["same"]["trades"]


def plan(settings):
    job = RunJob(spec=SPEC, symbol="SPX", start=date(2008, 1, 2), end=date(2012, 12, 31))
    return plan_job(job, settings=settings)


def test_a_plan_hangs_on_its_bars(settings):
    found = plan(settings)
    assert found["data"]["others"][0]["symbol"] == "IXIC"
    job, bars = prepared(settings), loaded(settings)
    planned = plan_hash_of(job, bars)
    bars.others["IXIC"].loc[pd.Timestamp("2010-05-03"), "close"] += 0.01
    assert plan_hash_of(job, bars).data != planned.data


def test_a_check_for_look_ahead_loads_it_as_of_earlier_bars(settings):
    found = check_lookahead(SPEC, "SPX", START, END, bars=4, settings=settings)
    assert found["passed"]
    [drift] = [one for one in found["drift"] if one["name"] == 'of("IXIC", ema_50)']
    assert 0 < drift["difference"] < 1e-4


def test_it_travels_with_the_bars(settings):
    found = loaded(settings)
    again = unpack_bars(pack_bars(found))
    pd.testing.assert_frame_equal(again.others["IXIC"], found.others["IXIC"], check_exact=True)
    assert again.others["IXIC"].attrs == found.others["IXIC"].attrs


def test_a_symbol_that_nobody_knows_is_told_with_its_place(settings):
    spec = {**SPEC, "exit_conditions": ['of("QQQ", close) < 1']}
    with pytest.raises(NoDataError) as refused:
        bt.run(spec, "SPX", START, END, settings=settings)
    assert refused.value.message == (
        "QQQ, which exit_conditions[0] reads: the sample data has no symbol QQQ"
    )
    assert refused.value.exit_code == 1
    assert refused.value.details["places"] == ["exit_conditions[0]"]


def test_events_of_the_other_are_kept_with_a_run(settings):
    table = pd.DataFrame(
        {"name": "ruling", "date": ["2010-05-03", "2010-06-01"], "symbol": ["IXIC", "SPX"]}
    )
    fields = {**SPEC, "entry_conditions": ['of("IXIC", ruling_day)'], "parameters": {}}
    result = bt.run(bt.load_spec(fields, events=table), "SPX", START, END, settings=settings)
    assert [str(day.date()) for day in result.trades["entry_date"]] == ["2010-05-04"]
    assert verify(result.run_id, settings=settings)["reproduced"]
    kept = bt.report(result, settings=settings)["provenance"]["events"]
    assert len(UserEvents.from_json(kept).of("IXIC")["ruling"].days) == 1
