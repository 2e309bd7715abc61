from __future__ import annotations

import json
import os
from datetime import date

import pytest

from btkit.errors import UsageError
from btkit.jobs import batch
from btkit.jobs.batch import read_jobs
from btkit.jobs.job import RunJob

ENTRY = {"spec": "a.json", "symbol": "SPX", "start": "2010-01-01", "end": "2010-12-31"}


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """Write a jobs file, from a text or from its entries, and read it."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("{}")

    def read(content):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "jobs.yaml").write_bytes(text.encode())
        return read_jobs(tmp_path / "jobs.yaml").jobs

    return read


def test_every_combination_is_a_job(jobs):
    found = jobs(
        "- spec: '*.json'\n"
        "  symbol: [SPX, IXIC]\n"
        "  command: [run, walk-forward]\n"
        "  start: 2010-01-01\n"
        "  end: 2010-12-31\n"
        "  capital: 5000\n"
        "  flags: {no-report: true, quiet: false}\n"
    )
    assert (
        found[0].to_json()
        == RunJob(
            spec="a.json",
            symbol="SPX",
            start=date(2010, 1, 1),
            end=date(2010, 12, 31),
            capital=5000.0,
        ).to_json()
    )
    assert [(job.kind, job.spec, job.symbol) for job in found] == [
        (command, spec, symbol)
        for command in ("run", "walk-forward")
        for spec in ("a.json", "b.json")
        for symbol in ("SPX", "IXIC")
    ]


def changed(**changes):
    return [ENTRY | changes]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the text is empty"),
        ("a: b", "must be a list"),
        ("- 5", "Entry 1 of the jobs file: it must be a mapping"),
        ([ENTRY, {}], "Entry 2 of the jobs file: it lacks spec, symbol, start, end"),
        (changed(colour="red"), "unknown key 'colour'"),
        (changed(command="rm"), "there is no command 'rm'"),
        (changed(spec=5), "spec must be a text"),
        (changed(symbol=["SPX", 5]), "symbol must be a text"),
        (changed(start=["2010-01-01"]), "start must be a text or a number"),
        (changed(capital={"a": 1}), "capital must be a text or a number"),
        (changed(capital=True), "capital must be a text or a number"),
        (changed(spec="*.toml"), "no file matches"),
        (changed(spec="a*\0"), "no file matches"),
        (changed(spec="*/*/*/*/x.json"), "too many folders"),
        (changed(spec="*/../*/../x.json"), "too many folders"),
        (changed(spec="~nobody-of-this-name/x"), "names no folder"),
        (changed(flags=[1]), "flags must be a mapping"),
        (changed(flags={"help": True}), "It has no field 'help'"),
        (changed(flags={"strategy": "b.json"}), "strategy is no flag, but a key"),
        (changed(flags={"symbol": "IXIC"}), "symbol is no flag, but a key"),
        (changed(flags={"windows=3 --x": 1}), "It has no field"),
        (changed(flags={"windows": [[1], 2]}), "the flag windows must be a text or a number"),
        ("[" * 100_000, "nested more than 20 deep"),
        ("- a: " + "[" * 3_000, "nested more than 20 deep"),
        ("".join(" " * depth + "- \n" for depth in range(1_300)), "nested more than 20 deep"),
        ("- &a [x]\n- *a\n", "anchors are not read"),
        ("- &a {spec: *a}", "are not read"),
        ("- !!python/object/apply:os.system ['touch pwned']", "tags such as"),
        ("- {spec: a, spec: b}", "stands twice"),
        ("- ? [a]\n  : b", "a key must be a text"),
        ("- a\n---\n- b", "several YAML documents"),
        ("- {start: " + "9" * 10_000 + "}", "more than 400 digits"),
        ("- a: b\n" * 200_000, "larger than 1,000,000 bytes"),
        ("- a\0b", "binary"),
        ("- 'a", "this is no YAML"),
    ],
)
def test_what_is_refused(jobs, content, message):
    with pytest.raises(UsageError, match=message) as caught:
        jobs(content)
    json.dumps(caught.value.to_document()).encode()


def test_more_combinations_than_anybody_means(jobs, monkeypatch):
    monkeypatch.setattr(batch, "MAX_JOBS", 20)
    assert len(jobs(changed(symbol=["SPX"] * 20))) == 20
    with pytest.raises(UsageError, match=r"Entry 2 .*more than 20 jobs"):
        jobs([ENTRY, *changed(spec=["a.json"] * 5, symbol=["SPX"] * 4)])


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, message in [
        (tmp_path / "pipe", "no regular file"),
        (tmp_path / "missing", "there is no file"),
        (tmp_path, "is a folder"),
        (tmp_path / "\0", "there is no file"),
        (tmp_path / ("x" * 300), "cannot be read"),
    ]:
        with pytest.raises(UsageError, match=message):
            read_jobs(path)
