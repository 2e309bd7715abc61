"""Jobs as strangers write them: checked as a whole, and read without a look at anything else."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date

import pytest
from pydantic import ValidationError

from btkit.errors import SpecError, UsageError
from btkit.jobs import execute
from btkit.jobs.asking import make_job, read_job
from btkit.jobs.dispatch import HANDLERS
from btkit.jobs.job import JOB, SPEC_JOBS, BatchJob, RunJob, SweepJob, WalkForwardJob
from btkit.jobs.pieces import DIVISIONS
from btkit.jobs.prepare import prepare
from btkit.settings import Settings

DAYS = {"start": "2012-01-03", "end": "2013-12-31"}
RULE = {
    "name": "rule", "parameters": {"n": 5}, "entry_conditions": ["close > sma_{n}"],
    "exit_conditions": ["close < sma_{n}"], "stop_conditions": [],
    "position_sizing_formula": "10",
}  # fmt: skip
RUN = {"kind": "run", "spec": RULE, "symbol": "SPX", **DAYS}
SWEEP = {**RUN, "kind": "sweep", "parameters": {"n": [3, 5.5]}}
JOBS = {
    "run": RUN,
    "options-sim": {**RUN, "kind": "options-sim", "spec": "spreads/a.json", "format": "b.yaml"},
    "walk-forward": {**RUN, "kind": "walk-forward", "windows": 4, "optimize": {"n": [3, 5]}},
    "sweep": {**SWEEP, "method": "random", "samples": 5, "rendering": {"upload": True}},
    "batch": {"kind": "batch", "jobs": [RUN, SWEEP], "workers": 2, "name": "both"},
}


@pytest.mark.parametrize("kind", JOBS)
def test_a_job_is_what_its_json_says(kind):
    job = read_job(json.dumps(JOBS[kind]))
    assert job == read_job(JOBS[kind]) == read_job(job.to_json())
    assert JOB.validate_json(job.model_dump_json()) == job
    assert job.kind == kind
    assert job.kind in HANDLERS


def test_what_is_left_out_is_the_commands_default():
    job = read_job(RUN)
    assert job == RunJob(spec=RULE, symbol="SPX", start=date(2012, 1, 3), end=date(2013, 12, 31))
    assert (job.interval, job.capital, job.source, job.rendering) == (None, None, None, None)


def test_every_problem_is_told_at_once_and_where_it_is():
    wrong = {
        **SWEEP, "spec": 5, "symbol": "a b", "start": "2012-02-30", "interval": "7q",
        "source": "bloomberg", "capital": -1, "slippage": 1, "objective": "luck", "threads": 2000,
        "parameters": {"n": ["x"]}, "format": {"decimals": ","}, "slipage": 0,
        "rendering": {"engine": "word"}, "min_trades_required": -1,
    }  # fmt: skip
    with pytest.raises(UsageError) as caught:
        read_job({"kind": "batch", "jobs": [RUN, wrong]})
    problems = {problem["pointer"] for problem in caught.value.details["problems"]}
    assert problems == {
        f"/jobs/1/{place}"
        for place in (
            "spec", "symbol", "start", "interval", "source", "capital", "slippage", "objective",
            "threads", "parameters/n/0", "format/decimals", "slipage", "rendering/engine",
            "min_trades_required",
        )
    }  # fmt: skip
    assert all(problem["hint"] for problem in caught.value.details["problems"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "model"}, "kind must be one of run, options-sim, walk-forward, sweep, batch"),
        ({"symbol": None}, "symbol is missing, and the spec says none"),
        ({"start": None}, "start is None, which is no date"),
        ({"end": "2011-01-01"}, "start 2012-01-03 is after end 2011-01-01"),
        ({"capital": "much"}, "capital is 'much'; it must be a number above 0"),
        ({"capital": True}, "capital is True; it must be a number above 0"),
        ({"capitl": 5}, "It has no field 'capitl'"),
        ({"parameters": {"n": [1]}}, "It has no field 'parameters'"),
        ({"spec": "x" * 5_000}, "spec"),
        ({"spec": {"a": {"b": object()}}}, "spec"),
    ],
)
def test_what_is_refused(changes, said):
    with pytest.raises(UsageError, match=said):
        read_job({**RUN, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": "random", "samples": 10, "max_sets": 5}, "10 samples are more than the 5 sets"),
        ({"method": "magic"}, "There is no method 'magic'"),
        ({"parameters": 5}, "it must be a valid dictionary"),
        ({"parameters": {"n": [True]}}, "it must be a number"),
    ],
)
def test_what_is_refused_of_a_sweep(changes, said):
    with pytest.raises(UsageError, match=said):
        read_job({**SWEEP, **changes})


@pytest.mark.parametrize(("kind", "field"), [("sweep", "parameters"), ("walk-forward", "optimize")])
def test_a_value_that_is_said_twice_is_tried_once(settings, kind, field):
    asked = {**RUN, "kind": kind, field: {"n": [5, 3, 5.0, 3, 8]}}
    alone = read_job(json.dumps(asked))
    (in_batch,) = read_job({"kind": "batch", "jobs": [asked]}).jobs
    with_spec = make_job(SPEC_JOBS[kind], {"end": None, **asked}, settings=settings)
    for job in (alone, in_batch, with_spec):
        ready = prepare(job, settings=settings)
        assert job.axes()[1] == ready.axes()[1] == {"n": [5, 3, 8]}
        assert [type(value) for value in job.axes()[1]["n"]] == [int] * 3
        assert set(DIVISIONS[kind].groups(job)) == {len(ready.sets)} == {3}


def test_a_constraint_needs_something_to_choose_among():
    with pytest.raises(UsageError, match="needs parameters that are optimised"):
        read_job({**RUN, "kind": "walk-forward", "constraint": "fast < slow"})


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"kind":' * 50_000, "{" + " " * 1_000_001 + "}", '{"kind": NaN}', "5", "",
     '{"kind": "run", "kind": "sweep"}', b"\xff"],
    ids=["deep", "deeper", "long", "no number", "no mapping", "empty", "twice", "no text"],
)  # fmt: skip
def test_a_text_that_is_no_job_is_refused(text):
    with pytest.raises((UsageError, SpecError)) as caught:
        read_job(text)
    assert caught.value.hint
    with pytest.raises(ValidationError):
        JOB.validate_json(text)


def test_a_job_of_a_stranger_opens_and_evaluates_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.yaml").write_text("name: secret")
    read_job(SWEEP)  # what it imports
    heard = []
    listening = True

    def listen(event, arguments):
        if listening and event in {"open", "os.listdir", "os.system", "socket.connect", "compile"}:
            heard.append((event, arguments))

    sys.addaudithook(listen)
    hostile = {"events": {"a": [{"date": "__import__('os')"}]}, "path": "/etc/passwd"}
    evil = {**RULE, "entry_conditions": ["__import__('os').system('touch pwned')"]}
    try:
        for spec in ("secret.yaml", "/etc/passwd", "~/x", "missing.yaml", evil):
            for job in (RUN, SWEEP, {**RUN, "format": "secret.yaml"}):
                read_job({**job, **hostile, "spec": spec})
                JOB.validate_json(json.dumps({**job, **hostile, "spec": spec}))
    finally:
        listening = False
    assert heard == []
    assert list(tmp_path.iterdir()) == [tmp_path / "secret.yaml"]


def test_a_batch_has_a_limit():
    with pytest.raises(UsageError, match="jobs"):
        read_job({"kind": "batch", "jobs": []})
    many = [RunJob(spec="a", symbol="A", start=None, end=None)] * 100_001
    with pytest.raises(ValidationError, match="at most 100000"):
        BatchJob(jobs=many)


def test_listing_and_reading_jobs_needs_no_compiler():
    code = "import sys, btkit.jobs, btkit.jobs.dispatch; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_schema_tells_every_kind_apart():
    schema = JOB.json_schema()
    assert set(schema["discriminator"]["mapping"]) == {*SPEC_JOBS, "batch"} == set(HANDLERS)
    for name in schema["discriminator"]["mapping"].values():
        model = schema["$defs"][name.rpartition("/")[2]]
        assert model["additionalProperties"] is False
        assert all(
            "description" in field or "const" in field for field in model["properties"].values()
        )


def test_problems_of_the_spec_are_told_with_those_of_the_job():
    values = {
        "spec": {**RULE, "entry_conditions": ["clse > 1"]}, "symbol": "SPX", **DAYS,
        "capital": 0, "format": {"decimals": ","},
    }  # fmt: skip
    with pytest.raises(UsageError) as caught:
        make_job(RunJob, values, settings=Settings())
    assert {problem["path"] for problem in caught.value.details["problems"]} == {
        "spec.entry_conditions[0]", "capital", "format.decimals",
    }  # fmt: skip
    with pytest.raises(SpecError, match="clse"):
        make_job(RunJob, {**values, "capital": 1, "format": None}, settings=Settings())


@pytest.mark.parametrize("spec", [RULE, "rule.json"], ids=["fields", "path"])
def test_a_job_is_executed_as_the_verb_would(settings, tmp_path, spec):
    (tmp_path / "rule.json").write_text(json.dumps(RULE))
    job = read_job({**RUN, "spec": spec, "source": "sample", "capital": 5_000})
    alone = execute(job, settings=settings, store=False)
    assert alone.run_id is None
    assert not settings.db_path.exists()
    stored = execute(job, settings=settings)
    assert stored.trades.equals(alone.trades)
    assert len(stored.trades)


def test_a_job_of_a_batch_runs_without_the_command(settings):
    jobs = [{**RUN, "source": "sample"}, {**RUN, "symbol": "NOPE", "source": "sample"}]
    job = read_job({"kind": "batch", "jobs": jobs})
    result = execute(job, settings=settings)
    assert (result.exit_code, [line["exit_code"] for line in result.lines]) == (1, [1, 1])
    assert result.lines[0]["metrics"]["total_trades"] > 0
    assert result.lines[1]["error"]["type"] == "NoDataError"
    assert result.document["batch"]["index"] is None


def test_a_job_that_lacks_a_range_needs_bars(settings):
    job = WalkForwardJob(spec=RULE, symbol=None, start=None, end=None)
    with pytest.raises(UsageError, match="symbol is None"):
        execute(job, settings=settings)
    assert not settings.db_path.exists()
    assert SweepJob(spec=RULE, symbol=None, start=None, end=None, parameters={"n": [2]}).kind
