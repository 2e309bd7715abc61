"""Jobs whose spec goes by finer bars: loaded, stored, planned, swept, sent away and checked."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.data.packed import pack_bars, unpack_bars
from btkit.errors import NoDataError, SpecError, UsageError
from btkit.jobs import check_lookahead, execute, plan_job, verify
from btkit.jobs.asking import make_job
from btkit.jobs.execution import Execution
from btkit.jobs.job import RunJob
from btkit.jobs.loading import bars_of
from btkit.jobs.plan_hash import plan_hash_of
from btkit.jobs.prepare import prepare
from btkit.jobs.progress import Silent
from btkit.markets import bar_spans
from btkit.markets.interval import Interval

START, END = "2023-01-03", "2023-12-29"
SPEC = {
    "name": "detailed",
    "parameters": {"stop": 0.02},
    "entry_conditions": ["not in_position"],
    "exit_conditions": [],
    "stop_conditions": [],
    "stop_loss": "{stop}",
    "take_profit": 0.02,
    "max_holding_bars": 1000,
    "position_sizing_formula": "0.5 * capital / close",
    "detail": "30m",
}
PRICES = ["open", "high", "low", "close"]


@pytest.fixture(scope="module")
def frames():
    """Half hours of a year and a half of sessions, and the days that they make."""
    days = pd.bdate_range("2022-07-01", "2023-12-29")
    begins, ends = bar_spans(days, Interval.DAY, calendar="XNYS")
    spans = zip(*map(pd.to_datetime, (begins, ends)), strict=True)
    index = pd.DatetimeIndex(
        [time for first, last in spans for time in pd.date_range(first, last, freq="30min")[:-1]]
    ).tz_localize("UTC")
    steps = np.random.default_rng(3).normal(0, 0.004, (len(index), 4))
    prices = 100 * np.exp(np.cumsum(steps.ravel())).reshape(steps.shape)
    detail = pd.DataFrame(
        {"open": prices[:, 0], "high": prices.max(1), "low": prices.min(1), "close": prices[:, 3]},
        index,
    ).assign(volume=10.0)
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    bars = detail.groupby(index.tz_localize(None).normalize()).agg(rules)
    return bars, detail


@pytest.fixture
def settings(settings, frames, tmp_path):
    folder = tmp_path / "bars"
    folder.mkdir()
    bars, detail = frames
    bars.rename_axis("date").to_csv(folder / "XYZ.csv")
    # Of one day the half hours are lacking.
    kept = detail[detail.index.date != date(2023, 5, 3)]
    kept.rename_axis("time").to_csv(folder / "XYZ_30m.csv")
    return settings.model_copy(update={"data_source": "files", "data_dir": folder})


def prepared(settings, spec=SPEC):
    asked = {"spec": spec, "symbol": "XYZ", "start": START, "end": END}
    return prepare(make_job(RunJob, asked, settings=settings), settings=settings)


def loaded(settings, spec=SPEC):
    return bars_of(prepared(settings, spec), Execution(settings, Silent()))


def test_the_half_hours_of_the_sessions_asked_for_are_loaded(settings):
    found = loaded(settings)
    assert (found.detail.index[0], found.detail.index[-1]) == (
        pd.Timestamp("2023-01-03 14:30", tz="UTC"),
        pd.Timestamp("2023-12-29 20:30", tz="UTC"),
    )
    assert loaded(settings, {**SPEC, "detail": None}).detail is None


def test_a_run_is_stored_and_verified(settings, frames):
    result = bt.run(SPEC, "XYZ", START, END, settings=settings)
    assert len(result.trades) > 50
    assert verify(result.run_id, settings=settings)["reproduced"]
    document = bt.report(result, settings=settings)
    found = document["data"]["detail"]
    assert (found["interval"], found["source"], found["mismatches"]) == ("30m", "files", 1)
    assert (found["rows"], found["first"], found["last"]) == (
        len(result.seen_detail),
        "2023-01-03T14:30:00+00:00",
        "2023-12-29T20:30:00+00:00",
    )
    assert document["diagnostics"]["detail_mismatch"] == 1
    assert len(document["provenance"]["detail_hash"]) == 64
    bare = bt.run({**SPEC, "detail": None}, "XYZ", START, END, settings=settings)
    assert bare.ambiguity.trades > 10 * max(result.ambiguity.trades, 1)
    assert bt.report(bare, settings=settings)["data"]["detail"] is None
    # What comes of a run hangs on them.
    path = settings.data_dir / "XYZ_30m.csv"
    table = pd.read_csv(path)
    table.iloc[-30:, 1:5] *= 1.01
    table.to_csv(path, index=False)
    again = verify(result.run_id, settings=settings)
    assert not again["same"]["bars"]


def test_frames_give_the_same(settings):
    found = loaded(settings)
    stored = bt.run(SPEC, "XYZ", START, END, settings=settings)
    ours = bt.run(SPEC, found.bars, START, END, detail=found.detail, settings=settings)
    account = prepared(settings).account
    plain = bt.simulate(SPEC, found.bars, detail=found.detail, start=START, **account)
    assert ours.equity.equals(stored.equity)
    assert plain.equity.equals(stored.equity)
    with pytest.raises(UsageError, match="were not handed over"):
        bt.run(SPEC, found.bars, START, END, settings=settings)
    with pytest.raises(UsageError, match="has to say where they are from"):
        bt.run(SPEC, "XYZ", START, END, detail=found.detail, settings=settings)


BOTH = {
    **SPEC,
    "direction": "both",
    "entry_conditions": ["not in_position", "weekday < 2"],
    "short": {
        "entry_conditions": ["not in_position", "weekday > 2"],
        "exit_conditions": [],
        "stop_conditions": [],
    },
}
PARTS = {**SPEC, "scale_out": [{"when": "position_pnl_pct > 0.005", "fraction": 0.5}]}
RESTS = {
    **SPEC,
    "entry_conditions": ["close > 0"],
    "entry_order": {"limit": "close * 0.99", "valid_bars": 3},
    "trailing_stop": {"fraction": 0.03},
    "max_concurrent_positions": 4,
}


@pytest.mark.parametrize(
    "spec", [SPEC, BOTH, PARTS, RESTS], ids=["plain", "both", "parts", "rests"]
)
def test_rows_of_a_sweep_are_runs_and_pieces_are_the_whole(settings, spec):
    found = loaded(settings, spec)
    swept = bt.sweep(
        spec, found.bars, START, END, detail=found.detail, parameters={"stop": [0.01, 0.02]},
        settings=settings,
    ).table.set_index("stop")  # fmt: skip
    for stop in (0.01, 0.02):
        one = {**spec, "parameters": {"stop": stop}}
        run = bt.run(one, found.bars, START, END, detail=found.detail, settings=settings)
        bare = bt.run({**one, "detail": None}, found.bars, START, END, settings=settings)
        for name in ("total_return", "sharpe_ratio", "max_drawdown_pct", "total_trades"):
            assert swept.loc[stop, name] == getattr(run.metrics, name)
        assert run.metrics.total_return != bare.metrics.total_return


def test_a_validation_reads_them_in_each_window(settings):
    walked = bt.walk_forward(
        SPEC, "XYZ", START, END, windows=2, optimize={"stop": [0.01, 0.02]}, settings=settings
    )
    assert walked.report.data.detail.mismatches <= 1
    assert walked.report.provenance.detail_hash == plan(settings)["detail_hash"]
    for window in walked.report.windows:
        again = verify(window.oos_run_id, settings=settings)
        assert again["same"]["bars"]
        assert again["same"]["trades"]
        assert not [one for one in again["differences"] if "detail" in one["path"]]


def plan(settings):
    job = RunJob(spec=SPEC, symbol="XYZ", start=date(2023, 1, 3), end=date(2023, 12, 29))
    return plan_job(job, settings=settings)


def test_a_plan_hangs_on_them(settings):
    assert plan(settings)["data"]["detail"]["mismatches"] == 1
    job, bars = prepared(settings), loaded(settings)
    planned = plan_hash_of(job, bars)
    bars.detail.iloc[100, 0] *= 1.001
    assert plan_hash_of(job, bars).data != planned.data


def test_a_check_for_look_ahead_needs_none(settings):
    assert check_lookahead(SPEC, "XYZ", START, END, bars=4, settings=settings)["passed"]
    bars = loaded(settings).bars
    assert check_lookahead(SPEC, bars, START, END, bars=4, settings=settings)["passed"]


def test_they_travel_with_the_bars(settings):
    found = loaded(settings)
    again = unpack_bars(pack_bars(found))
    pd.testing.assert_frame_equal(again.detail, found.detail, check_exact=True)
    far, here = (
        execute(prepared(settings), settings=settings, bars=bars, store=False)
        for bars in (again, found)
    )
    assert far.equity.equals(here.equity)


def test_bars_that_nobody_has_are_told_with_what_asks_for_them(settings):
    with pytest.raises(NoDataError, match="bars of 5m, which detail asks for") as refused:
        bt.run({**SPEC, "detail": "5m"}, "XYZ", START, END, settings=settings)
    assert refused.value.exit_code == 1
    with pytest.raises(SpecError, match="bars of 1w do not lie inside bars of 1d"):
        bt.run({**SPEC, "detail": "1w"}, "XYZ", START, END, settings=settings)
