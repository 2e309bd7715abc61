"""A jobs file becomes jobs; what makes no sense is refused with its place."""

import json
import re
from datetime import date

import pytest

from btkit.errors import UsageError
from btkit.jobs.batch import read_jobs
from btkit.jobs.job import SPEC_JOBS, Rendering, SweepJob, WalkForwardJob


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    for name in ("b.yaml", "a.yaml", "c.json"):
        (tmp_path / "specs" / name).write_text("{}")

    def read(entries):
        path = tmp_path / "jobs.yaml"
        path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
        return read_jobs(path, rendering=Rendering(html_assets="shared")).jobs

    return read


def entry(**changes):
    return {"spec": "s.json", "symbol": "SPX", "start": "2010-01-04", "end": "2011-12-30"} | changes


def test_an_entry_is_a_job_and_texts_of_numbers_are_numbers(jobs):
    (job,) = jobs(
        "- {spec: s.json, symbol: SPX, start: 2010-01-04, end: 2011-12-30, capital: 5e4,\n"
        "   command: walk-forward, flags: {windows: '4', is-ratio: 0.6, optimize: 'a=1,2',\n"
        "   engine: nbclient, upload-reports: true, quiet: true, debug: false}}"
    )
    assert job == WalkForwardJob(
        spec="s.json", symbol="SPX", start=date(2010, 1, 4), end=date(2011, 12, 30),
        capital=50_000.0, windows=4, is_ratio=0.6, optimize={"a": [1, 2]},
        rendering=Rendering(engine="nbclient", html_assets="shared", upload=True),
    )  # fmt: skip


def test_a_job_may_go_without_the_pages_of_the_others(jobs):
    found = jobs([entry(flags={"no-report": True}), entry()])
    assert [job.rendering for job in found] == [None, Rendering(html_assets="shared")]


def test_every_combination_is_a_job(jobs):
    found = jobs(
        [
            entry(spec="specs/*.yaml", symbol=["SPX", "IXIC"], command=["run", "walk-forward"]),
            entry(spec=["x.json", "specs/c*"]),
        ]
    )
    assert len(found) == 10
    options = [(job.kind, job.spec, job.symbol) for job in found]
    assert options[:5] == [
        ("run", "specs/a.yaml", "SPX"),
        ("run", "specs/a.yaml", "IXIC"),
        ("run", "specs/b.yaml", "SPX"),
        ("run", "specs/b.yaml", "IXIC"),
        ("walk-forward", "specs/a.yaml", "SPX"),
    ]
    assert [option[1] for option in options[8:]] == ["x.json", "specs/c.json"]


def test_ranges_stand_for_start_and_end(jobs):
    found = jobs(
        "- {spec: s, symbol: [A, B], ranges: [[2001-01-01, 2002-01-01], [2003-01-01, 2004-01-01]]}"
    )
    spans = [(job.symbol, str(job.start), str(job.end)) for job in found]
    assert spans == [
        ("A", "2001-01-01", "2002-01-01"),
        ("A", "2003-01-01", "2004-01-01"),
        ("B", "2001-01-01", "2002-01-01"),
        ("B", "2003-01-01", "2004-01-01"),
    ]


def test_a_flag_with_a_list_is_repeated(jobs):
    (job,) = jobs([entry(command="sweep", flags={"param": ["fast=5:20:5", "slow=50,100"]})])
    assert isinstance(job, SweepJob)
    assert job.parameters == {"fast": [5, 10, 15, 20], "slow": [50, 100]}


def test_paths_count_from_the_folder_of_the_file(tmp_path, monkeypatch):
    (tmp_path / "set" / "specs").mkdir(parents=True)
    (tmp_path / "set" / "specs" / "a.yaml").write_text("{}")
    (tmp_path / "set" / "jobs.yaml").write_text(
        json.dumps([entry(spec="specs/*"), entry(spec="specs/a.yaml"), entry(spec="/abs/a.yaml")])
    )
    monkeypatch.chdir(tmp_path)
    found = read_jobs(tmp_path / "set" / "jobs.yaml").jobs
    assert [job.spec for job in found] == [
        "set/specs/a.yaml", "set/specs/a.yaml", "/abs/a.yaml",
    ]  # fmt: skip


REFUSED = {
    "no list": ("spec: x", "must be a list with at least one entry"),
    "empty": ("[]", "must be a list with at least one entry"),
    "no YAML": ("- [1", "was refused"),
    "no mapping": (["run"], "Entry 1 of the jobs file: it must be a mapping"),
    "an unknown key": ([entry(), entry(speck="x")], "Entry 2 .* unknown key 'speck'"),
    "a missing key": ([{"spec": "s", "start": "2010-01-04"}], "lacks symbol, end"),
    "an empty key": ([entry(symbol="")], "lacks symbol"),
    "a symbol that is no text": ([entry(symbol=[1])], "symbol must be a text"),
    "a command that is none": ([entry(command="report")], "no command 'report'"),
    "a pattern that matches nothing": ([entry(spec="specs/*.toml")], "no file matches"),
    "a start that is a list": ([entry(start=["2010-01-04"])], "start must be a text or a number"),
    "flags that are none": ([entry(flags=["x"])], "flags must be a mapping"),
    "a flag that is a mapping": ([entry(flags={"windows": {}})], "the flag windows must be"),
    "a flag with a list of lists": ([entry(flags={"param": [[1]]})], "the flag param must be"),
    "a range and a start": ([entry(ranges=[["2010", "2011"]])], "both ranges and a start"),
    "ranges that are no list": ([{"spec": "s", "symbol": "A", "ranges": "x"}], "must be a list"),
    "no ranges": ([{"spec": "s", "symbol": "A", "ranges": []}], "ranges must be a list"),
    "half a range": ([{"spec": "s", "symbol": "A", "ranges": [["x"]]}], "is no pair of days"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=list(REFUSED))
def test_what_makes_no_sense_is_refused(jobs, content, message):
    with pytest.raises(UsageError, match=message):
        jobs(content)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=re.escape(str(tmp_path / "no.yaml"))):
        read_jobs(tmp_path / "no.yaml")


def test_the_hint_lists_the_commands(jobs):
    with pytest.raises(UsageError) as caught:
        jobs([entry(command="report")])
    assert all(command in caught.value.hint for command in SPEC_JOBS)
