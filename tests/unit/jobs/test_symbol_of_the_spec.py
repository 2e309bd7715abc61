"""A spec that says its symbol needs none beside it: in a job, a jobs file, a template."""

import json

import pytest
from support.small_models import write_bundle

from btkit.errors import UsageError
from btkit.jobs import execute
from btkit.jobs.asking import read_job
from btkit.jobs.batch import read_jobs
from btkit.jobs.job import JOB, RunJob
from btkit.render.parameters import RUN, WALK_FORWARD
from btkit.spec import meant_for

ASKED = {"kind": "run", "start": "2012-01-20", "end": "2013-12-31", "source": "sample"}
MODEL = {
    "name": "small", "model_path": "models/small/SPX_1d", "symbol": "SPX", "interval": "1d",
    "confidence_threshold": 0.4,
}  # fmt: skip
V3 = {
    "name": "dip",
    "indicators": {"rsi_14": {"type": "rsi", "period": 14}},
    "fuzzy_sets": {"low": {"indicator": "rsi_14", "dip": [0, 20, 40]}},
    "nn_inputs": [{"fuzzy_set": "low", "timeframes": "all"}],
    "training_data": {"symbols": {"mode": "single_symbol", "symbol": "IXIC"}},
}
RULES = {"name": "r", "entry_conditions": ["close > 1"], "exit_conditions": ["close < 1"]}


@pytest.fixture
def files(settings, tmp_path):
    """Write a bundle and specs into the working folder."""
    del settings
    write_bundle(tmp_path / "models" / "small" / "SPX_1d")
    for name, spec in {"model": MODEL, "v3": V3, "rules": RULES}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(spec))
    return tmp_path


@pytest.mark.parametrize(
    ("spec", "stated"),
    [
        (MODEL, {"symbol": "SPX", "interval": "1d"}),
        (V3, {"symbol": "IXIC"}),
        (RULES, {}),
        ({**RULES, "symbol": "SPX"}, {}),
        ({**MODEL, "symbol": 5}, {"interval": "1d"}),
        ({}, {}),
        ("model.json", {"symbol": "SPX", "interval": "1d"}),
        ("nowhere.json", {}),
    ],
)
@pytest.mark.usefixtures("files")
def test_what_a_spec_is_meant_for(spec, stated):
    assert meant_for(spec) == stated


@pytest.mark.usefixtures("files")
def test_json_by_fields_takes_it_from_them_and_reads_no_file():
    assert read_job({**ASKED, "spec": MODEL}).symbol == "SPX"
    assert read_job({**ASKED, "spec": MODEL, "symbol": None}).symbol == "SPX"
    assert read_job({**ASKED, "spec": V3}).symbol == "IXIC"
    assert read_job({**ASKED, "spec": MODEL, "symbol": "IXIC"}).symbol == "IXIC"
    for refused in ("model.json", RULES):
        with pytest.raises(UsageError, match=r"It lacks symbol\."):
            read_job({**ASKED, "spec": refused})
    inner = {**ASKED, "spec": MODEL}
    assert read_job({"kind": "batch", "jobs": [inner]}).jobs[0].symbol == "SPX"


@pytest.mark.usefixtures("files")
def test_a_job_of_fields_runs_on_the_bars_that_the_spec_says(settings):
    result = execute(read_job({**ASKED, "spec": MODEL}), settings=settings)
    assert (result.symbol, result.interval) == ("SPX", "1d")


def test_an_entry_of_a_jobs_file_leaves_it_to_its_specs(files):
    path = files / "jobs.yaml"
    path.write_text(
        "- {spec: [model.json, v3.json], start: 2012-01-20, end: 2013-12-31}\n"
        "- {spec: rules.json, symbol: SPX, start: 2012-01-20, end: 2013-12-31}\n"
        "- {spec: model.json, command: walk-forward, ranges: [[2012-01-20, 2013-12-31]]}\n"
    )
    found = read_jobs(path).jobs
    assert [job.symbol for job in found] == ["SPX", "IXIC", "SPX", "SPX"]


@pytest.mark.parametrize("spec", ["rules.json", "nowhere.json"])
def test_an_entry_whose_spec_says_none_is_refused(files, spec):
    path = files / "jobs.yaml"
    path.write_text(f"- {{spec: {spec}, start: 2012-01-20, end: 2013-12-31}}\n")
    with pytest.raises(UsageError, match=r"Entry 1 of the jobs file: It lacks symbol\."):
        read_jobs(path)


@pytest.mark.usefixtures("files")
def test_a_template_leaves_it_to_the_spec():
    span = {"start": "2012-01-20", "end": "2013-12-31"}
    for template in (RUN, WALK_FORWARD):
        job, errors = template.ask({"spec": "model.json", **span})
        assert errors == []
        assert job.symbol == "SPX"
    job, errors = RUN.ask({"spec": "rules.json", **span})
    assert job is None
    assert [error.details for error in errors] == [{"argument": "symbol", "reason": "missing"}]


def test_the_schema_does_not_ask_for_it_where_a_model_may_run():
    known = JOB.json_schema()["$defs"]
    needed = {name: "symbol" in known[name]["required"] for name in ("RunJob", "SweepJob")}
    assert needed == {"RunJob": False, "SweepJob": True}
    assert "symbol" not in RunJob.model_json_schema()["required"]
