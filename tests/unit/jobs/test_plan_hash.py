"""A run that names its plan runs what was planned, or refuses and says what changed."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from support.small_models import write_bundle
from support.specs import rules

from btkit.errors import PlanChangedError, UsageError
from btkit.jobs import Silent, execute, list_runs, pace, plan_hash, plan_job
from btkit.jobs.execution import Execution
from btkit.jobs.job import BatchJob, RunJob, SweepJob, WalkForwardJob

DAYS = pd.bdate_range("2018-01-02", periods=700)
RULE = rules(entry_conditions=["close > sma_{n}"], parameters={"n": 5})
ASKED = {"symbol": "DAX", "start": date(2019, 1, 2), "end": date(2020, 6, 30), "source": "files"}


def write_bars(folder, last=1.0):
    close = 100 + 8 * np.sin(np.arange(len(DAYS)) / 7)
    close[-100] *= last
    frame = pd.DataFrame(
        {"date": DAYS, "open": close, "high": close + 9, "low": close - 9, "close": close,
         "volume": 5000}
    )  # fmt: skip
    folder.mkdir(exist_ok=True)
    frame.to_csv(folder / "DAX.csv", index=False)
    frame.assign(close=close + 1).to_csv(folder / "CAC.csv", index=False)


@pytest.fixture
def settings(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(pace, "SLICE_BARS", 100)
    monkeypatch.setattr(pace, "_REPEATS", 1)
    write_bars(tmp_path / "bars")
    (tmp_path / "rule.json").write_text(json.dumps(RULE))
    return settings.model_copy(update={"data_dir": tmp_path / "bars", "data_source": "files"})


def planned(job, settings):
    given = Execution(settings=settings, progress=Silent())
    return str(plan_hash.hash_now(job, given)[0])


def opec(day):
    return {"opec_meeting": [{"date": day, "symbol": None, "known_from": None}]}


def changed(job, settings, held):
    with pytest.raises(PlanChangedError) as caught:
        execute(job, settings=settings, plan_hash=held)
    assert list_runs(settings=settings) == []  # before anything of it is stored
    return caught.value.details["changed"], caught.value.message


JOBS = {
    "run": RunJob(spec="rule.json", **ASKED),
    "walk-forward": WalkForwardJob(spec="rule.json", optimize={"n": [5, 9]}, windows=2, **ASKED),
    "sweep": SweepJob(spec="rule.json", parameters={"n": [5, 9]}, **ASKED),
}


@pytest.mark.parametrize("kind", [*JOBS, "batch"])
def test_what_did_not_change_runs(settings, kind):
    job = JOBS.get(kind) or BatchJob(jobs=[JOBS["run"], JOBS["sweep"]])
    held = plan_job(job, settings=settings)["plan_hash"]
    assert held == planned(job, settings)
    execute(job, settings=settings, plan_hash=held)
    [row] = list_runs(settings=settings)
    assert (row["kind"], row["status"]) == (kind, "complete")


@pytest.mark.parametrize("kind", ["run", "batch"])
def test_what_changed_is_named(settings, tmp_path, monkeypatch, kind):
    job = JOBS.get(kind) or BatchJob(jobs=[JOBS["run"], JOBS["sweep"]])
    held = planned(job, settings)
    (tmp_path / "rule.json").write_text(json.dumps({**RULE, "max_holding_bars": 3}))
    assert changed(job, settings, held) == (["spec"], "The spec is not what was planned.")
    write_bars(tmp_path / "bars", last=1.01)
    names, message = changed(job, settings, held)
    assert (names, message) == (
        ["spec", "data"], "The spec and the data are not what was planned.",
    )  # fmt: skip
    (tmp_path / "rule.json").write_text(json.dumps({**RULE, "metadata": {"author": "me"}}))
    assert changed(job, settings, held)[0] == ["data"]
    write_bars(tmp_path / "bars")
    monkeypatch.setattr(plan_hash, "code_now", lambda: ["another"])
    assert changed(job, settings, held)[0] == ["code"]


def test_arguments_that_numbers_hang_on_are_held_and_others_are_not(settings):
    job = JOBS["run"]
    held = planned(job, settings)
    dearer = job.model_copy(update={"commission": 5.0})
    assert changed(dearer, settings, held)[0] == ["arguments"]
    # Where an argument comes from makes no difference, and pages are no number.
    written = job.model_copy(update={"commission": 0.65, "interval": "1d"})
    assert planned(written, settings) == held
    sweep = JOBS["sweep"]
    held = planned(sweep, settings)
    assert planned(sweep.model_copy(update={"threads": 1}), settings) == held
    assert planned(sweep.model_copy(update={"parameters": {"n": [5, 8]}}), settings) != held


def test_axes_in_another_order_are_other_arguments(settings, tmp_path):
    # A seed draws other sets of them.
    spec = rules(entry_conditions=["close > sma_{n} + {d}"], parameters={"n": 5, "d": 0})
    axes = {"n": [5, 9], "d": [0, 1]}
    turned = dict(reversed(axes.items()))
    sweep = SweepJob(spec=spec, parameters=axes, method="random", samples=2, **ASKED)
    other = sweep.model_copy(update={"parameters": turned})
    assert changed(other, settings, planned(sweep, settings))[0] == ["arguments"]
    held = planned(BatchJob(jobs=[sweep]), settings)
    assert changed(BatchJob(jobs=[other]), settings, held)[0] == ["arguments"]
    walk = WalkForwardJob(spec=spec, optimize=axes, **ASKED)
    held = planned(walk, settings)
    other = walk.model_copy(update={"optimize": turned})
    assert changed(other, settings, held)[0] == ["arguments"]


def test_a_benchmark_events_and_models_are_data(settings, tmp_path):
    beside = JOBS["run"].model_copy(update={"benchmark": "CAC"})
    held = planned(beside, settings)
    frame = pd.read_csv(tmp_path / "bars" / "CAC.csv")
    frame.assign(close=frame["close"] + 0.5).to_csv(tmp_path / "bars" / "CAC.csv", index=False)
    assert changed(beside, settings, held)[0] == ["data"]
    spec = rules(entry_conditions=["opec_meeting_day"])
    job = RunJob(
        spec=spec,
        events=opec("2019-03-01"),
        **ASKED,
    )
    held = planned(job, settings)
    other = job.model_copy(update={"events": opec("2019-04-01")})
    assert changed(other, settings, held)[0] == ["data"]
    folder = write_bundle(tmp_path / "small", training_symbols=["DAX"])
    job = RunJob(spec={"name": "small", "model_path": str(folder)}, **ASKED)
    held = planned(job, settings)
    write_bundle(tmp_path / "small", training_symbols=["DAX"], seed=7)
    assert changed(job, settings, held)[0] == ["data"]


def test_what_is_no_hash_is_refused(settings):
    with pytest.raises(UsageError, match="no hash of a plan"):
        execute(JOBS["run"], settings=settings, plan_hash="deadbeef")


def test_a_held_run_has_the_numbers_of_any_other(settings):
    job = JOBS["run"]
    free = execute(job, settings=settings)
    held = execute(job, settings=settings, plan_hash=planned(job, settings))
    pd.testing.assert_frame_equal(held.trades, free.trades)
    pd.testing.assert_series_equal(held.equity, free.equity)
