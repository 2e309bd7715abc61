"""How much a run of many bars holds at a time, in columns of as many numbers as it has bars."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.documents import RunDocument, build_provenance, build_report, describe_run
from btkit.engine.state import SHARE_WIDTH
from btkit.indicators.features import LONG
from btkit.simulation import check_inputs, simulate_inputs
from btkit.simulation.simulate import in_one_piece
from btkit.storage import LocalCurves

COUNT = LONG + 10_000
COLUMN = 8 * COUNT


@pytest.fixture(scope="module")
def bars():
    """Return minutes of a random walk, each column in memory of its own."""
    random = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.0006, COUNT)))
    opened = np.r_[close[0], close[:-1]]
    days = pd.bdate_range("2015-01-02", periods=COUNT // 390 + 1)
    minutes = pd.to_timedelta(np.arange(390) + 14 * 60 + 30, unit="min")
    times = (days.to_numpy()[:, None] + minutes.to_numpy()).ravel()[:COUNT]
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
            "volume": np.full(COUNT, 1000.0),
        },
        index=pd.DatetimeIndex(times, tz="UTC"),
    )


@pytest.fixture(scope="module")
def peak():
    """Return a function that calls another, and tells how many columns were made meanwhile."""

    def measure(work):
        tracemalloc.start()
        try:
            result = work()
            held, most = (size / COLUMN for size in tracemalloc.get_traced_memory())
        finally:
            tracemalloc.stop()
        return result, most, held

    return measure


@pytest.fixture(scope="module")
def simulated(bars, peak):
    """Return a run whose conditions read nine columns, and what it took."""
    spec = {
        "name": "many columns",
        "entry_conditions": ["close > sma_50", "rsi_14 > 50", "macd_hist > 0", "not in_position"],
        "exit_conditions": ["rsi_14 > 70", "close < ema_21"],
        "stop_conditions": ["close < sma_200"],
        "filter_conditions": ["vix < 35", "not fomc_meeting_day"],
        "position_sizing_formula": "risk_pct * capital / atr_14",
        "max_holding_bars": 10,
    }
    # What is imported and loaded once is not what is measured.
    document_of(simulate_inputs(check_inputs(in_one_piece, spec, bars[:1_000])))
    return peak(lambda: simulate_inputs(check_inputs(in_one_piece, spec, bars)))


def document_of(result):
    now = datetime.now(UTC)
    report = build_report(
        result,
        describe_run(result, created_at=now),
        min_trades_required=30,
        provenance=build_provenance(result, versions={}),
    )
    return RunDocument.from_result(result, report)


def test_a_run_holds_no_second_copy_of_its_bars_and_no_column_that_was_read(simulated):
    _, most, held = simulated
    # Room for a trade at each bar is asked for, and hardly any of it is used.
    assert most < sum(SHARE_WIDTH) + 9
    assert held < 6


def test_its_report_needs_few_columns_at_a_time(simulated, peak):
    result = simulated[0]
    document, most, held = peak(lambda: document_of(result))
    assert document.report.diagnostics.decided_bars == COUNT
    assert most < 9
    # Account, cash and invested of the curve are its own, and there are trades.
    assert held < 5


def test_the_prices_of_its_curve_are_those_of_the_result(simulated):
    document = document_of(simulated[0])
    theirs = simulated[0].all_bars["close"].to_numpy()
    assert np.shares_memory(document.curve["close"].to_numpy(), theirs)


def test_its_curve_is_read_as_it_was_written_column_by_column(simulated, peak, tmp_path):
    curve = document_of(simulated[0]).curve
    curves = LocalCurves(tmp_path)
    run_id = "00000000-0000-4000-8000-000000000000"

    def save():
        with curves.writing(run_id, curve) as pending:
            pending.publish()
        return pending.url

    url, most, held = peak(save)
    assert most < 4
    assert held < 1
    again, most, held = peak(lambda: curves.load(run_id, url))
    pd.testing.assert_frame_equal(again, curve.rename_axis("timestamp"), check_freq=False)
    assert most < held + 2
    again.iloc[0, 0] = -1.0  # whoever loads a curve may write into it
    assert curve.iloc[0, 0] > 0


def test_columns_that_were_let_go_are_the_same_again(simulated):
    result = simulated[0]
    features = result.features
    once = features["rsi_14"].to_numpy(copy=True)
    result.feature_set.forget()
    np.testing.assert_array_equal(result.feature_set.column("rsi_14"), once)


def test_what_a_caller_changes_later_does_not_reach_a_result(bars):
    mine = bars.iloc[:500].copy()
    result = bt.simulate({"name": "plain", "entry_conditions": ["close > sma_20"],
                          "exit_conditions": [], "stop_conditions": [],
                          "position_sizing_formula": "1", "max_holding_bars": 5}, mine)  # fmt: skip
    mine.loc[:, "close"] = 1.0
    assert (result.bars["close"] != 1.0).all()
