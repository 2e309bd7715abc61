"""A plan says what a job rests on, takes and adds, and does none of it."""

from datetime import date

import pytest
from support.small_models import write_bundle
from support.specs import rules, spread

from btkit.documents import BatchPlan, Plan
from btkit.errors import NoDataError, SpecError, UsageError
from btkit.jobs import execute, load_document, pace, plan_job
from btkit.jobs.job import BatchJob, OptionsJob, RunJob, SweepJob, WalkForwardJob

DAYS = {"symbol": "SPX", "start": date(2010, 1, 4), "end": date(2012, 12, 31)}
FAST = {"n": [10, 20, 50]}
MOVING = rules(entry_conditions=["close > sma_{n}"], parameters={"n": 5})


@pytest.fixture(autouse=True)
def short_slices(monkeypatch):
    monkeypatch.setattr(pace, "SLICE_BARS", 100)
    monkeypatch.setattr(pace, "_REPEATS", 1)


def test_a_plan_describes_the_bars_as_the_report_will(settings):
    job = RunJob(spec=rules(), **DAYS)
    plan = plan_job(job, settings=settings)
    assert Plan.model_validate(plan).to_dict() == plan
    assert not settings.db_path.exists()
    assert not settings.report_dir.exists()
    result = execute(job, settings=settings)
    report = load_document(result.run_id, settings=settings)
    assert plan["data"] == report["data"]
    for name in ("bars_hash", "spec_hash"):
        assert plan[name] == report["provenance"][name]
    assert plan["work"] == {"simulations": 1, "sets": 0, "windows": []}


def test_it_says_what_conditions_read_and_what_is_missing_there(settings):
    spec = rules(
        entry_conditions=["close > sma_50", "vix > {level}"],
        parameters={"level": 20},
        filter_conditions=["iv_atm > 0"],
    )
    plan = plan_job(RunJob(spec=spec, **DAYS), settings=settings)
    [first, second, *_] = plan["conditions"]
    assert (first["text"], first["names"]) == ("close > sma_50", ["close", "sma_50"])
    assert (second["index"], second["names"]) == (1, ["vix"])
    names = {entry["name"]: entry for entry in plan["names"]}
    assert names["sma_50"]["lookback"] == 49
    assert not names["sma_50"]["missing"]
    # The sample has the VIX from 2014 on, and no implied volatility.
    assert names["iv_atm"]["fallback_bars"] == plan["data"]["rows"]
    assert {"fallback", "no_implied_volatility"} <= {one["code"] for one in plan["warnings"]}


def test_names_without_a_value_at_the_first_bar_are_warned_of(settings):
    spec = rules(entry_conditions=["close > sma_200"])
    job = RunJob(spec=spec, symbol="SPX", start=date(1999, 1, 4), end=date(2001, 12, 31))
    plan = plan_job(job, settings=settings)
    late = {entry["name"]: entry["missing_until"] for entry in plan["names"] if entry["missing"]}
    assert late["sma_200"] == "1999-10-18"
    assert plan["data"]["warmup"]["bars"] == 0
    assert plan["warmup_wanted"] == 2_000
    [warning] = [one for one in plan["warnings"] if one["code"] == "missing_at_start"]
    assert "sma_200 (from 1999-10-18)" in warning["message"]


def test_nothing_of_what_was_timed_can_be_read(settings):
    ruinous = rules(entry_conditions=["close > 0"], position_sizing_formula="100000")
    plan = plan_job(RunJob(spec=ruinous, slippage=0.9, **DAYS), settings=settings)
    assert not {"metrics", "passed", "trades", "equity"} & plan.keys()
    assert plan["warnings"] == []


def test_an_unknown_name_is_refused_with_the_one_that_was_meant(settings):
    with pytest.raises(SpecError) as caught:
        plan_job(RunJob(spec=rules(entry_conditions=["clse > 1"]), **DAYS), settings=settings)
    [problem] = caught.value.problems
    assert "unknown name 'clse'" in problem.message
    assert "close" in problem.hint


def test_no_bars_are_an_error_as_in_the_run(settings):
    job = RunJob(spec=rules(), symbol="SPX", start=date(1980, 1, 1), end=date(1981, 1, 1))
    with pytest.raises(NoDataError):
        plan_job(job, settings=settings)


def test_a_walk_forward_has_the_windows_that_it_will_have(settings):
    job = WalkForwardJob(spec=MOVING, optimize=FAST, windows=2, **DAYS)
    plan = plan_job(job, settings=settings)
    report = execute(job, settings=settings).report.to_dict()
    assert [
        {name: window[name] for name in planned}
        for planned, window in zip(plan["work"]["windows"], report["windows"], strict=True)
    ] == plan["work"]["windows"]
    assert plan["work"]["simulations"] == 2 * (2 + 3)
    assert set(plan["estimate"]["seconds_by"]) == {"load", "simulate", "optimize"}
    with pytest.raises(UsageError, match="windows"):
        plan_job(job.model_copy(update={"windows": 200}), settings=settings)


def test_a_sweep_counts_its_sets(settings):
    job = SweepJob(spec=MOVING, parameters=FAST, **DAYS)
    plan = plan_job(job, settings=settings)
    assert (plan["work"]["sets"], plan["work"]["simulations"]) == (3, 6)
    assert set(plan["estimate"]["seconds_by"]) == {"load", "simulate", "overfitting"}
    drawn = SweepJob(spec=MOVING, parameters=FAST, method="optuna", samples=2, **DAYS)
    assert plan_job(drawn, settings=settings)["work"]["sets"] == 2
    refused = SweepJob(
        spec=rules(entry_conditions=["close > sma_{n}"], parameters={"n": 5}),
        parameters={"n": [10, 0]},
        **DAYS,
    )
    with pytest.raises(SpecError):
        plan_job(refused, settings=settings)


def test_options_and_models_are_planned_alike(settings, tmp_path):
    option = OptionsJob(spec=spread(), **DAYS)
    plan = plan_job(option, settings=settings)
    assert (plan["spec_kind"], plan["capital"]) == ("options", 100_000)
    write_bundle(tmp_path / "models" / "small")
    model = {"name": "small", "model_path": "models/small", "confidence_threshold": 0.4}
    job = RunJob(spec=model, **{**DAYS, "end": date(2013, 12, 31)})
    plan = plan_job(job, settings=settings)
    [bundle] = plan["bundles"]
    assert (plan["spec_kind"], bundle["name"], bundle["trained_until"]) == (
        "model", None, "2011-12-30",
    )  # fmt: skip
    report = load_document(execute(job, settings=settings).run_id, settings=settings)
    # What it learnt from is no part of the run.
    assert plan["data"] == report["data"]
    assert plan["data"]["first"] == "2012-01-10"
    with pytest.raises(NoDataError, match="out of sample"):
        plan_job(job.model_copy(update={"end": date(2011, 6, 30)}), settings=settings)


def test_what_was_tried_on_these_bars_is_counted(settings):
    run, sweep = RunJob(spec=rules(), **DAYS), SweepJob(spec=MOVING, parameters=FAST, **DAYS)

    def trials(job):
        found = plan_job(job, settings=settings)["trials"]
        return found["same_bars"], found["same_range"], found["adds"]

    assert trials(run) == (0, 0, 1)
    for _ in range(2):
        execute(run, settings=settings)
    assert trials(run) == (1, 1, 0)
    execute(sweep, settings=settings)
    assert trials(run) == (4, 4, 0)
    other = rules(entry_conditions=["close > 1"])
    assert trials(RunJob(spec=other, **DAYS)) == (4, 4, 1)
    # A validation counts with the sets that it chose from, and not with the runs of its windows.
    execute(WalkForwardJob(spec=MOVING, optimize=FAST, windows=2, **DAYS), settings=settings)
    assert trials(sweep) == (7, 7, 3)
    later = RunJob(spec=rules(), symbol="SPX", start=date(2012, 1, 3), end=date(2013, 12, 31))
    assert trials(later) == (0, 7, 1)
    apart = RunJob(spec=rules(), symbol="SPX", start=date(2014, 1, 3), end=date(2015, 12, 31))
    assert trials(apart) == (0, 0, 1)
    batch = BatchJob(jobs=[RunJob(spec=other, **DAYS)])
    execute(batch, settings=settings)
    assert trials(RunJob(spec=other, **DAYS)) == (8, 8, 0)


def test_a_batch_plans_each_job_and_goes_on_where_one_fails(settings):
    good, bad = RunJob(spec=rules(), **DAYS), RunJob(spec="gone.json", **DAYS)
    plan = plan_job(BatchJob(jobs=[good, bad, good], workers=2), settings=settings)
    assert BatchPlan.model_validate(plan).to_dict() == plan
    assert (plan["errors"], plan["adds"]) == (1, 1)
    assert [one["job"] for one in plan["jobs"]] == [1, 2, 3]
    assert plan["jobs"][1]["plan"] is None
    assert plan["jobs"][1]["error"]["type"] == "UsageError"
    sole = sum(one["plan"]["estimate"]["seconds"] for one in plan["jobs"] if one["plan"])
    assert plan["estimate"]["seconds"] == pytest.approx(sole / 2)
