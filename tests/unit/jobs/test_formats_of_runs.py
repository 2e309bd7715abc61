"""A stated format goes with a run: stored, resumed, verified, written into its command."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from btkit.errors import FormatError, UsageError
from btkit.jobs import load_document, loading, resume, run, verify
from btkit.jobs.asking import stored_job
from btkit.jobs.batch import read_jobs
from btkit.jobs.sweep import describe_sweep
from btkit.jobs.verbs import sweep, walk_forward
from btkit.settings import Settings
from btkit.storage import Store

DAYS = pd.bdate_range("2020-01-02", periods=400)
STATED = {"columns": {"time": "Datum", "close": "Schluss", "open": "Erster"}, "decimal": ","}
RULE = {
    "name": "rule", "parameters": {"n": 5}, "entry_conditions": ["close > sma_{n}"],
    "exit_conditions": ["close < sma_{n}"], "stop_conditions": [],
}  # fmt: skip
ASKED = {"start": "2020-06-01", "end": "2021-06-30", "source": "files"}


@pytest.fixture
def settings(tmp_path):
    close = np.round(100 + 8 * np.sin(np.arange(400) / 7), 2)
    frame = pd.DataFrame(
        {"Datum": DAYS.strftime("%d.%m.%Y"), "Erster": close, "high": close + 1, "low": close - 1,
         "Schluss": close, "volume": 5000}
    )  # fmt: skip
    (tmp_path / "bars").mkdir()
    frame.to_csv(tmp_path / "bars" / "DAX.csv", sep=";", decimal=",", index=False)
    return Settings(
        _env_file=None, data_dir=tmp_path / "bars", db_path=tmp_path / "r.db",
        curve_dir=tmp_path / "curves", report_dir=tmp_path / "reports",
    )  # fmt: skip


def test_a_run_without_it_is_refused(settings):
    with pytest.raises(Exception, match="no column of dates"):
        run(RULE, "DAX", **ASKED, settings=settings)


def test_a_run_stores_the_format_and_is_verified_by_it(settings):
    result = run(RULE, "DAX", **ASKED, format=STATED, settings=settings)
    document = load_document(result.run_id, settings=settings)
    assert document["data"]["format"] == STATED
    assert verify(result.run_id, settings=settings)["reproduced"]


def test_the_command_of_a_run_states_it_again(settings, tmp_path):
    spec = tmp_path / "rule.json"
    spec.write_text(json.dumps(RULE))
    result = run(spec, "DAX", **ASKED, format=json.dumps(STATED), settings=settings)
    command = load_document(result.run_id, settings=settings)["provenance"]["command"]
    assert json.loads(command[command.index("--format") + 1]) == STATED


def test_an_interrupted_run_goes_on_with_it(settings):
    def stop(*_, **__):
        raise KeyboardInterrupt

    patch = pytest.MonkeyPatch()
    patch.setattr(loading, "load_from_source", stop)
    with pytest.raises(KeyboardInterrupt):
        run(RULE, "DAX", **ASKED, format=STATED, settings=settings)
    patch.undo()
    (stored,) = Store.from_settings(settings).runs()
    result = resume(stored["run_id"], settings=settings)
    assert load_document(result.run_id, settings=settings)["data"]["format"] == STATED


def test_requests_of_earlier_versions_have_none():
    kept = stored_job(
        {"kind": "run", "spec": RULE, "symbol": "DAX", "start": "2020-06-01", "end": "2021-06-30",
         "interval": "1d", "source": "files", "capital": 1.0, "commission": 0.0, "slippage": 0.0,
         "path": None, "min_trades_required": 1}
    )  # fmt: skip
    assert kept.bar_format is None
    assert stored_job(kept.to_json()) == kept


def test_sweeps_and_walk_forwards_take_it(settings):
    swept = sweep(RULE, "DAX", **ASKED, parameters={"n": [4, 6]}, format=STATED, settings=settings)
    assert describe_sweep(swept, **{k: ASKED[k] for k in ("start", "end")}, settings=settings)
    walked = walk_forward(RULE, "DAX", **ASKED, windows=2, format=STATED, settings=settings)
    part = walked.out_of_sample[0].run_id
    assert load_document(part, settings=settings)["data"]["format"] == STATED
    same = verify(part, settings=settings)["same"]
    assert same["bars"]
    assert same["trades"]


def test_a_format_that_makes_no_sense_stores_nothing(settings):
    with pytest.raises(FormatError, match="decimals"):
        run(RULE, "DAX", **ASKED, format={"decimals": ","}, settings=settings)
    assert not settings.db_path.exists()
    with pytest.raises(UsageError, match="a format is of files"):
        run(RULE, "SPX", **ASKED | {"source": "sample"}, format=STATED, settings=settings)


def test_a_batch_job_names_a_file_or_states_it(tmp_path):
    (tmp_path / "dax.yaml").write_text("decimal: ','")
    (tmp_path / "jobs.yaml").write_text(
        "- {spec: s.yaml, symbol: A, start: 2020-01-01, end: 2020-12-31, format: dax.yaml}\n"
        "- {spec: s.yaml, symbol: A, start: 2020-01-01, end: 2020-12-31, format: {decimal: ','}}\n"
    )
    first, second = read_jobs(tmp_path / "jobs.yaml").jobs
    assert (tmp_path / "dax.yaml").samefile(first.format)
    assert second.format == {"decimal": ","}
    (tmp_path / "jobs.yaml").write_text(
        "- {spec: s.yaml, symbol: DAX, start: 2020-01-01, end: 2020-12-31, format: 5}\n"
    )
    with pytest.raises(UsageError, match="format must be a file or a mapping"):
        read_jobs(tmp_path / "jobs.yaml")
