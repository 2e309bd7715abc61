"""A model spec through the verbs: stored, verified, resumed, in windows, in a batch."""

import json

import numpy as np
import pandas as pd
import pytest
from support.broken_off import StopAfter
from support.small_models import write_bundle

import btkit as bt
from btkit.documents import ModelReport, stored_decisions
from btkit.errors import (
    BundleError,
    InterruptedRunError,
    NoDataError,
    SpecKindError,
    UsageError,
)
from btkit.jobs import execute, list_runs, load_document, load_run, resume, verify
from btkit.jobs.asking import read_job
from btkit.models.forward import MLP

RANGE = ("SPX", "2011-01-03", "2014-12-31")
SHORT = ("SPX", "2011-12-01", "2012-05-31")
SPEC = {
    "name": "small",
    "model_path": "models/small/SPX_1d",
    "confidence_threshold": 0.4,
    "allow_short_from_flat": True,
}


@pytest.fixture
def folder(settings, tmp_path):
    """Give the bundle's folder; the working folder is what it is named from."""
    del settings
    return write_bundle(tmp_path / "models" / "small" / "SPX_1d")


def test_a_stored_run_says_what_decided_and_what_held(settings, folder):
    result = bt.run(SPEC, *RANGE, settings=settings)
    stored = load_run(result.run_id, settings=settings)
    assert isinstance(stored.report, ModelReport)
    assert stored.report.kind == "model"
    (bundle,) = stored.report.model.bundles
    assert (bundle.path, bundle.features, bundle.classes) == (
        "models/small/SPX_1d", 3, ["BUY", "SELL", "HOLD"],
    )  # fmt: skip
    assert (bundle.trained_from, bundle.trained_until) == ("2000-01-03", "2011-12-30")
    assert bundle.settings["confidence_threshold"] == 0.4
    counts = stored.report.model.decisions
    assert counts.buy + counts.sell + counts.hold == len(result.bars)
    assert counts.held == result.held_decisions
    assert stored.report.diagnostics.model_extra["held_decisions"] == result.held_decisions
    learnt = stored.report.model.in_sample
    assert learnt.metrics.total_trades == len(result.in_sample.trades)
    assert learnt.curve[-1].equity == result.in_sample.equity.iloc[-1]
    assert learnt.rows == len(result.in_sample.equity) <= len(learnt.curve) * 2
    table = stored_decisions(stored.report, stored.curve)
    pd.testing.assert_frame_equal(table, result.decisions, check_freq=False, check_names=False)
    ended = (result.trades["exit_reason"] == "end_of_data").sum()
    assert [one.reason for one in stored.report.model.forced_exits] == (
        ["End of backtest period"] * ended
    )
    assert ended == 1
    document = load_document(result.run_id, settings=settings)
    assert document["run"]["commission_per_contract"] == 0.001
    assert document["data"]["first"] == "2012-01-10"


def test_verify_says_that_a_bundle_changed(settings, folder):
    run_id = bt.run(SPEC, *RANGE, settings=settings).run_id
    assert verify(run_id, settings=settings)["reproduced"]
    before = load_run(run_id, settings=settings).report.model.bundles[0].hash
    write_bundle(folder, seed=3)
    document = verify(run_id, settings=settings)
    assert not document["reproduced"]
    assert document["same"]["bars"]
    changed = document["versions"]["bundle models/small/SPX_1d"]
    assert changed["stored"] == before != changed["now"]
    (folder / "metadata_v3.json").unlink()
    with pytest.raises(BundleError):
        verify(run_id, settings=settings)


def test_what_a_network_runs_in_is_kept_and_compared(settings, folder, monkeypatch):
    assert folder.is_dir()
    monkeypatch.setattr(MLP, "provenance", {"onnxruntime": "1.2.3"})
    run_id = bt.run(SPEC, *RANGE, settings=settings).run_id
    assert load_run(run_id, settings=settings).report.provenance.versions["onnxruntime"] == "1.2.3"
    monkeypatch.setattr(MLP, "provenance", {"onnxruntime": "1.2.4"})
    document = verify(run_id, settings=settings)
    assert document["versions"] == {"onnxruntime": {"stored": "1.2.3", "now": "1.2.4"}}
    assert document["reproduced"]


@pytest.mark.parametrize("bars", [1, 60])
def test_a_run_that_is_stopped_goes_on_to_the_same_bits(settings, folder, bars):
    known = settings.model_copy(update={"checkpoint_bars": 1})
    whole = bt.run(SPEC, *SHORT, settings=settings)
    assert len(whole.trades) > 1
    with pytest.raises((KeyboardInterrupt, InterruptedRunError)):
        bt.run(SPEC, *SHORT, settings=known, progress=StopAfter(bars))
    run_id = list_runs(settings=settings)[0]["run_id"]
    watch = StopAfter(None)
    resumed = resume(run_id, settings=known, progress=watch)
    assert watch.counted[0] == bars + 1
    one, other = (load_run(known_id, settings=settings) for known_id in (whole.run_id, run_id))
    pd.testing.assert_frame_equal(one.trades, other.trades, check_exact=True)
    pd.testing.assert_frame_equal(one.curve, other.curve, check_exact=True)
    assert one.report.metrics.model_copy(update={"run_id": None}) == (
        other.report.metrics.model_copy(update={"run_id": None})
    )
    assert resumed.decisions.equals(whole.decisions)


def test_a_changed_bundle_begins_a_stopped_run_anew(settings, folder):
    known = settings.model_copy(update={"checkpoint_bars": 1})
    with pytest.raises((KeyboardInterrupt, InterruptedRunError)):
        bt.run(SPEC, *SHORT, settings=known, progress=StopAfter(30))
    run_id = list_runs(settings=settings)[0]["run_id"]
    write_bundle(folder, seed=3)
    watch = StopAfter(None)
    resumed = resume(run_id, settings=known, progress=watch)
    assert watch.counted[0] == 1
    assert resumed.trades.equals(bt.run(SPEC, *SHORT, settings=settings).trades)


def test_windows_score_the_training_in_sample_and_refuse_it_out_of_sample(settings, folder):
    result = bt.walk_forward(
        SPEC, "SPX", "2010-01-04", "2014-12-31", windows=2, is_ratio=0.6, settings=settings
    )
    assert [part.in_sample for part in result.out_of_sample] == [None, None]
    first = result.in_sample[0]
    # By its name it may be what the model was trained on, and it is scored whole.
    assert str(first.bars.index[0].date()) == "2010-01-04"
    assert first.in_sample is None
    # It says so, wherever it is met alone, and is verified as what it is.
    assert first.in_sample_scored == 509
    assert "in_sample_scored" in [warning["code"] for warning in first.warnings]
    stored = load_run(first.run_id, settings=settings).report
    assert stored.model.in_sample_scored == 509
    assert verify(first.run_id, settings=settings)["reproduced"]
    [told] = [one for one in result.report.warnings if one.code == "learnt_in_sample"]
    assert told.message.startswith("Every window in sample: a trained model learnt from those bars")
    assert f"(of window 1 from 509 of {len(first.bars)} bars)" in told.message
    outside = result.out_of_sample[0]
    begins = str(outside.bars.index[0].date())
    assert begins > "2012-01-09"
    assert outside.in_sample_scored == 0
    assert verify(outside.run_id, settings=settings)["reproduced"]
    alone = bt.run(SPEC, "SPX", begins, str(outside.bars.index[-1].date()), settings=settings)
    assert outside.trades["pnl"].tolist() == alone.trades["pnl"].tolist()
    assert json.loads(result.report.to_json())["provenance"]["spec"]["name"] == "small"
    with pytest.raises(UsageError, match="which are to be out of sample") as caught:
        bt.walk_forward(SPEC, "SPX", "2010-01-04", "2012-12-31", windows=3, settings=settings)
    assert "dated bundles" in caught.value.hint


def test_nothing_of_a_model_is_optimised(settings, folder):
    with pytest.raises(UsageError, match="is a model spec, and only the parameters of rules"):
        bt.walk_forward(SPEC, *RANGE, optimize={"n": [1, 2]}, settings=settings)
    sweeping = {"kind": "sweep", "spec": SPEC, "source": "sample", "parameters": {"n": [1, 2]}}
    sweeping |= dict(zip(("symbol", "start", "end"), RANGE, strict=True))
    for sweep in (
        lambda: bt.sweep(SPEC, *RANGE, parameters={"n": [1, 2]}, settings=settings),
        lambda: execute(read_job(sweeping), settings=settings),
    ):
        with pytest.raises(SpecKindError, match="is a model spec") as caught:
            sweep()
        for said in ("confidence_threshold", "min_edge_multiplier", "`backtest batch`"):
            assert said in caught.value.hint
    with pytest.raises(SpecKindError, match="is a model spec"):
        bt.options_sim(SPEC, *RANGE, settings=settings)
    assert list_runs(settings=settings) == []


def test_without_a_bar_out_of_sample_the_run_has_failed_with_the_reason(settings, folder):
    with pytest.raises(NoDataError, match="No bar is out of sample"):
        bt.run(SPEC, "SPX", "2010-01-04", "2011-12-30", settings=settings)
    (row,) = list_runs(settings=settings)
    assert row["status"] == "failed"


def test_costs_are_the_kinds_whatever_the_environment_says(settings, folder):
    known = settings.model_copy(
        update={"default_commission": 7.0, "default_slippage": 0.1, "max_holding_bars": 2}
    )
    result = bt.run(SPEC, *RANGE, settings=known)
    assert (result.commission, result.slippage) == (0.001, 0.001)
    assert result.trades["bars_held"].max() > 3
    given = bt.run(SPEC, *RANGE, settings=known, commission=0.0, slippage=0.002)
    assert (given.commission, given.slippage) == (0.0, 0.002)


def test_symbol_and_interval_may_be_the_specs(settings, folder):
    stated = {**SPEC, "symbol": "SPX", "interval": "1d"}
    result = bt.run(stated, None, *RANGE[1:], settings=settings)
    assert (result.symbol, result.interval) == ("SPX", "1d")
    with pytest.raises(UsageError, match="symbol"):
        bt.run(SPEC, None, *RANGE[1:], settings=settings)


def test_the_bundle_may_lie_elsewhere_than_the_spec_says(settings, folder):
    expected = bt.run(SPEC, *RANGE, settings=settings)
    moved = folder.rename(folder.parent / "moved")
    for path in (moved, str(moved)):
        result = bt.run(SPEC, *RANGE, model_path=path, settings=settings)
        assert result.trades["pnl"].tolist() == expected.trades["pnl"].tolist()
        (bundle,) = load_run(result.run_id, settings=settings).report.model.bundles
        assert bundle.path == str(moved)
    span = ("SPX", "2010-01-04", "2014-12-31")
    walk = {"windows": 2, "is_ratio": 0.6, "settings": settings}
    assert bt.walk_forward(SPEC, *span, model_path=moved, **walk).out_of_sample[0].run_id
    with pytest.raises(BundleError):
        bt.walk_forward(SPEC, *span, **walk)
    rules = {"name": "r", "entry_conditions": ["close > 1"], "exit_conditions": ["close < 1"],
             "stop_conditions": []}  # fmt: skip
    with pytest.raises(UsageError, match="has no model to be found") as caught:
        bt.run(rules, *RANGE, model_path=moved, settings=settings)
    assert caught.value.hint == "Leave model_path out, or give a model spec."
    with pytest.raises(UsageError, match="model_path"):
        bt.run(SPEC, *RANGE, model_path=5, settings=settings)


def test_a_frame_is_simulated_and_not_stored(settings, folder):
    bars = bt.load_bars(*RANGE, source="sample", settings=settings)
    result = bt.run(SPEC, bars, settings=settings)
    assert result.run_id is None
    assert bt.report(result, settings=settings)["model"]["bundles"][0]["path"] == SPEC["model_path"]
    assert np.isfinite(result.metrics.sharpe_ratio)
